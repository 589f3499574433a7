import Core
import Engine

/// One analysis: its name, the parameters it takes, and how it is answered.
struct Analysis: Sendable {
    let name: String
    let parameters: [String]
    let answer: @Sendable (AnalysisQuery, AnalysisSource) async throws(StatusFailure) -> JSONValue

    init(
        _ name: String, _ parameters: [String] = [],
        answer: @escaping @Sendable (AnalysisQuery, AnalysisSource) async throws(StatusFailure) -> JSONValue
    ) {
        self.name = name
        self.parameters = parameters
        self.answer = answer
    }
}

/// What stands behind the question mark.
struct AnalysisQuery: Sendable {
    private let values: [Named<String>]

    init(_ values: [Named<String>], of analysis: Analysis) throws(StatusFailure) {
        self.values = values
        for value in values where !analysis.parameters.contains(value.name) {
            let known = analysis.parameters
            throw Self.bad(
                value.name,
                "unknown parameter; "
                    + (known.isEmpty ? "there are none here" : "known here: \(known.joined(separator: ", "))")
            )
        }
    }

    func text(_ name: String) -> String? { values.first { $0.name == name }?.value }

    func number(_ name: String, in range: ClosedRange<Int>, default fallback: Int) throws(StatusFailure)
        -> Int
    {
        guard let text = text(name) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw Self.bad(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One of these, or nil where it is not said.
    func choice(_ name: String, of known: [String]) throws(StatusFailure) -> String? {
        guard let text = text(name) else { return nil }
        guard known.contains(text) else {
            throw Self.bad(name, "must be one of \(known.joined(separator: ", "))")
        }
        return text
    }

    /// A dimension that users are counted by.
    func dimension(_ name: String) throws(StatusFailure) -> Dimension? {
        let chosen = try choice(name, of: ValueTotals.dimensions.map(\.text))
        return ValueTotals.dimensions.first { $0.text == chosen }
    }

    /// What users are told apart by; must be said.
    func group(_ name: String) throws(StatusFailure) -> UserGroup {
        let chosen = try choice(name, of: UserGroup.all.map(\.text))
        guard let group = UserGroup.all.first(where: { $0.text == chosen }) else {
            throw Self.bad(name, "must be one of \(UserGroup.all.map(\.text).joined(separator: ", "))")
        }
        return group
    }

    static func bad(_ name: String, _ why: String) -> StatusFailure {
        StatusFailure(httpStatus: 400, code: "bad_parameter", detail: "\(name): \(why)")
    }
}

/// The analyses of the status port, by name.
enum Analyses {
    static let all: [Analysis] =
        [overview] + ValueTotals.dimensions.map(members) + [
            seasonality, cohorts, funnel, paths, sales, transitions, grades, categories, coupons, promotions,
            search,
            ageGender, personas, crossing,
        ]

    static func answer(
        _ name: String, _ query: [Named<String>], _ source: AnalysisSource
    ) async throws(StatusFailure) -> JSONValue {
        guard let analysis = all.first(where: { $0.name == name }) else {
            let known = (all.map(\.name) + [RulesAnalysis.name]).joined(separator: ", ")
            throw StatusFailure(
                httpStatus: 404, code: "unknown_analysis",
                detail: "there is no analysis \(name.prefix(100)); there are \(known)")
        }
        return try await analysis.answer(AnalysisQuery(query, of: analysis), source)
    }

    private static let overview = Analysis("overview", ["days"]) { query, source throws(StatusFailure) in
        let days = try query.number("days", in: 0...10_000, default: 400)
        let moment = await source.gather { $0.overview() }
        return OverviewView.answer(moment.totals, names: moment.names, days: days, moment.frame)
    }

    private static func members(_ dimension: Dimension) -> Analysis {
        Analysis(dimension.text) { _, source throws(StatusFailure) in
            let moment = await source.gather { $0.members(withPairs: dimension == .device) }
            return MembersView(dimension, source.settings.analytics).answer(moment.totals, moment.frame)
        }
    }

    /// Users that a crossing looks at where the pair is not kept, unless told otherwise.
    private static let crossed = 262_144

    private static let crossing = Analysis("crossing", ["by", "with", "users", "limit"]) {
        query, source throws(StatusFailure) in
        let by = try query.group("by")
        let with = try query.group("with")
        guard by != with else { throw AnalysisQuery.bad("with", "must be another than by") }
        let most = try query.number("users", in: 1...1_000_000_000, default: crossed)
        let limit = try query.number("limit", in: 1...10_000, default: 1000)
        let moment = await source.gather { $0.crossed(by, with, most: most) }
        return CrossingView.answer(moment.totals, by, with, limit: limit, moment.frame)
    }

    private static let cohorts = Analysis("cohorts") { _, source throws(StatusFailure) in
        let moment = await source.gather { $0.cohortTotals() }
        return CohortsView.answer(moment.totals, moment.frame)
    }

    private static let funnel = Analysis("funnel", ["by"]) { query, source throws(StatusFailure) in
        let dimension = try query.dimension("by")
        let moment = await source.gather { $0.journeyTotals(by: dimension) }
        return FunnelView.answer(
            moment.totals, by: dimension, window: source.settings.analytics.funnelWindow, moment.frame)
    }

    private static let paths = Analysis("paths", ["limit"]) { query, source throws(StatusFailure) in
        let limit = try query.number("limit", in: 1...4096, default: 50)
        let moment = await source.gather { $0.pathTotals() }
        return PathsView.answer(moment.totals, names: moment.names, limit: limit, moment.frame)
    }

    private static let sales = Analysis("sales") { _, source throws(StatusFailure) in
        let moment = await source.gather { $0.sales() }
        return SalesView.answer(moment.totals, moment.frame)
    }

    private static let seasonality = Analysis("seasonality", ["event", "by"]) {
        query, source throws(StatusFailure) in
        let by = try query.choice("by", of: SeasonalityView.kinds)
        let moment = await source.gather { $0.seasonality(by: by) }
        var code: Int?
        if let event = query.text("event") {
            guard let known = moment.names.code(event) else {
                throw StatusFailure(
                    httpStatus: 404, code: "unknown_event", detail: "no event \(event.prefix(100)) has come")
            }
            code = Int(known)
        }
        return SeasonalityView.answer(
            moment.totals, event: code.map { ($0, moment.names.text(UInt16($0))) }, by: by, moment.frame)
    }
}

// Of purchases by segment, category and the like.
extension Analyses {
    private static let transitions = bySegment(
        "transitions", TransitionsView.kinds, withMoves: true, TransitionsView.answer)
    private static let categories = bySegment("categories", CategoriesView.kinds, CategoriesView.answer)
    private static let coupons = bySegment("coupons", CouponsView.kinds, CouponsView.answer)
    private static let personas = bySegment("personas", PersonasView.kinds, PersonasView.answer)

    private static func bySegment(
        _ name: String, _ kinds: Set<FactKind>, withMoves: Bool = false,
        _ view: @escaping @Sendable (SegmentParts, AnalyticsFrame) -> JSONValue
    ) -> Analysis {
        Analysis(name) { _, source throws(StatusFailure) in
            let moment = await source.gather { $0.segmentParts(kinds, withMoves: withMoves) }
            return view(moment.totals, moment.frame)
        }
    }

    private static let grades = Analysis("grades") { _, source throws(StatusFailure) in
        let moment = await source.gather { $0.grades() }
        return GradesView.answer(moment.totals, moment.frame)
    }

    private static let promotions = Analysis("promotions") { _, source throws(StatusFailure) in
        let moment = await source.gather { $0.factTotals(PromotionsView.kinds) }
        return PromotionsView.answer(moment.totals, moment.frame)
    }

    private static let search = Analysis("search") { _, source throws(StatusFailure) in
        let moment = await source.gather { $0.factTotals([.search]) }
        return SearchView.answer(moment.totals, moment.frame)
    }

    private static let ageGender = Analysis("age_gender") { _, source throws(StatusFailure) in
        let moment = await source.gather { $0.ageByGender() }
        return AgeGenderView.answer(moment.totals, moment.frame)
    }
}

import Core
import Engine
import Models

/// `/v1/analytics/uplift`: what came of the triggers that were sent, against those held out for comparison.
struct Uplift {
    /// The two groups of one rule, or of a part of it.
    private struct Groups {
        var treated = FollowUpSums()
        var heldOut = FollowUpSums()

        mutating func add(_ sums: FollowUpSums, group: UInt8) {
            if group == Trigger.Group.treated.number { treated.add(sums) } else { heldOut.add(sums) }
        }
    }

    private struct Rule {
        var all = Groups()
        var months: [Int32: Groups] = [:]
        var segments: [Int32: Groups] = [:]
    }

    private let window: Int64
    private let segmentNames: [Int: String]
    private var rules: [UInt16: Rule] = [:]
    private var open = 0
    private var unfollowed: Int64 = 0
    private var ownNames: [String] = []

    /// Below so many on either side figures say little.
    private static let smallGroup: Int64 = 100

    /// - Parameters:
    ///   - reports: in the order of partitions, so that sums are the same whatever the shards.
    ///   - window: microseconds; 0: nothing is followed.
    ///   - segmentNames: by number + 1.
    init(_ reports: [FollowUpReport], window: Int64, segmentNames: [Int: String]) {
        self.window = window
        self.segmentNames = segmentNames
        for report in reports {
            open += report.open
            unfollowed += report.unfollowed
            ownNames = report.ownNames
            for (key, sums) in report.sums { take(key, sums) }
        }
    }

    private mutating func take(_ key: FollowUpKey, _ sums: FollowUpSums) {
        var rule = rules.removeValue(forKey: key.rule) ?? Rule()
        switch key.kind {
        case .month:
            rule.all.add(sums, group: key.group)
            rule.months[key.value, default: Groups()].add(sums, group: key.group)
        case .segment: rule.segments[key.value, default: Groups()].add(sums, group: key.group)
        }
        rules[key.rule] = rule
    }

    /// - Parameter wanted: of one rule; nil: of all.
    func tree(of wanted: String?, asOf: EventTime) -> JSONValue {
        let named = rules.map { (name: name($0.key), rule: $0.value) }
            .filter { wanted == nil || $0.name == wanted }.sorted { $0.name < $1.name }
        return .object([
            .init("as_of", asOf > .distantPast ? .string(asOf.description) : .null),
            .init("window", window > 0 ? .string(DurationText.text(window)) : .null),
            .init("open", .integer(Int64(open))), .init("unfollowed", .integer(unfollowed)),
            .init("method", Self.method), .init("rules", .array(named.map { tree($0.name, $0.rule) })),
        ])
    }

    /// What one more message of a rule is expected to bring, by what was measured: purchases and revenue a message,
    /// with the interval of the difference.
    func aMessage(
        of rule: String
    ) -> (purchases: ScheduleView.Estimate?, revenue: ScheduleView.Estimate?, reason: String?) {
        guard window > 0 else { return (nil, nil, "outcomes are not followed: triggers.outcome_window is 0") }
        let groups = rules.first { name($0.key) == rule }?.value.all ?? Groups()
        let (treated, heldOut) = (groups.treated, groups.heldOut)
        guard heldOut.revenue.count > 0 else {
            return (nil, nil, "nobody was held out whose outcome is known: set holdout or control_group")
        }
        let purchases = ProportionDifference(
            treated: GroupProportion(treated.bought, of: treated.revenue.count),
            heldOut: GroupProportion(heldOut.bought, of: heldOut.revenue.count)
        ).map { difference in
            let bounds = difference.newcombe()
            return ScheduleView.Estimate(value: difference.difference, low: bounds.low, high: bounds.high)
        }
        let revenue = MeanDifference(treated: treated.revenue, heldOut: heldOut.revenue).map { difference in
            let bounds = difference.interval()
            return ScheduleView.Estimate(value: difference.difference, low: bounds.low, high: bounds.high)
        }
        let isWhole = purchases != nil && revenue != nil
        return (purchases, revenue, isWhole ? nil : "too few outcomes are known")
    }

    private func name(_ number: UInt16) -> String {
        if number < FollowUpReport.firstOwn { return BuiltInRule.names[Int(number)] }
        return ownNames[Int(number - FollowUpReport.firstOwn)]
    }

    private static let method: JSONValue = .object([
        .init("level", .number(0.95)),
        .init("proportions", .string("difference with Newcombe's hybrid score interval; pooled z-test")),
        .init("revenue", .string("CUPED on the revenue of a window as long before; Welch, normal")),
        .init("always_valid_p", .string("mixture sequential ratio test: holds however often one looks")),
        .init("power", .string("detectable_rise: found in 4 of 5 cases by groups of this size")),
    ])

    private func tree(_ name: String, _ rule: Rule) -> JSONValue {
        var members: [JSONValue.Member] = [.init("rule", .string(name))] + Self.members(rule.all)
        members.append(.init("cautions", .strings(Self.cautions(rule.all))))
        members.append(
            .init(
                "segments",
                .array(
                    rule.segments.sorted { $0.key < $1.key }.map { number, groups in
                        let name = number == 0 ? JSONValue.null : .string(segmentName(number))
                        return .object([.init("segment", name)] + Self.members(groups))
                    })))
        members.append(
            .init(
                "months",
                .array(
                    rule.months.sorted { $0.key < $1.key }.map { number, groups in
                        .object([.init("month", .string(Self.month(number)))] + Self.members(groups))
                    })))
        return .object(members)
    }

    private func segmentName(_ number: Int32) -> String {
        segmentNames[Int(number)] ?? "segment-\(number - 1)"
    }

    private static func month(_ number: Int32) -> String {
        let date = CalendarDate(year: Int(number) / 12, month: Int(number) % 12 + 1, day: 1)
        return String(date.text.prefix(7))
    }

    // MARK: Figures

    private static func members(_ groups: Groups) -> [JSONValue.Member] {
        let (treated, heldOut) = (groups.treated, groups.heldOut)
        func of(_ count: (FollowUpSums) -> Int64) -> ProportionDifference? {
            ProportionDifference(
                treated: GroupProportion(count(treated), of: treated.revenue.count),
                heldOut: GroupProportion(count(heldOut), of: heldOut.revenue.count))
        }
        return [
            .init("treated", counts(treated)), .init("held_out", counts(heldOut)),
            .init("purchase", proportion(of(\.bought))), .init("return_visit", proportion(of(\.returned))),
            .init(
                "revenue", mean(MeanDifference(treated: treated.revenue, heldOut: heldOut.revenue))),
            .init("power", power(groups)),
        ]
    }

    private static func counts(_ sums: FollowUpSums) -> JSONValue {
        .object([
            .init("count", .integer(sums.revenue.count)), .init("bought", .integer(sums.bought)),
            .init("returned", .integer(sums.returned)), .init("revenue", .number(sums.revenue.sum)),
        ])
    }

    private static func proportion(_ difference: ProportionDifference?) -> JSONValue {
        guard let difference else { return .null }
        let (newcombe, wald) = (difference.newcombe(), difference.wald())
        return .object([
            .init("treated", number(difference.treated.share)),
            .init("held_out", number(difference.heldOut.share)),
            .init("difference", .number(difference.difference)),
            .init("interval", .numbers([newcombe.low, newcombe.high])),
            .init("wald_interval", .numbers([wald.low, wald.high])), .init("p", .number(difference.pValue)),
            .init("always_valid_p", .number(difference.alwaysValid())),
        ])
    }

    private static func mean(_ difference: MeanDifference?) -> JSONValue {
        guard let difference else { return .null }
        let interval = difference.interval()
        return .object([
            .init("difference", .number(difference.difference)),
            .init("interval", .numbers([interval.low, interval.high])),
            .init("p", .number(difference.pValue)),
            .init("plain_difference", .number(difference.plainDifference)),
            .init("slope", .number(difference.slope)),
            .init(
                "variance_left",
                difference.plainVariance > 0
                    ? .number(difference.variance / difference.plainVariance) : .null),
        ])
    }

    private static func power(_ groups: Groups) -> JSONValue {
        guard let base = heldOutShare(groups) else { return .null }
        let (treated, heldOut) = (groups.treated.revenue.count, groups.heldOut.revenue.count)
        let tenth = min(1, base * 1.1)
        let needed = SampleSize.heldOutNeeded(
            effect: SampleSize.effect(tenth, base), ratio: Double(treated) / Double(heldOut))
        return .object([
            .init(
                "detectable_rise",
                number(SampleSize.detectableRise(above: base, treated: treated, heldOut: heldOut))),
            .init(
                "held_out_for_a_tenth_more", needed.isFinite ? .integer(Int64(needed.rounded(.up))) : .null),
        ])
    }

    private static func heldOutShare(_ groups: Groups) -> Double? {
        guard groups.treated.revenue.count > 0 else { return nil }
        return GroupProportion(groups.heldOut.bought, of: groups.heldOut.revenue.count).share
    }

    /// What a reader of the figures must know, in sentences.
    private static func cautions(_ groups: Groups) -> [String] {
        let (treated, heldOut) = (groups.treated.revenue.count, groups.heldOut.revenue.count)
        guard heldOut > 0 else {
            return ["nobody is held out: what would have come without a message is not known"]
        }
        guard treated > 0 else { return ["nobody was sent anything: there is nothing to compare"] }
        var cautions = [
            "p and interval hold for one look at a time fixed beforehand; who looks again and again should go by always_valid_p"
        ]
        if min(treated, heldOut) < smallGroup {
            cautions.append(
                "only \(min(treated, heldOut)) in the smaller group: revenue's interval is too narrow and chance decides much"
            )
        }
        if let base = heldOutShare(groups) {
            let rise = SampleSize.detectableRise(above: base, treated: treated, heldOut: heldOut)
            let size = rise.map { "less than \(Readable.percent($0, decimals: 2)) more" } ?? "any rise"
            cautions.append("groups of this size most likely miss an effect of \(size) who buy")
        }
        return cautions
    }

    private static func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
}

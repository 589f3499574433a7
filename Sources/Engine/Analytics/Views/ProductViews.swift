package import Core
import Models

/// Which categories are expensive: those whose mean price is above three quarters of the categories'.
enum PriceLevel {
    /// Fewest categories that can be told apart.
    private static let least = 4

    /// Money for one; nil where no quantity has a price.
    static func mean(_ cell: FactCell) -> Double? {
        cell.quantity > 0 && cell.revenue > 0 ? Double(cell.revenue) / Double(cell.quantity) : nil
    }

    static func expensive(_ categories: [String: FactCell]) -> Set<String> {
        let prices = categories.compactMapValues(mean)
        guard prices.count >= least else { return [] }
        let sorted = prices.values.sorted()
        let bound = sorted[(sorted.count * 3 - 1) / 4]
        return Set(prices.filter { $0.value > bound }.keys)
    }
}

/// `GET /v1/analytics/categories`.
package enum CategoriesView {
    package static let kinds: Set<FactKind> = [.category, .categoryGrade, .categoryPeople]

    package static func answer(_ parts: SegmentParts, _ frame: AnalyticsFrame) -> JSONValue {
        let facts = parts.facts
        let totals = facts.sums(.category) { $0.value }
        let revenue = totals.values.reduce(Int64(0)) { $0 + $1.revenue }
        let expensive = PriceLevel.expensive(totals)
        let months = facts.sums(.category) { SeasonalityView.Part(name: $0.value, part: $0.month) }
        let rows = totals.ranked(\.revenue).map { name, cell -> JSONValue in
            JSONValue.fields(["category": .string(name)]).with(cell).with([
                "share": .ratio(cell.revenue, revenue), "mean_price": .optional(PriceLevel.mean(cell)),
                "expensive": .bool(expensive.contains(name)),
                "months": .array(FactView.months(months, of: name)),
                "segments": .array(segments(name, parts)), "grades": .array(grades(name, facts)),
                "age_gender": .array(PeopleView.rows(facts.cells, .categoryPeople, name)),
            ])
        }
        return frame.answer("categories", ["categories": .array(rows)])
    }

    private static func segments(_ name: String, _ parts: SegmentParts) -> [JSONValue] {
        let cells = parts.facts.sums(.category) { $0.value == name ? $0.segment ?? "none" : nil }
        return cells.ranked(\.revenue).map { segment, cell in
            let users = parts.sizes.users[segment] ?? 0
            let perUser = users == 0 ? nil : Double(cell.quantity) / 1e6 / Double(users)
            return JSONValue.fields(["segment": .string(segment)]).with(cell)
                .with(["quantity_per_user": .optional(perUser)])
        }
    }

    /// The category's share of what each grade spends.
    private static func grades(_ name: String, _ facts: FactTotals) -> [JSONValue] {
        let cells = facts.sums(.categoryGrade) { $0.value == name ? $0.grade : nil }
        let spent = facts.sums(.categoryGrade) { $0.grade }
        return cells.sorted { $0.key > $1.key }.map { grade, cell in
            JSONValue.fields(["grade": GradesView.name(grade)]).with(cell)
                .with(["revenue_share": .ratio(cell.revenue, spent[grade]?.revenue ?? 0)])
        }
    }
}

/// `GET /v1/analytics/grades`.
package enum GradesView {
    package static let kinds: Set<FactKind> = [.categoryGrade]

    package struct Parts: AnalyticsTotals {
        package var members: [TierMembers] = []
        package var facts = FactTotals()

        package init() {}

        package mutating func add(_ other: Parts) {
            facts.add(other.facts)
            if members.isEmpty {
                members = other.members
                return
            }
            for index in other.members.indices {
                members[index].users += other.members[index].users
                members[index].revenue += other.members[index].revenue
            }
        }
    }

    static func name(_ grade: Int) -> JSONValue {
        grade >= 1 && grade <= GradeRule.names.count ? .string(GradeRule.names[grade - 1]) : .null
    }

    /// The best first.
    package static func answer(_ parts: Parts, _ frame: AnalyticsFrame) -> JSONValue {
        let users = parts.members.reduce(0) { $0 + $1.users }
        let revenue = parts.members.reduce(Int128(0)) { $0 + $1.revenue }
        let all = parts.facts.sums(.categoryGrade) { $0.value }
        let rows = parts.members.indices.reversed().map { index -> JSONValue in
            let member = parts.members[index]
            let cells = parts.facts.sums(.categoryGrade) { $0.grade == index + 1 ? $0.value : nil }
            let ranked = cells.ranked(\.revenue)
            return .fields([
                "grade": name(index + 1), "users": .integer(member.users),
                "share": .ratio(member.users, users), "revenue": .money(member.revenue),
                "revenue_share": revenue == 0
                    ? .null : .number(Double(member.revenue) / Double(revenue)),
                "categories": .array(categories(ranked, all)),
                "first": .optional(ranked.first?.name), "second": .optional(ranked.dropFirst().first?.name),
            ])
        }
        return frame.answer("grades", ["grades": .array(rows)])
    }

    /// With how much more of the grade's money goes there than of everybody's.
    private static func categories(
        _ ranked: [(name: String, value: FactCell)], _ all: [String: FactCell]
    ) -> [JSONValue] {
        let spent = ranked.reduce(Int64(0)) { $0 + $1.value.revenue }
        let everything = all.values.reduce(Int64(0)) { $0 + $1.revenue }
        return ranked.enumerated().map { place, row in
            let share = spent == 0 ? nil : Double(row.value.revenue) / Double(spent)
            let usual = Double(all[row.name]?.revenue ?? 0) / Double(max(1, everything))
            let index = share.flatMap { usual > 0 ? $0 / usual : nil }
            return .fields([
                "category": .string(row.name), "revenue": .money(row.value.revenue),
                "share": .optional(share), "quantity": .money(row.value.quantity),
                "rank": .integer(Int64(place + 1)), "index": .optional(index),
            ])
        }
    }
}

/// `GET /v1/analytics/promotions`.
package enum PromotionsView {
    package static let kinds: Set<FactKind> = [.promotion, .promotionPeople]

    package static func answer(_ facts: FactTotals, _ frame: AnalyticsFrame) -> JSONValue {
        let totals = facts.sums(.promotion) { $0.value }
        let rows = totals.ranked(\.count).map { name, cell -> JSONValue in
            let months = facts.sums(.promotion) { $0.value == name ? $0.month : nil }
            let segments = facts.sums(.promotion) { $0.value == name ? $0.segment ?? "none" : nil }
            return JSONValue.fields(["promotion": .string(name)]).merging(fields(cell)).with([
                "months": .array(
                    months.sorted { $0.key < $1.key }.map {
                        JSONValue.fields(["month": .month($0.key)]).merging(fields($0.value))
                    }),
                "segments": .array(
                    segments.ranked(\.count).map {
                        JSONValue.fields(["segment": .string($0.name)]).merging(fields($0.value))
                    }),
                "age_gender": .array(
                    PeopleView.parts(facts.cells, .promotionPeople, name).map {
                        PeopleView.fields($0.people).merging(fields($0.cell))
                    }),
            ])
        }
        return frame.answer("promotions", ["promotions": .array(rows)])
    }

    private static func fields(_ cell: FactCell) -> JSONValue {
        .fields([
            "uses": .integer(cell.count), "discount": .money(cell.discount),
            "revenue": .money(cell.revenue), "new_buyers": .integer(cell.count - cell.buyers),
            "repeat": .integer(cell.buyers), "repeat_rate": .ratio(cell.buyers, cell.count),
        ])
    }
}

/// `GET /v1/analytics/search`. Terms that were asked for too rarely to be anybody's but one's own are not named.
package enum SearchView {
    private static let least: Int64 = 3

    package static func answer(_ facts: FactTotals, _ frame: AnalyticsFrame) -> JSONValue {
        let rare = Set(facts.sums(.search) { $0.value }.filter { $0.value.count < least }.keys)
        let name: (FactTotals.Key) -> String = { rare.contains($0.value) ? "(rare)" : $0.value }
        let totals = facts.sums(.search) { name($0) }
        let cells = facts.sums(.search) { SeasonalityView.Part(name: name($0), part: $0.month) }
        let months = facts.sums(.search) { $0.month }
        let all = totals.values.reduce(0) { $0 + $1.count }
        return frame.answer(
            "search",
            [
                "terms": .array(
                    totals.ranked(\.count).map { term, cell in
                        let own = cells.filter { $0.key.name == term }.sorted { $0.key.part < $1.key.part }
                        return .fields([
                            "term": .string(term), "count": .integer(cell.count),
                            "share": .ratio(cell.count, all),
                            "months": .array(
                                own.map { key, cell in
                                    .fields([
                                        "month": .month(key.part), "count": .integer(cell.count),
                                        "share": .ratio(cell.count, months[key.part]?.count ?? 0),
                                    ])
                                }),
                        ])
                    })
            ])
    }
}

/// Cells by gender and age.
enum PeopleView {
    struct People: Hashable {
        var age: String?
        var gender: String?
    }

    static func parts(
        _ cells: [FactTotals.Key: FactCell], _ kind: FactKind, _ value: String
    ) -> [(people: People, cell: FactCell)] {
        var sums: [People: FactCell] = [:]
        for (key, cell) in cells where key.kind == kind && key.value == value {
            sums[People(age: key.age, gender: key.gender), default: FactCell()].add(cell)
        }
        return sums.map { (people: $0.key, cell: $0.value) }.sorted { precedes($0.people, $1.people) }
    }

    static func precedes(_ a: People, _ b: People) -> Bool {
        if a.age != b.age { return (a.age ?? "~").comesBefore(b.age ?? "~") }
        return (a.gender ?? "~").comesBefore(b.gender ?? "~")
    }

    static func fields(_ people: People) -> JSONValue {
        .fields(["age": .optional(people.age), "gender": .optional(people.gender)])
    }

    static func rows(
        _ cells: [FactTotals.Key: FactCell], _ kind: FactKind, _ value: String
    ) -> [JSONValue] {
        parts(cells, kind, value).map { fields($0.people).with($0.cell) }
    }
}

/// `GET /v1/analytics/age_gender`: users by their latest age band and gender, as the lines give them.
package enum AgeGenderView {
    package static func answer(_ pairs: PairTotals, _ frame: AnalyticsFrame) -> JSONValue {
        let known = pairs.values.filter { $0.value.users > 0 }
        let users = known.values.reduce(0) { $0 + $1.users }
        let rows = known.map {
            (people: PeopleView.People(age: $0.key.first, gender: $0.key.second), $0.value)
        }
        .sorted { PeopleView.precedes($0.people, $1.people) }
        return frame.answer(
            "age_gender",
            [
                "groups": .array(
                    rows.map { people, totals in
                        MemberView.fields("age", .optional(people.age), totals, of: users).with([
                            "gender": .optional(people.gender), "visits": .integer(totals.occurrences),
                        ])
                    })
            ])
    }
}

extension Shard {
    package func grades() -> GradesView.Parts {
        var parts = GradesView.Parts()
        parts.members = tierMembers().grades
        parts.facts = factTotals(GradesView.kinds)
        return parts
    }
}

package import Core

/// `GET /v1/analytics/cohorts`: buyers by the month of their first purchase, month by month since.
package enum CohortsView {
    package static func answer(_ totals: CohortTotals, _ frame: AnalyticsFrame) -> JSONValue {
        var cohorts: [Int: [Int: CohortCell]] = [:]
        for (key, cell) in totals.cells { cohorts[key.cohort, default: [:]][key.month] = cell }
        let last = MonthNumber.of(totals.today)
        return frame.answer(
            "cohorts",
            [
                "cohorts": .array(
                    cohorts.sorted { $0.key < $1.key }.compactMap { cohort, months in
                        // One whose first month is no longer held has no size to compare with.
                        guard let size = months[cohort]?.buyers, size > 0 else { return nil }
                        return .fields([
                            "cohort": .month(cohort), "size": .integer(size),
                            "months": .array(row(cohort, size, months, through: last)),
                        ])
                    })
            ])
    }

    private static func row(
        _ cohort: Int, _ size: Int64, _ months: [Int: CohortCell], through last: Int
    ) -> [JSONValue] {
        var cumulative: Int128 = 0
        return (cohort...max(cohort, last)).map { month in
            let cell = months[month] ?? CohortCell()
            cumulative += cell.revenue
            return .fields([
                "offset": .integer(Int64(month - cohort)), "month": .month(month),
                "buyers": .integer(cell.buyers), "retention": .ratio(cell.buyers, size),
                "purchases": .integer(cell.purchases), "revenue": .money(cell.revenue),
                "cumulative_revenue": .money(cumulative), "cumulative_per_buyer": .mean(cumulative, size),
            ])
        }
    }
}

/// `GET /v1/analytics/funnel`: journeys by how far they came.
package enum FunnelView {
    private static let steps = ["view_item", "add_to_cart", "begin_checkout", "purchase"]

    /// - Parameter window: from the first step to the last, microseconds.
    package static func answer(
        _ totals: JourneyTotals, by dimension: Dimension?, window: Int64, _ frame: AnalyticsFrame
    ) -> JSONValue {
        let all = totals.all
        let answer = frame.answer(
            "funnel",
            [
                "window_s": .integer(window / Microseconds.second), "steps": .strings(steps),
                "all": funnel(all.never &+ all.again), "never_bought": funnel(all.never),
                "bought_before": funnel(all.again), "by": .optional(dimension?.text),
            ])
        guard dimension != nil else { return answer }
        return answer.with([
            "values": .array(
                totals.values.ranked { $0.never[0] + $0.again[0] }.map { name, cell in
                    .object(
                        [.init("value", .string(name))] + members(cell.never &+ cell.again)
                            + [.init("never_bought", funnel(cell.never))])
                })
        ])
    }

    private static func funnel(_ reached: SIMD4<Int64>) -> JSONValue { .object(members(reached)) }

    private static func members(_ reached: SIMD4<Int64>) -> [JSONValue.Member] {
        let steps = 0..<Journey.steps
        return [
            .init("journeys", .array(steps.map { .integer(reached[$0]) })),
            .init("rates_from_first", .array(steps.map { .ratio(reached[$0], reached[0]) })),
            .init(
                "rates_from_previous",
                .array(steps.map { .ratio(reached[$0], reached[max(0, $0 - 1)]) })),
        ]
    }
}

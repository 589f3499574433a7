package import Core
import Models

/// `GET /v1/analytics/crossing`: users by any two groupings.
package enum CrossingView {
    /// Values of either that the test of independence takes, the largest.
    private static let tested = 50

    /// - Parameter limit: rows, the largest.
    package static func answer(
        _ totals: CrossTotals, _ by: UserGroup, _ with: UserGroup, limit: Int, _ frame: AnalyticsFrame
    ) -> JSONValue {
        let rows = totals.cells.sorted { a, b in
            if a.value.totals.users != b.value.totals.users {
                return a.value.totals.users > b.value.totals.users
            }
            if a.key.first != b.key.first { return precedes(a.key.first, b.key.first) }
            return precedes(a.key.second, b.key.second)
        }
        let firsts = margin(rows) { $0.first }
        let seconds = margin(rows) { $0.second }
        let known = rows.reduce(0) { $0 + $1.value.totals.users }
        return frame.answer(
            "crossing",
            [
                "by": .string(by.text), "with": .string(with.text), "users": .integer(totals.users),
                "sampled": .integer(totals.sampled),
                "exact": .bool(totals.sampled == totals.users), "known": .integer(known),
                "pairs": .integer(Int64(rows.count)),
                "rows": .array(
                    rows.prefix(limit).map { key, cell in
                        row(key, cell, known, firsts[key.first] ?? 0, seconds[key.second] ?? 0)
                    }),
                "test": test(totals, firsts, seconds)?.fields ?? .null,
            ])
    }

    /// What is not known comes last.
    private static func precedes(_ a: String?, _ b: String?) -> Bool {
        guard let a else { return false }
        guard let b else { return true }
        return a.comesBefore(b)
    }

    private static func margin(
        _ rows: [(key: PairTotals.Key, value: CrossTotals.Cell)], _ part: (PairTotals.Key) -> String?
    ) -> [String?: Int64] {
        var sums: [String?: Int64] = [:]
        for (key, cell) in rows { sums[part(key), default: 0] += cell.totals.users }
        return sums
    }

    /// The interval of the rate is of the users looked at.
    private static func row(
        _ key: PairTotals.Key, _ cell: CrossTotals.Cell, _ known: Int64, _ first: Int64, _ second: Int64
    ) -> JSONValue {
        let totals = cell.totals
        let rate = Proportion(Double(cell.seenConverted), of: Double(cell.seen))
        let expected = known == 0 ? 0 : Double(first) * Double(second) / Double(known)
        return .fields([
            "by": .optional(key.first), "with": .optional(key.second), "users": .integer(totals.users),
            "share": .ratio(totals.users, known), "share_of_by": .ratio(totals.users, first),
            "share_of_with": .ratio(totals.users, second),
            "lift": expected == 0 ? .null : .number(Double(totals.users) / expected),
            "converted": .integer(totals.converted), "rate": .optional(rate.rate),
            "rate_low": .number(rate.low), "rate_high": .number(rate.high),
            "purchases": .integer(totals.purchases), "revenue": .money(totals.revenue),
            "order_value": .mean(totals.revenue, totals.purchases),
            "revenue_per_user": .mean(totals.revenue, totals.users),
        ])
    }

    /// Whether the two go together, over the users looked at of whom both are known.
    private static func test(
        _ totals: CrossTotals, _ firsts: [String?: Int64], _ seconds: [String?: Int64]
    ) -> ChiSquareTest? {
        let (a, b) = (largest(firsts), largest(seconds))
        var table = a.map { first in
            b.map { Double(totals.cells[PairTotals.Key(first: first, second: $0)]?.seen ?? 0) }
        }
        table.removeAll { $0.allSatisfy { $0 == 0 } }
        let columns = (0..<b.count).filter { column in table.contains { $0[column] > 0 } }
        table = table.map { row in columns.map { row[$0] } }
        return table.count > 1 && columns.count > 1 ? ChiSquareTest(table) : nil
    }

    private static func largest(_ sums: [String?: Int64]) -> [String] {
        var known: [String: Int64] = [:]
        for (name, users) in sums { if let name { known[name] = users } }
        return known.ranked { $0 }.prefix(tested).map(\.name)
    }
}

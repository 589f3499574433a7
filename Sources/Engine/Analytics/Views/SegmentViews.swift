package import Core

/// Members of each segment, by name.
package struct SegmentSizes: AnalyticsTotals {
    package private(set) var users: [String: Int64] = [:]

    package init() {}

    package mutating func add(_ other: SegmentSizes) {
        for (name, count) in other.users { users[name, default: 0] += count }
    }

    mutating func add(_ totals: [SegmentTotals]) {
        for segment in totals { users[segment.name, default: 0] += segment.users }
    }
}

/// What analyses by segment ask.
package struct SegmentParts: AnalyticsTotals {
    package var sizes = SegmentSizes()
    package var facts = FactTotals()
    package var moves = MoveTotals()

    package init() {}

    package mutating func add(_ other: SegmentParts) {
        sizes.add(other.sizes)
        facts.add(other.facts)
        moves.add(other.moves)
    }
}

extension Shard {
    package func segmentParts(_ kinds: Set<FactKind>, withMoves: Bool = false) -> SegmentParts {
        var parts = SegmentParts()
        parts.sizes.add(segmentTotals().segments)
        parts.facts = factTotals(kinds)
        if withMoves { parts.moves = moveTotals() }
        return parts
    }
}

/// `GET /v1/analytics/transitions`: moves between segments by month, and what each segment did.
package enum TransitionsView {
    package static let kinds: Set<FactKind> = [.segment, .churned]

    package static func answer(_ parts: SegmentParts, _ frame: AnalyticsFrame) -> JSONValue {
        frame.answer(
            "transitions",
            ["months": .array(months(parts.moves)), "segments": .array(segments(parts.facts))])
    }

    private static func months(_ totals: MoveTotals) -> [JSONValue] {
        let months = Dictionary(grouping: totals.moves) { $0.key.month }
        return months.sorted { $0.key < $1.key }.map { month, moves in
            let ordered = moves.sorted { a, b in
                if a.value != b.value { return a.value > b.value }
                if a.key.from != b.key.from { return a.key.from.comesBefore(b.key.from) }
                return a.key.to.comesBefore(b.key.to)
            }
            return .fields([
                "month": .month(month),
                "moves": .array(
                    ordered.map {
                        .fields([
                            "from": .string($0.key.from), "to": .string($0.key.to),
                            "users": .integer($0.value),
                        ])
                    }),
            ])
        }
    }

    private struct Part: Hashable {
        var segment: String
        var month: Int
    }

    private static func segments(_ facts: FactTotals) -> [JSONValue] {
        let part: (FactTotals.Key) -> Part? = { Part(segment: $0.segment ?? "none", month: $0.month) }
        let bought = facts.sums(.segment, by: part)
        let churned = facts.sums(.churned, by: part)
        let all = Set(bought.keys).union(churned.keys)
        let segments = Dictionary(grouping: all) { $0.segment }
        return segments.sorted { $0.key.comesBefore($1.key) }.map { segment, parts in
            .fields([
                "segment": .string(segment),
                "months": .array(
                    parts.sorted { $0.month < $1.month }.map { part in
                        let cell = bought[part] ?? FactCell()
                        let gone = churned[part]?.count ?? 0
                        return .fields([
                            "month": .month(part.month), "revenue": .money(cell.revenue),
                            "buyers": .integer(cell.buyers), "orders": .integer(cell.count),
                            "order_value": .mean(Int128(cell.revenue), cell.count),
                            "churned": .integer(gone),
                            "churn_rate": .ratio(gone, gone + cell.buyers),
                        ])
                    }),
            ])
        }
    }
}

/// `GET /v1/analytics/coupons`: used, not used, clicked, by the segment the user was in.
package enum CouponsView {
    package static let kinds: Set<FactKind> = [.coupon]
    private static let states = ["used", "not_used", "clicked"]

    package static func answer(_ parts: SegmentParts, _ frame: AnalyticsFrame) -> JSONValue {
        let all = counts(parts.facts) { _ in "all" }["all"] ?? [:]
        let months = Dictionary(
            uniqueKeysWithValues: counts(parts.facts) { $0.month }.map { ($0.key, $0.value) })
        let segments = counts(parts.facts) { $0.segment ?? "none" }
        return frame.answer(
            "coupons",
            [
                "states": .strings(states), "all": fields(all),
                "segments": .array(
                    segments.ranked { $0.values.reduce(0, +) }.map { name, counts in
                        let users = parts.sizes.users[name] ?? 0
                        return JSONValue.fields(["segment": .string(name), "users": .integer(users)])
                            .merging(fields(counts))
                            .with([
                                "used_mean": .ratio(counts["used"] ?? 0, users),
                                "not_used_mean": .ratio(counts["not_used"] ?? 0, users),
                                "clicked_mean": .ratio(counts["clicked"] ?? 0, users),
                            ])
                    }),
                "months": .array(
                    months.sorted { $0.key < $1.key }.map {
                        JSONValue.fields(["month": .month($0.key)]).merging(fields($0.value))
                    }),
            ])
    }

    private static func counts<Part: Hashable>(
        _ facts: FactTotals, by part: (FactTotals.Key) -> Part
    ) -> [Part: [String: Int64]] {
        var counts: [Part: [String: Int64]] = [:]
        for (key, cell) in facts.cells where key.kind == .coupon {
            counts[part(key), default: [:]][key.value, default: 0] += cell.count
        }
        return counts
    }

    private static func fields(_ counts: [String: Int64]) -> JSONValue {
        let total = counts.values.reduce(0, +)
        return .object(states.map { .init($0, .integer(counts[$0] ?? 0)) })
            .with(["used_ratio": .ratio(counts["used"] ?? 0, total)])
    }
}

extension JSONValue {
    /// With the members of another object behind its own.
    func merging(_ other: JSONValue) -> JSONValue {
        guard case .object(let own) = self, case .object(let more) = other else { return self }
        return .object(own + more)
    }
}

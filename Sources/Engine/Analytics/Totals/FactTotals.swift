import Core

/// Cells of the table of purchases, of some kinds, by names.
package struct FactTotals: AnalyticsTotals {
    package struct Key: Hashable, Sendable {
        package var kind: FactKind
        /// Name of the value; of coupons the state.
        package var value: String
        /// As in `FactKey`.
        package var month: Int
        /// Of `paymentDay` the day of the month; else 0.
        package var day: Int
        /// Nil: none.
        package var segment: String?
        package var grade: Int
        /// `40s`, and `F`, `M` or `other`; nil: not known.
        package var age: String?
        package var gender: String?
    }

    package private(set) var cells: [Key: FactCell] = [:]
    package private(set) var today: Int32 = 0

    package init() {}

    package mutating func add(_ other: FactTotals) {
        today = max(today, other.today)
        for (key, cell) in other.cells { cells[key, default: FactCell()].add(cell) }
    }

    fileprivate mutating func add(_ partition: Partition, _ kinds: Set<FactKind>) {
        today = partition.today
        for row in 0..<partition.analytics.facts.count {
            let (key, cell) = partition.analytics.facts[row]
            guard let key, kinds.contains(key.kind),
                !key.isDated || key.month > partition.thisMonth - key.months
            else { continue }
            cells[partition.named(key), default: FactCell()].add(cell)
        }
    }

    /// Cells of a kind, added up by what is asked of their keys.
    package func sums<Part: Hashable>(
        _ kind: FactKind, by part: (Key) -> Part?
    ) -> [Part: FactCell] {
        var sums: [Part: FactCell] = [:]
        for (key, cell) in cells where key.kind == kind {
            if let part = part(key) { sums[part, default: FactCell()].add(cell) }
        }
        return sums
    }
}

extension Partition {
    private static let coupons = ["", "used", "not_used", "clicked"]

    fileprivate func named(_ key: FactKey) -> FactTotals.Key {
        let people = ProfileCode(bits: key.people)
        let gender = people.isFemale ? "F" : people.isMale ? "M" : people.bits & 3 == 0 ? nil : "other"
        let age = people.age.map { "\($0)s" } ?? (people.bits >> 2 == 0 ? nil : "other")
        let isDay = key.kind == .paymentDay
        return FactTotals.Key(
            kind: key.kind, value: named(key.kind, key.value), month: key.month,
            day: isDay ? key.segment : 0,
            segment: isDay || key.segment == 0 ? nil : segmentName(key.segment - 1), grade: key.grade,
            age: age, gender: gender)
    }

    private func named(_ kind: FactKind, _ value: UInt32) -> String {
        switch kind {
        case .segment, .segmentRhythm, .churned: ""
        case .coupon: Self.coupons[min(Int(value), 3)]
        default: text(value)
        }
    }

    /// By the model in use; ids that it no longer has keep their number.
    private func segmentName(_ id: Int) -> String {
        guard segments.isFitted, id < SegmentState.idLimit else { return "segment \(id)" }
        let name = segments.name(id)
        return name.isEmpty ? "segment \(id)" : name
    }
}

/// Moves between segments by month.
package struct MoveTotals: AnalyticsTotals {
    package struct Key: Hashable, Sendable {
        package var month: Int
        package var from: String
        package var to: String
    }

    package private(set) var moves: [Key: Int64] = [:]

    package init() {}

    package mutating func add(_ other: MoveTotals) {
        for (key, users) in other.moves { moves[key, default: 0] += users }
    }

    fileprivate mutating func add(_ partition: Partition) {
        let oldest = partition.thisMonth - AnalyticsLimits.months
        for row in 0..<partition.analytics.moves.count {
            let (month, from, to, users) = partition.analytics.moves[row]
            if month <= oldest { continue }
            let key = Key(month: month, from: partition.text(from), to: partition.text(to))
            moves[key, default: 0] += users
        }
    }
}

extension Shard {
    package func factTotals(_ kinds: Set<FactKind>) -> FactTotals {
        sum { partition, totals in totals.add(partition, kinds) }
    }

    package func moveTotals() -> MoveTotals {
        sum { partition, totals in totals.add(partition) }
    }
}

package import Core

/// Users by main value, and events by value, of every dimension that a user's record keeps.
package struct ValueTotals: AnalyticsTotals {
    /// By `Dimension.rawValue`.
    package private(set) var values = [[String: MemberTotals]](
        repeating: [:], count: ValueRows.dimensions)

    package init() {}

    package mutating func add(_ other: ValueTotals) {
        for dimension in values.indices {
            for (value, totals) in other.values[dimension] { add(dimension, value, totals) }
        }
    }

    mutating func add(_ dimension: Int, _ value: String, _ totals: MemberTotals) {
        values[dimension][value, default: MemberTotals()].add(totals)
    }

    /// Dimensions of which there may be values.
    package static let dimensions = Dimension.allCases.filter { $0.rawValue < ValueRows.dimensions }

    package subscript(dimension: Dimension) -> [String: MemberTotals] { values[dimension.rawValue] }
}

/// Users by two dimensions together.
package struct PairTotals: AnalyticsTotals {
    /// Nil: not known.
    package struct Key: Hashable, Sendable {
        package var first: String?
        package var second: String?

        package init(first: String?, second: String?) {
            self.first = first
            self.second = second
        }
    }

    package private(set) var values: [Key: MemberTotals] = [:]

    package init() {}

    package mutating func add(_ other: PairTotals) {
        for (key, totals) in other.values { values[key, default: MemberTotals()].add(totals) }
    }

    mutating func add(_ rows: borrowing PairRows, text: (UInt32) -> String) {
        for index in 0..<rows.count {
            let (first, second, totals) = rows[index]
            let key = Key(
                first: first == PairRows.none ? nil : text(first),
                second: second == PairRows.none ? nil : text(second))
            values[key, default: MemberTotals()].add(totals)
        }
    }
}

/// Buyers by the month of their first purchase and the month of each, as `MonthNumber` counts them.
package struct CohortTotals: AnalyticsTotals {
    package struct Key: Hashable, Sendable {
        package var cohort: Int
        package var month: Int
    }

    package private(set) var cells: [Key: CohortCell] = [:]
    package private(set) var today: Int32 = 0

    package init() {}

    package mutating func add(_ other: CohortTotals) {
        today = max(today, other.today)
        for (key, cell) in other.cells { cells[key, default: CohortCell()].add(cell) }
    }

    mutating func add(_ rows: borrowing CohortRows, today: Int32) {
        self.today = today
        let oldest = MonthNumber.of(today) - AnalyticsLimits.cohortMonths
        for index in 0..<rows.count {
            let (cohort, month, cell) = rows[index]
            if month > oldest { cells[Key(cohort: cohort, month: month), default: CohortCell()].add(cell) }
        }
    }
}

/// What follows what within a session, by names of events.
package struct PathTotals: AnalyticsTotals {
    /// By `PathStep`, as `PathRows` has them.
    private var counts = [Int64](repeating: 0, count: PathStep.count * PathStep.count)

    package init() {}

    package mutating func add(_ other: PathTotals) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    mutating func add(_ rows: borrowing PathRows) {
        for to in 0..<PathStep.count {
            counts[to] += Int64(rows.steps(to))
            for from in 1..<PathStep.count {
                counts[from * PathStep.count + to] += Int64(rows.count(from: from, to: to))
            }
        }
    }

    /// Events that are steps.
    func steps(_ step: Int) -> Int64 { counts[step] }
    func count(from: Int, to: Int) -> Int64 { counts[from * PathStep.count + to] }
}

/// Journeys of all, and by main value of one dimension.
package struct JourneyTotals: AnalyticsTotals {
    package private(set) var all = JourneyCell()
    package private(set) var values: [String: JourneyCell] = [:]

    package init() {}

    package mutating func add(_ other: JourneyTotals) {
        all.add(other.all)
        for (value, cell) in other.values { values[value, default: JourneyCell()].add(cell) }
    }

    mutating func add(_ rows: borrowing JourneyRows, dimension: Int?, text: (UInt32) -> String) {
        for index in 0..<rows.count {
            let (value, cell) = rows[index]
            guard let value else {
                all.add(cell)
                continue
            }
            if value.dimension == dimension { values[text(value.value), default: JourneyCell()].add(cell) }
        }
    }
}

extension Shard {
    package func valueTotals() -> ValueTotals {
        sum { partition, totals in
            for row in 0..<partition.analytics.values.count {
                let (dimension, value, members) = partition.analytics.values[row]
                totals.add(dimension, partition.text(value), members)
            }
            partition.analytics.values.forEachEarly { dimension, value, events in
                var seen = MemberTotals()
                seen.occurrences = Int64(events)
                totals.add(dimension, partition.text(value), seen)
            }
        }
    }

    /// Users by media and device.
    package func mediaByDevice() -> PairTotals {
        sum { partition, totals in totals.add(partition.analytics.mediaByDevice) { partition.text($0) } }
    }

    /// Users by age band and gender.
    package func ageByGender() -> PairTotals {
        sum { partition, totals in totals.add(partition.analytics.ageByGender) { partition.text($0) } }
    }

    package func cohortTotals() -> CohortTotals {
        sum { partition, totals in totals.add(partition.analytics.cohorts, today: partition.today) }
    }

    package func pathTotals() -> PathTotals {
        sum { partition, totals in totals.add(partition.analytics.paths) }
    }

    package func journeyTotals(by dimension: Dimension?) -> JourneyTotals {
        sum { partition, totals in
            totals.add(partition.analytics.journeys, dimension: dimension?.rawValue) { partition.text($0) }
        }
    }
}

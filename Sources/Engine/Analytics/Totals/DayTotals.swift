import Core

/// Counts of events by day and name, and the sums of each day, of all days that are held: from the first with anything
/// to today or later. Days before are summed up.
package struct DayTotals: AnalyticsTotals {
    /// Days since 1970-01-01 of the first row.
    package private(set) var first: Int32 = 0
    package private(set) var sums: [DaySums] = []
    /// Events by name, of each row.
    package private(set) var counts: [[Int64]] = []
    package private(set) var olderSums = DaySums()
    package private(set) var olderCounts = [Int64](repeating: 0, count: AnalyticsLimits.dayNames)
    /// Today, where there is anything.
    package private(set) var today: Int32 = 0

    package init() {}

    package mutating func add(_ other: DayTotals) {
        today = max(today, other.today)
        for row in other.sums.indices {
            add(other.first + Int32(row), other.sums[row], other.counts[row])
        }
        olderSums.add(other.olderSums)
        for name in olderCounts.indices { olderCounts[name] += other.olderCounts[name] }
    }

    private mutating func add(_ day: Int32, _ more: DaySums, _ names: [Int64]) {
        let row = makeRow(day)
        sums[row].add(more)
        for name in names.indices { counts[row][name] += names[name] }
    }

    private mutating func makeRow(_ day: Int32) -> Int {
        if sums.isEmpty { first = day }
        let empty = [Int64](repeating: 0, count: AnalyticsLimits.dayNames)
        if day < first {
            sums.insert(contentsOf: repeatElement(DaySums(), count: Int(first - day)), at: 0)
            counts.insert(contentsOf: repeatElement(empty, count: Int(first - day)), at: 0)
            first = day
        }
        while Int(day - first) >= sums.count {
            sums.append(DaySums())
            counts.append(empty)
        }
        return Int(day - first)
    }

    /// Rows of a partition; those before what every partition holds go to the older.
    mutating func add(_ rows: borrowing DayRows, today: Int32) {
        self.today = today
        olderSums.add(rows.olderSums)
        for name in olderCounts.indices { olderCounts[name] += rows.olderCounts[name] }
        for row in 0..<rows.count {
            let day = rows.first + Int32(row)
            let isHeld = day > today - AnalyticsLimits.days
            let target = isHeld ? makeRow(day) : 0
            if isHeld { sums[target].add(rows.sums(row: row)) } else { olderSums.add(rows.sums(row: row)) }
            for name in 0..<rows.names {
                let count = Int64(rows.count(row: row, name: name))
                if count == 0 { continue }
                if isHeld { counts[target][name] += count } else { olderCounts[name] += count }
            }
        }
    }

    /// With rows for the days up to today on which nothing happened.
    package func throughToday() -> DayTotals {
        var whole = self
        if !sums.isEmpty, today - first < AnalyticsLimits.days { _ = whole.makeRow(max(today, first)) }
        return whole
    }

    /// Events of a name on all days, held or not.
    package func total(of name: Int) -> Int64 {
        counts.reduce(olderCounts[name]) { $0 + $1[name] }
    }

    package var totalSums: DaySums {
        var total = olderSums
        for row in sums { total.add(row) }
        return total
    }
}

/// What the day of now has brought so far.
package struct TodayTotals: AnalyticsTotals {
    package var events: Int64 = 0
    package var purchases: Int64 = 0
    /// Millionths.
    package var revenue: Int128 = 0

    package init() {}

    package mutating func add(_ other: TodayTotals) {
        events += other.events
        purchases += other.purchases
        revenue += other.revenue
    }

    mutating func add(_ rows: borrowing DayRows, today: Int32) {
        guard let row = rows.row(of: today) else { return }
        for name in 0..<rows.names { events += Int64(rows.count(row: row, name: name)) }
        purchases += Int64(rows.count(row: row, name: Int(EventNames.purchase)))
        revenue += rows.sums(row: row).revenue
    }
}

/// Events by hour of the week and name, and the money of purchases.
package struct HourTotals: AnalyticsTotals {
    /// Shape [168][names].
    package private(set) var counts = [[Int64]](
        repeating: [Int64](repeating: 0, count: AnalyticsLimits.hourNames), count: LocalHour.hours)
    /// Millionths.
    package private(set) var revenue = [Int128](repeating: 0, count: LocalHour.hours)

    package init() {}

    package mutating func add(_ other: HourTotals) {
        for hour in 0..<LocalHour.hours {
            revenue[hour] += other.revenue[hour]
            for name in counts[hour].indices { counts[hour][name] += other.counts[hour][name] }
        }
    }

    mutating func add(_ rows: borrowing HourRows) {
        for hour in 0..<LocalHour.hours {
            revenue[hour] += rows.revenue[hour]
            for name in 0..<rows.names { counts[hour][name] += Int64(rows.count(hour: hour, name: name)) }
        }
    }
}

extension Shard {
    package func dayTotals() -> DayTotals {
        sum { partition, totals in totals.add(partition.analytics.days, today: partition.today) }
    }

    package func todayTotals() -> TodayTotals {
        sum { partition, totals in totals.add(partition.analytics.days, today: partition.today) }
    }

    package func hourTotals() -> HourTotals {
        sum { partition, totals in totals.add(partition.analytics.hours) }
    }
}

package import Core
import Models

/// `sales_decline`: looks, as a month ends, whether sales have dropped for good rather than for a bad week or a season.
///
/// The last two months lie below the two before them when the revenue a day of either is at least `drop` below that
/// of the two before together; where the same four months of the year before are known and fell, too, it is held
/// against what they let expect; and when the days' revenue has a lower mean by Welch's test at 1 %. A drop is told
/// once: again only after a month that showed none.
package struct SalesWatch: Sendable {
    package static let rule = "sales_decline"

    private let settings: Settings.SalesDecline
    private let zone: Zone
    private let language: String

    package init(_ settings: Settings.SalesDecline, zone: Zone, language: String) {
        self.settings = settings
        self.zone = zone
        self.language = language
    }

    package var isOn: Bool { settings.enabled }

    /// Probability of the test beyond which a drop may be chance; of both tails.
    private static let chance = 0.02

    /// Judges every month that ends from one instant to another.
    ///
    /// - Parameters:
    ///   - days: of all partitions, all at the position in question.
    ///   - first: end of the first month to be judged.
    ///   - through: end of the last.
    ///   - isDeclining: whether the month before them went on with a drop that was told.
    package func judge(
        _ days: DayTotals, from first: Int64, through: Int64, now: Int64, isDeclining: Bool
    ) -> MonthsEntry {
        var entry = MonthsEntry(through: through, now: now, isDeclining: isDeclining, declines: [])
        let months = Months(days)
        let ends = month(first) - 1...max(month(first), month(through)) - 1
        // Beyond the fourth month after the last with anything in it there is nothing left to fall.
        for last in ends.prefix(max(1, months.last + 4 - ends.lowerBound)) {
            guard let decline = decline(months, last) else {
                entry.isDeclining = false
                continue
            }
            if !entry.isDeclining { entry.declines.append(decline) }
            entry.isDeclining = true
        }
        if ends.upperBound > months.last + 4 { entry.isDeclining = false }
        return entry
    }

    private func month(_ instant: Int64) -> Int {
        MonthNumber.of(zone.day(of: EventTime(microseconds: instant)))
    }

    /// The drop that a month is the second of, or nil.
    private func decline(_ months: Months, _ last: Int) -> SalesDecline? {
        guard let before = months.pair(last - 3), let after = months.pair(last - 1),
            before.purchases >= Int64(settings.leastPurchases), before.revenueADay > 0
        else { return nil }
        var expected = before.revenueADay
        if let formerly = months.pair(last - 15), let then = months.pair(last - 13),
            formerly.revenueADay > 0
        {
            expected *= min(1, then.revenueADay / formerly.revenueADay)
        }
        guard after.halves.allSatisfy({ $0 <= (1 - settings.drop) * expected }) else { return nil }
        if let test = WelchTest(after.moments, before.moments), test.p.value > Self.chance { return nil }
        return tell(before, after, last)
    }

    private func tell(_ before: Months.Pair, _ after: Months.Pair, _ last: Int) -> SalesDecline {
        let change = SalesChange(from: before.period, to: after.period)
        let drop = 1 - after.revenueADay / before.revenueADay
        return SalesDecline(
            due: MonthNumber.start(of: last + 1, zone), drop: drop, from: Self.text(last - 3),
            to: Self.text(last - 1), message: change.sentence(in: language) ?? "", why: change.reasons)
    }

    private static func text(_ month: Int) -> String {
        "\(JSONValue.monthText(month))/\(JSONValue.monthText(month + 1))"
    }
}

/// Days by month, those on which nothing happened included.
private struct Months {
    /// Two months in a row.
    struct Pair {
        var period: SalesPeriod
        /// Revenue of each day, money.
        var days: [Double]
        /// Revenue a day of either month.
        var halves: [Double]

        var purchases: Int64 { period.purchases }
        var revenueADay: Double { days.reduce(0, +) / Double(days.count) }
        var moments: SampleMoments { SampleMoments(days) }
    }

    private let days: DayTotals
    /// First month of which every day is known, and last with anything in it.
    private let first: Int
    let last: Int

    init(_ days: DayTotals) {
        self.days = days
        let month = MonthNumber.of(days.first)
        first = MonthNumber.firstDay(of: month) == days.first ? month : month + 1
        last = MonthNumber.of(days.first + Int32(max(0, days.sums.count - 1)))
    }

    /// A month and the next; nil where not every day is known.
    func pair(_ month: Int) -> Pair? {
        guard month >= first, !days.sums.isEmpty else { return nil }
        let (start, end) = (MonthNumber.firstDay(of: month), MonthNumber.firstDay(of: month + 2))
        var pair = Pair(
            period: SalesPeriod(from: start, to: end - 1, isComplete: true), days: [], halves: [])
        for day in start..<end {
            let row = Int(day - days.first)
            pair.days.append(row < days.sums.count ? Double(days.sums[row].revenue) / 1e6 : 0)
            if row < days.sums.count { pair.period.add(days, row) }
        }
        let middle = Int(MonthNumber.firstDay(of: month + 1) - start)
        pair.halves = [pair.days[..<middle], pair.days[middle...]].map {
            $0.reduce(0, +) / Double($0.count)
        }
        return pair
    }
}

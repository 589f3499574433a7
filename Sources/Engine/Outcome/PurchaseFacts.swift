import Core

/// A user's purchases: days up to that of the last purchase that counts, money and counts of the days that
/// are over.
struct PurchaseFacts: BitwiseCopyable {
    var frequency: Int64 = 0
    /// Days.
    var recency: Int64 = 0
    var age: Int64 = 0
    var daysSinceLast: Int64 = 0
    /// Days between purchase days; 0 below two days (mean) or three (sample deviation).
    var intervalMean = 0.0
    var intervalDeviation = 0.0
    /// Purchases of the days that are over: all, of the last 30 and of the last 90.
    var purchases: Int64 = 0
    var purchases30d: Int64 = 0
    var purchases90d: Int64 = 0
    /// Millionths.
    var revenue: Int64 = 0
    var firstRevenue: Int64 = 0
    var closedDays = 0

    /// Days since the last purchase day in units of the mean interval; 0 without one.
    var cycles: Double { intervalMean > 0 ? Double(daysSinceLast) / intervalMean : 0 }
    var meanValue: Double { purchases > 0 ? Double(revenue) / 1e6 / Double(purchases) : 0 }
    var monetaryValue: Double {
        Partition.monetaryValue(revenue: revenue, first: firstRevenue, intervals: max(0, closedDays - 1))
    }
}

extension Partition {
    /// - Parameter through: last purchase that counts.
    /// - Returns: nil for who has none.
    func purchaseFacts(_ slot: Int, through last: Int64, today: Int32) -> PurchaseFacts? {
        guard last != .min, let account = account(slot), account.pointee.dayCount > 0 else { return nil }
        let lastDay = day(of: last)
        let all = purchaseDays(account)
        var facts = PurchaseFacts()
        var days = 0
        var squares = 0.0
        // The mean of the intervals follows from the first and the last day.
        while days < all.count, all[days].day <= lastDay { days += 1 }
        guard days > 0 else { return nil }
        facts.frequency = Int64(days - 1)
        facts.recency = Int64(all[days - 1].day - all[0].day)
        facts.age = Int64(max(0, today - all[0].day))
        facts.daysSinceLast = Int64(max(0, today - all[days - 1].day))
        if days > 1 { facts.intervalMean = Double(facts.recency) / Double(days - 1) }
        for index in 0..<days {
            let entry = all[index]
            if index > 0 {
                let deviation = Double(entry.day - all[index - 1].day) - facts.intervalMean
                squares += deviation * deviation
            }
            guard entry.day < today else { continue }
            facts.closedDays += 1
            facts.purchases += Int64(entry.count)
            if entry.day >= today - 30 { facts.purchases30d += Int64(entry.count) }
            if entry.day >= today - 90 { facts.purchases90d += Int64(entry.count) }
            facts.revenue = saturatingSum(facts.revenue, entry.revenue)
        }
        if days > 2 { facts.intervalDeviation = (squares / Double(days - 2)).squareRoot() }
        if facts.closedDays > 0 { facts.firstRevenue = all[0].revenue }
        return facts
    }

    /// Events of the last 7, 30 and 90 days that are over.
    func closedEvents(
        _ user: UnsafeMutablePointer<UserRecord>, today: Int32
    ) -> (week: Int64, month: Int64, quarter: Int64) {
        guard user.pointee.dayCount > 0 else { return (0, 0, 0) }
        let days = pool.tail(user).days
        let today16 = UInt16(truncatingIfNeeded: today)
        var (week, month, quarter) = (Int64(0), Int64(0), Int64(0))
        for index in 0..<Int(user.pointee.dayCount) {
            let age = Int16(bitPattern: today16 &- days[index].day16)
            guard age >= 1, age <= 90 else { continue }
            let events = Int64(days[index].events)
            quarter += events
            if age <= 30 { month += events }
            if age <= 7 { week += events }
        }
        return (week, month, quarter)
    }
}

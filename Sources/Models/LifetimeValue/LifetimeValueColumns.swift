/// What the lifetime value is fitted on: each buyer's purchase days with what was spent on them.
///
/// The fit cuts this history itself: what it is judged on comes after all that the judged fit has seen. The
/// arrays belong to the caller and are only read; they must outlive the call.
package struct LifetimeValueColumns {
    /// Day numbers of all buyers, one after another, each buyer's distinct and ascending.
    package var days: UnsafeBufferPointer<Int32>
    /// Gross revenue of each of these days, millionths.
    package var revenue: UnsafeBufferPointer<Int64>
    /// Where each buyer's days begin in `days`, and after the last buyer its length; shape [buyers + 1].
    package var offsets: UnsafeBufferPointer<UInt32>
    /// The day the fit is made on.
    package var asOfDay: Int32

    package init(
        days: UnsafeBufferPointer<Int32>, revenue: UnsafeBufferPointer<Int64>,
        offsets: UnsafeBufferPointer<UInt32>, asOfDay: Int32
    ) {
        self.days = days
        self.revenue = revenue
        self.offsets = offsets
        self.asOfDay = asOfDay
    }

    package var buyers: Int { max(0, offsets.count - 1) }

    func check() throws(FitRefusal) {
        guard offsets.count > 0, offsets[0] == 0, Int(offsets[buyers]) == days.count,
            revenue.count == days.count
        else { throw .unevenColumns }
        for buyer in 0..<buyers {
            let start = Int(offsets[buyer])
            let end = Int(offsets[buyer + 1])
            guard start < end, end <= days.count else { throw .daysOutOfOrder(buyer: buyer) }
            for index in start + 1..<max(end, start + 1) where days[index] <= days[index - 1] {
                throw .daysOutOfOrder(buyer: buyer)
            }
            guard days[end - 1] <= asOfDay, Int(asOfDay) - Int(days[start]) <= PurchaseTriplets.greatest
            else { throw .daysOutOfOrder(buyer: buyer) }
        }
    }

    /// Days from the first purchase of anybody to the as-of day.
    var history: Int {
        (0..<buyers).reduce(0) { max($0, Int(asOfDay) - Int(days[Int(offsets[$1])])) }
    }

    /// A buyer as known at the end of a day; nil before their first purchase.
    func summary(of buyer: Int, through day: Int32) -> PurchaseSummary? {
        let start = Int(offsets[buyer])
        guard days[start] <= day else { return nil }
        var last = start
        var spent: Int64 = 0
        while last + 1 < Int(offsets[buyer + 1]), days[last + 1] <= day {
            last += 1
            spent = saturating(spent, revenue[last])
        }
        return PurchaseSummary(
            frequency: Int32(last - start), recency: days[last] - days[start], age: day - days[start],
            monetaryValue: last > start ? Double(spent) / 1e6 / Double(last - start) : 0)
    }

    /// Purchase days after a day, and what was spent on them, money.
    func bought(by buyer: Int, after day: Int32) -> (days: Int, revenue: Double) {
        var index = Int(offsets[buyer + 1])
        var spent: Int64 = 0
        while index > Int(offsets[buyer]), days[index - 1] > day {
            index -= 1
            spent = saturating(spent, revenue[index])
        }
        return (Int(offsets[buyer + 1]) - index, Double(spent) / 1e6)
    }

    private func saturating(_ a: Int64, _ b: Int64) -> Int64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? (b < 0 ? .min : .max) : sum
    }
}

/// How the lifetime value is made.
package struct LifetimeValueConfig: Sendable, Equatable {
    /// Days ahead that the value is asked for.
    package var horizon = 90
    /// Further horizons to show beside it, days.
    package var horizons = [7, 90]
    /// Discount a month of 30 days, ≥ 0.
    package var discountMonthly = 0.01
    /// Share of buyers below the bounds beyond which one is set apart, by frequency and by mean amount.
    package var trim = 0.995
    /// Share of revenue that is gain.
    package var margin = 1.0
    /// Taken off each buyer's value, money.
    package var acquisitionCost = 0.0
    /// Weight of Σ parameter² beside the mean log-likelihood.
    package var penalty = 0.0
    /// Fewest buyers; a tenth of it, and ten at least, must have bought again.
    package var minimumBuyers = 100

    package init() {}

    /// All of them, ascending.
    var allHorizons: [Int] { Set(horizons + [horizon]).sorted() }

    var minimumRepeatBuyers: Int { max(10, minimumBuyers / 10) }

    func write(to writer: inout ByteWriter) {
        writer.put(UInt64(max(0, horizon)))
        writer.put(UInt32(horizons.count))
        for days in horizons { writer.put(UInt64(max(0, days))) }
        for number in [discountMonthly, trim, margin, acquisitionCost, penalty] { writer.put(number) }
        writer.put(UInt64(max(0, minimumBuyers)))
    }

    /// Numbers that mean nothing, or more work than a fit can do, are refused.
    init(from reader: inout ByteReader) throws(CodingFailure) {
        func days() throws(CodingFailure) -> Int {
            let at = reader.position
            let value = try reader.size()
            guard LifetimeValueConfig.horizonRange.contains(value) else { throw .badValue(at: at) }
            return value
        }
        func number(_ range: ClosedRange<Double>) throws(CodingFailure) -> Double {
            let at = reader.position
            let value = try reader.double()
            guard range.contains(value) else { throw .badValue(at: at) }
            return value
        }
        horizon = try days()
        horizons = []
        for _ in 0..<(try reader.count(ofAtLeast: 8)) { horizons.append(try days()) }
        discountMonthly = try number(0...10)
        trim = try number(0.5...1)
        margin = try number(-1e6...1e6)
        acquisitionCost = try number(-1e15...1e15)
        penalty = try number(0...1e6)
        minimumBuyers = try reader.size()
    }

    /// A day to a century.
    static let horizonRange = 1...36_600
}

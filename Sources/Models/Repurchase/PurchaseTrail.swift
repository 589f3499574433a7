import Glibc

/// A buyer's purchase days up to one of them, summed up: what is known when the wait for the next begins.
///
/// Of the last day only the date counts, not what was bought: the day may still go on, and money that comes
/// later that day must not change what was foretold.
package struct PurchaseTrail: Sendable, Equatable {
    private let firstDay: Int32
    package private(set) var lastDay: Int32
    /// Intervals between purchase days so far.
    package private(set) var count = 0
    private var squares = 0.0
    private var logarithms = 0.0
    private var last = 0
    private var previous = 0
    private var least = Int.max
    private var greatest = 0
    /// Of the last day, and of the one before it.
    private var revenue: Double
    private var purchases: UInt32
    private var previousRevenue = 0.0
    /// Of all days before the last.
    private var earlierRevenue = 0.0
    private var earlierPurchases = 0.0

    /// Begins with a buyer's first purchase day.
    /// - Parameters:
    ///   - purchases: how many that day.
    ///   - revenue: of that day; finite.
    package init(day: Int32, purchases: UInt32, revenue: Double) {
        firstDay = day
        lastDay = day
        self.purchases = purchases
        self.revenue = revenue
    }

    /// The next purchase day; `day` is later than the last.
    package mutating func add(day: Int32, purchases: UInt32, revenue: Double) {
        let length = Int(day) - Int(lastDay)
        count += 1
        squares += Double(length) * Double(length)
        logarithms += log(Double(length))
        previous = last
        last = length
        least = min(least, length)
        greatest = max(greatest, length)
        previousRevenue = self.revenue
        earlierRevenue += self.revenue
        earlierPurchases += Double(self.purchases)
        self.purchases = purchases
        self.revenue = revenue
        lastDay = day
    }

    /// Sum of the intervals, days.
    package var sum: Int { Int(lastDay) - Int(firstDay) }

    /// Mean of the intervals, days; NaN without one.
    package var mean: Double { count > 0 ? Double(sum) / Double(count) : .nan }

    /// What the trees are told, in the order in which `write` has it.
    package static let features = [
        "intervals", "interval_mean_d", "interval_last_d", "interval_before_last_d", "interval_sd_d",
        "interval_log_mean", "interval_min_d", "interval_max_d", "age_d", "previous_amount", "amount_mean",
        "purchases_a_day", "weekday", "month", "day_of_month",
    ]

    /// The features; NaN where the history is too short for one.
    /// - Parameter row: shape [features].
    func write(into row: UnsafeMutablePointer<Float>) {
        let number = Double(count)
        let variance = count > 1 ? max(0, squares - mean * Double(sum)) / (number - 1) : .nan
        let date = CalendarDay(lastDay)
        row[0] = Float(count)
        row[1] = Float(mean)
        row[2] = count > 0 ? Float(last) : .nan
        row[3] = count > 1 ? Float(previous) : .nan
        row[4] = Float(variance.squareRoot())
        row[5] = count > 0 ? Float(logarithms / number) : .nan
        row[6] = count > 0 ? Float(least) : .nan
        row[7] = count > 0 ? Float(greatest) : .nan
        row[8] = Float(sum)
        row[9] = count > 0 ? Float(previousRevenue) : .nan
        row[10] = count > 0 ? Float(earlierRevenue / number) : .nan
        row[11] = count > 0 ? Float(earlierPurchases / number) : .nan
        row[12] = Float(date.weekday)
        row[13] = Float(date.month)
        row[14] = Float(date.day)
    }

    /// The features as `write` has them.
    package var row: [Float] {
        [Float](unsafeUninitializedCapacity: Self.features.count) { buffer, count in
            write(into: buffer.baseAddress.unsafelyUnwrapped)
            count = Self.features.count
        }
    }
}

import Core

/// The purchases of a log by buyer, as the log has them: what a backtest holds its predictions against. Kept
/// apart from the engine, so that neither's mistakes hide the other's.
///
/// Purchases stand in one list, by buyer once settled: 12 bytes each, and an array of its own for nobody.
struct PurchaseHistory {
    private var numbers: [[UInt8]: Int] = [:]
    /// Until settled: buyer and time of each purchase as they came.
    private var buyers: [UInt32] = []
    private var times: [Int64] = []
    /// Once settled: the first purchase of each buyer in `times`, ascending there, and one end more.
    private var starts: [Int] = []
    /// Calendar days with a purchase, ascending, and the first of each buyer.
    private var allDays: [Int32] = []
    private var dayStarts: [Int] = []
    /// Least and greatest event time of any user.
    private(set) var from = Int64.max
    private(set) var to = Int64.min

    var count: Int { numbers.count }

    /// Takes the purchases of a batch. O(rows).
    mutating func take(_ batch: EventBatch) {
        let purchase = batch.dictionary.indices.first { batch.string(UInt16($0)) == "purchase" }
        for row in batch.rows {
            from = min(from, row.time)
            to = max(to, row.time)
            guard let purchase, Int(row.name) == purchase else { continue }
            let start = Int(row.userOffset)
            buyers.append(number(Array(batch.text[start..<start + Int(row.userLength)])))
            times.append(row.time)
        }
    }

    private mutating func number(_ user: [UInt8]) -> UInt32 {
        if let number = numbers[user] { return UInt32(number) }
        numbers[user] = numbers.count
        return UInt32(numbers.count - 1)
    }

    /// Everything has been taken.
    mutating func settle(in zone: Zone) {
        starts = [Int](repeating: 0, count: count + 1)
        for buyer in buyers { starts[Int(buyer) + 1] += 1 }
        for buyer in 0..<count { starts[buyer + 1] += starts[buyer] }
        var next = starts
        var ordered = [Int64](repeating: 0, count: times.count)
        for (buyer, time) in zip(buyers, times) {
            ordered[next[Int(buyer)]] = time
            next[Int(buyer)] += 1
        }
        buyers = []
        times = ordered
        for buyer in 0..<count {
            dayStarts.append(allDays.count)
            times[starts[buyer]..<starts[buyer + 1]].sort()
            for time in times(buyer) {
                let day = zone.day(of: EventTime(microseconds: time))
                if allDays.count == dayStarts[buyer] || allDays.last != day { allDays.append(day) }
            }
        }
        dayStarts.append(allDays.count)
    }

    /// Number of a buyer, nil for who bought nothing.
    func buyer(_ user: [UInt8]) -> Int? { numbers[user] }

    private func times(_ buyer: Int) -> ArraySlice<Int64> { times[starts[buyer]..<starts[buyer + 1]] }

    /// Calendar days on which a buyer bought, ascending; once settled.
    func days(_ buyer: Int) -> ArraySlice<Int32> { allDays[dayStarts[buyer]..<dayStarts[buyer + 1]] }

    /// A buyer's first purchase day after a day.
    func next(_ buyer: Int, after day: Int32) -> Int32? { days(buyer).first { $0 > day } }

    /// Whether a buyer bought after an instant and up to so long after it.
    func bought(_ buyer: Int, after instant: Int64, within length: Int64) -> Bool {
        times(buyer).contains { $0 > instant && $0 <= instant + length }
    }

    /// Median of the days between two purchase days of a buyer, of all that had ended by a day; nil without any.
    func medianInterval(endedBy day: Int32) -> Double? {
        var lengths: [Int32] = []
        for buyer in 0..<count {
            for (a, b) in zip(days(buyer), days(buyer).dropFirst()) where b <= day { lengths.append(b - a) }
        }
        return Quantile.median(lengths.map(Double.init))
    }
}

/// Quantiles of a sample, interpolated as R's type 7 and numpy have it.
enum Quantile {
    static func of(_ sorted: [Double], _ share: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let place = share * Double(sorted.count - 1)
        let low = Int(place)
        let high = min(low + 1, sorted.count - 1)
        return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
    }

    static func median(_ values: [Double]) -> Double? { of(values.sorted(), 0.5) }
}

import Core

/// The purchases of a log by buyer, as the log has them: what a backtest holds its predictions against. Kept
/// apart from the engine, so that neither's mistakes hide the other's.
struct PurchaseHistory {
    private var numbers: [[UInt8]: Int] = [:]
    /// Of each buyer, ascending once settled.
    private(set) var times: [[Int64]] = []
    /// Calendar days with a purchase, ascending, once settled.
    private(set) var days: [[Int32]] = []
    /// Least and greatest event time of any user.
    private(set) var from = Int64.max
    private(set) var to = Int64.min

    /// Takes the purchases of a batch. O(rows).
    mutating func take(_ batch: EventBatch) {
        let purchase = batch.dictionary.indices.first { batch.string(UInt16($0)) == "purchase" }
        for row in batch.rows {
            from = min(from, row.time)
            to = max(to, row.time)
            guard let purchase, Int(row.name) == purchase else { continue }
            let start = Int(row.userOffset)
            let buyer = number(Array(batch.text[start..<start + Int(row.userLength)]))
            times[buyer].append(row.time)
        }
    }

    private mutating func number(_ user: [UInt8]) -> Int {
        if let number = numbers[user] { return number }
        numbers[user] = times.count
        times.append([])
        return times.count - 1
    }

    /// Everything has been taken.
    mutating func settle(in zone: Zone) {
        for buyer in times.indices { times[buyer].sort() }
        days = times.map { times in
            var days: [Int32] = []
            for time in times {
                let day = zone.day(of: EventTime(microseconds: time))
                if days.last != day { days.append(day) }
            }
            return days
        }
    }

    /// Number of a buyer, nil for who bought nothing.
    func buyer(_ user: [UInt8]) -> Int? { numbers[user] }

    /// A buyer's first purchase day after a day.
    func next(_ buyer: Int, after day: Int32) -> Int32? { days[buyer].first { $0 > day } }

    /// Whether a buyer bought after an instant and up to so long after it.
    func bought(_ buyer: Int, after instant: Int64, within length: Int64) -> Bool {
        times[buyer].contains { $0 > instant && $0 <= instant + length }
    }

    /// Median of the days between two purchase days of a buyer, of all that had ended by a day; nil without any.
    func medianInterval(endedBy day: Int32) -> Double? {
        var lengths: [Int32] = []
        for days in days {
            for (a, b) in zip(days, days.dropFirst()) where b <= day { lengths.append(b - a) }
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

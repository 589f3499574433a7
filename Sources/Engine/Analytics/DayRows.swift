import Core

/// What a calendar day adds up to beside its counts of events.
package struct DaySums: BitwiseCopyable, Sendable, Equatable {
    /// Short sessions begun.
    package var sessions: Int64 = 0
    /// Users with a purchase that day.
    package var buyers: Int64 = 0
    /// Users whose first purchase day it is.
    package var firstBuyers: Int64 = 0
    /// Purchases whose line gave a value.
    package var valued: Int64 = 0
    /// Millionths.
    package var revenue: Int128 = 0
    package var refundValue: Int128 = 0
    /// Of those whose first purchase day it is.
    package var firstRevenue: Int128 = 0

    package init() {}

    package mutating func add(_ other: DaySums) {
        sessions += other.sessions
        buyers += other.buyers
        firstBuyers += other.firstBuyers
        valued += other.valued
        revenue += other.revenue
        refundValue += other.refundValue
        firstRevenue += other.firstRevenue
    }
}

/// Counts of events by calendar day and name, and sums of the day, for the days from the first seen to the last, as
/// far as they are held; what lies before is one row.
struct DayRows: ~Copyable {
    private(set) var first: Int32 = 0
    private(set) var count = 0
    /// Event names, by number, that a row has room for.
    private(set) var names = 16
    private var capacity = 8
    private var counts: UnsafeMutablePointer<UInt32>
    private var sums: UnsafeMutablePointer<DaySums>
    /// Of all days that are not held.
    private(set) var olderCounts = [Int64](repeating: 0, count: AnalyticsLimits.dayNames)
    private var older: UnsafeMutablePointer<DaySums>

    init() {
        counts = .allocate(capacity: 8 * 16)
        counts.initialize(repeating: 0, count: 8 * 16)
        sums = .allocate(capacity: 8)
        sums.initialize(repeating: DaySums(), count: 8)
        older = .allocate(capacity: 1)
        older.initialize(to: DaySums())
    }

    deinit {
        counts.deallocate()
        sums.deallocate()
        older.deallocate()
    }

    var byteCount: Int {
        capacity * (names * 4 + MemoryLayout<DaySums>.stride) + AnalyticsLimits.dayNames * 8
    }

    /// Row of a day, if it is held.
    func row(of day: Int32) -> Int? {
        let row = Int(day) - Int(first)
        return row >= 0 && row < count ? row : nil
    }

    var olderSums: DaySums { older.pointee }
    func sums(row: Int) -> DaySums { sums[row] }
    func count(row: Int, name: Int) -> UInt32 { counts[row * names + name] }

    /// An event of a day that is held, of a name that rows have room for; false for any other.
    @inline(__always)
    func countHeld(_ code: UInt16, on day: Int32) -> Bool {
        let row = Int(day &- first)
        guard row >= 0, row < count, Int(code) < names else { return false }
        counts[row * names + Int(code)] &+= 1
        return true
    }

    /// An event of any day and name.
    @inline(never)
    mutating func count(_ code: UInt16, on day: Int32, today: Int32) {
        let code = Int(code) < AnalyticsLimits.dayNames ? Int(code) : Int(EventNames.other)
        if code >= names { widen(for: code) }
        let row = locate(day, today)
        if row < 0 { olderCounts[code] += 1 } else { counts[row * names + code] &+= 1 }
    }

    /// The sums of a day; good until the next change.
    @inline(__always)
    mutating func sums(of day: Int32, today: Int32) -> UnsafeMutablePointer<DaySums> {
        let row = Int(day &- first)
        if row >= 0, row < count { return sums + row }
        let made = locate(day, today)
        return made < 0 ? older : sums + made
    }

    /// Row of a day, made where the day is one to be held; −1 elsewhere.
    @inline(never)
    private mutating func locate(_ day: Int32, _ today: Int32) -> Int {
        if day <= today - AnalyticsLimits.days || day > today + AnalyticsLimits.daysAhead { return -1 }
        if count > 0, day >= first, Int(day - first) < count { return Int(day - first) }
        fold(through: today - AnalyticsLimits.days)
        if count == 0 { first = day }
        if day < first { prepend(Int(first - day)) }
        if Int(day - first) >= count { append(Int(day - first) + 1) }
        return Int(day - first)
    }

    /// Sums up the days that are no longer held.
    private mutating func fold(through last: Int32) {
        guard count > 0, first <= last else { return }
        let gone = min(count, Int(last - first) + 1)
        for row in 0..<gone {
            older.pointee.add(sums[row])
            for name in 0..<names { olderCounts[name] += Int64(counts[row * names + name]) }
        }
        let kept = count - gone
        sums.update(from: sums + gone, count: kept)
        counts.update(from: counts + gone * names, count: kept * names)
        clear(from: kept, to: count)
        first += Int32(gone)
        count = kept
    }

    private func clear(from start: Int, to end: Int) {
        (sums + start).update(repeating: DaySums(), count: end - start)
        (counts + start * names).update(repeating: 0, count: (end - start) * names)
    }

    private mutating func append(_ total: Int) {
        if total > capacity { resize(rows: max(total, capacity + capacity / 2), names: names, shift: 0) }
        count = total
    }

    private mutating func prepend(_ rows: Int) {
        resize(rows: max(capacity, count + rows), names: names, shift: rows)
        first -= Int32(rows)
        count += rows
    }

    private mutating func widen(for code: Int) {
        var more = names
        while more <= code { more *= 2 }
        resize(rows: capacity, names: min(more, AnalyticsLimits.dayNames), shift: 0)
    }

    /// Other sizes; the rows move down by `shift`.
    private mutating func resize(rows: Int, names wider: Int, shift: Int) {
        let moreSums = UnsafeMutablePointer<DaySums>.allocate(capacity: rows)
        moreSums.initialize(repeating: DaySums(), count: rows)
        (moreSums + shift).update(from: sums, count: count)
        let moreCounts = UnsafeMutablePointer<UInt32>.allocate(capacity: rows * wider)
        moreCounts.initialize(repeating: 0, count: rows * wider)
        for row in 0..<count {
            (moreCounts + (row + shift) * wider).update(from: counts + row * names, count: names)
        }
        sums.deallocate()
        counts.deallocate()
        (sums, counts) = (moreSums, moreCounts)
        capacity = rows
        names = wider
    }

    func write(to out: inout ByteWriter) {
        out.put(first)
        out.put(UInt64(count))
        out.put(UInt64(names))
        out.put(UnsafeRawBufferPointer(start: sums, count: count * MemoryLayout<DaySums>.stride))
        out.put(counts: UnsafeBufferPointer(start: counts, count: count * names))
        for value in olderCounts { out.put(value) }
        out.put(UnsafeRawBufferPointer(start: older, count: MemoryLayout<DaySums>.stride))
    }

    mutating func read(from input: inout ByteReader) throws(StateError) {
        first = try input.get()
        let total = try input.count(of: MemoryLayout<DaySums>.stride)
        let wide = try input.getSize()
        guard wide >= 16, wide <= AnalyticsLimits.dayNames,
            total <= Int(AnalyticsLimits.days + AnalyticsLimits.daysAhead), abs(Int(first)) < 1 << 24
        else { throw StateError("days of analytics: \(total) of \(wide) names from \(first)") }
        count = 0
        resize(rows: max(8, total), names: wide, shift: 0)
        count = total
        try input.copy(
            into: UnsafeMutableRawBufferPointer(start: sums, count: total * MemoryLayout<DaySums>.stride))
        try input.get(counts: UnsafeMutableBufferPointer(start: counts, count: total * wide))
        for index in olderCounts.indices { olderCounts[index] = try input.get() }
        try input.copy(
            into: UnsafeMutableRawBufferPointer(start: older, count: MemoryLayout<DaySums>.stride))
    }
}

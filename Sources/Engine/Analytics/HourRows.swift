import Core

/// Counts of events by hour of the week and name, and the money of purchases by hour of the week.
struct HourRows: ~Copyable {
    private(set) var names = 16
    private var counts: UnsafeMutablePointer<UInt32>
    /// Millionths.
    private(set) var revenue = [Int128](repeating: 0, count: LocalHour.hours)

    init() {
        counts = .allocate(capacity: LocalHour.hours * 16)
        counts.initialize(repeating: 0, count: LocalHour.hours * 16)
    }

    deinit { counts.deallocate() }

    var byteCount: Int { LocalHour.hours * (names * 4 + 16) }

    func count(hour: Int, name: Int) -> UInt32 { counts[hour * names + name] }

    @inline(__always)
    mutating func count(_ code: UInt16, in hour: Int) {
        if Int(code) < names { counts[hour * names + Int(code)] &+= 1 } else { countSlowly(code, hour) }
    }

    @inline(never)
    private mutating func countSlowly(_ code: UInt16, _ hour: Int) {
        let code = Int(code) < AnalyticsLimits.hourNames ? Int(code) : Int(EventNames.other)
        while code >= names { widen(to: names * 2) }
        counts[hour * names + code] &+= 1
    }

    private mutating func widen(to wider: Int) {
        let more = UnsafeMutablePointer<UInt32>.allocate(capacity: LocalHour.hours * wider)
        more.initialize(repeating: 0, count: LocalHour.hours * wider)
        for hour in 0..<LocalHour.hours {
            (more + hour * wider).update(from: counts + hour * names, count: min(names, wider))
        }
        counts.deallocate()
        counts = more
        names = wider
    }

    mutating func earn(_ value: Int64, in hour: Int) { revenue[hour] += Int128(value) }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(names))
        out.put(counts: UnsafeBufferPointer(start: counts, count: LocalHour.hours * names))
        for value in revenue { out.put(value) }
    }

    mutating func read(from input: inout ByteReader) throws(StateError) {
        let wide = try input.getSize()
        guard [16, 32, 64].contains(wide) else { throw StateError("hours of analytics: \(wide) names") }
        widen(to: wide)
        try input.get(counts: UnsafeMutableBufferPointer(start: counts, count: LocalHour.hours * wide))
        for hour in revenue.indices { revenue[hour] = try input.get() }
    }
}

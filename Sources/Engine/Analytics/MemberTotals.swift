import Core

/// What the users of one value add up to.
package struct MemberTotals: BitwiseCopyable, Sendable, Equatable {
    package var users: Int64 = 0
    /// Of them, those who bought.
    package var converted: Int64 = 0
    package var purchases: Int64 = 0
    /// Of a value of a dimension: events that had it. Of a pair: short sessions of the users.
    package var occurrences: Int64 = 0
    /// Millionths.
    package var revenue: Int128 = 0

    package init() {}

    package mutating func add(_ other: MemberTotals) { add(other, sign: 1) }

    /// Users who come (1) or go (−1).
    @inline(__always)
    mutating func add(_ other: MemberTotals, sign: Int64) {
        if sign > 0 {
            users += other.users
            converted += other.converted
            purchases += other.purchases
            occurrences += other.occurrences
            revenue += other.revenue
        } else {
            users -= other.users
            converted -= other.converted
            purchases -= other.purchases
            occurrences -= other.occurrences
            revenue -= other.revenue
        }
    }
}

/// Users by their main value of each dimension, and events by value.
struct ValueRows: ~Copyable {
    private var rows = KeyedRows(MemberTotals(), limit: AnalyticsLimits.values + dimensions)
    /// Events by dimension and value, of the values whose strings came early.
    private var events: UnsafeMutablePointer<UInt64>
    private static let early: UInt32 = 256
    private static let flat = dimensions * Int(early)

    init() {
        events = .allocate(capacity: Self.flat)
        events.initialize(repeating: 0, count: Self.flat)
    }

    deinit { events.deallocate() }

    /// Dimensions that a user's record keeps: the first of `Dimension`.
    static let dimensions = 8
    /// Stands for every value beyond the limit, and of a pair also for none.
    static let other = DimensionEntry.valueLimit - 1

    var byteCount: Int { rows.byteCount + Self.flat * 8 }
    var count: Int { rows.count }

    @inline(__always)
    private mutating func row(_ dimension: Int, _ value: UInt32) -> UnsafeMutablePointer<MemberTotals>? {
        rows.find(UInt64(DimensionEntry.key(dimension: dimension, value: value))) ?? add(dimension, value)
    }

    /// Once values have no row of their own none gets one, so that a value's row is always the same.
    @inline(never)
    private mutating func add(_ dimension: Int, _ value: UInt32) -> UnsafeMutablePointer<MemberTotals>? {
        let own = rows.count < AnalyticsLimits.values ? value : Self.other
        return rows.row(UInt64(DimensionEntry.key(dimension: dimension, value: own)))
    }

    /// An event that has a value.
    @inline(__always)
    mutating func count(_ dimension: Int, _ value: UInt32) {
        if value < Self.early {
            events[dimension << 8 | Int(value)] &+= 1
        } else {
            countLater(dimension, value)
        }
    }

    @inline(never)
    private mutating func countLater(_ dimension: Int, _ value: UInt32) {
        row(dimension, value)?.pointee.occurrences += 1
    }

    /// Calls with each dimension and value that was counted early, and its events.
    func forEachEarly(_ body: (Int, UInt32, UInt64) -> Void) {
        for place in 0..<Self.flat where events[place] > 0 {
            body(place >> 8, UInt32(place & 255), events[place])
        }
    }

    mutating func add(_ dimension: Int, _ value: UInt32, _ user: MemberTotals, sign: Int64) {
        row(dimension, value)?.pointee.add(user, sign: sign)
    }

    /// Dimension, value and totals of a row.
    subscript(row: Int) -> (dimension: Int, value: UInt32, totals: MemberTotals) {
        let key = UInt32(truncatingIfNeeded: rows.key(row))
        return (Int(key >> 21), key & (DimensionEntry.valueLimit - 1), rows.cell(row))
    }

    func write(to out: inout ByteWriter) {
        rows.write(to: &out)
        out.put(counts: UnsafeBufferPointer(start: events, count: Self.flat))
    }

    mutating func read(from input: inout ByteReader) throws(StateError) {
        try rows.read(from: &input)
        try input.get(counts: UnsafeMutableBufferPointer(start: events, count: Self.flat))
    }
}

/// Users by their main values of two dimensions together, of whom at least one is known.
struct PairRows: ~Copyable {
    let first: Int
    let second: Int
    private var rows = KeyedRows(MemberTotals(), limit: AnalyticsLimits.pairs + 1)

    init(_ first: Dimension, _ second: Dimension) {
        self.first = first.rawValue
        self.second = second.rawValue
    }

    /// A value that is not known.
    static let none = DimensionEntry.valueLimit - 2
    private static let overflow = UInt64(ValueRows.other) << 21 | UInt64(ValueRows.other)

    var byteCount: Int { rows.byteCount }
    var count: Int { rows.count }

    mutating func add(_ a: UInt32?, _ b: UInt32?, _ user: MemberTotals, sign: Int64) {
        if a == nil, b == nil { return }
        let key = UInt64(a ?? Self.none) << 21 | UInt64(b ?? Self.none)
        if let row = rows.find(key) { return row.pointee.add(user, sign: sign) }
        let own = rows.count < AnalyticsLimits.pairs ? key : Self.overflow
        rows.row(own)?.pointee.add(user, sign: sign)
    }

    subscript(row: Int) -> (first: UInt32, second: UInt32, totals: MemberTotals) {
        let key = rows.key(row)
        return (UInt32(key >> 21), UInt32(key & UInt64(DimensionEntry.valueLimit - 1)), rows.cell(row))
    }

    func write(to out: inout ByteWriter) { rows.write(to: &out) }
    mutating func read(from input: inout ByteReader) throws(StateError) { try rows.read(from: &input) }
}

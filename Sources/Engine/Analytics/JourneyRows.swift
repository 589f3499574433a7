import Core

/// How far journeys through the shop came: view, cart, checkout, purchase, in this order and within the window.
package struct JourneyCell: BitwiseCopyable, Sendable, Equatable {
    /// Journeys that reached each step, of those who had never bought when theirs began.
    package var never: SIMD4<Int64> = .zero
    /// Of those who had.
    package var again: SIMD4<Int64> = .zero

    package init() {}

    package mutating func add(_ other: JourneyCell) {
        never &+= other.never
        again &+= other.again
    }

    mutating func add(step: Int, isAgain: Bool, _ more: Int64) {
        if isAgain { again[step] += more } else { never[step] += more }
    }

    func count(_ step: Int, _ isAgain: Bool) -> Int64 { isAgain ? again[step] : never[step] }
}

/// Where a user is on a journey after a stage; stands with each entry of the stage history.
struct Journey: BitwiseCopyable, Equatable {
    /// 3 bits of steps reached, 0 none; then whether the entry came late, and whether the user had bought when the
    /// journey began.
    private var state: UInt8 = 0
    // Microseconds from its begin to the entry it stands with, in what room that entry has.
    private var high: UInt8 = 0
    private var middle: UInt16 = 0
    private var low: UInt16 = 0

    private static let lateBit: UInt8 = 0x40
    private static let againBit: UInt8 = 0x80

    static let steps = 4

    init() {}

    private init(depth: UInt8, isAgain: Bool, age: Int64) {
        state = depth | (isAgain ? Self.againBit : 0)
        self.age = age
    }

    var depth: Int { Int(state & 7) }
    var isAgain: Bool { state & Self.againBit != 0 }
    /// It began with the entry it stands with.
    var isBegin: Bool { depth == 1 && age == 0 }

    /// The entry it stands with came late: one before it in the history is of a later time.
    var isLate: Bool {
        get { state & Self.lateBit != 0 }
        set { state = newValue ? state | Self.lateBit : state & ~Self.lateBit }
    }

    /// Microseconds.
    private(set) var age: Int64 {
        get { Int64(high) << 32 | Int64(middle) << 16 | Int64(low) }
        set {
            high = UInt8(truncatingIfNeeded: newValue >> 32)
            middle = UInt16(truncatingIfNeeded: newValue >> 16)
            low = UInt16(truncatingIfNeeded: newValue)
        }
    }

    /// The next stage of a journey.
    ///
    /// - Parameters:
    ///   - stage: what has happened.
    ///   - elapsed: microseconds since the entry this one stands with, ≥ 0.
    ///   - hasBought: whether the user has bought before.
    ///   - window: from the first step to the last, microseconds.
    /// - Returns: the journey after it, and whether it came a step further.
    func after(
        _ stage: Stage, elapsed: Int64, hasBought: Bool, window: Int64
    ) -> (journey: Journey, isStep: Bool) {
        if isOpen(after: elapsed, window: window) {
            let isStep = Int(stage.rawValue) == depth + 1
            let reached = UInt8(depth) + (isStep ? 1 : 0)
            return (Journey(depth: reached, isAgain: isAgain, age: age + elapsed), isStep)
        }
        guard stage == .browse else { return (Journey(), false) }
        return (Journey(depth: 1, isAgain: hasBought, age: 0), true)
    }

    /// Whether it can come further so long after the entry it stands with.
    func isOpen(after elapsed: Int64, window: Int64) -> Bool {
        depth > 0 && depth < Self.steps && age + elapsed <= window
    }
}

/// Journeys of all, and by the users' main values.
struct JourneyRows: ~Copyable {
    private var rows = KeyedRows(JourneyCell(), limit: AnalyticsLimits.journeys)

    /// Key of the row of all.
    static let all = UInt64.max

    var byteCount: Int { rows.byteCount }
    var count: Int { rows.count }

    mutating func add(_ key: UInt64, step: Int, isAgain: Bool, _ more: Int64) {
        rows.row(key)?.pointee.add(step: step, isAgain: isAgain, more)
    }

    /// Dimension and value, nil for the row of all.
    subscript(row: Int) -> (value: (dimension: Int, value: UInt32)?, cell: JourneyCell) {
        let key = rows.key(row)
        if key == Self.all { return (nil, rows.cell(row)) }
        let value = UInt32(truncatingIfNeeded: key)
        return ((Int(value >> 21), value & (DimensionEntry.valueLimit - 1)), rows.cell(row))
    }

    func write(to out: inout ByteWriter) { rows.write(to: &out) }
    mutating func read(from input: inout ByteReader) throws(StateError) { try rows.read(from: &input) }
}

import Core

/// What a cell of the table of purchases is about. Raw values are part of saved state.
package enum FactKind: UInt8, Sendable {
    /// Lines of purchases by category, month and segment.
    case category = 1
    case categoryGrade
    /// By gender and age.
    case categoryPeople
    /// By weekday, and by hour of the day: see `FactKey.hours`.
    case categoryRhythm
    case channel
    case channelRhythm
    /// Purchases by segment, the value being none.
    case segment
    case segmentRhythm
    case segmentDevice
    case segmentMedia
    /// Buyers who had not bought for the delay of `churned`, in the month it ended.
    case churned
    /// Events with a coupon, the value being its state.
    case coupon
    case promotion
    case promotionPeople
    case search
    /// Purchases by payment method and day, the day of the month standing as the segment; of `paymentMonths` only.
    case paymentDay
}

/// Of whom and when a cell of the table of purchases tells.
package struct FactKey: Hashable, Sendable {
    package var kind: FactKind
    /// The partition's number of a string, or a code of the kind's own.
    package var value: UInt32 = 0
    /// Months since January 1970; of a rhythm the weekday (0 Monday), or `hours` and the hour.
    package var month = 0
    /// Segment id + 1, 0 none.
    package var segment = 0
    /// Grade + 1, 0 none.
    package var grade = 0
    /// Gender and age as `ProfileCode` has them.
    package var people: UInt8 = 0

    package static let hours = 7
    /// Stands for the values that found no room.
    package static let other: UInt32 = (1 << 21) - 1
    private static let monthMax = (1 << 11) - 1

    package init(_ kind: FactKind, value: UInt32 = 0) {
        self.kind = kind
        self.value = value
    }

    var packed: UInt64 {
        UInt64(kind.rawValue) | UInt64(min(value, Self.other)) << 8
            | UInt64(min(max(month, 0), Self.monthMax)) << 29 | UInt64(segment & 0x1FF) << 40
            | UInt64(grade & 7) << 49 | UInt64(people & 0x3F) << 52
    }

    init?(packed: UInt64) {
        guard let kind = FactKind(rawValue: UInt8(truncatingIfNeeded: packed)) else { return nil }
        self.kind = kind
        value = UInt32(truncatingIfNeeded: packed >> 8) & Self.other
        month = Int(packed >> 29) & Self.monthMax
        segment = Int(packed >> 40) & 0x1FF
        grade = Int(packed >> 49) & 7
        people = UInt8(packed >> 52) & 0x3F
    }

    /// Whether the month is one of the calendar.
    var isDated: Bool {
        switch kind {
        case .category, .channel, .segment, .churned, .coupon, .promotion, .search, .paymentDay: true
        default: false
        }
    }

    /// Months, the present one included, of what is counted by month.
    var months: Int { kind == .paymentDay ? AnalyticsLimits.paymentMonths : AnalyticsLimits.months }
}

package struct FactCell: BitwiseCopyable, Sendable, Equatable {
    package var count: Int64 = 0
    /// Of `segment`: who bought for the first time in the month. Of `promotion`: uses by who had bought before. Of
    /// `paymentDay`: buyers of the day whose first purchase known of it was paid so.
    package var buyers: Int64 = 0
    /// Millionths.
    package var quantity: Int64 = 0
    package var revenue: Int64 = 0
    package var discount: Int64 = 0

    package init(count: Int64 = 0) { self.count = count }

    package mutating func add(_ other: FactCell) {
        count += other.count
        buyers += other.buyers
        quantity = saturatingSum(quantity, other.quantity)
        revenue = saturatingSum(revenue, other.revenue)
        discount = saturatingSum(discount, other.discount)
    }
}

/// Purchases, and what belongs to them, by a few things at once.
struct FactRows: ~Copyable {
    private var rows = KeyedRows(FactCell(), limit: AnalyticsLimits.facts + AnalyticsLimits.factsOther)
    /// What found no room.
    private(set) var dropped: Int64 = 0
    /// The month up to which old cells were let go last.
    private var pruned: Int64 = .min
    /// The oldest month of `paymentDay`; follows from the rows.
    private var oldestPaid = Int.max

    var byteCount: Int { rows.byteCount }
    var count: Int { rows.count }

    /// - Parameter now: the present month; months too long before it are not kept.
    mutating func add(_ key: FactKey, _ cell: FactCell, now: Int) {
        if key.isDated, key.month <= now - key.months { return }
        if let row = rows.find(key.packed) { return row.pointee.add(cell) }
        if key.kind == .paymentDay { notePaid(key.month, now) }
        var own = key
        if rows.count >= AnalyticsLimits.facts { prune(now) }
        // A full table has room left for the value of all others.
        if rows.count >= AnalyticsLimits.facts { own.value = FactKey.other }
        if let row = rows.row(own.packed) { row.pointee.add(cell) } else { dropped += cell.count }
    }

    /// Days of payments are let go as soon as there is another month of them.
    private mutating func notePaid(_ month: Int, _ now: Int) {
        if oldestPaid <= now - AnalyticsLimits.paymentMonths {
            rows.removeAll { packed in
                guard let key = FactKey(packed: packed) else { return true }
                return key.kind == .paymentDay && key.month <= now - AnalyticsLimits.paymentMonths
            }
            findOldestPaid()
        }
        oldestPaid = min(oldestPaid, month)
    }

    private mutating func findOldestPaid() {
        oldestPaid = .max
        for row in 0..<rows.count {
            if let key = FactKey(packed: rows.key(row)), key.kind == .paymentDay {
                oldestPaid = min(oldestPaid, key.month)
            }
        }
    }

    /// Once a month: what was let go then leaves nothing for the next.
    private mutating func prune(_ now: Int) {
        if pruned == Int64(now) { return }
        pruned = Int64(now)
        rows.removeAll { packed in
            guard let key = FactKey(packed: packed) else { return true }
            return key.isDated && key.month <= now - key.months
        }
        findOldestPaid()
    }

    subscript(row: Int) -> (key: FactKey?, cell: FactCell) {
        (FactKey(packed: rows.key(row)), rows.cell(row))
    }

    func write(to out: inout ByteWriter) {
        rows.write(to: &out)
        out.put(dropped)
        out.put(pruned)
    }

    mutating func read(from input: inout ByteReader) throws(StateError) {
        try rows.read(from: &input)
        dropped = try input.get()
        pruned = try input.get()
        findOldestPaid()
    }
}

/// Moves of users from one segment to another, by month and the partition's numbers of their names.
struct MoveRows: ~Copyable {
    private var rows = KeyedRows(Int64(0), limit: AnalyticsLimits.moves)

    var byteCount: Int { rows.byteCount }
    var count: Int { rows.count }

    mutating func add(month: Int, from: UInt32, to: UInt32, now: Int) {
        guard from < FactKey.other, to < FactKey.other, month > now - AnalyticsLimits.months, month >= 0
        else {
            return
        }
        let key = UInt64(month & 0xFFFF) << 42 | UInt64(from) << 21 | UInt64(to)
        if rows.row(key) == nil { rows.removeAll { Int($0 >> 42) <= now - AnalyticsLimits.months } }
        rows.row(key)?.pointee += 1
    }

    subscript(row: Int) -> (month: Int, from: UInt32, to: UInt32, users: Int64) {
        let key = rows.key(row)
        return (
            Int(key >> 42), UInt32(truncatingIfNeeded: key >> 21) & FactKey.other,
            UInt32(truncatingIfNeeded: key) & FactKey.other, rows.cell(row)
        )
    }

    func write(to out: inout ByteWriter) { rows.write(to: &out) }
    mutating func read(from input: inout ByteReader) throws(StateError) { try rows.read(from: &input) }
}

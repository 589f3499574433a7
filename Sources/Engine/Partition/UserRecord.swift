/// What every user costs: one plain record; the rest is in the tail block and, for those who bought,
/// signed up or used a coupon, in an `AccountRecord`.
struct UserRecord: BitwiseCopyable {
    /// Event times, microseconds.
    var firstSeen: Int64
    var lastSeen: Int64
    /// Latest event decided upon; `Int64.min` before the first.
    var lastDecided: Int64 = .min
    /// Starts of the sessions that hold `lastSeen`.
    var shortStart: Int64
    var longStart: Int64
    /// Sums of session lengths, microseconds.
    var shortTotal: Int64 = 0
    var longTotal: Int64 = 0
    var shortCount: UInt32 = 1
    var longCount: UInt32 = 1
    /// Where the id stands in the arena.
    var id: UInt32
    /// Tail block.
    var tail: UInt32 = 0
    /// Index + 1 of the account record.
    var account: UInt32 = 0
    /// Latest entry of the stage history, as its low 32 bits + 1 would wrap: see `StageHistory`.
    var stageLink: UInt32 = 0
    /// Entries in the sections of the tail.
    var nameCount: UInt16 = 0
    var dimensionCount: UInt16 = 0
    var shortKept: UInt16 = 0
    var longKept: UInt16 = 0
    var dayCount: UInt8 = 0
    var firedCount: UInt8 = 0
    var tailClass: UInt8 = 0
    /// Segment number + 1, 0 before the first assignment.
    var segment: UInt16 = 0
    var flags: UInt16 = 0

    /// Whether a timer of this kind waits in the due queue.
    static let dormantQueued: UInt16 = 1 << 0
    static let sessionQueued: UInt16 = 1 << 1
    static let churnQueued: UInt16 = 1 << 2
    static let winBackQueued: UInt16 = 1 << 3
    static let onboardingQueued: UInt16 = 1 << 4
    /// The dormant trigger of the present absence has been decided.
    static let dormantDone: UInt16 = 1 << 5
    static let churnDone: UInt16 = 1 << 6
    static let winBackDone: UInt16 = 1 << 7
    static let botDone: UInt16 = 1 << 8
    /// A purchase has arrived.
    static let converted: UInt16 = 1 << 9
    /// A purchase has been decided upon.
    static let bought: UInt16 = 1 << 10
    /// `lastSeen` is of an event that was too old to join a session: nothing joins it.
    static let lastAlone: UInt16 = 1 << 11
    /// The user was erased; nothing is left but the slot.
    static let erased: UInt16 = 1 << 12

    @inline(__always)
    func has(_ flag: UInt16) -> Bool { flags & flag != 0 }
}

/// What buyers, those who signed up and coupon users cost on top.
struct AccountRecord: BitwiseCopyable {
    /// Money in millionths, times in microseconds.
    var revenue: Int64 = 0
    var firstPurchase: Int64 = .max
    var lastPurchase: Int64 = .min
    /// Latest purchase decided upon.
    var lastPurchaseDecided: Int64 = .min
    var refundValue: Int64 = 0
    /// Sign-up whose onboarding is pending; `Int64.min`: none.
    var pendingSignUp: Int64 = .min
    /// When `repurchase_due` is due; `Int64.max`: not armed.
    var repurchaseDue: Int64 = .max
    /// Last purchase the repurchase trigger has fired or been passed over for.
    var repurchaseDoneFor: Int64 = .min
    var purchaseCount: UInt32 = 0
    var refundCount: UInt32 = 0
    var couponUsed: UInt32 = 0
    var couponNotUsed: UInt32 = 0
    var couponClicked: UInt32 = 0
    /// Purchase days, ascending: `PurchaseDay`.
    var days: UInt32 = 0
    var dayCount: UInt32 = 0
    /// Amounts by dimension and value: `AmountEntry`.
    var amounts: UInt32 = 0
    var amountCount: UInt32 = 0
    /// The last purchases with their items, encoded.
    var recent: UInt32 = 0
    var recentBytes: UInt32 = 0
    var daysClass: UInt8 = 0
    var amountsClass: UInt8 = 0
    var recentClass: UInt8 = 0
    var recentCount: UInt8 = 0
}

/// One calendar day with a purchase.
struct PurchaseDay: BitwiseCopyable {
    /// Days since 1970-01-01 in `clock.timezone`.
    var day: Int32
    var count: UInt32
    /// Millionths.
    var revenue: Int64
}

/// Money spent under one value of a dimension.
struct AmountEntry: BitwiseCopyable {
    /// 0 category, 1 payment method, 2 channel.
    var dimension: UInt32
    var value: UInt32
    var amount: Int64
}

/// A session that is over but may still be joined by late events.
struct KeptSession: BitwiseCopyable {
    var start: Int64
    var end: Int64
}

/// Events and short sessions begun on one calendar day of the last 90, packed: 16 bits of day number,
/// 24 of each count. A day that outgrows 24 bits goes on in a second entry.
struct DayBucket: BitwiseCopyable {
    var bits: UInt64

    static let countMax: UInt64 = (1 << 24) - 1

    @inline(__always)
    init(day: Int32) { bits = UInt64(UInt16(truncatingIfNeeded: day)) }

    @inline(__always)
    var day16: UInt16 { UInt16(truncatingIfNeeded: bits) }
    @inline(__always)
    var events: UInt64 { (bits >> 16) & Self.countMax }
    @inline(__always)
    var sessions: UInt64 { bits >> 40 }

    static let oneEvent: UInt64 = 1 << 16
    static let oneSession: UInt64 = 1 << 40
}

/// Count of one event name: 10 bits of name code, 22 of count. A full entry is followed by another.
struct NameEntry: BitwiseCopyable {
    var bits: UInt32
    static let countMax: UInt32 = (1 << 22) - 1

    @inline(__always)
    init(code: UInt16) { bits = UInt32(code) << 22 }
    @inline(__always)
    var code: UInt16 { UInt16(bits >> 22) }
    @inline(__always)
    var count: UInt32 { bits & Self.countMax }
}

/// Count and time of one value of one dimension: 4 bits dimension, 28 bits value, 16 bits count, 48 bits
/// of microseconds since the user's first event. Kept in the order of that time, so that ties of `main`
/// go to the value seen first. A full count goes on in another entry.
///
/// For gender, age band and region the time is that of the latest event, which holds.
struct DimensionEntry: BitwiseCopyable {
    var key: UInt32
    var countAndHigh: UInt32
    var low: UInt32

    static let timeMax: Int64 = (1 << 48) - 1

    @inline(__always)
    init(dimension: Int, value: UInt32, count: UInt32, time: Int64) {
        key = UInt32(dimension) << 28 | value
        countAndHigh = count << 16
        low = 0
        self.time = time
    }

    @inline(__always)
    static func key(dimension: Int, value: UInt32) -> UInt32 { UInt32(dimension) << 28 | value }

    @inline(__always)
    var dimension: Int { Int(key >> 28) }
    @inline(__always)
    var value: UInt32 { key & 0x0FFF_FFFF }
    @inline(__always)
    var count: UInt32 { countAndHigh >> 16 }

    var time: Int64 {
        @inline(__always) get { Int64(countAndHigh & 0xFFFF) << 32 | Int64(low) }
        @inline(__always) set {
            let clamped = min(max(newValue, 0), Self.timeMax)
            countAndHigh = countAndHigh & 0xFFFF_0000 | UInt32(truncatingIfNeeded: clamped >> 32)
            low = UInt32(truncatingIfNeeded: clamped)
        }
    }
}

/// A trigger that was decided for the user, so that a late event can withdraw it: 8 bits of rule, 56 of
/// due time.
struct FiredEntry: BitwiseCopyable {
    // Two halves, so that it may stand at any multiple of four bytes.
    private var low: UInt32
    private var high: UInt32

    init(rule: BuiltInRule, due: Int64) {
        low = UInt32(truncatingIfNeeded: due)
        high = UInt32(rule.rawValue) << 24 | UInt32(truncatingIfNeeded: due >> 32) & 0xFF_FFFF
    }

    var rule: BuiltInRule? { BuiltInRule(rawValue: UInt8(high >> 24)) }
    /// Sign-extended 56 bits.
    var due: Int64 { Int64(Int32(bitPattern: high << 8) >> 8) << 32 | Int64(low) }
}

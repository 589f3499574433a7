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
    /// 10 bits of entries in the names' section of the tail, 6 of the last event: see `PathStep`.
    private var namesAndStep: UInt16 = 0
    /// Entries in the other sections.
    var dimensionCount: UInt16 = 0
    var shortKept: UInt16 = 0
    var longKept: UInt16 = 0
    var dayCount: UInt16 = 0
    var firedCount: UInt8 = 0
    var tailClass: UInt8 = 0
    /// 10 bits of segment, 6 of profile.
    private var segmentAndProfile: UInt16 = 0
    var flags: UInt16 = 0

    /// Whether a timer of this kind waits in the due queue.
    static let dormantQueued: UInt16 = 1 << 0
    static let sessionQueued: UInt16 = 1 << 1
    static let churnQueued: UInt16 = 1 << 2
    static let winBackQueued: UInt16 = 1 << 3
    /// `high_intent` was told in the present short session.
    static let intentTold: UInt16 = 1 << 4
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
    /// The id stands in the arena by half bytes.
    static let packedID: UInt16 = 1 << 13
    /// The repurchase trigger of the present cycle has fired.
    static let repurchaseDone: UInt16 = 1 << 14
    /// `churn_risk` was told, and the risk has not fallen since.
    static let churnRisk: UInt16 = 1 << 15
    /// The user was erased; nothing is left but the slot.
    static let erased: UInt16 = 1 << 12

    init(firstSeen: Int64, lastSeen: Int64, shortStart: Int64, longStart: Int64, id: UInt32) {
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.shortStart = shortStart
        self.longStart = longStart
        self.id = id
    }

    static let namesMax: UInt16 = 0x3FF

    /// Entries in the names' section of the tail.
    var nameCount: UInt16 {
        @inline(__always) get { namesAndStep & Self.namesMax }
        @inline(__always) set { namesAndStep = namesAndStep & ~Self.namesMax | newValue }
    }

    /// The latest event, as a step of a path; 0 before the first.
    var step: UInt16 {
        @inline(__always) get { namesAndStep >> 10 }
        @inline(__always) set { namesAndStep = namesAndStep & Self.namesMax | newValue << 10 }
    }

    /// Segment number + 1, 0 before the first assignment.
    var segment: UInt16 {
        @inline(__always) get { segmentAndProfile >> ProfileCode.bitCount }
        @inline(__always) set {
            segmentAndProfile = newValue << ProfileCode.bitCount | UInt16(profile.bits)
        }
    }

    /// As decided upon.
    var profile: ProfileCode {
        @inline(__always) get { ProfileCode(bits: UInt8(truncatingIfNeeded: segmentAndProfile)) }
        @inline(__always) set {
            segmentAndProfile = segment << ProfileCode.bitCount | UInt16(newValue.bits)
        }
    }

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
    /// Lines of all purchases; one without items is one line.
    var itemLines: UInt32 = 0
    var daysClass: UInt8 = 0
    var amountsClass: UInt8 = 0
    var recentClass: UInt8 = 0
    var recentCount: UInt8 = 0
    /// Quartile levels by which the tier was decided: `TierLevels`.
    var tierLevels: UInt16 = 0
    /// Segment number + 1 when the last purchase was decided, 0 where there was none.
    var segmentAtLastPurchase: UInt16 = 0
    /// Place in `TierRule.names` + 1, and the best there ever was; 0: not decided.
    var tier: UInt8 = 0
    var tierBest: UInt8 = 0
    /// Place in `GradeRule.names` + 1; 0: none.
    var grade: UInt8 = 0
    var flags: UInt8 = 0

    /// Behind the purchase days stands, of each, what was spent under the grades' condition: `Int64`, millionths.
    static let keepsGraded: UInt8 = 1 << 0

    @inline(__always)
    var keepsGraded: Bool { flags & Self.keepsGraded != 0 }

    /// Bytes of the block `days` that are in use.
    var dayBytes: Int { Int(dayCount) * bytesPerDay }
    var bytesPerDay: Int {
        MemoryLayout<PurchaseDay>.stride + (keepsGraded ? MemoryLayout<Int64>.stride : 0)
    }
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
    /// 8 bits of dimension (0 category, 1 payment method, 2 channel), 24 of lines, which payment methods
    /// count.
    private var packed: UInt32
    var value: UInt32
    var amount: Int64

    static let linesMax: UInt32 = (1 << 24) - 1

    init(dimension: UInt32, value: UInt32, amount: Int64, lines: UInt32) {
        packed = dimension | min(lines, Self.linesMax) << 8
        self.value = value
        self.amount = amount
    }

    @inline(__always)
    var dimension: UInt32 { packed & 0xFF }
    var lines: UInt32 { packed >> 8 }

    /// Stops at the most that fits.
    mutating func add(lines more: UInt32) {
        packed = dimension | min(lines + min(more, Self.linesMax), Self.linesMax) << 8
    }
}

/// A session that is over but may still be joined by late events.
struct KeptSession: BitwiseCopyable {
    var start: Int64
    var end: Int64
}

/// Events and short sessions begun on one calendar day of the last 90, packed: 16 bits of day number, and
/// 10 of events and 5 of sessions. What does not fit is carried into a second and a third entry of the day,
/// in units of 1024 events and of 32 sessions.
struct DayBucket: BitwiseCopyable {
    enum Kind: UInt32 {
        case counts = 0
        case moreEvents = 2
        case moreSessions = 3
    }

    private var bits: UInt32

    static let eventsMax: UInt32 = 1023
    static let sessionsMax: UInt32 = 31
    static let carryMax: UInt32 = (1 << 14) - 1

    /// The day's counts; both within their bounds.
    @inline(__always)
    init(day16: UInt16, events: UInt32, sessions: UInt32) {
        bits = UInt32(day16) | events << 16 | sessions << 26
    }

    init(day16: UInt16, carried kind: Kind, _ units: UInt32) {
        bits = UInt32(day16) | units << 16 | kind.rawValue << 30
    }

    @inline(__always)
    var day16: UInt16 { UInt16(truncatingIfNeeded: bits) }
    @inline(__always)
    var isCarried: Bool { bits >> 31 != 0 }

    func isCarried(_ kind: Kind) -> Bool { bits >> 30 == kind.rawValue }
    var units: UInt32 { (bits >> 16) & Self.carryMax }

    @inline(__always)
    var events: UInt32 {
        isCarried ? (isCarried(.moreEvents) ? units << 10 : 0) : (bits >> 16) & Self.eventsMax
    }
    @inline(__always)
    var sessions: UInt32 {
        isCarried ? (isCarried(.moreSessions) ? units << 5 : 0) : bits >> 26
    }
}

/// Count of one event name: 10 bits of name code, 22 of count. A full entry is followed by another.
struct NameEntry: BitwiseCopyable {
    // Entries of the tail stand at any even address.
    private var low: UInt16
    private var high: UInt16
    static let countMax: UInt32 = (1 << 22) - 1

    @inline(__always)
    init(code: UInt16, count: UInt32) {
        low = UInt16(truncatingIfNeeded: count)
        high = code << 6 | UInt16(truncatingIfNeeded: count >> 16)
    }
    @inline(__always)
    var code: UInt16 { high >> 6 }
    @inline(__always)
    var count: UInt32 { UInt32(high & 0x3F) << 16 | UInt32(low) }
}

/// Count and time of one value of one dimension in ten bytes: 3 bits dimension, 21 bits value, 8 bits count,
/// 48 bits of microseconds since the user's first event. Kept in the order of that time, so that ties of
/// `main` go to the value seen first. A full count goes on in another entry.
///
/// For gender, age band and region the time is that of the latest event, which holds.
struct DimensionEntry: BitwiseCopyable {
    private var keyLow: UInt16
    private var keyHighAndCount: UInt16
    private var time0: UInt16
    private var time1: UInt16
    private var time2: UInt16

    static let timeMax: Int64 = (1 << 48) - 1
    static let countMax: UInt32 = 0xFF
    /// Values from this number on are not kept: a partition has met two million different strings before.
    static let valueLimit: UInt32 = 1 << 21

    @inline(__always)
    init(dimension: Int, value: UInt32, count: UInt32, time: Int64) {
        let key = Self.key(dimension: dimension, value: value)
        keyLow = UInt16(truncatingIfNeeded: key)
        keyHighAndCount = UInt16(truncatingIfNeeded: key >> 16 | count << 8)
        (time0, time1, time2) = (0, 0, 0)
        self.time = time
    }

    @inline(__always)
    static func key(dimension: Int, value: UInt32) -> UInt32 { UInt32(dimension) << 21 | value }

    @inline(__always)
    var key: UInt32 { UInt32(keyHighAndCount & 0xFF) << 16 | UInt32(keyLow) }
    @inline(__always)
    var dimension: Int { Int(key >> 21) }
    @inline(__always)
    var value: UInt32 { key & (Self.valueLimit - 1) }
    @inline(__always)
    var count: UInt32 { UInt32(keyHighAndCount >> 8) }

    /// One more; the count must not be full.
    @inline(__always)
    mutating func increment() { keyHighAndCount += 1 << 8 }

    var time: Int64 {
        @inline(__always) get { Int64(time2) << 32 | Int64(time1) << 16 | Int64(time0) }
        @inline(__always) set {
            let clamped = min(max(newValue, 0), Self.timeMax)
            time0 = UInt16(truncatingIfNeeded: clamped)
            time1 = UInt16(truncatingIfNeeded: clamped >> 16)
            time2 = UInt16(truncatingIfNeeded: clamped >> 32)
        }
    }
}

/// A trigger that was decided for the user, so that a late event can withdraw it: a bit where it was recorded
/// as stale and nobody was sent it, 7 bits of rule, 56 of due time. Where the trigger's id has an occurrence, the
/// next entry is of no rule and has it in place of a due time.
struct FiredEntry: BitwiseCopyable {
    private var parts: (UInt16, UInt16, UInt16, UInt16)

    /// In place of a rule.
    private static let isOccurrence: UInt8 = 0x7F

    init(rule: BuiltInRule, due: Int64, isStale: Bool) {
        parts = (
            UInt16(truncatingIfNeeded: due), UInt16(truncatingIfNeeded: due >> 16),
            UInt16(truncatingIfNeeded: due >> 32),
            UInt16(rule.rawValue) << 8 | UInt16(truncatingIfNeeded: due >> 48) & 0xFF
                | (isStale ? 0x8000 : 0)
        )
    }

    /// Of the trigger before it.
    init(occurrence: UInt32) {
        parts = (
            UInt16(truncatingIfNeeded: occurrence), UInt16(truncatingIfNeeded: occurrence >> 16), 0,
            UInt16(Self.isOccurrence) << 8
        )
    }

    var isStale: Bool { parts.3 & 0x8000 != 0 }
    private var code: UInt8 { UInt8(parts.3 >> 8) & 0x7F }
    var rule: BuiltInRule? { BuiltInRule(rawValue: code) }
    /// Of the trigger of the entry before; nil in an entry of a trigger.
    var occurrence: UInt32? {
        code == Self.isOccurrence ? UInt32(parts.1) << 16 | UInt32(parts.0) : nil
    }
    /// Sign-extended 56 bits.
    var due: Int64 {
        Int64(Int8(truncatingIfNeeded: parts.3)) << 48 | Int64(parts.2) << 32 | Int64(parts.1) << 16
            | Int64(parts.0)
    }
}

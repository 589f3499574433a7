import Core

/// What the features need of an event while it waits to be decided, in one byte.
struct EventFacts: BitwiseCopyable, Equatable {
    private var bits: UInt8 = 0

    init() {}

    /// - Parameters:
    ///   - coupon: 0 none, 1 used, 2 not used, 3 clicked.
    ///   - device: whether there is one, and whether it is the mobile one.
    @inline(__always)
    init(coupon: UInt8, hasDevice: Bool, isMobile: Bool) {
        bits = coupon | (hasDevice ? 4 : 0) | (isMobile ? 8 : 0)
    }

    var coupon: UInt8 { bits & 3 }
    var hasDevice: Bool { bits & 4 != 0 }
    var isMobile: Bool { bits & 8 != 0 }
}

/// What has arrived of a user and is not decided, to be taken away from what was counted on arrival.
struct Undecided: BitwiseCopyable {
    private(set) var names = InlineArray<10, Int64>(repeating: 0)
    private(set) var total: Int64 = 0
    private(set) var devices: Int64 = 0
    private(set) var mobile: Int64 = 0
    /// As `EventFacts.coupon` numbers them; none is not counted.
    private(set) var coupons = InlineArray<4, Int64>(repeating: 0)

    static let none = Undecided()

    mutating func add(_ entry: PendingEntry) {
        total += 1
        if Int(entry.code) < EventNames.known.count { names[Int(entry.code)] += 1 }
        if entry.facts.hasDevice { devices += 1 }
        if entry.facts.isMobile { mobile += 1 }
        coupons[Int(entry.facts.coupon)] += 1
    }
}

/// That of all users who have something undecided, gathered once for a sweep.
struct UndecidedUsers {
    private var users: [UInt32: Undecided] = [:]

    init(_ pending: borrowing Heap<PendingEntry>) {
        for entry in pending.entries { users[entry.slot, default: .none].add(entry) }
    }

    subscript(slot: Int) -> Undecided { users[UInt32(truncatingIfNeeded: slot)] ?? .none }
}

extension Partition {
    /// That of one user. Looks through all that waits, where any of it may be the user's.
    func undecided(_ slot: Int) -> Undecided {
        var found = Undecided.none
        guard users[slot].pointee.lastSeen > users[slot].pointee.lastDecided else { return found }
        for entry in pending.entries where Int(entry.slot) == slot { found.add(entry) }
        return found
    }
}

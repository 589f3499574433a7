import Core

/// What has arrived of a user beyond the instant that is decided: conditions must not see it, or the order in
/// which lines come within the allowed lateness would show.
///
/// Names, values of fields and amounts by field have no time of their own: all that have arrived count.
struct EventsAhead {
    struct Event {
        var time: Int64
        var code: UInt16
        /// As `EventFacts.coupon` numbers them.
        var coupon: UInt8
    }

    private(set) var events: [Event] = []
    private(set) var purchases: [(day: Int32, value: Int64)] = []
    private(set) var days = UndecidedDays.none
    private(set) var revenue: Int64 = 0

    var isEmpty: Bool { events.isEmpty }

    mutating func add(_ entry: PendingEntry) {
        events.append(Event(time: entry.time, code: entry.code, coupon: entry.facts.coupon))
    }

    mutating func add(_ purchase: PendingPurchase, on day: Int32) {
        purchases.append((day, purchase.value))
        days.add(purchase, on: day)
        revenue = saturatingSum(revenue, purchase.value)
    }

    func count(_ code: UInt32) -> Int64 {
        events.reduce(0) { $0 + (UInt32($1.code) == code ? 1 : 0) }
    }

    func count(coupon: UInt8) -> Int64 { events.reduce(0) { $0 + ($1.coupon == coupon ? 1 : 0) } }
}

extension Partition {
    /// Gathers what lies ahead of the instant for one user; nothing for nearly everybody.
    func lookAhead(_ slot: Int) {
        guard users[slot].pointee.lastSeen > decidedThrough else {
            if !ahead.isEmpty { ahead = EventsAhead() }
            return
        }
        if let index = aheadOfAll {
            ahead = index[UInt32(truncatingIfNeeded: slot)] ?? EventsAhead()
            return
        }
        ahead = EventsAhead()
        for entry in pending.entries where Int(entry.slot) == slot && entry.time > decidedThrough {
            ahead.add(entry)
        }
        for purchase in pendingPurchases.entries
        where Int(purchase.slot) == slot && purchase.time > decidedThrough {
            ahead.add(purchase, on: day(of: purchase.time))
        }
    }

    /// The same for everybody at once, before all users are looked at.
    func lookAheadOfAll() {
        var index: [UInt32: EventsAhead] = [:]
        for entry in pending.entries where entry.time > decidedThrough {
            index[entry.slot, default: EventsAhead()].add(entry)
        }
        for purchase in pendingPurchases.entries where purchase.time > decidedThrough {
            index[purchase.slot, default: EventsAhead()].add(purchase, on: day(of: purchase.time))
        }
        aheadOfAll = index
    }

    func endLookingAhead() { aheadOfAll = nil }

    /// Short sessions of the day that begin ahead of the instant.
    func sessionsAhead(_ slot: Int, today: Int32) -> Int64 {
        guard !ahead.isEmpty else { return 0 }
        var before = users[slot].pointee.lastDecided
        var begun: Int64 = 0
        for time in ahead.events.map(\.time).sorted() {
            if before == .min || time - before > terms.shortGap, day(of: time) == today { begun += 1 }
            before = max(before, time)
        }
        return begun
    }
}

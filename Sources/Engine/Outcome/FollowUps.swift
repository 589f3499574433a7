import Core
package import Models

/// A fired trigger whose outcome is not known yet.
struct FollowUp: BitwiseCopyable {
    /// now when it was decided, and the end of its window; microseconds.
    var at: Int64
    var until: Int64
    /// Spent within the window, and in a stretch as long before; millionths.
    var revenue: Int64 = 0
    var before: Int64
    /// Number of the same user's one before; 0: none.
    var previous: UInt64 = 0
    /// `FollowUps.nobody`: the user was erased.
    var slot: UInt32
    /// Number of the rule, as `RuleBook` has it.
    var rule: UInt16
    /// Number of the segment + 1, 0 before the first.
    var segment: UInt16
    /// As `Trigger.Group.number`.
    var group: UInt8
    var hasBought = false
    var hasReturned = false
}

/// What triggers of one kind came to.
package struct FollowUpSums: Sendable, Equatable {
    package var bought: Int64 = 0
    package var returned: Int64 = 0
    /// Revenue within the window, and before; in units of money. Its count is that of the triggers.
    package var revenue = Moments()

    package init() {}

    package mutating func add(_ other: FollowUpSums) {
        bought += other.bought
        returned += other.returned
        revenue.add(other.revenue)
    }

    fileprivate mutating func add(_ one: FollowUp) {
        bought += one.hasBought ? 1 : 0
        returned += one.hasReturned ? 1 : 0
        revenue.add(Double(one.revenue) / 1e6, before: Double(one.before) / 1e6)
    }
}

/// One kind: a rule and group, by month or by segment.
package struct FollowUpKey: Hashable, Sendable {
    /// What `value` is.
    package enum Kind: UInt8, Sendable {
        /// Months since the year 0, of `at` in `clock.timezone`.
        case month = 0
        /// Number of the segment + 1 when it fired.
        case segment = 1
    }

    package var rule: UInt16
    package var group: UInt8
    package var kind: Kind
    package var value: Int32

    package init(rule: UInt16, group: UInt8, kind: Kind, value: Int32) {
        self.rule = rule
        self.group = group
        self.kind = kind
        self.value = value
    }

    static func precedes(_ a: FollowUpKey, _ b: FollowUpKey) -> Bool {
        (a.rule, a.group, a.kind.rawValue, a.value) < (b.rule, b.group, b.kind.rawValue, b.value)
    }
}

/// Follows every trigger to the end of its window: whether its user bought, came back, and what was spent. Each
/// open one takes 56 bytes and 24 for finding it by user; at most `limit` are open, later ones are counted
/// and not followed. Those that have ended are sums.
struct FollowUps {
    static let nobody = UInt32.max

    private var window: Int64
    private var limit: Int
    /// Open ones by ascending `at`, from `head` on; the first of them has the number `base`.
    private var open: [FollowUp] = []
    private var head = 0
    private var base: UInt64 = 1
    /// Number of each user's newest open one.
    private var newest: [UInt32: UInt64] = [:]
    /// A bit by slot: the user has an open one. What every event asks for.
    private var waiting: [UInt64] = []
    private var cells: [FollowUpKey: FollowUpSums] = [:]
    /// Fired while `limit` were open.
    private(set) var unfollowed: Int64 = 0

    init(_ settings: OutcomeSettings) {
        window = settings.followUp
        limit = settings.followUps
    }

    mutating func adopt(_ settings: OutcomeSettings) {
        window = settings.followUp
        limit = settings.followUps
    }

    var isOn: Bool { window > 0 }
    var length: Int64 { window }
    var openCount: Int { open.count - head }

    var byteCount: Int {
        open.capacity * MemoryLayout<FollowUp>.stride + newest.capacity * 24 + waiting.capacity * 8
            + cells.capacity * (MemoryLayout<FollowUpKey>.stride + MemoryLayout<FollowUpSums>.stride + 1)
    }

    /// Whether a window has ended before an instant. What every event asks for.
    @inline(__always)
    func isDue(before frontier: Int64) -> Bool { head < open.count && open[head].until < frontier }

    @inline(__always)
    func isWaiting(_ slot: Int) -> Bool {
        let word = slot >> 6
        return word < waiting.count && waiting[word] & (1 << UInt64(slot & 63)) != 0
    }

    // MARK: From the trigger to its outcome

    /// A trigger of a user has fired.
    mutating func follow(_ fired: FollowUp) {
        guard openCount < limit else {
            unfollowed += 1
            return
        }
        var one = fired
        let slot = Int(one.slot)
        while waiting.count <= slot >> 6 { waiting.append(0) }
        waiting[slot >> 6] |= 1 << UInt64(slot & 63)
        one.previous = newest[one.slot] ?? 0
        newest[one.slot] = base + UInt64(openCount)
        open.append(one)
    }

    /// Something of a user who `isWaiting`.
    ///
    /// - Parameter value: of a purchase, millionths; nil: another event.
    mutating func happened(_ slot: Int, at time: Int64, value: Int64?) {
        var number = newest[UInt32(truncatingIfNeeded: slot)] ?? 0
        while number >= base {
            let place = head + Int(number - base)
            number = open[place].previous
            guard time > open[place].at, time <= open[place].until else { continue }
            open[place].hasReturned = true
            guard let value else { continue }
            open[place].hasBought = true
            open[place].revenue = saturatingSum(open[place].revenue, value)
        }
    }

    /// Everything before an instant is decided: windows that ended before it are summed up.
    ///
    /// - Parameter day: calendar day of an instant.
    mutating func close(before frontier: Int64, day: (Int64) -> Int32) {
        while head < open.count, open[head].until < frontier {
            let one = open[head]
            head += 1
            base += 1
            guard one.slot != Self.nobody else { continue }
            if let last = newest[one.slot], last < base { forget(one.slot) }
            let date = CalendarDate(dayNumber: day(one.at))
            let month = Int32(date.year * 12 + date.month - 1)
            for (kind, value) in [(FollowUpKey.Kind.month, month), (.segment, Int32(one.segment))] {
                cells[
                    FollowUpKey(rule: one.rule, group: one.group, kind: kind, value: value),
                    default: FollowUpSums()
                ].add(one)
            }
        }
        if head > 64, head > open.count / 2 {
            open.removeFirst(head)
            head = 0
        }
    }

    private mutating func forget(_ slot: UInt32) {
        newest[slot] = nil
        waiting[Int(slot) >> 6] &= ~(1 << UInt64(slot & 63))
    }

    /// What they came to before stays in the sums, which are nobody's alone.
    mutating func erase(_ slots: Set<UInt32>) {
        for place in open[head...].indices where slots.contains(open[place].slot) {
            forget(open[place].slot)
            open[place].slot = Self.nobody
        }
    }

    /// In one order, whatever the process.
    var sums: [(key: FollowUpKey, sums: FollowUpSums)] {
        cells.sorted { FollowUpKey.precedes($0.key, $1.key) }.map { ($0.key, $0.value) }
    }

    // MARK: Saved state

    func write(to out: inout ByteWriter) {
        out.put(unfollowed)
        out.put(UInt64(openCount))
        for one in open[head...] {
            for value in [one.at, one.until, one.revenue, one.before] { out.put(value) }
            out.put(one.slot)
            out.put(one.rule)
            out.put(one.segment)
            out.put(one.group)
            out.put(one.hasBought)
            out.put(one.hasReturned)
        }
        out.put(UInt64(cells.count))
        for (key, sums) in self.sums {
            out.put(key.rule)
            out.put(key.group)
            out.put(key.kind.rawValue)
            out.put(key.value)
            for value in [sums.bought, sums.returned, sums.revenue.count] { out.put(value) }
            for value in sums.revenue.values { out.put(value) }
        }
    }

    init(from input: inout ByteReader, _ settings: OutcomeSettings, users: Int) throws(StateError) {
        self.init(settings)
        unfollowed = try input.get()
        for _ in 0..<(try input.count(of: 43)) {
            var one = FollowUp(
                at: try input.get(), until: try input.get(), before: 0, slot: 0, rule: 0, segment: 0, group: 0
            )
            one.revenue = try input.get()
            one.before = try input.get()
            one.slot = try input.get()
            one.rule = try input.get()
            one.segment = try input.get()
            one.group = try input.get()
            one.hasBought = try input.getBool()
            one.hasReturned = try input.getBool()
            guard one.slot == Self.nobody || Int(one.slot) < users, one.at <= one.until, one.group <= 1 else {
                throw StateError("an outcome that is waited for holds what cannot be")
            }
            restore(one)
        }
        for _ in 0..<(try input.count(of: 72)) {
            let rule: UInt16 = try input.get()
            let group: UInt8 = try input.get()
            guard let kind = FollowUpKey.Kind(rawValue: try input.get()), group <= 1 else {
                throw StateError("outcomes of an unknown kind")
            }
            let key = FollowUpKey(rule: rule, group: group, kind: kind, value: try input.get())
            var sums = FollowUpSums()
            sums.bought = try input.get()
            sums.returned = try input.get()
            let count: Int64 = try input.get()
            var values: [Double] = []
            for _ in 0..<5 { values.append(try input.getDouble()) }
            sums.revenue = Moments(count: count, values: values)
            guard sums.bought >= 0, sums.returned >= sums.bought, count >= sums.returned,
                values.allSatisfy(\.isFinite)
            else { throw StateError("sums of outcomes hold what cannot be") }
            cells[key] = sums
        }
    }

    /// Puts an open one back, whatever the limit is by now.
    private mutating func restore(_ one: FollowUp) {
        let bound = limit
        limit = .max
        if one.slot == Self.nobody { open.append(one) } else { follow(one) }
        limit = bound
    }
}

/// The sums of one partition, and what is not among them.
package struct FollowUpReport: Sendable {
    package var sums: [(key: FollowUpKey, sums: FollowUpSums)]
    /// Triggers whose window has not ended.
    package var open: Int
    /// Triggers fired while too many were open.
    package var unfollowed: Int64
    /// Names of the configuration's own rules: that of rule `firstOwn` + i is `ownNames[i]`.
    package var ownNames: [String]

    package static let firstOwn = RuleBook.firstOwn

    package init(
        sums: [(key: FollowUpKey, sums: FollowUpSums)], open: Int, unfollowed: Int64, ownNames: [String] = []
    ) {
        self.sums = sums
        self.open = open
        self.unfollowed = unfollowed
        self.ownNames = ownNames
    }
}

extension Partition {
    /// Rules that tell of something without being a message to the user.
    private static let silent: Set<UInt16> = [
        UInt16(BuiltInRule.retracted.rawValue), UInt16(BuiltInRule.botSuspected.rawValue),
    ]

    /// A trigger has fired: what comes of it is looked for.
    ///
    /// - Parameter rule: its number, as `RuleBook` has it.
    func follow(_ rule: UInt16, _ slot: Int, at: Int64, group: Trigger.Group) {
        guard followUps.isOn, group != .stale, !Self.silent.contains(rule) else { return }
        followUps.follow(
            FollowUp(
                at: at, until: at + followUps.length, before: revenue(slot, before: at),
                slot: UInt32(truncatingIfNeeded: slot), rule: rule,
                segment: users[slot].pointee.segment, group: group.number))
    }

    /// Spent in the calendar days of a window's length up to an instant, millionths.
    private func revenue(_ slot: Int, before instant: Int64) -> Int64 {
        guard let account = account(slot), account.pointee.dayCount > 0 else { return 0 }
        let today = day(of: instant)
        let length = Int32(max(1, followUps.length / Microseconds.day))
        var sum: Int64 = 0
        for entry in purchaseDays(account).reversed() where entry.day <= today {
            if entry.day <= today - length { break }
            sum = saturatingSum(sum, entry.revenue)
        }
        return sum
    }

    /// Windows that have ended are summed up.
    func closeFollowUps() {
        guard followUps.isDue(before: frontier) else { return }
        let zone = settings.zone
        followUps.close(before: frontier) { zone.day(of: EventTime(microseconds: $0)) }
    }
}

extension Shard {
    /// By partition.
    package func followUps() -> [(partition: Int, report: FollowUpReport)] {
        var reports: [(partition: Int, report: FollowUpReport)] = []
        forEachPartition { partition in
            let followUps = partition.followUps
            reports.append(
                (
                    partition.number,
                    FollowUpReport(
                        sums: followUps.sums, open: followUps.openCount, unfollowed: followUps.unfollowed,
                        ownNames: partition.rules.names)
                ))
        }
        return reports
    }
}

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
    var previous: UInt32 = 0
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
package struct FollowUpSums: BitwiseCopyable, Sendable, Equatable {
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

    /// Ascending by rule, group, kind and value, the latter not below 0.
    var packed: UInt64 {
        UInt64(rule) << 48 | UInt64(group) << 40 | UInt64(kind.rawValue) << 32
            | UInt64(UInt32(bitPattern: value))
    }

    init?(packed: UInt64) {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: packed >> 32)) else { return nil }
        self.init(
            rule: UInt16(truncatingIfNeeded: packed >> 48), group: UInt8(truncatingIfNeeded: packed >> 40),
            kind: kind, value: Int32(bitPattern: UInt32(truncatingIfNeeded: packed)))
    }
}

/// Follows every trigger to the end of its window: whether its user bought, came back, and what was spent. Each
/// open one takes 48 bytes and 8 to 16 for finding it by user; at most `limit` are open, later ones are counted
/// and not followed. Those that have ended are sums.
struct FollowUps: ~Copyable {
    static let nobody = UInt32.max

    private var window: Int64
    private var limit: Int
    /// Open ones by ascending `at`: a ring of `capacity` places that begins at `head`; the first has the number
    /// `base`.
    private var ring: UnsafeMutablePointer<FollowUp>
    private var capacity = 16
    private var head = 0
    private(set) var openCount = 0
    private var base: UInt32 = 1
    /// Numbers of each user's newest open one, found by slot with open addressing; 0: free. Twice as many places as
    /// a power of two that holds all users that wait.
    private var newest: UnsafeMutablePointer<UInt32>
    private var places = 32
    private var waitingCount = 0
    /// A bit by slot: the user has an open one. What every event asks for.
    private var waiting: [UInt64] = []
    private var cells = KeyedRows(FollowUpSums(), limit: .max)
    /// Calendar day of the trigger that was summed up last, and its month.
    private var hour = LocalHour()
    private var month = (day: Int32.min, number: Int32(0))
    /// Fired while `limit` were open.
    private(set) var unfollowed: Int64 = 0

    init(_ settings: OutcomeSettings) {
        window = settings.followUp
        limit = settings.followUps
        ring = .allocate(capacity: 16)
        newest = .allocate(capacity: 32)
        newest.initialize(repeating: 0, count: 32)
    }

    deinit {
        ring.deallocate()
        newest.deallocate()
    }

    mutating func adopt(_ settings: OutcomeSettings) {
        window = settings.followUp
        limit = settings.followUps
    }

    var isOn: Bool { window > 0 }
    var length: Int64 { window }

    var byteCount: Int {
        capacity * MemoryLayout<FollowUp>.stride + places * 4 + waiting.capacity * 8 + cells.byteCount
    }

    /// Whether a window has ended before an instant. What every event asks for.
    @inline(__always)
    func isDue(before frontier: Int64) -> Bool { openCount > 0 && ring[head].until < frontier }

    @inline(__always)
    func isWaiting(_ slot: Int) -> Bool {
        let word = slot >> 6
        return word < waiting.count && waiting[word] & (1 << UInt64(slot & 63)) != 0
    }

    /// The one that is so many after the oldest.
    @inline(__always)
    private func address(_ offset: Int) -> UnsafeMutablePointer<FollowUp> {
        let place = head + offset
        return ring + (place < capacity ? place : place - capacity)
    }

    // MARK: The newest of each user

    @inline(__always)
    private func home(_ slot: UInt32) -> Int {
        Int((slot &* 0x9E37_79B1) >> 7) & (places - 1)
    }

    /// Place of a user's number, or the free one where it belongs.
    @inline(__always)
    private func find(_ slot: UInt32) -> Int {
        var place = home(slot)
        while newest[place] != 0, address(Int(newest[place] - base)).pointee.slot != slot {
            place = (place + 1) & (places - 1)
        }
        return place
    }

    private mutating func forget(_ slot: UInt32) {
        waiting[Int(slot) >> 6] &= ~(1 << UInt64(slot & 63))
        var free = find(slot)
        if newest[free] == 0 { return }
        waitingCount -= 1
        var place = free
        while true {
            newest[free] = 0
            // What stands behind moves up where the gap would part it from its home.
            repeat {
                place = (place + 1) & (places - 1)
                if newest[place] == 0 { return }
                let wanted = home(address(Int(newest[place] - base)).pointee.slot)
                if (place - wanted) & (places - 1) >= (place - free) & (places - 1) { break }
            } while true
            newest[free] = newest[place]
            free = place
        }
    }

    /// Numbers all anew from 1, each knowing its user's one before.
    private mutating func relink() {
        newest.deallocate()
        newest = .allocate(capacity: places)
        newest.initialize(repeating: 0, count: places)
        waitingCount = 0
        base = 1
        for offset in 0..<openCount where address(offset).pointee.slot != Self.nobody { link(offset) }
    }

    private mutating func link(_ offset: Int) {
        let one = address(offset)
        let place = find(one.pointee.slot)
        one.pointee.previous = newest[place]
        if newest[place] == 0 { waitingCount += 1 }
        newest[place] = base + UInt32(offset)
    }

    /// Grows by a quarter: what waits is a good part of the state.
    private mutating func grow() {
        let size = capacity + capacity / 4
        let more = UnsafeMutablePointer<FollowUp>.allocate(capacity: size)
        for offset in 0..<openCount { more[offset] = address(offset).pointee }
        ring.deallocate()
        (ring, capacity, head) = (more, size, 0)
    }

    // MARK: From the trigger to its outcome

    /// A trigger of a user has fired.
    mutating func follow(_ fired: FollowUp) {
        guard openCount < limit else {
            unfollowed += 1
            return
        }
        put(fired)
    }

    private mutating func put(_ one: FollowUp) {
        if openCount == capacity { grow() }
        address(openCount).pointee = one
        openCount += 1
        if one.slot == Self.nobody { return }
        let slot = Int(one.slot)
        while waiting.count <= slot >> 6 { waiting.append(0) }
        waiting[slot >> 6] |= 1 << UInt64(slot & 63)
        if waitingCount * 2 >= places {
            places *= 2
            relink()
        } else if base > 1 << 31 {
            relink()
        } else {
            link(openCount - 1)
        }
    }

    /// Asks for what `happened` of a user will look at.
    @inline(__always)
    func prefetchNewest(_ slot: Int) {
        prefetch(UnsafeRawPointer(newest + home(UInt32(truncatingIfNeeded: slot))))
    }

    /// Something of a user who `isWaiting`.
    ///
    /// - Parameter value: of a purchase, millionths; nil: another event.
    mutating func happened(_ slot: Int, at time: Int64, value: Int64?) {
        var number = newest[find(UInt32(truncatingIfNeeded: slot))]
        while number >= base {
            let one = address(Int(number - base))
            number = one.pointee.previous
            guard time > one.pointee.at, time <= one.pointee.until else { continue }
            one.pointee.hasReturned = true
            guard let value else { continue }
            one.pointee.hasBought = true
            one.pointee.revenue = saturatingSum(one.pointee.revenue, value)
        }
    }

    /// Everything before an instant is decided: windows that ended before it are summed up.
    mutating func close(before frontier: Int64, _ zone: borrowing Zone) {
        while isDue(before: frontier) {
            let one = ring[head]
            if one.slot != Self.nobody {
                if newest[find(one.slot)] == base { forget(one.slot) }
                sumUp(one, zone)
            }
            head = head + 1 == capacity ? 0 : head + 1
            base += 1
            openCount -= 1
        }
    }

    private mutating func sumUp(_ one: FollowUp, _ zone: borrowing Zone) {
        hour.move(to: one.at, zone)
        if hour.day != month.day {
            let date = CalendarDate(dayNumber: hour.day)
            month = (hour.day, Int32(date.year * 12 + date.month - 1))
        }
        var key = FollowUpKey(rule: one.rule, group: one.group, kind: .month, value: month.number)
        cells.row(key.packed)?.pointee.add(one)
        key.kind = .segment
        key.value = Int32(one.segment)
        cells.row(key.packed)?.pointee.add(one)
    }

    /// What they came to before stays in the sums, which are nobody's alone.
    mutating func erase(_ slots: Set<UInt32>) {
        var isAny = false
        for offset in 0..<openCount where slots.contains(address(offset).pointee.slot) {
            let slot = address(offset).pointee.slot
            waiting[Int(slot) >> 6] &= ~(1 << UInt64(slot & 63))
            address(offset).pointee.slot = Self.nobody
            isAny = true
        }
        if isAny { relink() }
    }

    /// In one order, whatever the process.
    var sums: [(key: FollowUpKey, sums: FollowUpSums)] {
        (0..<cells.count).sorted { cells.key($0) < cells.key($1) }.compactMap { row in
            FollowUpKey(packed: cells.key(row)).map { ($0, cells.cell(row)) }
        }
    }

    // MARK: Saved state

    func write(to out: inout ByteWriter) {
        out.put(unfollowed)
        out.put(UInt64(openCount))
        for offset in 0..<openCount {
            let one = address(offset).pointee
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
            put(one)
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
            cells.row(key.packed)?.pointee = sums
        }
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
        followUps.close(before: frontier, settings.zone)
    }
}

extension Shard {
    /// By partition.
    package func followUps() -> [(partition: Int, report: FollowUpReport)] {
        var reports: [(partition: Int, report: FollowUpReport)] = []
        forEachPartition { partition in
            reports.append(
                (
                    partition.number,
                    FollowUpReport(
                        sums: partition.followUps.sums, open: partition.followUps.openCount,
                        unfollowed: partition.followUps.unfollowed, ownNames: partition.rules.names)
                ))
        }
        return reports
    }
}

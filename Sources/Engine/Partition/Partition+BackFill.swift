import Core

/// Events of long ago, which come under the wall clock: what they make due is recorded as stale, once it is
/// known that nothing in the user's past undoes it. They are walked through by themselves, user by user in
/// the order of time; what came when it was due is held against what they say.
extension Partition {
    /// How long no such event has come when a back-fill is over.
    private var quiet: Int64 {
        min(max(terms.allowedLateness, Microseconds.second), 10 * Microseconds.second)
    }

    /// Nothing of the back-fill is settled before this instant.
    var backFillDue: Int64 {
        if backFill.isSettling { return frontier - 1 }
        let instant = backFill.settledAt(quiet: quiet, longest: max(quiet, terms.maxAge))
        return instant == .max ? .max : instant - terms.allowedLateness - 1
    }

    /// Whether an event is so old that what it makes due may be stale.
    @inline(__always)
    func isOfLongAgo(_ time: Int64) -> Bool { terms.isWall && time < now - terms.maxAge }

    /// A record's oldest event: any partition's tells that the back-fill goes on.
    func noteOldest(_ time: Int64, at now: Int64) {
        if terms.isWall, time < now - terms.maxAge { backFill.touch(now) }
    }

    /// Takes a late event of long ago in its turn: a back-fill comes nearly in the order of time.
    func fillIn(_ slot: Int, _ time: Int64, _ code: UInt16) {
        backFill.begin(now)
        backFill.head = max(backFill.head, time)
        let passed = backFill.head - terms.allowedLateness
        if time < passed {
            walk(slot, time, code)
        } else {
            backFill.waiting.push(
                PendingEntry(
                    time: time, arrival: arrivals, slot: UInt32(truncatingIfNeeded: slot), code: code,
                    facts: EventFacts(), profile: ProfileCode()))
        }
        walkWaiting(before: passed)
    }

    private func walkWaiting(before instant: Int64) {
        while !backFill.waiting.isEmpty, backFill.waiting.first.time < instant {
            let event = backFill.waiting.pop()
            walk(Int(event.slot), event.time, event.code)
        }
    }

    /// At the end of a record: settles some users where the back-fill is over.
    func settleBackFill() {
        if backFill.isEmpty { return }
        if !backFill.isSettling {
            guard now >= backFill.settledAt(quiet: quiet, longest: max(quiet, terms.maxAge)) else { return }
            walkWaiting(before: .max)
            backFill.beginSettling()
        }
        var left = BackFill.settledAtOnce
        while backFill.isSettling, left > 0 {
            var entry = backFill.next()
            left -= 1
            if entry.slot == .max { continue }
            if !lists.isEmpty { preserve(Int(entry.slot)) }
            pass(&entry, Int(entry.slot), before: .max)
            compact(users[Int(entry.slot)])
        }
        backFill.trim(now)
    }

    // MARK: One user's past

    private func walk(_ slot: Int, _ time: Int64, _ code: UInt16) {
        let place = backFill.entry(slot, time)
        var entry = place.pointee
        if time >= entry.last {
            pass(&entry, slot, before: time)
            enter(&entry, time, code)
        } else {
            enterBehind(&entry, time, code)
        }
        if code == EventNames.signUp {
            let due = time + terms.delay(.welcome)
            if due < now - terms.maxAge { record(.welcome, slot, from: time, due: due, entry) }
        }
        place.pointee = entry
    }

    /// What was due before an instant has come about, as far as it is stale.
    private func pass(_ entry: inout PastEntry, _ slot: Int, before instant: Int64) {
        let bound = min(instant, now - terms.maxAge)
        func reach(_ rule: BuiltInRule, from time: Int64) -> Bool {
            let due = time + terms.delay(rule)
            if due < bound { record(rule, slot, from: time, due: due, entry) }
            return due < instant
        }
        if let rule = Stage(rawValue: entry.stage)?.rule, reach(rule, from: entry.stageTime) {
            entry.stage = 0
        }
        if !entry.has(PastEntry.bought), !entry.has(PastEntry.dormantDone), reach(.dormant, from: entry.last)
        {
            entry.flags |= PastEntry.dormantDone
        }
        if entry.signUp != .min, reach(.onboardingStalled, from: entry.signUp) { entry.signUp = .min }
        guard entry.purchase != .min else { return }
        if !entry.has(PastEntry.churnDone), reach(.churned, from: entry.purchase) {
            entry.flags |= PastEntry.churnDone
        }
        if !entry.has(PastEntry.winBackDone), reach(.winBack, from: entry.purchase) {
            entry.flags |= PastEntry.winBackDone
        }
    }

    private func enter(_ entry: inout PastEntry, _ time: Int64, _ code: UInt16) {
        entry.last = time
        entry.flags &= ~PastEntry.dormantDone
        let stage = Self.stage(of: code)
        if stage == .purchase {
            entry.stage = 0
            purchased(&entry, time)
        } else if stage != .none, stage.rawValue >= entry.stage {
            entry.stage = stage.rawValue
            entry.stageTime = time
        }
        if code == EventNames.signUp { entry.signUp = time }
    }

    private func purchased(_ entry: inout PastEntry, _ time: Int64) {
        entry.flags |= PastEntry.bought
        entry.flags &= ~(PastEntry.churnDone | PastEntry.winBackDone)
        entry.purchase = time
        if entry.signUp <= time { entry.signUp = .min }
    }

    /// An event further out of order than the allowed lateness: it changes what is still pending.
    private func enterBehind(_ entry: inout PastEntry, _ time: Int64, _ code: UInt16) {
        let stage = Self.stage(of: code)
        if stage == .purchase {
            if entry.stageTime <= time { entry.stage = 0 }
            if entry.signUp <= time { entry.signUp = .min }
            entry.flags |= PastEntry.bought
            if time > entry.purchase { purchased(&entry, time) }
        } else if let rule = stage.rule, time + terms.delay(rule) >= entry.last, entry.purchase < time {
            let isDeeper = stage.rawValue > entry.stage
            if isDeeper || stage.rawValue == entry.stage && time > entry.stageTime {
                entry.stage = stage.rawValue
                entry.stageTime = time
            }
        }
        if code == EventNames.signUp, time > entry.signUp, time > entry.purchase { entry.signUp = time }
    }

    // MARK: Recording

    private func record(
        _ rule: BuiltInRule, _ slot: Int, from basis: Int64, due: Int64, _ entry: PastEntry
    ) {
        guard terms.isEnabled(rule), !isRemembered(rule, slot, due), !isUndone(rule, slot, basis, due) else {
            return
        }
        triggers.begin(
            name: UInt16(rule.rawValue), user: users.id(slot), at: now, due: due,
            group: Trigger.Group.stale.number)
        describe(slot, due, seen: entry.last, bought: entry.purchase)
        triggers.end()
        remember(rule, slot, due, isStale: true)
    }

    /// Whether events that came at their time, or are known otherwise, undo what the back-filled ones say.
    private func isUndone(_ rule: BuiltInRule, _ slot: Int, _ basis: Int64, _ due: Int64) -> Bool {
        switch rule {
        case .browseAbandoned, .cartAbandoned, .checkoutAbandoned:
            if boughtBetween(slot, basis, due) { return true }
            return isStageReplaced(slot, rule, from: basis, due: due)
        case .churned, .winBack:
            return boughtBetween(slot, basis, due) || boughtOnDay(slot, basis, due)
        case .onboardingStalled:
            if boughtBetween(slot, basis, due) || boughtOnDay(slot, basis, due) { return true }
            let signUp = account(slot)?.pointee.pendingSignUp ?? .min
            return signUp > basis && signUp <= due
        case .dormant:
            return (account(slot)?.pointee.firstPurchase ?? .max) <= due || wasSeen(slot, basis, due)
        default: return false
        }
    }

    /// Whether a day strictly within two instants has a purchase.
    func boughtOnDay(_ slot: Int, _ basis: Int64, _ due: Int64) -> Bool {
        guard let account = account(slot), account.pointee.dayCount > 0 else { return false }
        let (first, last) = (settings.zone.day(of: basis), settings.zone.day(of: due))
        return purchaseDays(account).contains { $0.day > first && $0.day < last }
    }

    /// Whether the user is known to have done anything after `basis` and no later than `due`.
    private func wasSeen(_ slot: Int, _ basis: Int64, _ due: Int64) -> Bool {
        let user = users[slot].pointee
        for time in [user.firstSeen, user.lastSeen, user.shortStart] where time > basis && time <= due {
            return true
        }
        let (first, last) = (settings.zone.day(of: basis), settings.zone.day(of: due))
        return wasActive(users[slot], after: first, before: last)
    }
}

extension Zone {
    fileprivate func day(of microseconds: Int64) -> Int32 { day(of: EventTime(microseconds: microseconds)) }
}

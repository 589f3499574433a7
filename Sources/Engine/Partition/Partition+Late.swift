import Core

extension Partition {
    /// An event behind the frontier: applied at its own time. What is past due already is never sent; what
    /// was sent and is now untrue is withdrawn. What was due so long ago that it is stale is recorded once it
    /// is known that the rest of the history does not undo it.
    func decideLate(_ slot: Int, time: Int64, code: UInt16, row: UInt32) {
        let user = users[slot]
        let isPurchase = code == EventNames.purchase
        user.pointee.lastDecided = max(user.pointee.lastDecided, time)
        let stage = Self.stage(of: code)
        if stage != .none, time >= frontier - terms.stageMemory {
            judgeStages(slot, stage, time, row)
        }
        withdraw(slot, time, code, row)
        if !rules.listeners.isEmpty { hear(slot, code, time, late: row) }
        if isPurchase, !rules.predicted.isEmpty { withdrawPredicted(slot, time, row) }
        if isPurchase {
            if !arbiter.held.isEmpty { withdrawHeldRisk(slot, time) }
            if !user.pointee.has(UserRecord.bought) { becameBuyer(slot) }
            user.pointee.flags |= UserRecord.bought
            if intents.isOn { intents.purchased(slot, at: time, frontier: frontier) }
            let account = makeAccount(slot)
            if time >= account.pointee.pendingSignUp { account.pointee.pendingSignUp = .min }
            if time > account.pointee.lastPurchaseDecided {
                account.pointee.lastPurchaseDecided = time
                account.pointee.segmentAtLastPurchase = user.pointee.segment
                user.pointee.flags &= ~UserRecord.repurchaseDone
                if !rules.predicted.isEmpty { restartPredicted(slot) }
                armAfterPurchase(slot)
            }
        }
        if code == EventNames.signUp {
            armWelcome(slot, time)
            let known = account(slot)?.pointee
            if (known?.lastPurchaseDecided ?? .min) <= time, (known?.pendingSignUp ?? .min) <= time {
                armOnboarding(slot, time)
            }
        }
        armDormant(slot)
        if closesSession(user) { armSessionClose(slot) }
        if isOfLongAgo(time) { fillIn(slot, time, code) }
    }

    static func stage(of code: UInt16) -> Stage {
        switch code {
        case EventNames.viewItem: .browse
        case EventNames.addToCart: .cart
        case EventNames.beginCheckout: .checkout
        case EventNames.purchase: .purchase
        default: .none
        }
    }

    func isUntrue(
        _ slot: Int, _ rule: BuiltInRule, due: Int64, _ time: Int64, _ code: UInt16
    ) -> Bool {
        if time > due { return false }
        let isPurchase = code == EventNames.purchase
        let basis = due - delay(rule, ofDue: due)
        switch rule {
        case .dormant: return time > basis || isPurchase
        case .churned, .winBack: return isPurchase && time > basis
        case .onboardingStalled:
            // A further sign-up begins the delay again.
            return isPurchase && time >= basis || code == EventNames.signUp && time > basis
        case .repurchaseDue: return isPurchase && !boughtBetween(slot, time, due)
        // The score rests on another last purchase.
        case .churnRisk: return isPurchase && !boughtSince(slot, time, due)
        case .browseAbandoned, .cartAbandoned, .checkoutAbandoned:
            // Younger ones were judged by the user's history.
            return time < frontier - terms.stageMemory
                && isReplaced(slot, rule, from: basis, Self.stage(of: code), time)
        default: return false
        }
    }

    /// Whether a stage that was sent cannot have been, for a late one whose neighbours are forgotten: it came
    /// in its delay, or was deeper and still pending when it began.
    private func isReplaced(
        _ slot: Int, _ rule: BuiltInRule, from basis: Int64, _ late: Stage, _ time: Int64
    ) -> Bool {
        let own = Stage(rule: rule)
        if time > basis { return late.rawValue >= own.rawValue }
        guard late.rawValue > own.rawValue else { return false }
        if time == basis { return true }
        guard let lateRule = late.rule, (stageDue(lateRule, from: time) ?? .min) >= basis else {
            return false
        }
        // What is known to have ended it before.
        let fired = pool.tail(users[slot]).fired
        for index in 0..<Int(users[slot].pointee.firedCount) {
            guard let other = fired[index].rule, Stage(rule: other).rawValue > own.rawValue else { continue }
            if fired[index].due > time, fired[index].due < basis { return false }
        }
        return !boughtBetween(slot, time, basis)
    }

    /// Whether another purchase that is remembered lies after a late one and no later than `due`.
    func boughtBetween(_ slot: Int, _ time: Int64, _ due: Int64) -> Bool {
        guard let account = account(slot) else { return false }
        if account.pointee.lastPurchaseDecided > time, account.pointee.lastPurchaseDecided <= due {
            return true
        }
        return recentPurchases(account).contains { $0.time > time && $0.time <= due }
    }

    /// - Parameter withdrawn: occurrence of the trigger that is withdrawn.
    func retract(_ rule: BuiltInRule, _ slot: Int, due: Int64, _ row: UInt32, withdrawn: UInt32 = 0) {
        retract(
            rule.text, occurrence: UInt32(rule.rawValue) | withdrawn << 8, slot,
            due: recordedDue(rule, slot, due: due), row, withdrawn: withdrawn)
    }

    func retract(
        _ rule: String, occurrence: UInt32, _ slot: Int, due: Int64, _ row: UInt32, withdrawn: UInt32 = 0
    ) {
        let user = Array(users.id(slot))
        var trigger = Trigger(
            type: BuiltInRule.retracted.text, rule: BuiltInRule.retracted.text, user: user,
            at: EventTime(microseconds: now), due: EventTime(microseconds: due))
        trigger.order = EventTime(microseconds: frontier)
        trigger.orderBias = -1
        trigger.orderRow = row
        trigger.occurrence = occurrence
        trigger.retracts = Trigger.Retraction(
            rule: rule, due: EventTime(microseconds: due), occurrence: withdrawn)
        // Who was told nothing is told nothing now.
        if isHeldOut(user, rules.rules.first { $0.declaration.name == rule }?.declaration) {
            trigger.group = .holdout
        }
        triggers.append(trigger)
    }

    /// Runs the user's recent stages again with a late one in its place.
    private func judgeStages(_ slot: Int, _ stage: Stage, _ time: Int64, _ row: UInt32) {
        let user = users[slot]
        let latest = stages.latest(user.pointee.stageLink)
        gatherStages(latest)
        let late = StageEntry(
            time: time, arrival: arrivals, pendingTime: 0, slot: UInt32(slot), back: 0, stage: stage.rawValue,
            pending: 0)
        scratchStages.append(late)
        sortStages()
        let outcome = replayStages()
        var index = 0
        while index < Int(user.pointee.firedCount) {
            let fired = pool.tail(user).fired[index]
            if let rule = fired.rule, Stage(rule: rule) != .none, fired.due >= time,
                !outcome.fired.contains(where: { $0.rule == rule && $0.due == fired.due })
            {
                forget(user, index)
                if !fired.isStale { retract(rule, slot, due: fired.due, row) }
            } else {
                index += 1
            }
        }
        var entry = late
        entry.pending = outcome.pending.rawValue
        entry.pendingTime = outcome.pendingTime
        entry.journey = recount(slot, late, after: latest)
        user.pointee.stageLink = stages.append(entry, after: latest)
        if outcome.pending != .none { pushStageTimer(outcome.pending, slot, outcome.pendingTime) }
    }

    private func sortStages() {
        scratchStages.sort { $0.time != $1.time ? $0.time < $1.time : $0.arrival < $1.arrival }
    }

    /// Whether the user's recent stages tell that a stage was replaced before it was due, or never pending.
    func isStageReplaced(_ slot: Int, _ rule: BuiltInRule, from basis: Int64, due: Int64) -> Bool {
        gatherStages(stages.latest(users[slot].pointee.stageLink))
        let own = Stage(rule: rule).rawValue
        guard scratchStages.contains(where: { $0.time == basis && $0.stage == own }) else {
            return scratchStages.contains { $0.time > basis && $0.time <= due && $0.stage >= own }
        }
        sortStages()
        // By the delays of then.
        let due = stageDue(rule, from: basis)
        return !replayStages().fired.contains { $0.rule == rule && $0.due == due }
    }

    private func gatherStages(_ latest: UInt64) {
        scratchStages.removeAll(keepingCapacity: true)
        var number = latest
        while number != 0, scratchStages.count < 4096 {
            scratchStages.append(stages.entry(number).pointee)
            number = stages.previous(number)
        }
    }

    private func replayStages() -> (
        fired: [(rule: BuiltInRule, due: Int64)], pending: Stage, pendingTime: Int64
    ) {
        var fired: [(rule: BuiltInRule, due: Int64)] = []
        var pending = Stage.none
        var pendingTime: Int64 = 0
        func settle(before instant: Int64) {
            guard let rule = pending.rule else { return }
            guard let due = stageDue(rule, from: pendingTime) else {
                pending = .none
                return
            }
            if due < instant {
                fired.append((rule, due))
                pending = .none
            }
        }
        for entry in scratchStages {
            settle(before: entry.time)
            guard let stage = Stage(rawValue: entry.stage) else { continue }
            if stage == .purchase {
                pending = .none
            } else if stage.rawValue >= pending.rawValue {
                pending = stage
                pendingTime = entry.time
            }
        }
        settle(before: frontier)
        return (fired, pending, pendingTime)
    }
}

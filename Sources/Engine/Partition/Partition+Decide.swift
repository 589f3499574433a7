import Core
import Models

extension Partition {
    /// Decides everything before `target` in the order of time: events first, then what falls due at the
    /// same instant.
    func advance(to target: Int64) {
        guard target > frontier else { return }
        if anchors.nextInstant <= target { captureAnchors(through: target) }
        if target > frontier { decide(before: target) }
        if !rules.dailies.isEmpty { startDailies() }
        if anchors.needsStart { anchors.start(after: frontier, settings.zone) }
    }

    /// The part of `advance` between two instants at which something is captured.
    func decide(before target: Int64) {
        frontier = target
        while true {
            let nextEvent = pending.isEmpty ? Int64.max : pending.first.time
            let bound = min(nextEvent, target)
            // Rules of the configuration come after the built-in ones of the same instant.
            let horizon = rules.horizon
            // What is held by it may fall due before anything else: what is next is looked for again.
            if !candidates.isEmpty, isOver(decidedThrough, next: min(bound, horizon)) {
                decideCandidates()
            } else if let entry = due.first(before: horizon < bound ? horizon + 1 : bound) {
                decidedThrough = entry.due
                due.remove(entry)
                prefetchDue()
                reach(entry)
            } else if horizon < bound {
                decidedThrough = horizon
                reachRules(horizon)
            } else {
                if nextEvent >= target { break }
                decidedThrough = nextEvent
                decide(pending.pop())
            }
        }
        decidedThrough = target
        closeFollowUps()
        forgetContacts()
        stages.drop(before: target - terms.stageMemory - terms.stageDelays)
    }

    /// Whether nothing more is decided at an instant, the next event and the next of the rules being later.
    private func isOver(_ instant: Int64, next: Int64) -> Bool {
        next > instant && due.first(before: instant + 1) == nil
    }

    /// Timers come to users whom nothing has touched for long: asks for those whose turn is next.
    @inline(__always)
    private func prefetchDue() {
        let far = due.slot(ahead: 8)
        if far >= 0 {
            prefetch(users[far])
            prefetch(UnsafeRawPointer(users[far]) + 64)
        }
        let next = due.slot(ahead: 3)
        if next >= 0 {
            users.prefetchID(next)
            prefetch(pool.address(users[next].pointee.tail))
            prefetch(account(next))
        }
    }

    /// An event whose turn has come.
    private func decide(_ event: PendingEntry) {
        let slot = Int(event.slot)
        let user = users[slot]
        if !lists.isEmpty { preserve(slot) }
        if event.time > user.pointee.lastDecided { user.pointee.lastDecided = event.time }
        if event.profile != ProfileCode() { user.pointee.profile.merge(event.profile) }
        var value: Int64?
        switch event.code {
        case EventNames.viewItem: enter(.browse, slot, event.time, event.arrival)
        case EventNames.addToCart:
            enter(.cart, slot, event.time, event.arrival)
            reachedCart(slot, .cart, event.time)
        case EventNames.beginCheckout:
            enter(.checkout, slot, event.time, event.arrival)
            reachedCart(slot, .checkout, event.time)
        case EventNames.purchase:
            let purchase = pendingPurchases.pop()
            precondition(purchase.arrival == event.arrival, "an undecided purchase is missing")
            value = purchase.value
            enter(.purchase, slot, event.time, event.arrival)
            purchased(slot, event.time)
            takePending(purchase.items, slot, event.time)
        case EventNames.signUp: signedUp(slot, event.time)
        default: break
        }
        if followUps.isWaiting(slot) { followUps.happened(slot, at: event.time, value: value) }
        armDormant(slot)
        if !rules.listeners.isEmpty { hear(slot, event.code, event.time) }
        if segments.isFitted {
            watchSegment(slot, event)
        } else if closesSession(user) {
            armSessionClose(slot)
        }
    }

    /// Whether something is decided when the user's short session closes.
    @inline(__always)
    func closesSession(_ user: UnsafeMutablePointer<UserRecord>) -> Bool {
        segments.isFitted || !segmentations.isEmpty || rules.watchesSessions
            || (tiers.isFitted || churn.isFitted) && user.pointee.has(UserRecord.bought)
    }

    // MARK: Stages

    /// A stage event in its turn: the same or a deeper stage replaces what is pending and restarts its
    /// delay, a shallower one leaves it, a purchase clears it.
    private func enter(_ stage: Stage, _ slot: Int, _ time: Int64, _ arrival: UInt64) {
        let user = users[slot]
        let latest = stages.latest(user.pointee.stageLink)
        var pendingStage: UInt8 = 0
        var pendingTime: Int64 = 0
        if latest != 0 {
            pendingStage = stages.entry(latest).pointee.pending
            pendingTime = stages.entry(latest).pointee.pendingTime
        }
        if stage == .purchase {
            pendingStage = 0
        } else if stage.rawValue >= pendingStage {
            pendingStage = stage.rawValue
            pendingTime = time
            pushStageTimer(stage, slot, time)
        }
        user.pointee.stageLink = stages.append(
            StageEntry(
                time: time, arrival: arrival, pendingTime: pendingTime, slot: UInt32(slot), back: 0,
                stage: stage.rawValue, pending: pendingStage,
                journey: journey(slot, stage, time, after: latest)), after: latest)
    }

    func pushStageTimer(_ stage: Stage, _ slot: Int, _ time: Int64) {
        guard let rule = stage.rule else { return }
        push(.stage, slot, time + terms.delay(rule))
    }

    func push(_ kind: TimerKind, _ slot: Int, _ instant: Int64) {
        due.push(DueEntry(due: instant, slot: UInt32(truncatingIfNeeded: slot), kind: kind.rawValue))
    }

    // MARK: Purchases and sign-ups

    private func purchased(_ slot: Int, _ time: Int64) {
        let user = users[slot]
        let account = makeAccount(slot)
        if !user.pointee.has(UserRecord.bought) { becameBuyer(slot) }
        user.pointee.flags |= UserRecord.bought
        if intents.isOn { intents.purchased(slot, at: time, frontier: time) }
        if time >= account.pointee.pendingSignUp { account.pointee.pendingSignUp = .min }
        if time >= account.pointee.lastPurchaseDecided {
            if time > account.pointee.lastPurchaseDecided {
                user.pointee.flags &= ~UserRecord.repurchaseDone
                if !rules.predicted.isEmpty { restartPredicted(slot) }
            }
            account.pointee.lastPurchaseDecided = time
            account.pointee.segmentAtLastPurchase = user.pointee.segment
            armAfterPurchase(slot)
        }
    }

    /// The timers that count from the last purchase. What would be past due already is passed over.
    func armAfterPurchase(_ slot: Int) {
        let user = users[slot]
        guard let account = account(slot) else { return }
        let last = account.pointee.lastPurchaseDecided
        arm(
            slot, user, .churned, UserRecord.churnQueued, UserRecord.churnDone,
            last + terms.delay(.churned))
        arm(
            slot, user, .winBack, UserRecord.winBackQueued, UserRecord.winBackDone,
            last + terms.delay(.winBack))
        armRepurchase(slot)
    }

    private func arm(
        _ slot: Int, _ user: UnsafeMutablePointer<UserRecord>, _ kind: TimerKind, _ queued: UInt16,
        _ done: UInt16, _ instant: Int64
    ) {
        if instant < decidedThrough {
            user.pointee.flags |= done
            return
        }
        user.pointee.flags &= ~done
        if user.pointee.has(queued) { return }
        user.pointee.flags |= queued
        push(kind, slot, instant)
    }

    func armDormant(_ slot: Int) {
        let user = users[slot]
        if user.pointee.has(UserRecord.bought) { return }
        arm(
            slot, user, .dormant, UserRecord.dormantQueued, UserRecord.dormantDone,
            user.pointee.lastDecided + terms.delay(.dormant))
    }

    private func signedUp(_ slot: Int, _ time: Int64) {
        armWelcome(slot, time)
        armOnboarding(slot, time)
    }

    func armWelcome(_ slot: Int, _ time: Int64) {
        let instant = time + terms.delay(.welcome)
        if instant >= decidedThrough { push(.welcome, slot, instant) }
    }

    func armOnboarding(_ slot: Int, _ time: Int64) {
        let instant = time + terms.delay(.onboardingStalled)
        guard instant >= decidedThrough else { return }
        makeAccount(slot).pointee.pendingSignUp = time
        push(.onboarding, slot, instant)
    }

    // MARK: Timers

    /// A timer's time has come; it fires if it still holds, or goes back to when it will.
    private func reach(_ entry: DueEntry) {
        guard let kind = TimerKind(rawValue: entry.kind) else { return }
        let slot = Int(entry.slot)
        let user = users[slot]
        if !lists.isEmpty { preserve(slot) }
        switch kind {
        case .stage: reachStage(slot, entry.due)
        case .dormant:
            user.pointee.flags &= ~UserRecord.dormantQueued
            if user.pointee.has(UserRecord.bought) || user.pointee.has(UserRecord.dormantDone) { return }
            let instant = user.pointee.lastDecided + terms.delay(.dormant)
            if repeatLater(user, .dormant, UserRecord.dormantQueued, slot, instant, entry.due) { return }
            user.pointee.flags |= UserRecord.dormantDone
            fire(.dormant, slot, due: instant)
            compact(user)
        case .onboarding: reachOnboarding(slot, entry.due)
        case .churned:
            reachSincePurchase(
                slot, .churned, .churned, UserRecord.churnQueued, UserRecord.churnDone, entry.due)
        case .winBack:
            reachSincePurchase(
                slot, .winBack, .winBack, UserRecord.winBackQueued, UserRecord.winBackDone, entry.due)
        case .repurchase: reachRepurchase(slot, entry.due)
        case .sessionClose:
            user.pointee.flags &= ~UserRecord.sessionQueued
            let instant = user.pointee.lastDecided + terms.shortGap
            if repeatLater(user, .sessionClose, UserRecord.sessionQueued, slot, instant, entry.due) { return }
            closeSession(slot, due: entry.due)
            closeSessionRisk(slot, due: entry.due)
            if rules.watchesSessions { lookAtCrossings(slot, due: entry.due) }
        case .welcome:
            // Sign-ups of one instant are one.
            while due.first(before: entry.due + 1) == entry { due.remove(entry) }
            fire(.welcome, slot, due: entry.due)
        case .replenish: reachReplenishment(entry)
        }
    }

    /// Queues again what has moved to a later time. (At the same time it holds.)
    private func repeatLater(
        _ user: UnsafeMutablePointer<UserRecord>, _ kind: TimerKind, _ queued: UInt16, _ slot: Int,
        _ instant: Int64, _ reached: Int64
    ) -> Bool {
        if instant <= reached { return false }
        user.pointee.flags |= queued
        push(kind, slot, instant)
        return true
    }

    private func reachStage(_ slot: Int, _ reached: Int64) {
        let latest = stages.latest(users[slot].pointee.stageLink)
        guard latest != 0 else { return }
        let entry = stages.entry(latest)
        guard let stage = Stage(rawValue: entry.pointee.pending), let rule = stage.rule else { return }
        let instant = entry.pointee.pendingTime + terms.delay(rule)
        guard instant == reached else { return }
        entry.pointee.pending = 0
        fire(rule, slot, due: instant)
    }

    private func reachOnboarding(_ slot: Int, _ reached: Int64) {
        guard let account = account(slot), account.pointee.pendingSignUp != .min else { return }
        let instant = account.pointee.pendingSignUp + terms.delay(.onboardingStalled)
        guard instant == reached else { return }
        account.pointee.pendingSignUp = .min
        fire(.onboardingStalled, slot, due: instant)
    }

    private func reachSincePurchase(
        _ slot: Int, _ kind: TimerKind, _ rule: BuiltInRule, _ queued: UInt16, _ done: UInt16,
        _ reached: Int64
    ) {
        let user = users[slot]
        user.pointee.flags &= ~queued
        guard let account = account(slot), !user.pointee.has(done) else { return }
        let instant = account.pointee.lastPurchaseDecided + terms.delay(rule)
        if repeatLater(user, kind, queued, slot, instant, reached) { return }
        user.pointee.flags |= done
        if rule == .churned { noteChurned(slot, instant) }
        fire(rule, slot, due: instant)
        compact(user)
    }

    // MARK: Firing

    /// Records a trigger of a user. Plain: nothing is allocated for it.
    func fire(_ rule: BuiltInRule, _ slot: Int, due: Int64) {
        guard terms.isEnabled(rule) else { return }
        guard isPlain(rule) else { return proposeBuiltIn(rule, slot, due: due) }
        let at = clock.decided(due: due)
        let group = group(at: at, due: due)
        triggers.begin(
            name: UInt16(rule.rawValue), user: users.id(slot), at: at, due: due, group: group.number)
        describe(slot, due)
        triggers.end()
        remember(rule, slot, due, isStale: group == .stale)
        follow(UInt16(rule.rawValue), slot, at: at, group: group)
        traceSent(rule, slot, at: at, due: due, isStale: group == .stale)
    }

    /// Records a trigger of a user with more to say.
    func fire(_ rule: BuiltInRule, _ slot: Int, due: Int64, change: (inout Trigger) -> Void) {
        guard terms.isEnabled(rule) else { return }
        guard isPlain(rule) else { return proposeBuiltIn(rule, slot, due: due, change: change) }
        let at = clock.decided(due: due)
        triggers.begin(
            name: UInt16(rule.rawValue), user: users.id(slot), at: at, due: due,
            group: group(at: at, due: due).number)
        describe(slot, due)
        triggers.end()
        var trigger = triggers.takeLast()
        change(&trigger)
        triggers.append(trigger)
        remember(rule, slot, due, isStale: trigger.group == .stale, occurrence: trigger.occurrence)
        follow(UInt16(rule.rawValue), slot, at: at, group: trigger.group)
        traceSent(rule, slot, at: at, due: due, isStale: trigger.group == .stale)
    }

    func group(at: Int64, due: Int64) -> Trigger.Group {
        terms.isWall && at - due > terms.maxAge ? .stale : .treated
    }

    /// What a receiver should know of the user.
    func describe(_ slot: Int, _ due: Int64) {
        let bought = account(slot).map { $0.pointee.lastPurchaseDecided } ?? .min
        let gap = bought == .min ? .nan : usualGap(slot)
        describe(slot, due, seen: users[slot].pointee.lastDecided, bought: bought, gap: gap)
    }

    /// - Parameters:
    ///   - seen: last event before, `Int64.min` without one.
    ///   - bought: last purchase before, `Int64.min` without one.
    ///   - gap: mean interval between purchase days, not a number where it is not known.
    func describe(_ slot: Int, _ due: Int64, seen: Int64, bought: Int64, gap: Double = .nan) {
        let user = users[slot]
        if user.pointee.segment != 0 {
            triggers.put(segment: segments.name(Int(user.pointee.segment) - 1))
        }
        let tier = Int(account(slot)?.pointee.tier ?? 0)
        if tier != 0 { triggers.put(tier: TierRule.names[tier - 1]) }
        putRecommended(slot)
        let absent = seen == .min ? 0 : max(0, due - seen)
        let absence = (
            feature: KnownFeature.daysSinceLastEvent, value: Double(absent) / Double(Microseconds.day)
        )
        if bought == .min {
            triggers.put(absence)
        } else {
            let sinceLast = (
                feature: KnownFeature.daysSinceLast, value: Double(day(of: due) - day(of: bought))
            )
            triggers.put(absence, sinceLast, gap.isNaN ? nil : (.intervalMean, gap))
        }
        if terms.saysKorean { triggers.put(language: settings.declared.language.lowercased()) }
    }
}

package import Core

/// What is going to be sent if nothing more comes: a reading of the timers, which changes nothing.
extension Partition {
    /// Every send that is planned within a stretch of time, and of whom it will be held out.
    ///
    /// - Parameter visit: is given a trigger as it would be recorded; `due` is when.
    func forEachPlanned(from: Int64, to: Int64, _ visit: (Trigger) -> Void) {
        due.forEach { entry in
            guard let (rule, instant) = planned(entry), instant >= from, instant < to,
                terms.isEnabled(rule)
            else { return }
            plan(rules.overlay(rule), rule.text, Int(entry.slot), due: instant, visit) { trigger in
                if rule == .repurchaseDue { self.predict(&trigger, Int(entry.slot)) }
                if rule == .replenishDue {
                    trigger.items = self.replenished(Int(entry.slot), at: entry.due)
                }
            }
        }
        for timer in rules.waiting where timer.due >= from && timer.due < to {
            let slot = Int(timer.slot)
            if timer.held != 0 {
                guard let held = arbiter.held[timer.held] else { continue }
                let rule =
                    held.rule < RuleBook.firstOwn
                    ? rules.rules.first { $0.number == held.rule } : rules.rule(held.rule)
                plan(rule, rules.name(held.rule), slot, due: timer.due, visit)
            } else if let rule = rules.rule(UInt16(timer.rule)), rule.declaration.enabled,
                rules.states.find(slot, rule.number)?.pending == timer.due
            {
                plan(rule, rule.declaration.name, slot, due: timer.due, visit) { trigger in
                    if case .predicted = rule.declaration.occasion { self.predict(&trigger, slot) }
                }
            }
        }
    }

    /// Of which rule a timer is, and when it will really be due; nil where it no longer means anything.
    private func planned(_ entry: DueEntry) -> (rule: BuiltInRule, instant: Int64)? {
        let slot = Int(entry.slot)
        let user = users[slot].pointee
        let account = account(slot)?.pointee
        switch TimerKind(rawValue: entry.kind) {
        case .stage:
            let latest = stages.latest(user.stageLink)
            guard latest != 0, let rule = Stage(rawValue: stages.entry(latest).pointee.pending)?.rule,
                stages.entry(latest).pointee.pendingTime + terms.delay(rule) == entry.due
            else { return nil }
            return (rule, entry.due)
        case .dormant:
            if user.has(UserRecord.bought) || user.has(UserRecord.dormantDone) { return nil }
            return (.dormant, user.lastDecided + terms.delay(.dormant))
        case .onboarding:
            guard let account, account.pendingSignUp != .min,
                account.pendingSignUp + terms.delay(.onboardingStalled) == entry.due
            else { return nil }
            return (.onboardingStalled, entry.due)
        case .churned:
            guard let account, !user.has(UserRecord.churnDone) else { return nil }
            return (.churned, account.lastPurchaseDecided + terms.delay(.churned))
        case .winBack:
            guard let account, !user.has(UserRecord.winBackDone) else { return nil }
            return (.winBack, account.lastPurchaseDecided + terms.delay(.winBack))
        case .repurchase:
            return account?.repurchaseDue == entry.due ? (.repurchaseDue, entry.due) : nil
        case .replenish:
            return replenished(slot, at: entry.due).isEmpty ? nil : (.replenishDue, entry.due)
        case .welcome: return (.welcome, entry.due)
        case .sessionClose, nil: return nil
        }
    }

    private func predict(_ trigger: inout Trigger, _ slot: Int) {
        guard let account = account(slot) else { return }
        trigger.model = repurchase.label
        trigger.predicted = predictedRepurchase(account, today: today)
    }

    private func plan(
        _ rule: CompiledRule?, _ name: String, _ slot: Int, due: Int64, _ visit: (Trigger) -> Void,
        change: (inout Trigger) -> Void = { _ in }
    ) {
        if let rule, !rule.condition.isEmpty, !holds(rule.condition, slot, at: due) { return }
        let profile = arbiter.profiles.isEmpty ? nil : arbiter.profiles[mark(slot)]
        guard allows(profile, rule) else { return }
        var trigger = describedTrigger(name, slot, due: due)
        trigger.group = isHeldOut(trigger.user, rule?.declaration) ? .holdout : .treated
        change(&trigger)
        if let rule { dress(&trigger, rule, slot, profile) }
        visit(trigger)
    }

    /// Lifetime value within the model's horizon times the probability of churn, millionths; nil where either model
    /// is missing or the user never bought.
    func valueAtRisk(_ slot: Int) -> Int64? {
        guard let account = account(slot), account.pointee.dayCount > 0, lifetimeValue.model != nil,
            let churn = churnPrediction(slot, at: frontier, explained: false)
        else { return nil }
        lookAhead(slot)
        let value = value(.init(field: .lifetimeValue, argument: 0), noCondition, slot, frontier)
        return value.isNaN ? nil : Int64((value * churn.p * 1e6).rounded())
    }

    var knowsValueAtRisk: Bool { lifetimeValue.model != nil && churn.isFitted }
}

/// Planned sends of some partitions: the first ones, and how many there are each day.
package struct PlannedSends: Sendable {
    /// Kept by (due, rule, user).
    package private(set) var sends: [Trigger] = []
    /// By day and rule: to be sent, and held out.
    package private(set) var totals: [Int32: [String: (sent: Int64, heldOut: Int64)]] = [:]
    /// Lifetime value at risk by rule, and of all, each user once; millionths.
    package private(set) var atRisk: [String: Int64] = [:]
    package private(set) var allAtRisk: Int64 = 0
    /// The models that say it are in use.
    package private(set) var knowsRisk = false
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// Users of one partition that are to be sent something.
    mutating func add(_ users: [String: Set<UInt32>], of partition: Partition) {
        guard partition.knowsValueAtRisk else { return }
        knowsRisk = true
        var known: [UInt32: Int64] = [:]
        for (rule, slots) in users {
            for slot in slots {
                let value = known[slot] ?? partition.valueAtRisk(Int(slot)) ?? 0
                known[slot] = value
                atRisk[rule, default: 0] += value
            }
        }
        allAtRisk += known.values.reduce(0, +)
    }

    mutating func add(_ trigger: Trigger, day: Int32) {
        var count = totals[day]?[trigger.rule] ?? (0, 0)
        if trigger.group == .holdout { count.heldOut += 1 } else { count.sent += 1 }
        totals[day, default: [:]][trigger.rule] = count
        sends.append(trigger)
        if sends.count >= 2 * limit + 1024 { trim() }
    }

    package mutating func trim() {
        sends.sort(by: Trigger.precedes)
        if sends.count > limit { sends.removeLast(sends.count - limit) }
    }

    package mutating func add(_ other: PlannedSends) {
        for (day, rules) in other.totals {
            for (rule, count) in rules {
                var sum = totals[day]?[rule] ?? (0, 0)
                sum.sent += count.sent
                sum.heldOut += count.heldOut
                totals[day, default: [:]][rule] = sum
            }
        }
        for (rule, value) in other.atRisk { atRisk[rule, default: 0] += value }
        allAtRisk += other.allAtRisk
        knowsRisk = knowsRisk || other.knowsRisk
        sends += other.sends
        trim()
    }
}

extension Shard {
    /// What is planned within a stretch of time if nothing more comes.
    ///
    /// - Parameter limit: sends told one by one; the totals count all.
    package func planned(from: EventTime, to: EventTime, limit: Int) -> PlannedSends {
        var planned = PlannedSends(limit: limit)
        forEachPartition { partition in
            var users: [String: Set<UInt32>] = [:]
            partition.forEachPlanned(from: from.microseconds, to: to.microseconds) { trigger in
                planned.add(trigger, day: partition.day(of: trigger.due.microseconds))
                guard trigger.group == .treated, partition.knowsValueAtRisk,
                    let slot = partition.slot(of: trigger.user)
                else { return }
                users[trigger.rule, default: []].insert(UInt32(slot))
            }
            planned.add(users, of: partition)
        }
        planned.trim()
        return planned
    }
}

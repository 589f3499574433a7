import Core
import Models

/// A trigger that is due, before it is decided whether it is sent.
struct Candidate {
    /// The declaration; nil for a built-in rule without one.
    var rule: CompiledRule?
    var number: UInt16
    var slot: Int
    var trigger: Trigger
    /// Its due time before it was held.
    var due: Int64

    var priority: Int { rule?.declaration.priority ?? 0 }

    /// By user, the greater priority first, then by name.
    static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
        if a.slot != b.slot { return a.slot < b.slot }
        if a.priority != b.priority { return a.priority > b.priority }
        if a.trigger.rule != b.trigger.rule { return a.trigger.rule < b.trigger.rule }
        if a.trigger.occurrence != b.trigger.occurrence { return a.trigger.occurrence < b.trigger.occurrence }
        return a.due < b.due
    }

    func isSame(as other: Candidate) -> Bool {
        slot == other.slot && trigger.rule == other.trigger.rule
            && trigger.occurrence == other.trigger.occurrence
    }
}

/// Deciding between triggers. What is due at one instant is gathered and decided together, a user's by
/// priority, so that the decision depends on nothing but the log.
extension Partition {
    private var arbitration: ArbitrationSettings { settings.declared.arbitration }

    // MARK: Proposed

    /// A trigger of a user as it is first described.
    func describedTrigger(_ name: String, _ slot: Int, due: Int64) -> Trigger {
        let at = clock.decided(due: due)
        triggers.begin(
            name: 0, user: users.id(slot), at: at, due: due, group: group(at: at, due: due).number)
        describe(slot, due)
        triggers.end()
        var trigger = triggers.takeLast()
        trigger.type = name
        trigger.rule = name
        return trigger
    }

    /// A built-in rule with more to it than an enabled flag and a delay, or under caps and the like.
    func proposeBuiltIn(
        _ rule: BuiltInRule, _ slot: Int, due: Int64, change: (inout Trigger) -> Void = { _ in }
    ) {
        let overlay = rules.overlay(rule)
        var trigger = describedTrigger(rule.text, slot, due: due)
        change(&trigger)
        if let overlay {
            guard isFree(overlay, slot, due: due, occurrence: Int(trigger.occurrence)) else { return }
            guard overlay.condition.isEmpty || holds(overlay.condition, slot, at: due) else {
                return traceAbstention(overlay, slot, due: due)
            }
        }
        propose(overlay, number: UInt16(rule.rawValue), slot, trigger)
    }

    func propose(_ rule: CompiledRule?, number: UInt16, _ slot: Int, _ trigger: Trigger) {
        let candidate = Candidate(
            rule: rule, number: number, slot: slot, trigger: trigger, due: trigger.due.microseconds)
        if arbitrates {
            candidates.append(candidate)
        } else {
            decide(candidate)
        }
    }

    /// Decides what was gathered.
    func decideCandidates() {
        guard !candidates.isEmpty else { return }
        var gathered = candidates
        candidates.removeAll(keepingCapacity: true)
        gathered.sort(by: Candidate.precedes)
        for (index, candidate) in gathered.enumerated()
        where index == 0 || !candidate.isSame(as: gathered[index - 1]) {
            decide(candidate)
        }
    }

    // MARK: Decided

    private func decide(_ candidate: Candidate) {
        if candidate.trigger.group == .stale { return record(candidate, .stale, .stale) }
        let mark = arbiter.profiles.isEmpty && !arbitration.needsConsent ? nil : mark(candidate.slot)
        let profile = mark.flatMap { arbiter.profiles[$0] }
        if !allows(profile, candidate.rule) { return trace(candidate, .noConsent) }
        let out = reasonToHoldOut(candidate)
        if arbitrates, let reason = reasonAgainst(candidate, profile, isHeldOut: out != nil) {
            return trace(candidate, reason)
        }
        if arbitration.dryRun || candidate.rule?.declaration.dryRun == true {
            return trace(candidate, .dryRun)
        }
        if let out { return record(candidate, out, .holdout, profile) }
        record(candidate, .sent, .treated, profile)
    }

    /// Whether the user has not refused, or has agreed where that is asked for.
    func allows(_ profile: ContactProfile?, _ rule: CompiledRule?) -> Bool {
        let needsConsent = arbitration.needsConsent
        return profile?.allows(rule?.declaration.channel ?? "", needsConsent: needsConsent) ?? !needsConsent
    }

    /// Whether a user is held out of a rule, or of everything.
    func isHeldOut(_ user: [UInt8], _ rule: RuleDeclaration?) -> Bool {
        HoldoutSplit.isControl(user, share: arbitration.controlGroup)
            || HoldoutSplit.isHeldOut(user, rule: rule?.name ?? "", share: rule?.holdout ?? 0)
    }

    private func reasonToHoldOut(_ candidate: Candidate) -> DecisionReason? {
        let user = candidate.trigger.user
        if HoldoutSplit.isControl(user, share: arbitration.controlGroup) { return .control }
        guard let rule = candidate.rule?.declaration,
            HoldoutSplit.isHeldOut(user, rule: rule.name, share: rule.holdout)
        else { return nil }
        return .holdout
    }

    func mark(_ slot: Int) -> ErasureMark { storeKey.erasureMark(of: users.id(slot)) }

    /// What keeps a trigger from being sent now; what may be sent counts from here on.
    private func reasonAgainst(
        _ candidate: Candidate, _ profile: ContactProfile?, isHeldOut: Bool
    ) -> DecisionReason? {
        let due = candidate.trigger.due.microseconds
        if let quiet = arbitration.quiet, let end = quietEnd(quiet, candidate.slot, profile, at: due) {
            guard quiet.holds else { return .quiet }
            hold(candidate, until: end)
            return .held
        }
        if let rule = candidate.rule, rule.set >= 0 {
            let key = UInt64(candidate.slot) << 8 | UInt64(rule.set)
            if let last = arbiter.sets[key], due < last + rule.setWithin { return .outranked }
        }
        if isCapped(candidate) { return .capped }
        let settings = arbitration
        if !isHeldOut, settings.budget != nil || settings.breaker != nil,
            let reason = arbiter.budget.take(settings, partition: number, day: day(of: due), at: due)
        {
            return reason
        }
        count(candidate)
        return nil
    }

    private func isCapped(_ candidate: Candidate) -> Bool {
        let settings = arbitration
        let channel = candidate.rule?.channel ?? -1
        guard settings.dayCap != nil || settings.weekCap != nil || channel >= 0 else { return false }
        let slot = UInt32(truncatingIfNeeded: candidate.slot)
        guard var counts = arbiter.contacts[slot] else {
            return settings.dayCap == 0 || settings.weekCap == 0
                || channel >= 0
                    && (settings.channelCaps[channel].day == 0 || settings.channelCaps[channel].week == 0)
        }
        let today = day(of: candidate.trigger.due.microseconds)
        let all = counts.sent(on: today, channel: nil)
        if all.day >= settings.dayCap ?? .max || all.week >= settings.weekCap ?? .max { return true }
        guard channel >= 0 else { return false }
        let own = counts.sent(on: today, channel: channel)
        let cap = settings.channelCaps[channel]
        return own.day >= cap.day ?? .max || own.week >= cap.week ?? .max
    }

    private func count(_ candidate: Candidate) {
        let due = candidate.trigger.due.microseconds
        if let rule = candidate.rule, rule.set >= 0 {
            arbiter.sets[UInt64(candidate.slot) << 8 | UInt64(rule.set)] = due
        }
        let settings = arbitration
        guard settings.dayCap != nil || settings.weekCap != nil || !settings.channelCaps.isEmpty else {
            return
        }
        let channel = candidate.rule?.channel ?? -1
        arbiter.contacts[UInt32(truncatingIfNeeded: candidate.slot), default: ContactCounts()]
            .count(on: day(of: due), channel: channel < 0 ? nil : channel)
    }

    // MARK: Quiet hours

    /// The zone of a user: what they have said, else their region's, else the calendar's.
    private func zone(_ slot: Int, _ profile: ContactProfile?) -> Zone {
        let settings = arbitration
        if let name = profile?.zone, !name.isEmpty,
            let zone = settings.zones.first(where: { $0.name == name })
        {
            return zone
        }
        if !settings.regions.isEmpty {
            let region = symbol(.region, slot)
            for (place, symbol) in regionSymbols.enumerated() where symbol == region {
                return settings.regions[place].zone
            }
        }
        return self.settings.zone
    }

    /// When the quiet hours end in which an instant lies; nil where it lies in none.
    private func quietEnd(
        _ quiet: ArbitrationSettings.QuietHours, _ slot: Int, _ profile: ContactProfile?, at instant: Int64
    ) -> Int64? {
        let zone = zone(slot, profile)
        func offset(_ time: Int64) -> Int64 {
            (time + zone.offset(at: EventTime(microseconds: time))).flooredDivision(by: Microseconds.day)
                .remainder
        }
        guard quiet.contains(offset(instant)) else { return nil }
        var date = zone.day(of: EventTime(microseconds: instant))
        while true {
            let end = zone.instant(wallMicroseconds: Int64(date) * Microseconds.day + quiet.to).microseconds
            if end > instant { return end }
            date += 1
        }
    }

    private func hold(_ candidate: Candidate, until end: Int64) {
        let trigger = candidate.trigger
        let held = HeldTrigger(
            slot: UInt32(truncatingIfNeeded: candidate.slot), rule: candidate.number, due: candidate.due,
            occurrence: trigger.occurrence, body: TriggerBody.encode(trigger))
        // What waits already is replaced: a night of many occasions ends in one trigger, the latest.
        let waiting = rules.states.find(candidate.slot, candidate.number)?.held ?? 0
        if arbiter.held[waiting] != nil {
            arbiter.held[waiting] = held
            return
        }
        let number = arbiter.hold(held)
        rules.states.update(candidate.slot, candidate.number) { $0.held = number }
        // A verdict may be of an instant that is long decided; nothing falls due before what is.
        rules.push(
            RuleTimer(
                due: max(end, decidedThrough), held: number, slot: held.slot,
                rule: UInt32(candidate.number)))
    }

    /// The quiet hours are over for what was held: it goes on where it still holds.
    func release(_ timer: RuleTimer) {
        guard let held = arbiter.held.removeValue(forKey: timer.held) else { return }
        let slot = Int(held.slot)
        let name = rules.name(held.rule)
        let at = clock.decided(due: timer.due)
        var trigger = Trigger(
            type: name, rule: name, user: Array(users.id(slot)), at: EventTime(microseconds: at),
            due: EventTime(microseconds: timer.due))
        trigger.group = group(at: at, due: timer.due)
        do { _ = try TriggerBody.decode(held.body, into: &trigger) } catch {
            preconditionFailure("a held trigger does not read back: \(error)")
        }
        trigger.occurrence = held.occurrence
        let rule =
            held.rule < RuleBook.firstOwn
            ? rules.rules.first { $0.number == held.rule } : rules.rule(held.rule)
        let candidate = Candidate(rule: rule, number: held.rule, slot: slot, trigger: trigger, due: held.due)
        let isFree =
            rule.map {
                self.isFree($0, slot, due: timer.due, occurrence: Int(held.occurrence))
            } ?? true
        if isFree, isTrue(candidate, at: timer.due) {
            candidates.append(candidate)
        } else {
            trace(candidate, .lapsed)
        }
    }

    /// Drops what is held of a rule for a user where it does not hold of its due time.
    /// - Returns: whether it was dropped.
    func dropHeld(_ rule: BuiltInRule, _ slot: Int, where isUntrue: (Int64) -> Bool) -> Bool {
        let number = UInt16(rule.rawValue)
        guard let state = rules.states.find(slot, number), let held = arbiter.held[state.held],
            isUntrue(held.due)
        else { return false }
        // Its timer finds nothing any more.
        arbiter.held[state.held] = nil
        arbiter.decisions.append(
            DecisionEntry(
                at: now, due: held.due, slot: UInt32(truncatingIfNeeded: slot), rule: number,
                reason: DecisionReason.lapsed.rawValue))
        return true
    }

    /// Whether what was due still holds.
    private func isTrue(_ candidate: Candidate, at instant: Int64) -> Bool {
        let slot = candidate.slot
        if let rule = candidate.rule {
            guard rule.declaration.enabled,
                rule.condition.isEmpty || holds(rule.condition, slot, at: instant)
            else { return false }
            if case .absence = rule.declaration.occasion {
                let mark = rules.states.find(slot, rule.number)?.mark ?? .min
                return mark <= candidate.due - rule.declaration.delay
            }
        }
        guard candidate.number < RuleBook.firstOwn else { return candidate.rule != nil }
        guard let rule = BuiltInRule(rawValue: UInt8(candidate.number)), terms.isEnabled(rule) else {
            return false
        }
        return isTrue(rule, slot, basis: candidate.due - delay(rule, ofDue: candidate.due))
    }

    /// - Parameter basis: what the delay was counted from.
    private func isTrue(_ rule: BuiltInRule, _ slot: Int, basis: Int64) -> Bool {
        let bought = account(slot)?.pointee.lastPurchaseDecided ?? .min
        switch rule {
        case .browseAbandoned, .cartAbandoned, .checkoutAbandoned:
            let latest = stages.latest(users[slot].pointee.stageLink)
            let isPending = latest != 0 && stages.entry(latest).pointee.pending != 0
            return bought < basis && !isPending
        case .churned, .winBack: return bought <= basis
        case .onboardingStalled: return bought < basis
        case .dormant: return users[slot].pointee.lastDecided <= basis && bought == .min
        case .repurchaseDue: return users[slot].pointee.has(UserRecord.repurchaseDone)
        case .churnRisk: return bought <= basis
        case .highIntent: return bought < basis
        default: return true
        }
    }

    // MARK: Recorded

    /// Whether a built-in rule's trigger is sent as it is.
    @inline(__always)
    func isPlain(_ rule: BuiltInRule) -> Bool { terms.isPlain(rule) && arbiter.profiles.isEmpty }

    /// The trace of a trigger that nothing had to be decided about.
    @inline(__always)
    func traceSent(_ rule: BuiltInRule, _ slot: Int, at: Int64, due: Int64, isStale: Bool) {
        let reason = isStale ? DecisionReason.stale : .sent
        arbiter.decisions.append(
            DecisionEntry(
                at: at, due: due, slot: UInt32(truncatingIfNeeded: slot), rule: UInt16(rule.rawValue),
                reason: reason.rawValue))
    }

    private func trace(_ candidate: Candidate, _ reason: DecisionReason) {
        arbiter.decisions.append(
            DecisionEntry(
                at: candidate.trigger.at.microseconds, due: candidate.trigger.due.microseconds,
                slot: UInt32(truncatingIfNeeded: candidate.slot), rule: candidate.number,
                reason: reason.rawValue))
    }

    private func record(
        _ candidate: Candidate, _ reason: DecisionReason, _ group: Trigger.Group,
        _ profile: ContactProfile? = nil
    ) {
        trace(candidate, reason)
        var trigger = candidate.trigger
        trigger.group = group
        if let profile { trigger.language = language(profile).isEmpty ? nil : language(profile) }
        if let rule = candidate.rule { dress(&trigger, rule, candidate.slot, profile) }
        triggers.append(trigger)
        let sent = trigger.due.microseconds
        if candidate.number >= RuleBook.firstOwn || candidate.rule != nil || sent != candidate.due {
            rules.states.update(candidate.slot, candidate.number) { state in
                state.fired = candidate.due
                state.sent = sent
            }
        }
        follow(candidate.number, candidate.slot, at: trigger.at.microseconds, group: group)
        if candidate.number < RuleBook.firstOwn, let rule = BuiltInRule(rawValue: UInt8(candidate.number)) {
            remember(
                rule, candidate.slot, candidate.due, isStale: group == .stale,
                occurrence: trigger.occurrence)
        }
    }

    /// Under which due time a built-in rule's trigger was recorded: another where it was held.
    func recordedDue(_ rule: BuiltInRule, _ slot: Int, due: Int64) -> Int64 {
        guard let state = rules.states.find(slot, UInt16(rule.rawValue)), state.fired == due else {
            return due
        }
        return state.sent
    }
}

import Core
import Models

/// The configuration's own rules: what they wait for, and when it has come.
extension Partition {
    // MARK: Events

    /// Learns the numbers of events that rules wait for as they first come.
    func learnNames(_ batch: borrowing BatchView) {
        for (text, name) in rules.unknownNames {
            for index in 0..<batch.codes.count where batch.codes[index] >= EventNames.firstCustom {
                let entry = batch.entry(UInt16(index))
                if entry.count == text.count, entry.elementsEqual(text) {
                    rules.learn(name, batch.codes[index])
                    break
                }
            }
        }
    }

    /// An event in its turn, or a late one at its own time.
    ///
    /// - Parameter row: of the journal record, for a late one; else nil.
    func hear(_ slot: Int, _ code: UInt16, _ time: Int64, late row: UInt32? = nil) {
        for listener in rules.listeners where listener.code == UInt32(code) {
            let rule = rules.rules[listener.rule]
            if listener.ends {
                endWait(rule, slot, time, row)
                continue
            }
            if let row { beginAgain(rule, slot, time, row) }
            if case .absence = rule.declaration.occasion {
                beginWait(rule, slot, time)
            } else if rule.declaration.delay == 0, row == nil {
                occur(rule, slot, due: time)
            } else {
                arm(rule, slot, due: time + rule.declaration.delay)
            }
        }
    }

    /// Sets a user's timer anew where it moves to later; what is past due is passed over.
    private func arm(_ rule: CompiledRule, _ slot: Int, due: Int64) {
        guard due >= decidedThrough else { return }
        var isNew = false
        rules.states.update(slot, rule.number) { state in
            if state.pending == .max || state.pending < due {
                state.pending = due
                isNew = true
            }
        }
        if isNew { push(rule, slot, due) }
    }

    private func push(_ rule: CompiledRule, _ slot: Int, _ due: Int64) {
        rules.push(
            RuleTimer(
                due: due, held: 0, slot: UInt32(truncatingIfNeeded: slot), rule: UInt32(rule.number)))
    }

    /// A late event begins the delay again of what was sent: it was not due yet.
    private func beginAgain(_ rule: CompiledRule, _ slot: Int, _ time: Int64, _ row: UInt32) {
        guard let known = rules.states.find(slot, rule.number), known.fired != .min,
            time > known.fired - rule.declaration.delay, time <= known.fired
        else { return }
        rules.states.update(slot, rule.number) { $0.fired = .min }
        retract(rule, slot, due: known.sent, row)
    }

    private func beginWait(_ rule: CompiledRule, _ slot: Int, _ time: Int64) {
        if let known = rules.states.find(slot, rule.number), known.mark > time { return }
        arm(rule, slot, due: time + rule.declaration.delay)
    }

    /// The event has come whose absence is waited for: what waits is over, and what was sent is withdrawn
    /// where the event lies in its wait.
    private func endWait(_ rule: CompiledRule, _ slot: Int, _ time: Int64, _ row: UInt32?) {
        let delay = rule.declaration.delay
        var withdrawn: Int64?
        rules.states.update(slot, rule.number) { state in
            state.mark = max(state.mark, time)
            if state.pending != .max, time >= state.pending - delay { state.pending = .max }
            if row != nil, state.fired != .min, time >= state.fired - delay, time <= state.fired {
                withdrawn = state.sent
                state.fired = .min
            }
        }
        if let withdrawn, let row { retract(rule, slot, due: withdrawn, row) }
    }

    /// Its number is the partition's own; what names the withdrawal follows from the rule's name.
    private func retract(_ rule: CompiledRule, _ slot: Int, due: Int64, _ row: UInt32) {
        let name = rule.declaration.name
        let occurrence = UInt32(truncatingIfNeeded: StableHash.hash128(Array(name.utf8)).0) | 1 << 31
        retract(name, occurrence: occurrence, slot, due: due, row)
    }

    /// A late purchase makes a date untrue that was told after it.
    func withdrawPredicted(_ slot: Int, _ time: Int64, _ row: UInt32) {
        for rule in rules.predicted {
            guard let known = rules.states.find(slot, rule.number), known.fired != .min, time <= known.fired,
                !boughtBetween(slot, time, known.fired)
            else { continue }
            rules.states.update(slot, rule.number) { $0.fired = .min }
            retract(rule, slot, due: known.sent, row)
        }
    }

    // MARK: Moves, crossings, dates

    /// A user has changed segment (`isTier` false) or tier.
    func moved(_ slot: Int, isTier: Bool, from: String, to: String, due: Int64, occurrence: Int) {
        for rule in rules.movers {
            let wanted: (from: [String], to: [String])
            switch rule.declaration.occasion {
            case .segmentMoved(let from, let to) where !isTier: wanted = (from, to)
            case .tierChanged(let from, let to) where isTier: wanted = (from, to)
            default: continue
            }
            guard wanted.from.isEmpty || wanted.from.contains(from),
                wanted.to.isEmpty || wanted.to.contains(to)
            else { continue }
            if rule.declaration.delay > 0 {
                arm(rule, slot, due: due + rule.declaration.delay)
            } else {
                occur(rule, slot, due: due, occurrence: occurrence) { trigger in
                    trigger.from = from
                    trigger.to = to
                }
            }
        }
    }

    /// Looks whether numbers of the user's have crossed their bounds.
    func lookAtCrossings(_ slot: Int, due: Int64, occurrence: Int = 0) {
        for rule in rules.crossings { lookAtCrossing(rule, slot, due: due, occurrence: occurrence) }
    }

    private func lookAtCrossing(_ rule: CompiledRule, _ slot: Int, due: Int64, occurrence: Int) {
        guard let crossing = rule.crossing,
            case .crossed(let name, let isAbove, let bound, let clear, _) = rule.declaration.occasion
        else { return }
        lookAhead(slot)
        let number = value(crossing.steps[0].a, crossing, slot, due)
        let isBeyond = isAbove ? number >= bound : number <= bound
        let known = rules.states.find(slot, rule.number)
        if known?.mark == 1 {
            // What is absent is back, too.
            let isBack = number.isNaN || (isAbove ? number < clear : number > clear)
            if isBack { rules.states.update(slot, rule.number) { $0.mark = 0 } }
            return
        }
        guard isBeyond else { return }
        // A condition that does not hold yet leaves the crossing to be told.
        guard rule.condition.isEmpty || holds(rule.condition, slot, at: due) else { return }
        rules.states.update(slot, rule.number) { $0.mark = 1 }
        if rule.declaration.delay > 0 {
            arm(rule, slot, due: due + rule.declaration.delay)
        } else {
            occur(rule, slot, due: due, occurrence: occurrence) { trigger in
                trigger.score = number
                trigger.why = [Trigger.Reason(feature: name, value: number)]
            }
        }
    }

    /// After a model came into use: everybody is looked at.
    func sweepCrossings(due: Int64, occurrence: Int) {
        guard !rules.crossings.isEmpty else { return }
        lookAheadOfAll()
        defer { endLookingAhead() }
        for slot in 0..<users.count where users[slot].pointee.lastDecided != .min {
            lookAtCrossings(slot, due: due, occurrence: occurrence)
        }
    }

    /// The date of the next purchase is predicted anew.
    func armPredicted(_ slot: Int, date: Int32) {
        for rule in rules.predicted {
            guard case .predicted(let lead) = rule.declaration.occasion else { continue }
            let known = rules.states.find(slot, rule.number)
            if known?.mark == 1 { continue }
            let due = settings.zone.start(of: date).microseconds - lead + rule.declaration.delay
            if known?.pending == due { continue }
            rules.states.update(slot, rule.number) { $0.pending = due >= decidedThrough ? due : .max }
            if due >= decidedThrough { push(rule, slot, due) }
        }
    }

    /// A purchase begins the cycle of the predicted date again.
    func restartPredicted(_ slot: Int) {
        for rule in rules.predicted where rules.states.find(slot, rule.number) != nil {
            rules.states.update(slot, rule.number) { $0.mark = 0 }
        }
    }

    // MARK: Timers

    /// The instant of the rules has come: first the users' timers, then the rules that look at everybody.
    func reachRules(_ instant: Int64) {
        while let timer = rules.pop(at: instant) {
            if !lists.isEmpty { preserve(Int(timer.slot)) }
            if timer.held != 0 { release(timer) } else { reach(timer) }
        }
        for (index, daily) in rules.dailies.enumerated() where rules.dailyNext[index] == instant {
            sweep(daily.rule, instant)
            rules.dailyNext[index] = nextDaily(daily.at, daily.weekdays, after: instant)
        }
        rules.settleHorizon()
    }

    private func reach(_ timer: RuleTimer) {
        let slot = Int(timer.slot)
        guard let rule = rules.rule(UInt16(timer.rule)),
            rules.states.find(slot, rule.number)?.pending == timer.due
        else { return }
        rules.states.update(slot, rule.number) { $0.pending = .max }
        guard rule.declaration.enabled else { return }
        guard case .predicted = rule.declaration.occasion else { return occur(rule, slot, due: timer.due) }
        rules.states.update(slot, rule.number) { $0.mark = 1 }
        let label = repurchase.label
        let predicted = account(slot).flatMap {
            predictedRepurchase($0, today: day(of: clock.decided(due: timer.due)))
        }
        occur(rule, slot, due: timer.due) { trigger in
            trigger.model = label
            trigger.predicted = predicted
        }
    }

    private func sweep(_ rule: CompiledRule, _ instant: Int64) {
        lookAheadOfAll()
        defer { endLookingAhead() }
        let isCrossing = rule.crossing != nil
        for slot in 0..<users.count where users[slot].pointee.lastDecided != .min {
            if isCrossing {
                lookAtCrossing(rule, slot, due: instant, occurrence: 0)
            } else if holds(rule.condition, slot, at: instant) {
                occur(rule, slot, due: instant)
            }
        }
    }

    /// Before anything is decided daily rules wait for nothing.
    func startDailies() {
        guard frontier > EventTime.distantPast.microseconds else { return }
        for (index, daily) in rules.dailies.enumerated() where rules.dailyNext[index] == .max {
            rules.dailyNext[index] = nextDaily(daily.at, daily.weekdays, after: frontier - 1)
        }
        rules.settleHorizon()
    }

    private func nextDaily(_ at: Int64, _ weekdays: UInt8, after instant: Int64) -> Int64 {
        guard weekdays & 0x7F != 0 else { return .max - 1 }
        var date = settings.zone.day(of: EventTime(microseconds: instant))
        while true {
            let next = settings.zone.instant(wallMicroseconds: Int64(date) * Microseconds.day + at)
                .microseconds
            // 1970-01-01 was a Thursday.
            let weekday = Int64(date + 3).flooredDivision(by: 7).remainder
            if next > instant, weekdays & (1 << UInt8(weekday)) != 0 { return next }
            date += 1
        }
    }

    // MARK: Firing

    /// The occasion of a rule has come for a user: it fires where its condition holds and it has not told
    /// them lately.
    func occur(
        _ rule: CompiledRule, _ slot: Int, due: Int64, occurrence: Int = 0,
        change: (inout Trigger) -> Void = { _ in }
    ) {
        guard rule.declaration.enabled, isFree(rule, slot, due: due, occurrence: occurrence) else { return }
        guard rule.condition.isEmpty || holds(rule.condition, slot, at: due) else {
            return traceAbstention(rule, slot, due: due)
        }
        var trigger = describedTrigger(rule.declaration.name, slot, due: due)
        trigger.occurrence = UInt32(truncatingIfNeeded: occurrence)
        change(&trigger)
        propose(rule, number: rule.number, slot, trigger)
    }

    /// Whether a rule may tell a user again.
    func isFree(_ rule: CompiledRule, _ slot: Int, due: Int64, occurrence: Int) -> Bool {
        guard let known = rules.states.find(slot, rule.number), known.fired != .min else { return true }
        let last = max(known.fired, known.sent)
        if rule.declaration.cooldown > 0 { return due >= last + rule.declaration.cooldown }
        // Several events of one instant are one.
        return due != last || occurrence != 0
    }
}

import Core
import Models

/// Where a rule cannot tell because its model has too little to go by, and is not silent about it.
extension Partition {
    /// The occasion of a rule came and its condition does not hold: traced where that hangs on what a model does
    /// not say of the user.
    func traceAbstention(_ rule: CompiledRule, _ slot: Int, due: Int64) {
        guard rule.condition.asksModels, hangsOnUnknown(rule.condition, slot, at: due) else { return }
        arbiter.decisions.append(
            DecisionEntry(
                at: clock.decided(due: due), due: due, slot: UInt32(truncatingIfNeeded: slot),
                rule: rule.number,
                reason: DecisionReason.tooLittleData.rawValue))
    }

    /// Whether a condition would hold were the tests of what no model says of the user true, or were they false.
    /// It does not as things are.
    private func hangsOnUnknown(_ condition: PreparedCondition, _ slot: Int, at instant: Int64) -> Bool {
        holds(condition, slot, at: instant, unknown: true)
            || holds(condition, slot, at: instant, unknown: false)
    }

    /// - Parameter unknown: truth of a test that asks what no model says of the user. `has` asks just that, and is
    ///   answered as it is.
    private func holds(
        _ condition: PreparedCondition, _ slot: Int, at instant: Int64, unknown: Bool
    ) -> Bool {
        var truth = true
        var index = 0
        while index < condition.steps.count {
            let step = condition.steps[index]
            index += 1
            switch step.code {
            case .jumpIfFalse: if !truth { index = Int(step.first) }
            case .jumpIfTrue: if truth { index = Int(step.first) }
            case .invert: truth.toggle()
            case .compare, .isOneOf, .isAmong:
                truth =
                    isUnknown(step.a, condition, slot, instant)
                    ? unknown : holds(step, condition, slot, at: instant)
            case .compareFields:
                let isUnknown =
                    isUnknown(step.a, condition, slot, instant) || isUnknown(step.b, condition, slot, instant)
                truth = isUnknown ? unknown : holds(step, condition, slot, at: instant)
            case .has, .flag, .constant: truth = holds(step, condition, slot, at: instant)
            }
        }
        return truth
    }

    private func isUnknown(
        _ operand: ConditionProgram.Operand, _ condition: PreparedCondition, _ slot: Int, _ instant: Int64
    ) -> Bool {
        guard operand.field.isOfModel else { return false }
        return operand.field.kind == .number
            ? value(operand, condition, slot, instant).isNaN : symbol(operand, condition, slot, instant) == 0
    }

    /// Rules that have nothing to go by for a user as things stand: those of models, and those whose condition or
    /// number a model does not give. By name.
    func abstaining(_ slot: Int) -> [String] {
        var names = builtInAbstaining(slot).filter { terms.isEnabled($0) }.map(\.text)
        lookAhead(slot)
        for rule in rules.rules where rule.declaration.enabled {
            let hasNoNumber =
                rule.crossing.map {
                    $0.asksModels && isUnknown($0.steps[0].a, $0, slot, decidedThrough)
                } ?? false
            var hasNoDate = false
            if case .predicted = rule.declaration.occasion { hasNoDate = !hasRepurchaseDate(slot) }
            let isHanging =
                rule.condition.asksModels && !holds(rule.condition, slot, at: decidedThrough)
                && hangsOnUnknown(rule.condition, slot, at: decidedThrough)
            if hasNoNumber || hasNoDate || isHanging { names.append(rule.declaration.name) }
        }
        return Set(names).sorted()
    }

    private func hasRepurchaseDate(_ slot: Int) -> Bool {
        repurchase.model != nil && account(slot).map { $0.pointee.lastPurchaseDecided != .min } ?? false
    }

    private func builtInAbstaining(_ slot: Int) -> [BuiltInRule] {
        var rules: [BuiltInRule] = []
        if !hasRepurchaseDate(slot) { rules.append(.repurchaseDue) }
        if !churn.isFitted || !users[slot].pointee.has(UserRecord.bought) { rules.append(.churnRisk) }
        if !highIntent.isFitted { rules.append(.highIntent) }
        if users[slot].pointee.segment == 0 { rules += [.segmentMoved, .botSuspected] }
        if account(slot)?.pointee.tier ?? 0 == 0 { rules.append(.tierChanged) }
        if !itemEntries(slot).contains(where: { $0.interval != nil }) { rules.append(.replenishDue) }
        return rules
    }
}

extension ConditionField {
    /// Whether a model says it, which may abstain.
    var isOfModel: Bool {
        switch self {
        case .segmentID, .segment, .segmentAtLastPurchase, .membership, .tier, .tierScore, .tierBest, .grade,
            .rfmCell, .churn, .cartConversion, .lifetimeValue, .expectedPurchases, .probabilityAlive,
            .daysToRepurchase, .buysAnyway:
            true
        default: false
        }
    }
}

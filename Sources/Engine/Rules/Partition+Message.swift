import Core
import Models

/// The words of a trigger, its coupon and its action.
extension Partition {
    /// Puts on a trigger what its declaration says of it.
    func dress(_ trigger: inout Trigger, _ rule: CompiledRule, _ slot: Int, _ profile: ContactProfile?) {
        let declaration = rule.declaration
        if !declaration.action.isEmpty { trigger.action = declaration.action }
        if !declaration.channel.isEmpty { trigger.channel = declaration.channel }
        let due = trigger.due.microseconds
        offeredItem = trigger.items.first?.itemID
        defer { offeredItem = nil }
        for (condition, coupon) in rule.coupons where condition.isEmpty || holds(condition, slot, at: due) {
            trigger.coupon = Trigger.Coupon(code: coupon.code, discount: coupon.discount)
            break
        }
        if !rule.templates.isEmpty { trigger.message = message(trigger, rule, slot, profile) }
    }

    private func message(
        _ trigger: Trigger, _ rule: CompiledRule, _ slot: Int, _ profile: ContactProfile?
    ) -> String {
        let language = language(profile)
        let chosen =
            rule.templates.first { $0.language == language && !language.isEmpty }
            ?? rule.templates.first { $0.language.isEmpty } ?? rule.templates[0]
        lookAhead(slot)
        return chosen.template.render { value in
            text(value, trigger, chosen.fields, slot, profile)
        }
    }

    private func text(
        _ value: MessageTemplate.Value, _ trigger: Trigger, _ fields: PreparedCondition, _ slot: Int,
        _ profile: ContactProfile?
    ) -> String? {
        func filled(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
        func item(_ index: Int) -> String? {
            index < trigger.items.count ? trigger.items[index].itemID : nil
        }
        func itemName(_ index: Int) -> String? {
            item(index).map { filled(settings.items.facts(of: $0)?.name) ?? nameFromEvents($0) ?? $0 }
        }
        switch value {
        case .user: return String(decoding: trigger.user, as: UTF8.self)
        case .name: return filled(profile?.name)
        case .language: return filled(profile?.language)
        case .rule: return trigger.rule
        case .segment: return filled(trigger.segment)
        case .tier: return filled(trigger.tier)
        case .score: return trigger.score.flatMap(MessageTemplate.text)
        case .action: return filled(trigger.action)
        case .channel: return filled(trigger.channel)
        case .due: return CalendarDate(dayNumber: day(of: trigger.due.microseconds)).text
        case .predictedDate: return trigger.predicted.map { CalendarDate(dayNumber: $0.date).text }
        case .predictedP10: return trigger.predicted.map { CalendarDate(dayNumber: $0.p10).text }
        case .predictedP90: return trigger.predicted.map { CalendarDate(dayNumber: $0.p90).text }
        case .discount: return (trigger.coupon?.discount).flatMap(MessageTemplate.text)
        case .coupon: return filled(trigger.coupon?.code)
        case .itemName(let index): return itemName(index)
        case .itemID(let index): return item(index)
        case .itemQuantity(let index):
            guard index < trigger.items.count else { return nil }
            return trigger.items[index].quantity.flatMap(MessageTemplate.text)
        case .field(let operand): return text(operand, fields, slot, trigger.due.microseconds)
        }
    }

    /// Language of a user, empty where neither they nor the configuration have said one.
    func language(_ profile: ContactProfile?) -> String {
        if let language = profile?.language, !language.isEmpty { return language }
        return settings.declared.language.lowercased()
    }

    private func memberName(_ segmentation: Int, _ slot: Int) -> String? {
        let name = rules.memberNames[segmentation]
        guard let state = segmentations.first(where: { $0.name == name }) else { return nil }
        let id = state.segment(of: slot)
        return id < 0 ? nil : state.name(of: id)
    }

    /// A field of the user page in words.
    private func text(
        _ operand: ConditionProgram.Operand, _ fields: PreparedCondition, _ slot: Int, _ instant: Int64
    ) -> String? {
        if operand.field.kind == .number {
            return MessageTemplate.text(value(operand, fields, slot, instant))
        }
        let symbol = symbol(operand, fields, slot, instant)
        guard symbol != 0 else { return nil }
        let account = account(slot)?.pointee
        switch operand.field {
        case .itemID: return offeredItem
        case .itemCategory: return offeredItem.flatMap { settings.items.facts(of: $0)?.category }
        case .tier, .tierBest: return TierRule.names[Int(symbol) - 1]
        case .grade: return GradeRule.names[Int(symbol) - 1]
        case .rfmCell: return "R\(symbol / 100)F\(symbol / 10 % 10)M\(symbol % 10)"
        case .segment: return segments.name(Int(users[slot].pointee.segment) - 1)
        case .segmentAtLastPurchase:
            return account.map { segments.name(Int($0.segmentAtLastPurchase) - 1) }
        case .membership: return memberName(Int(fields.names[Int(operand.argument)]), slot)
        default: return strings.string(symbol - 1)
        }
    }
}

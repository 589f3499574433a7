import Core

/// A declared rule with everything that does not depend on a partition made ready.
final class CompiledRule {
    let declaration: RuleDeclaration
    /// The built-in rule it is laid over; nil for the configuration's own.
    let builtIn: BuiltInRule?
    /// Number in the partition: the built-in rule's raw value, or one of the partition's own.
    let number: UInt16
    let condition: PreparedCondition
    /// The number whose bound is crossed, as the one step of `has`.
    let crossing: PreparedCondition?
    let templates: [(language: String, template: MessageTemplate, fields: PreparedCondition)]
    let coupons: [(condition: PreparedCondition, coupon: RuleDeclaration.Coupon)]
    /// Place among `triggers.caps.channels`, and set among `triggers.exclusive`, with its time; -1: none.
    let channel: Int
    let set: Int
    let setWithin: Int64

    init(_ declaration: RuleDeclaration, number: UInt16, _ arbitration: ArbitrationSettings)
        throws(StateError)
    {
        self.declaration = declaration
        self.number = number
        builtIn = BuiltInRule.allCases.first { $0.text == declaration.name }
        do {
            condition = PreparedCondition(try ConditionProgram(parsing: declaration.when))
            if case .crossed(let name, _, _, _, _) = declaration.occasion {
                crossing = PreparedCondition(try RuleOccasion.number(name))
            } else {
                crossing = nil
            }
            templates = try declaration.template.map { words in
                let template = try MessageTemplate(parsing: words.text)
                return (words.language, template, PreparedCondition(template.fields))
            }
            coupons = try declaration.coupons.map {
                (PreparedCondition(try ConditionProgram(parsing: $0.when)), $0)
            }
        } catch {
            throw StateError("saved rule \(declaration.name) does not read back: \(error)")
        }
        channel = arbitration.channelCaps.firstIndex { $0.channel == declaration.channel } ?? -1
        set = arbitration.exclusive.firstIndex { $0.name == declaration.exclusive } ?? -1
        setWithin = set < 0 ? 0 : arbitration.exclusive[set].within
    }

    /// Every condition of it, for making names ready.
    var conditions: [PreparedCondition] {
        [condition] + (crossing.map { [$0] } ?? []) + templates.map(\.fields) + coupons.map(\.condition)
    }
}

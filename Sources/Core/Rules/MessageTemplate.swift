/// The words of a message with places for what is known when it is sent: `"{name|customer}, {items.0.name}"`.
///
/// `{x}` stands for a value, `{x|default}` gives what is written where there is none, `{{` and `}}` are the
/// braces themselves. Without a default what is missing is left out.
package struct MessageTemplate: Sendable, Equatable {
    /// What a place stands for.
    package enum Value: Sendable, Hashable {
        case user
        /// The user's name and language, as `$profile` told them.
        case name, language
        case rule, segment, tier, score, action, channel
        /// The day it is due, in the zone of the calendar.
        case due
        case predictedDate, predictedP10, predictedP90
        /// Percent off, and the code of the coupon.
        case discount, coupon
        case itemName(Int)
        case itemID(Int)
        /// Pieces foretold.
        case itemQuantity(Int)
        /// Anything of the user page that is a number or a text, and the place of its name.
        case field(ConditionProgram.Operand)
    }

    package enum Part: Sendable, Equatable {
        case words(String)
        case value(Value, otherwise: String)
    }

    package private(set) var parts: [Part] = []
    /// Names that are asked about, as in a condition.
    package private(set) var fields = ConditionProgram()

    private static let plain: [String: Value] = [
        "user": .user, "name": .name, "language": .language, "rule": .rule, "segment": .segment,
        "tier": .tier, "score": .score, "action": .action, "channel": .channel, "due": .due,
        "date": .predictedDate, "predicted.date": .predictedDate, "predicted.p10": .predictedP10,
        "predicted.p90": .predictedP90, "discount": .discount, "coupon": .coupon,
    ]

    /// - Parameter segmentations: as of a condition.
    /// - Throws: where a brace is not closed or a name is not known.
    package init(parsing text: String, segmentations: Set<String>? = nil) throws(RuleTextError) {
        let characters = Array(text)
        var words = ""
        var index = 0
        while index < characters.count {
            let character = characters[index]
            let isDouble = index + 1 < characters.count && characters[index + 1] == character
            if character == "{" || character == "}", isDouble {
                words.append(character)
                index += 2
            } else if character == "}" {
                throw RuleTextError(index, "this brace closes nothing; a brace itself is written }}")
            } else if character == "{" {
                guard let end = characters[index...].firstIndex(of: "}") else {
                    throw RuleTextError(index, "the brace that opens here is not closed")
                }
                if !words.isEmpty { parts.append(.words(words)) }
                words = ""
                parts.append(
                    try place(String(characters[(index + 1)..<end]), at: index + 1, segmentations))
                index = end + 1
            } else {
                words.append(character)
                index += 1
            }
        }
        if !words.isEmpty { parts.append(.words(words)) }
    }

    private mutating func place(
        _ text: String, at offset: Int, _ segmentations: Set<String>?
    ) throws(RuleTextError) -> Part {
        let halves = text.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        let name = halves[0].filter { !$0.isWhitespace }
        let otherwise = halves.count == 2 ? String(halves[1]) : ""
        if let value = Self.plain[name] ?? Self.item(name) { return .value(value, otherwise: otherwise) }
        let path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let reference = ConditionField.find(path), reference.field.kind != .flag else {
            let known = Self.plain.keys.sorted().joined(separator: ", ")
            throw RuleTextError(
                offset,
                "there is no {\(name)}; there are \(known), items.N.name, items.N.id, items.N.quantity and "
                    + "the names of the user page")
        }
        if let reason = reference.reasonAgainst(own: segmentations) { throw RuleTextError(offset, reason) }
        return .value(.field(fields.operand(reference)), otherwise: otherwise)
    }

    /// `items.0.name`, `items.0.id`, `items.0.quantity`.
    private static func item(_ name: String) -> Value? {
        let path = name.split(separator: ".")
        guard path.count == 3, path[0] == "items", let index = Int(path[1]), (0..<100).contains(index) else {
            return nil
        }
        switch path[2] {
        case "name": return .itemName(index)
        case "id", "item_id": return .itemID(index)
        case "quantity": return .itemQuantity(index)
        default: return nil
        }
    }

    /// Puts the words together.
    ///
    /// - Parameter value: text of a value; nil where there is none.
    package func render(_ value: (Value) -> String?) -> String {
        var message = ""
        for part in parts {
            switch part {
            case .words(let words): message += words
            case .value(let wanted, let otherwise): message += value(wanted) ?? otherwise
            }
        }
        return message
    }

    /// A number as a person reads it: whole where it is whole, else with up to two places.
    package static func text(_ number: Double) -> String? {
        guard number.isFinite, abs(number) < 1e15 else { return nil }
        let hundredths = Int64((number * 100).rounded())
        let whole = abs(hundredths) / 100
        let rest = abs(hundredths) % 100
        let sign = hundredths < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(whole)" }
        let places = rest % 10 == 0 ? "\(rest / 10)" : (rest < 10 ? "0\(rest)" : "\(rest)")
        return "\(sign)\(whole).\(places)"
    }
}

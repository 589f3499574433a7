/// One word of a condition.
struct ConditionToken: Equatable {
    enum Content: Equatable {
        case number(Double)
        case text(String)
        /// Words and parts of names: `and`, `rfm`, `7d`.
        case word(String)
        /// Operators and brackets.
        case sign(String)
        case end
    }

    var content: Content
    var offset: Int

    var shown: String {
        switch content {
        case .number(let number): "the number \(number)"
        case .text(let text): "\"\(text)\""
        case .word(let word): word
        case .sign(let sign): "\"\(sign)\""
        case .end: "the end"
        }
    }
}

/// Cuts a condition into its words.
struct ConditionTokens {
    private let text: [Character]
    private var index = 0

    private init(_ text: String) { self.text = Array(text) }

    static func read(_ text: String) throws(RuleTextError) -> [ConditionToken] {
        var reader = ConditionTokens(text)
        var tokens: [ConditionToken] = []
        while true {
            let token = try reader.next(after: tokens.last)
            tokens.append(token)
            if token.content == .end { return tokens }
        }
    }

    private mutating func next(after previous: ConditionToken?) throws(RuleTextError) -> ConditionToken {
        while index < text.count, text[index].isWhitespace { index += 1 }
        let start = index
        guard index < text.count else { return ConditionToken(content: .end, offset: start) }
        let character = text[index]
        if character == "\"" || character == "'" {
            return ConditionToken(content: .text(try string(character)), offset: start)
        }
        // Behind a dot a digit begins a part of a name, as in rolling.7d.events.
        let isPart = previous?.content == .sign(".")
        if Self.isDigit(character) || character == "-", !isPart {
            return ConditionToken(content: .number(try number()), offset: start)
        }
        if Self.isWord(character) {
            while index < text.count, Self.isWord(text[index]) { index += 1 }
            return ConditionToken(content: .word(String(text[start..<index])), offset: start)
        }
        return ConditionToken(content: .sign(try sign()), offset: start)
    }

    private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

    private static func isWord(_ character: Character) -> Bool {
        character == "_" || character.isLetter || character.isNumber
    }

    private mutating func string(_ quote: Character) throws(RuleTextError) -> String {
        let start = index
        index += 1
        var content = ""
        while index < text.count {
            let character = text[index]
            index += 1
            if character == quote { return content }
            if character == "\\", index < text.count {
                content.append(text[index])
                index += 1
            } else {
                content.append(character)
            }
        }
        throw RuleTextError(start, "the text that begins here has no closing quote")
    }

    private mutating func number() throws(RuleTextError) -> Double {
        let start = index
        index += 1
        while index < text.count {
            let character = text[index]
            let isExponentSign = (character == "-" || character == "+") && "eE".contains(text[index - 1])
            guard Self.isWord(character) || character == "." || isExponentSign else { break }
            index += 1
        }
        let literal = String(text[start..<index])
        let isPlain = literal.allSatisfy { Self.isDigit($0) || "+-.eE".contains($0) }
        guard isPlain, let number = Double(literal), number.isFinite else {
            throw RuleTextError(start, "\(literal) is not a number")
        }
        return number
    }

    private mutating func sign() throws(RuleTextError) -> String {
        let start = index
        let two = index + 1 < text.count ? String(text[index...index + 1]) : ""
        if ["==", "!=", "<=", ">="].contains(two) {
            index += 2
            return two
        }
        let one = String(text[index])
        guard ["<", ">", "(", ")", "[", "]", ",", "."].contains(one) else {
            let hint = one == "=" ? "; to compare, write ==" : ""
            throw RuleTextError(start, "\"\(one)\" means nothing here\(hint)")
        }
        index += 1
        return one
    }
}

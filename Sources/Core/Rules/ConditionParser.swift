extension ConditionProgram {
    /// Reads a condition such as `purchase.count >= 2 and segment.name in ["loyal", "vip"]`, checks that
    /// what is compared can be compared, and makes it ready. An empty text holds of everybody.
    ///
    /// Grammar, weakest first: `or`, `and`, `not`; `has(NAME)`; a comparison of two numbers, or of a name and
    /// a text; `NAME in [A, B]`, `NAME not in [A, B]`; `converted`, `true`, `false`; parentheses.
    ///
    /// - Parameter segmentations: those configured beside the built-in ones, which alone may be asked about; nil:
    ///   any may be, and nobody is in a group of one that is not there.
    package init(parsing text: String, segmentations: Set<String>? = nil) throws(RuleTextError) {
        self.init()
        if text.allSatisfy(\.isWhitespace) { return }
        var parser = ConditionParser(
            tokens: try ConditionTokens.read(text), segmentations: segmentations)
        try parser.disjunction()
        if parser.token.content != .end {
            throw RuleTextError(
                parser.token.offset, "\(parser.token.shown) is one too many: and, or, or the end is due here")
        }
        self = parser.program
    }
}

/// Descends through a condition and writes its program as it goes.
private struct ConditionParser {
    let tokens: [ConditionToken]
    let segmentations: Set<String>?
    var program = ConditionProgram()
    private var index = 0
    private var depth = 0

    /// Deepest nesting of parentheses and `not`.
    private static let deepest = 64

    init(tokens: [ConditionToken], segmentations: Set<String>?) {
        self.tokens = tokens
        self.segmentations = segmentations
    }

    var token: ConditionToken { tokens[index] }

    private mutating func advance() { index += 1 }

    private mutating func takes(word: String) -> Bool {
        guard token.content == .word(word) else { return false }
        advance()
        return true
    }

    private mutating func takes(sign: String) -> Bool {
        guard token.content == .sign(sign) else { return false }
        advance()
        return true
    }

    private mutating func expect(_ sign: String, _ why: String) throws(RuleTextError) {
        guard takes(sign: sign) else {
            throw RuleTextError(token.offset, "\"\(sign)\" is due here, \(why), not \(token.shown)")
        }
    }

    private func isWord(_ word: String, ahead: Int) -> Bool {
        index + ahead < tokens.count && tokens[index + ahead].content == .word(word)
    }

    // MARK: Connectives

    mutating func disjunction() throws(RuleTextError) {
        try conjunction()
        var ends: [Int] = []
        while takes(word: "or") {
            ends.append(jump(.jumpIfTrue))
            try conjunction()
        }
        land(ends)
    }

    private mutating func conjunction() throws(RuleTextError) {
        try negation()
        var ends: [Int] = []
        while takes(word: "and") {
            ends.append(jump(.jumpIfFalse))
            try negation()
        }
        land(ends)
    }

    private mutating func negation() throws(RuleTextError) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else {
            throw RuleTextError(token.offset, "nested deeper than \(Self.deepest)")
        }
        if takes(word: "not") {
            try negation()
            program.steps.append(.init(code: .invert))
        } else if takes(sign: "(") {
            try disjunction()
            try expect(")", "to close what was opened")
        } else {
            try test()
        }
    }

    private mutating func jump(_ code: ConditionProgram.Code) -> Int {
        program.steps.append(.init(code: code))
        return program.steps.count - 1
    }

    private mutating func land(_ jumps: [Int]) {
        for place in jumps { program.steps[place].first = UInt32(program.steps.count) }
    }

    // MARK: Tests

    private enum Value {
        case number(Double)
        case text(String)
        case truth(Bool)
        case field(ConditionField.Reference)
    }

    private mutating func test() throws(RuleTextError) {
        if token.content == .word("has"), index + 1 < tokens.count, tokens[index + 1].content == .sign("(") {
            return try presence()
        }
        let start = token.offset
        let left = try value()
        if isWord("not", ahead: 0), isWord("in", ahead: 1) {
            advance()
            advance()
            invertWherePresent(try membership(of: left, at: start))
        } else if takes(word: "in") {
            _ = try membership(of: left, at: start)
        } else if let comparison = comparison() {
            let place = token.offset
            try compare(left, comparison, try value(), at: start, place)
        } else {
            try alone(left, at: start)
        }
    }

    private mutating func presence() throws(RuleTextError) {
        advance()
        advance()
        let start = token.offset
        guard case .field(let reference) = try value() else {
            throw RuleTextError(start, "has asks about a name, as in has(predictions.churn)")
        }
        try expect(")", "to close has(")
        program.steps.append(.init(code: .has, a: program.operand(reference)))
    }

    private mutating func comparison() -> ConditionProgram.Comparison? {
        guard case .sign(let sign) = token.content else { return nil }
        let known: [String: ConditionProgram.Comparison] = [
            "==": .equal, "!=": .notEqual, "<": .less, "<=": .atMost, ">": .greater, ">=": .atLeast,
        ]
        guard let comparison = known[sign] else { return nil }
        advance()
        return comparison
    }

    private mutating func value() throws(RuleTextError) -> Value {
        let start = token
        switch token.content {
        case .number(let number):
            advance()
            return .number(number)
        case .text(let text):
            advance()
            return .text(text)
        case .word("true"), .word("false"):
            advance()
            return .truth(start.content == .word("true"))
        case .word(let word) where !["and", "or", "not", "in"].contains(word): return .field(try reference())
        default: throw RuleTextError(start.offset, "a name or a value is due here, not \(start.shown)")
        }
    }

    /// `events.purchase`, `amount_by.category["Office Supplies"]`.
    private mutating func reference() throws(RuleTextError) -> ConditionField.Reference {
        let start = token.offset
        var path: [String] = []
        if case .word(let word) = token.content { path.append(word) }
        advance()
        while true {
            if takes(sign: ".") {
                guard case .word(let word) = token.content else {
                    throw RuleTextError(token.offset, "a name is due after the dot, not \(token.shown)")
                }
                path.append(word)
                advance()
            } else if takes(sign: "[") {
                guard case .text(let text) = token.content else {
                    throw RuleTextError(token.offset, "a name in quotes is due here, not \(token.shown)")
                }
                path.append(text)
                advance()
                try expect("]", "to close what was opened")
            } else {
                break
            }
        }
        guard let found = ConditionField.find(path) else { throw RuleTextError(start, Self.unknown(path)) }
        if let reason = found.reasonAgainst(own: segmentations) { throw RuleTextError(start, reason) }
        return found
    }

    private static func unknown(_ path: [String]) -> String {
        let name = path.joined(separator: ".")
        let siblings = ConditionField.names.keys.filter { $0.hasPrefix(path[0] + ".") }.sorted()
        if ConditionField.roots.contains(path[0]), !siblings.isEmpty {
            return "there is no \(name); there are \(siblings.joined(separator: ", "))"
        }
        return "there is no \(name); names begin with \(ConditionField.roots.joined(separator: ", "))"
    }

    // MARK: Types

    private mutating func compare(
        _ left: Value, _ comparison: ConditionProgram.Comparison, _ right: Value, at start: Int, _ place: Int
    ) throws(RuleTextError) {
        switch (left, right) {
        case (.field(let field), .number(let number)) where field.field.kind == .number:
            append(field, comparison, number)
        case (.number(let number), .field(let field)) where field.field.kind == .number:
            append(field, comparison.mirrored, number)
        case (.field(let a), .field(let b)) where a.field.kind == .number && b.field.kind == .number:
            let (a, b) = (program.operand(a), program.operand(b))
            program.steps.append(.init(code: .compareFields, comparison: comparison, a: a, b: b))
        case (.field(let field), .text(let text)) where field.field.kind == .text:
            try append(field, comparison, text, at: place)
        case (.text(let text), .field(let field)) where field.field.kind == .text:
            try append(field, comparison, text, at: start)
        case (.field(let field), .truth(let truth)) where field.field.kind == .flag:
            guard comparison == .equal || comparison == .notEqual else {
                throw RuleTextError(place, "true and false have no order")
            }
            program.steps.append(.init(code: .flag, a: program.operand(field)))
            if truth != (comparison == .equal) { program.steps.append(.init(code: .invert)) }
        default:
            throw RuleTextError(
                place, "\(Self.kind(right)) cannot be compared with \(Self.kind(left)) before it")
        }
    }

    private mutating func append(
        _ field: ConditionField.Reference, _ comparison: ConditionProgram.Comparison, _ number: Double
    ) {
        program.steps.append(
            .init(code: .compare, comparison: comparison, a: program.operand(field), number: number))
    }

    private mutating func append(
        _ field: ConditionField.Reference, _ comparison: ConditionProgram.Comparison, _ text: String,
        at place: Int
    ) throws(RuleTextError) {
        guard comparison == .equal || comparison == .notEqual else {
            throw RuleTextError(place, "texts are equal or not; they have no order")
        }
        appendTexts(field, try [known(text, of: field, at: place)])
        if comparison == .notEqual { invertWherePresent(field) }
    }

    /// What is absent is neither equal nor different.
    private mutating func invertWherePresent(_ field: ConditionField.Reference) {
        program.steps.append(.init(code: .invert))
        let end = jump(.jumpIfFalse)
        program.steps.append(.init(code: .has, a: program.operand(field)))
        land([end])
    }

    private func known(
        _ text: String, of field: ConditionField.Reference, at place: Int
    ) throws(RuleTextError) -> String {
        guard let values = field.field.values, !values.contains(text) else { return text }
        throw RuleTextError(
            place, "\"\(text)\" is none of its values: \(values.map { "\"\($0)\"" }.joined(separator: ", "))")
    }

    private mutating func appendTexts(_ field: ConditionField.Reference, _ texts: [String]) {
        let first = UInt32(program.texts.count)
        for text in texts { program.texts.append(.init(field: field.field, text: text)) }
        program.steps.append(
            .init(
                code: .isOneOf, a: program.operand(field), first: first, count: UInt32(texts.count)))
    }

    private mutating func membership(
        of left: Value, at start: Int
    ) throws(RuleTextError) -> ConditionField.Reference {
        guard case .field(let field) = left, field.field.kind != .flag else {
            throw RuleTextError(start, "a name of texts or numbers stands before in")
        }
        try expect("[", "where the list begins")
        var texts: [String] = []
        var numbers: [Double] = []
        repeat {
            let place = token.offset
            switch (try value(), field.field.kind) {
            case (.text(let text), .text): texts.append(try known(text, of: field, at: place))
            case (.number(let number), .number): numbers.append(number)
            case (let other, _):
                throw RuleTextError(
                    place, "\(Self.kind(other)) cannot be one of \(field.field.kind.rawValue)s")
            }
        } while takes(sign: ",") && token.content != .sign("]")
        try expect("]", "where the list ends")
        if field.field.kind == .text {
            appendTexts(field, texts)
            return field
        }
        let first = UInt32(program.numbers.count)
        program.numbers += numbers
        program.steps.append(
            .init(code: .isAmong, a: program.operand(field), first: first, count: UInt32(numbers.count)))
        return field
    }

    private mutating func alone(_ value: Value, at start: Int) throws(RuleTextError) {
        switch value {
        case .truth(let truth): program.steps.append(.init(code: .constant, number: truth ? 1 : 0))
        case .field(let field) where field.field.kind == .flag:
            program.steps.append(.init(code: .flag, a: program.operand(field)))
        default:
            throw RuleTextError(
                start, "\(Self.kind(value)) is no condition by itself; compare it, or ask has(…)")
        }
    }

    private static func kind(_ value: Value) -> String {
        switch value {
        case .number: "a number"
        case .text: "a text"
        case .truth: "true or false"
        case .field(let field): "a \(field.field.kind.rawValue) of the user's"
        }
    }
}

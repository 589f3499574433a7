import Core

/// A value of a JSON5 text with the place it came from.
struct JSON5Node: Equatable {
    struct Place: Equatable {
        /// Both from 1; columns count characters.
        var line: Int
        var column: Int
    }

    struct Member: Equatable {
        var key: String
        var place: Place
        var value: JSON5Node
    }

    indirect enum Content: Equatable {
        /// null, true, false, a number or a string.
        case scalar(JSONValue)
        case array([JSON5Node])
        /// In the order of the text, repeated keys included.
        case object([Member])
    }

    var place: Place
    var content: Content

    /// The tree without places.
    var value: JSONValue {
        switch content {
        case .scalar(let value): value
        case .array(let elements): .array(elements.map(\.value))
        case .object(let members): .object(members.map { .init($0.key, $0.value.value) })
        }
    }
}

/// Where and why a text is not JSON5.
struct JSON5Error: Error, Equatable {
    var place: JSON5Node.Place
    /// Keys down to the place, with dots; empty at the root.
    var path: String
    var reason: String
}

/// Reads JSON5 (spec.json5.org): comments, trailing commas, bare keys, single quotes, hexadecimal, signs.
/// Infinity and NaN are refused, for no setting can mean them.
struct JSON5Reader {
    private let text: [Unicode.Scalar]
    private var index = 0
    private var line = 1
    private var lineStart = 0
    private var path: [String] = []

    /// Deepest nesting; a configuration has four levels.
    private static let deepest = 64

    private init(_ text: String) {
        self.text = Array(text.unicodeScalars)
        if self.text.first == "\u{FEFF}" { index = 1 }
    }

    /// Reads one value and nothing after it.
    static func read(_ text: String) throws(JSON5Error) -> JSON5Node {
        var reader = JSON5Reader(text)
        try reader.skipBlanks()
        let node = try reader.readValue()
        try reader.skipBlanks()
        if let next = reader.peek { throw reader.error("unexpected \(describe(next)) after the end") }
        return node
    }

    private var peek: Unicode.Scalar? { index < text.count ? text[index] : nil }
    private var place: JSON5Node.Place { .init(line: line, column: index - lineStart + 1) }

    private func error(_ reason: String, at other: JSON5Node.Place? = nil) -> JSON5Error {
        JSON5Error(place: other ?? place, path: path.joined(separator: "."), reason: reason)
    }

    private static func describe(_ scalar: Unicode.Scalar) -> String {
        scalar.value < 0x20 ? "control character \(scalar.value)" : "\"\(scalar)\""
    }

    private mutating func advance() {
        let scalar = text[index]
        index += 1
        let lineEnds =
            scalar == "\n" || scalar == "\u{2028}" || scalar == "\u{2029}" || (scalar == "\r" && peek != "\n")
        if lineEnds {
            line += 1
            lineStart = index
        }
    }

    private mutating func skipBlanks() throws(JSON5Error) {
        while let scalar = peek {
            if scalar.properties.isWhitespace || scalar == "\u{FEFF}" {
                advance()
            } else if scalar == "/" {
                try skipComment()
            } else {
                return
            }
        }
    }

    private mutating func skipComment() throws(JSON5Error) {
        let start = place
        advance()
        switch peek {
        case "/":
            while let scalar = peek, scalar != "\n", scalar != "\r" { _ = scalar; advance() }
        case "*":
            advance()
            var star = false
            while let scalar = peek {
                advance()
                if star, scalar == "/" { return }
                star = scalar == "*"
            }
            throw error("the comment that begins here has no end", at: start)
        default: throw error("unexpected \"/\"", at: start)
        }
    }

    private mutating func readValue() throws(JSON5Error) -> JSON5Node {
        let start = place
        guard let scalar = peek else { throw error("the text ends where a value is due") }
        guard path.count < Self.deepest else { throw error("nested deeper than \(Self.deepest)") }
        switch scalar {
        case "{": return JSON5Node(place: start, content: .object(try readObject()))
        case "[": return JSON5Node(place: start, content: .array(try readArray()))
        case "\"", "'": return JSON5Node(place: start, content: .scalar(.string(try readString())))
        case "0"..."9", "+", "-", ".": return JSON5Node(place: start, content: .scalar(try readNumber()))
        default: return JSON5Node(place: start, content: .scalar(try readWord(at: start)))
        }
    }

    private mutating func readWord(at start: JSON5Node.Place) throws(JSON5Error) -> JSONValue {
        let word = readIdentifier()
        switch word {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case "Infinity", "NaN": throw error("\(word) makes no sense here", at: start)
        case "":
            guard let next = peek else { throw error("the text ends where a value is due") }
            throw error("a value is due here, not \(Self.describe(next))")
        default: throw error("\(word) is not a value; text stands in quotes", at: start)
        }
    }

    private mutating func readIdentifier() -> String {
        var word = String.UnicodeScalarView()
        while let scalar = peek {
            let properties = scalar.properties
            let starts = properties.isIDStart || scalar == "_" || scalar == "$"
            guard starts || (!word.isEmpty && properties.isIDContinue) else { break }
            word.append(scalar)
            advance()
        }
        return String(word)
    }

    private mutating func readObject() throws(JSON5Error) -> [JSON5Node.Member] {
        let start = place
        advance()
        var members: [JSON5Node.Member] = []
        while true {
            try skipBlanks()
            if peek == "}" { break }
            let keyPlace = place
            let key = try readKey(openedAt: start)
            path.append(key)
            try skipBlanks()
            guard peek == ":" else { throw error("a colon is due after the key") }
            advance()
            try skipBlanks()
            members.append(.init(key: key, place: keyPlace, value: try readValue()))
            path.removeLast()
            try skipBlanks()
            if peek == "," { advance() } else if peek != "}" { throw missing("}", openedAt: start) }
        }
        advance()
        return members
    }

    private mutating func readKey(openedAt start: JSON5Node.Place) throws(JSON5Error) -> String {
        guard let scalar = peek else { throw missing("}", openedAt: start) }
        if scalar == "\"" || scalar == "'" { return try readString() }
        let key = readIdentifier()
        guard !key.isEmpty else { throw error("a key is due here, not \(Self.describe(scalar))") }
        return key
    }

    private func missing(_ closing: String, openedAt start: JSON5Node.Place) -> JSON5Error {
        guard let next = peek else {
            return error("the text ends, and what was opened in line \(start.line) has no \"\(closing)\"")
        }
        return error("a comma or \"\(closing)\" is due here, not \(Self.describe(next))")
    }

    private mutating func readArray() throws(JSON5Error) -> [JSON5Node] {
        let start = place
        advance()
        var elements: [JSON5Node] = []
        while true {
            try skipBlanks()
            if peek == "]" { break }
            path.append("\(elements.count)")
            elements.append(try readValue())
            path.removeLast()
            try skipBlanks()
            if peek == "," { advance() } else if peek != "]" { throw missing("]", openedAt: start) }
        }
        advance()
        return elements
    }
}

extension JSON5Reader {
    private mutating func readString() throws(JSON5Error) -> String {
        let start = place
        let quote = text[index]
        advance()
        var content = String.UnicodeScalarView()
        while let scalar = peek {
            switch scalar {
            case quote:
                advance()
                return String(content)
            case "\\": try readEscape(into: &content)
            case "\n", "\r": throw error("the string has no closing quote", at: start)
            default:
                content.append(scalar)
                advance()
            }
        }
        throw error("the string has no closing quote", at: start)
    }

    private mutating func readEscape(into content: inout String.UnicodeScalarView) throws(JSON5Error) {
        let start = place
        advance()
        guard let scalar = peek else { throw error("the text ends within an escape") }
        advance()
        switch scalar {
        case "n": content.append("\n")
        case "r": content.append("\r")
        case "t": content.append("\t")
        case "b": content.append("\u{8}")
        case "f": content.append("\u{C}")
        case "v": content.append("\u{B}")
        case "0": content.append("\0")
        case "x": content.append(try readHexadecimal(digits: 2, at: start))
        case "u": content.append(try readUnicode(at: start))
        case "\r": if peek == "\n" { advance() }
        case "\n", "\u{2028}", "\u{2029}": break
        case "1"..."9": throw error("\\\(scalar) is not an escape", at: start)
        default: content.append(scalar)
        }
    }

    private mutating func readUnicode(at start: JSON5Node.Place) throws(JSON5Error) -> Unicode.Scalar {
        let high = try readCode(digits: 4, at: start)
        guard (0xD800...0xDBFF).contains(high) else { return try scalar(high, at: start) }
        guard peek == "\\", index + 1 < text.count, text[index + 1] == "u" else {
            throw error("half of a surrogate pair", at: start)
        }
        advance()
        advance()
        let low = try readCode(digits: 4, at: start)
        guard (0xDC00...0xDFFF).contains(low) else { throw error("half of a surrogate pair", at: start) }
        return try scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00), at: start)
    }

    private mutating func readHexadecimal(
        digits: Int, at start: JSON5Node.Place
    ) throws(JSON5Error) -> Unicode.Scalar {
        try scalar(try readCode(digits: digits, at: start), at: start)
    }

    private func scalar(_ code: UInt32, at start: JSON5Node.Place) throws(JSON5Error) -> Unicode.Scalar {
        guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair", at: start) }
        return scalar
    }

    private mutating func readCode(
        digits: Int, at start: JSON5Node.Place
    ) throws(JSON5Error) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<digits {
            guard let next = peek, next.isASCII, let digit = Character(next).hexDigitValue else {
                throw error("an escape wants \(digits) hexadecimal digits", at: start)
            }
            code = code * 16 + UInt32(digit)
            advance()
        }
        return code
    }

    private mutating func readNumber() throws(JSON5Error) -> JSONValue {
        let start = place
        var literal = ""
        while let scalar = peek, scalar.isASCII,
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                || "+-._".unicodeScalars.contains(scalar)
        {
            literal.unicodeScalars.append(scalar)
            advance()
        }
        guard let number = Self.number(literal) else {
            let unsigned = literal.drop { $0 == "+" || $0 == "-" }
            if unsigned == "Infinity" || unsigned == "NaN" {
                throw error("\(literal) makes no sense here", at: start)
            }
            let hint = unsigned.contains { $0.isLetter } ? "; text and durations stand in quotes" : ""
            throw error("\(literal) is not a number\(hint)", at: start)
        }
        return number
    }

    private static func number(_ literal: String) -> JSONValue? {
        var digits = literal[...]
        let negative = digits.first == "-"
        if negative || digits.first == "+" { digits.removeFirst() }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            let body = digits.dropFirst(2)
            guard body.allSatisfy(\.isHexDigit), let magnitude = Int64(body, radix: 16) else { return nil }
            return .integer(negative ? -magnitude : magnitude)
        }
        guard let first = digits.first, first == "." || first.isNumber else { return nil }
        if digits.count > 1, first == "0", digits.dropFirst().first?.isNumber == true { return nil }
        if digits.allSatisfy(\.isNumber), let magnitude = Int64(digits) {
            return .integer(negative ? -magnitude : magnitude)
        }
        return decimal(String(digits)).map { .number(negative ? -$0 : $0) }
    }

    /// JSON5's decimal forms, `.5` and `5.` among them; nothing else that `Double` would take.
    private static func decimal(_ digits: String) -> Double? {
        var text = digits
        guard text != "." else { return nil }
        if text.hasPrefix(".") { text = "0" + text }
        if let dot = text.firstIndex(of: "."), text[dot...].dropFirst().first?.isNumber != true {
            text.insert("0", at: text.index(after: dot))
        }
        guard text.allSatisfy({ $0.isNumber || ".eE+-".contains($0) }), let value = Double(text),
            value.isFinite
        else { return nil }
        return value
    }
}

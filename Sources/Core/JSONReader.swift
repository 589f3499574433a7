/// Why a text is not JSON, and at which byte.
package struct JSONReadError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: String, Sendable {
        case unexpectedEnd = "the text ends too early"
        case unexpectedByte = "an unexpected byte"
        case badNumber = "a malformed number"
        case badString = "a malformed string"
        case badUTF8 = "not UTF-8"
        case tooDeep = "nested too deep"
        case repeatedKey = "a key given twice"
        case trailingBytes = "something follows the value"
    }

    package var reason: Reason
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String { "\(reason.rawValue) at byte \(offset)" }
}

/// Reads strict JSON (RFC 8259) into a tree, for what is small: control lines, model parameters, identity
/// files.
///
/// Whole numbers that fit 64 bits stay whole, other numbers become the nearest `Double`; members keep
/// their order; repeated keys and lone surrogates are refused.
package struct JSONReader {
    /// Arrays and objects inside each other, at most, where nothing else is said.
    package static let depthMax = 64

    private let bytes: UnsafeRawBufferPointer
    private let depth: Int
    private var place = 0

    /// - Parameter depth: most arrays and objects inside each other; what is deeper is refused, so that no
    ///   text can exhaust the stack.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, depth: Int = depthMax
    ) throws(JSONReadError) -> JSONValue {
        var reader = JSONReader(bytes: bytes, depth: depth)
        let value = try reader.value(level: 0)
        reader.skipSpace()
        guard reader.place == bytes.count else {
            throw JSONReadError(.trailingBytes, at: reader.place)
        }
        return value
    }

    package static func parse(
        _ bytes: [UInt8], depth: Int = depthMax
    ) throws(JSONReadError) -> JSONValue {
        let result: Result<JSONValue, JSONReadError> = bytes.withUnsafeBytes { raw in
            do throws(JSONReadError) { return .success(try parse(raw, depth: depth)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeRawBufferPointer, depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { place += 1 }
    }

    private func unexpected() -> JSONReadError {
        JSONReadError(place < bytes.count ? .unexpectedByte : .unexpectedEnd, at: place)
    }

    private mutating func expect(_ byte: UInt8) throws(JSONReadError) {
        guard next == byte else { throw unexpected() }
        place += 1
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func value(level: Int) throws(JSONReadError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(level: level + 1)
        case UInt8(ascii: "["): return try array(level: level + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func literal(
        _ text: StaticString, _ value: JSONValue
    ) throws(JSONReadError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount { try expect(text.utf8Start[index]) }
        return value
    }

    private mutating func array(level: Int) throws(JSONReadError) -> JSONValue {
        guard level <= depth else { throw JSONReadError(.tooDeep, at: place) }
        place += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            elements.append(try value(level: level))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func object(level: Int) throws(JSONReadError) -> JSONValue {
        guard level <= depth else { throw JSONReadError(.tooDeep, at: place) }
        place += 1
        var members: [JSONValue.Member] = []
        var keys: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            let start = place
            let key = try string()
            guard keys.insert(key).inserted else { throw JSONReadError(.repeatedKey, at: start) }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            members.append(JSONValue.Member(key, try value(level: level)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            try expect(UInt8(ascii: ","))
        }
    }

    // MARK: Strings

    private mutating func string() throws(JSONReadError) -> String {
        let start = place
        try expect(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw JSONReadError(.badUTF8, at: start)
                }
                return valid
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw JSONReadError(.badString, at: place - 1)
            default: text.append(byte)
            }
        }
        throw unexpected()
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONReadError) {
        guard let byte = next else { throw unexpected() }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(Character(try scalar())).utf8))
        default: throw JSONReadError(.badString, at: place - 1)
        }
    }

    /// The scalar of `\uXXXX`, or of a surrogate pair of them; a lone surrogate names no character.
    private mutating func scalar() throws(JSONReadError) -> Unicode.Scalar {
        let start = place
        var code = try hexadecimal()
        if (0xD800..<0xDC00).contains(code) {
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                throw JSONReadError(.badString, at: start)
            }
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw JSONReadError(.badString, at: start) }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw JSONReadError(.badString, at: start) }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONReadError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw unexpected() }
            switch byte {
            case 48...57: code = code << 4 | UInt32(byte - 48)
            case 65...70: code = code << 4 | UInt32(byte - 55)
            case 97...102: code = code << 4 | UInt32(byte - 87)
            default: throw JSONReadError(.badString, at: place)
            }
            place += 1
        }
        return code
    }

    // MARK: Numbers

    private mutating func number() throws(JSONReadError) -> JSONValue {
        let start = place
        _ = take(UInt8(ascii: "-"))
        guard let first = next, isDigit(first) else { throw unexpected() }
        if !take(UInt8(ascii: "0")) { try digits() }
        var whole = true
        if take(UInt8(ascii: ".")) {
            whole = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            whole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<place]), as: UTF8.self)
        if whole, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw JSONReadError(.badNumber, at: start) }
        return .number(number)
    }

    private mutating func digits() throws(JSONReadError) {
        guard let first = next, isDigit(first) else { throw JSONReadError(.badNumber, at: place) }
        while let byte = next, isDigit(byte) { place += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
}

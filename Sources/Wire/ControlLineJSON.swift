package import Core

/// Why bytes are not JSON, and where.
package enum JSONFailure: Error, Equatable, CustomStringConvertible {
    case unexpected(offset: Int)
    case badString(offset: Int)
    case badUTF8(offset: Int)
    case badNumber(offset: Int)
    case tooDeep(offset: Int)
    case repeatedKey(String)
    case trailing(offset: Int)

    package var description: String {
        switch self {
        case .unexpected(let offset): "unexpected byte or end at offset \(offset)"
        case .badString(let offset): "bad string at offset \(offset)"
        case .badUTF8(let offset): "not UTF-8 at offset \(offset)"
        case .badNumber(let offset): "bad number at offset \(offset)"
        case .tooDeep(let offset): "nested too deep at offset \(offset)"
        case .repeatedKey(let key): "key \"\(key.prefix(64))\" given twice"
        case .trailing(let offset): "more after the value at offset \(offset)"
        }
    }
}

/// A strict reader of small JSON texts (control lines, requests) into a tree. RFC 8259; repeated keys
/// and lone surrogates are refused; integers that fit 64 bits stay exact.
package struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let depth: Int
    private var index = 0

    /// - Parameters:
    ///   - depth: most arrays and objects inside each other.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, depth: Int = 32
    ) throws(JSONFailure) -> JSONValue {
        var parser = JSONParser(bytes: bytes, depth: depth)
        parser.skipSpace()
        let value = try parser.value(level: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw .trailing(offset: parser.index) }
        return value
    }

    package static func parse(_ text: String, depth: Int = 32) throws(JSONFailure) -> JSONValue {
        let bytes = Array(text.utf8)
        let result: Result<JSONValue, JSONFailure> = bytes.withUnsafeBytes { raw in
            do throws(JSONFailure) { return .success(try parse(raw, depth: depth)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeRawBufferPointer, depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(JSONFailure) {
        guard current == byte else { throw .unexpected(offset: index) }
        index += 1
    }

    private mutating func expect(_ word: StaticString) throws(JSONFailure) {
        for offset in 0..<word.utf8CodeUnitCount {
            try expect(word.utf8Start[offset])
        }
    }

    private mutating func value(level: Int) throws(JSONFailure) -> JSONValue {
        switch current {
        case UInt8(ascii: "{"): return try object(level: level + 1)
        case UInt8(ascii: "["): return try array(level: level + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        default: throw .unexpected(offset: index)
        }
    }

    private mutating func object(level: Int) throws(JSONFailure) -> JSONValue {
        guard level <= depth else { throw .tooDeep(offset: index) }
        index += 1
        var members: [JSONValue.Member] = []
        skipSpace()
        if current == UInt8(ascii: "}") {
            index += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw .unexpected(offset: index) }
            let key = try string()
            guard !members.contains(where: { $0.key == key }) else { throw .repeatedKey(key) }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            members.append(JSONValue.Member(key, try value(level: level)))
            skipSpace()
            if current == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect(UInt8(ascii: "}"))
            return .object(members)
        }
    }

    private mutating func array(level: Int) throws(JSONFailure) -> JSONValue {
        guard level <= depth else { throw .tooDeep(offset: index) }
        index += 1
        var elements: [JSONValue] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            index += 1
            return .array(elements)
        }
        while true {
            skipSpace()
            elements.append(try value(level: level))
            skipSpace()
            if current == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect(UInt8(ascii: "]"))
            return .array(elements)
        }
    }

    private mutating func digits() throws(JSONFailure) {
        let start = index
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { index += 1 }
        guard index > start else { throw .badNumber(offset: index) }
    }

    private mutating func number() throws(JSONFailure) -> JSONValue {
        let start = index
        var isInteger = true
        if current == UInt8(ascii: "-") { index += 1 }
        if current == UInt8(ascii: "0") { index += 1 } else { try digits() }
        if current == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isInteger = false
            index += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
        if isInteger, let exact = Int64(text) { return .integer(exact) }
        guard let value = Double(text), value.isFinite else { throw .badNumber(offset: start) }
        return .number(value)
    }

    private mutating func string() throws(JSONFailure) -> String {
        let start = index
        index += 1
        var text: [UInt8] = []
        while let byte = current {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw .badUTF8(offset: start)
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw .badString(offset: index - 1)
            default: text.append(byte)
            }
        }
        throw .badString(offset: start)
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONFailure) {
        guard let byte = current else { throw .badString(offset: index) }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try scalar()).utf8)
        default: throw .badString(offset: index - 1)
        }
    }

    /// What follows `\u`, with the second half of a surrogate pair.
    private mutating func scalar() throws(JSONFailure) -> Character {
        let start = index
        let first = try hexadecimal()
        var code = UInt32(first)
        if (0xD800..<0xDC00).contains(first) {
            guard current == UInt8(ascii: "\\") else { throw .badString(offset: start) }
            index += 1
            guard current == UInt8(ascii: "u") else { throw .badString(offset: start) }
            index += 1
            let second = try hexadecimal()
            guard (0xDC00..<0xE000).contains(second) else { throw .badString(offset: start) }
            code = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw .badString(offset: start) }
        return Character(scalar)
    }

    private mutating func hexadecimal() throws(JSONFailure) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80
            else { throw .badString(offset: index) }
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return value
    }
}

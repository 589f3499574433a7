/// A value of Universal Binary JSON (ubjson.org, draft 12), the form in which XGBoost saves a model exactly.
indirect enum UBJSON {
    case null
    case flag(Bool)
    case integer(Int64)
    case real(Double)
    case text(String)
    case array([UBJSON])
    /// Arrays whose elements all have one type.
    case integers([Int64])
    case reals([Double])
    case object([String: UBJSON])

    static func read(_ bytes: UnsafeRawBufferPointer) throws(CodingFailure) -> UBJSON {
        var reader = UBJSONReader(ByteReader(bytes))
        let value = try reader.value()
        try reader.finish()
        return value
    }

    subscript(_ key: String) -> UBJSON? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    var elements: [UBJSON]? {
        switch self {
        case .array(let values): values
        case .integers(let values): values.map { .integer($0) }
        default: nil
        }
    }

    var wholeNumbers: [Int]? {
        switch self {
        case .integers(let values): return values.map { Int($0) }
        case .array(let values):
            var numbers: [Int] = []
            for value in values {
                guard case .integer(let number) = value else { return nil }
                numbers.append(Int(number))
            }
            return numbers
        default: return nil
        }
    }

    /// Exact where they were written as 32-bit numbers.
    var floats: [Float]? {
        switch self {
        case .reals(let values): return values.map { Float($0) }
        case .array(let values):
            var numbers: [Float] = []
            for value in values {
                guard case .real(let number) = value else { return nil }
                numbers.append(Float(number))
            }
            return numbers
        default: return nil
        }
    }

    var string: String? {
        if case .text(let text) = self { return text }
        return nil
    }
}

private struct UBJSONReader {
    private var reader: ByteReader
    private static let deepest = 32

    init(_ reader: ByteReader) { self.reader = reader }

    func finish() throws(CodingFailure) { try reader.finish() }

    mutating func value(depth: Int = 0) throws(CodingFailure) -> UBJSON {
        try value(of: UnicodeScalar(reader.byte()), depth: depth)
    }

    private mutating func value(of mark: UnicodeScalar, depth: Int) throws(CodingFailure) -> UBJSON {
        guard depth < UBJSONReader.deepest else { throw .tooDeep(at: reader.position) }
        switch mark {
        case "Z": return .null
        case "T": return .flag(true)
        case "F": return .flag(false)
        case "i", "U", "I", "l", "L": return .integer(try integer(mark))
        case "d", "D": return .real(try real(mark))
        case "S": return .text(try text())
        case "[": return try array(depth)
        case "{": return try object(depth)
        default: throw .badValue(at: reader.position)
        }
    }

    /// Numbers are big-endian.
    private mutating func integer(_ mark: UnicodeScalar) throws(CodingFailure) -> Int64 {
        switch mark {
        case "i": Int64(Int8(bitPattern: try reader.byte()))
        case "U": Int64(try reader.byte())
        case "I": Int64(Int16(bigEndian: try reader.integer(Int16.self)))
        case "l": Int64(Int32(bigEndian: try reader.integer(Int32.self)))
        case "L": Int64(bigEndian: try reader.integer(Int64.self))
        default: throw .badValue(at: reader.position)
        }
    }

    private mutating func real(_ mark: UnicodeScalar) throws(CodingFailure) -> Double {
        switch mark {
        case "d": Double(Float(bitPattern: UInt32(bigEndian: try reader.uint32())))
        case "D": Double(bitPattern: UInt64(bigEndian: try reader.uint64()))
        default: throw .badValue(at: reader.position)
        }
    }

    /// A length of what takes at least `bytes` each, checked against what is left.
    private mutating func length(ofAtLeast bytes: Int) throws(CodingFailure) -> Int {
        let at = reader.position
        let count = try integer(UnicodeScalar(reader.byte()))
        guard count >= 0, count <= Int64(reader.remaining / max(1, bytes)) else { throw .truncated(at: at) }
        return Int(count)
    }

    private mutating func text() throws(CodingFailure) -> String {
        let at = reader.position
        let raw = try reader.raw(try length(ofAtLeast: 1))
        guard let text = String(validating: raw, as: UTF8.self) else { throw .badText(at: at) }
        return text
    }

    private mutating func array(_ depth: Int) throws(CodingFailure) -> UBJSON {
        var mark = UnicodeScalar(try reader.byte())
        if mark == "$" { return try typedArray() }
        var values: [UBJSON] = []
        if mark == "#" {
            for _ in 0..<(try length(ofAtLeast: 1)) { values.append(try value(depth: depth + 1)) }
            return .array(values)
        }
        while mark != "]" {
            values.append(try value(of: mark, depth: depth + 1))
            mark = UnicodeScalar(try reader.byte())
        }
        return .array(values)
    }

    private mutating func typedArray() throws(CodingFailure) -> UBJSON {
        let type = UnicodeScalar(try reader.byte())
        let at = reader.position
        guard try reader.byte() == UInt8(ascii: "#") else { throw .badValue(at: at) }
        let count = try length(ofAtLeast: 1)
        if type == "d" || type == "D" {
            var values: [Double] = []
            values.reserveCapacity(count)
            for _ in 0..<count { values.append(try real(type)) }
            return .reals(values)
        }
        var values: [Int64] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try integer(type)) }
        return .integers(values)
    }

    private mutating func object(_ depth: Int) throws(CodingFailure) -> UBJSON {
        var members: [String: UBJSON] = [:]
        var mark = UnicodeScalar(try reader.byte())
        while mark != "}" {
            let at = reader.position
            let length = try integer(mark)
            guard length >= 0, length <= Int64(reader.remaining) else { throw .truncated(at: at) }
            guard let key = String(validating: try reader.raw(Int(length)), as: UTF8.self) else {
                throw .badText(at: at)
            }
            members[key] = try value(depth: depth + 1)
            mark = UnicodeScalar(try reader.byte())
        }
        return .object(members)
    }
}

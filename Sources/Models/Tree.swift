/// A value of the status port's `parameters`, `metrics` and `baseline`, in the order shown.
///
/// `Models` imports nothing of ours; whoever shows a fit translates this into its own JSON value.
package indirect enum Tree: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case number(Double)
    case string(String)
    case array([Tree])
    case object([Member])

    /// A named value of an object.
    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: Tree
        package init(_ key: String, _ value: Tree) {
            self.key = key
            self.value = value
        }
    }

    /// An array of numbers; what is not finite becomes null, since JSON has no such number.
    package static func numbers(_ values: some Sequence<Double>) -> Tree {
        .array(values.map { .finite($0) })
    }

    /// A number, or null where it is not finite.
    package static func finite(_ value: Double) -> Tree { value.isFinite ? .number(value) : .null }

    /// The value of an object's key; nil where there is none.
    package subscript(_ key: String) -> Tree? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }
}

extension Tree {
    /// Deepest nesting that is read back: the encoded bytes come from another process.
    static let deepest = 16

    func write(to writer: inout ByteWriter) {
        switch self {
        case .null: writer.put(UInt8(0))
        case .bool(let value):
            writer.put(UInt8(1))
            writer.put(UInt8(value ? 1 : 0))
        case .int(let value):
            writer.put(UInt8(2))
            writer.put(value)
        case .number(let value):
            writer.put(UInt8(3))
            writer.put(value)
        case .string(let value):
            writer.put(UInt8(4))
            writer.put(value)
        case .array(let values):
            writer.put(UInt8(5))
            writer.put(UInt32(values.count))
            for value in values { value.write(to: &writer) }
        case .object(let members):
            writer.put(UInt8(6))
            Tree.write(members, to: &writer)
        }
    }

    static func write(_ members: [Member], to writer: inout ByteWriter) {
        writer.put(UInt32(members.count))
        for member in members {
            writer.put(member.key)
            member.value.write(to: &writer)
        }
    }

    init(from reader: inout ByteReader, depth: Int = 0) throws(CodingFailure) {
        guard depth < Tree.deepest else { throw .tooDeep(at: reader.position) }
        let at = reader.position
        switch try reader.byte() {
        case 0: self = .null
        case 1:
            self = .bool(try reader.flag())
        case 2: self = .int(try reader.int64())
        case 3: self = .number(try reader.double())
        case 4: self = .string(try reader.string())
        case 5:
            var values: [Tree] = []
            for _ in 0..<(try reader.count(ofAtLeast: 1)) {
                values.append(try Tree(from: &reader, depth: depth + 1))
            }
            self = .array(values)
        case 6: self = .object(try Tree.members(from: &reader, depth: depth + 1))
        default: throw .badValue(at: at)
        }
    }

    static func members(from reader: inout ByteReader, depth: Int = 0) throws(CodingFailure) -> [Member] {
        var members: [Member] = []
        for _ in 0..<(try reader.count(ofAtLeast: 5)) {
            let key = try reader.string()
            members.append(Member(key, try Tree(from: &reader, depth: depth)))
        }
        return members
    }
}

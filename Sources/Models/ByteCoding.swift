/// Why bytes were not what they should be, with the offset of the fault.
package enum CodingFailure: Error, Equatable {
    /// Fewer bytes than announced.
    case truncated(at: Int)
    /// Not what this program writes: another kind, a damaged head.
    case badMagic
    /// Written by a version this one does not read.
    case badVersion(UInt32)
    /// A field whose value cannot be.
    case badValue(at: Int)
    case badText(at: Int)
    case tooDeep(at: Int)
    /// Bytes after the end.
    case trailing(at: Int)
    /// A column that does not begin at a multiple of its element's size.
    case misaligned(at: Int)

    /// For a person.
    package var reason: String {
        switch self {
        case .truncated(let at): "truncated at byte \(at)"
        case .badMagic: "not a record of this kind"
        case .badVersion(let version): "version \(version) is not known"
        case .badValue(let at): "impossible value at byte \(at)"
        case .badText(let at): "text at byte \(at) is not UTF-8"
        case .tooDeep(let at): "nested too deep at byte \(at)"
        case .trailing(let at): "bytes left over at byte \(at)"
        case .misaligned(let at): "column at byte \(at) is not aligned"
        }
    }
}

/// Appends little-endian fields.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ value: Double) { put(value.bitPattern) }

    mutating func put(_ value: Bool) { put(UInt8(value ? 1 : 0)) }

    mutating func put(_ text: String) { put(Array(text.utf8)) }

    /// Length, then the bytes.
    mutating func put(_ blob: [UInt8]) {
        put(UInt32(blob.count))
        bytes.append(contentsOf: blob)
    }

    mutating func put(_ values: [Double]) {
        put(UInt32(values.count))
        for value in values { put(value) }
    }

    mutating func put(_ values: [String]) {
        put(UInt32(values.count))
        for value in values { put(value) }
    }

    /// Zeros up to the next multiple of 8.
    mutating func align() {
        while bytes.count % 8 != 0 { bytes.append(0) }
    }
}

/// Reads what `ByteWriter` wrote; checks every length, so that no bytes can make it trap.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    /// The next `count` bytes in place.
    mutating func raw(_ count: Int) throws(CodingFailure) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw .truncated(at: position) }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type
    ) throws(CodingFailure) -> Value {
        let raw = try raw(MemoryLayout<Value>.size)
        return Value(littleEndian: raw.loadUnaligned(as: Value.self))
    }

    mutating func byte() throws(CodingFailure) -> UInt8 { try integer(UInt8.self) }
    mutating func uint32() throws(CodingFailure) -> UInt32 { try integer(UInt32.self) }
    mutating func uint64() throws(CodingFailure) -> UInt64 { try integer(UInt64.self) }
    mutating func int64() throws(CodingFailure) -> Int64 { try integer(Int64.self) }
    mutating func double() throws(CodingFailure) -> Double { Double(bitPattern: try uint64()) }

    mutating func flag() throws(CodingFailure) -> Bool {
        let at = position
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw .badValue(at: at)
        }
    }

    /// A non-negative number that fits an `Int` with room to multiply.
    mutating func size() throws(CodingFailure) -> Int {
        let at = position
        let value = try uint64()
        guard value <= UInt64(Int32.max) else { throw .badValue(at: at) }
        return Int(value)
    }

    /// A number of elements of at least `bytes` each, checked against what is left.
    mutating func count(ofAtLeast bytes: Int) throws(CodingFailure) -> Int {
        let at = position
        let count = Int(try uint32())
        guard count * bytes <= remaining else { throw .truncated(at: at) }
        return count
    }

    mutating func blob() throws(CodingFailure) -> UnsafeRawBufferPointer {
        try raw(try count(ofAtLeast: 1))
    }

    mutating func string() throws(CodingFailure) -> String {
        let at = position
        let raw = try blob()
        guard let text = String(validating: raw, as: UTF8.self) else { throw .badText(at: at) }
        return text
    }

    mutating func doubles() throws(CodingFailure) -> [Double] {
        let count = try count(ofAtLeast: 8)
        var values: [Double] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try double()) }
        return values
    }

    mutating func strings() throws(CodingFailure) -> [String] {
        var values: [String] = []
        for _ in 0..<(try count(ofAtLeast: 4)) { values.append(try string()) }
        return values
    }

    /// A model that was written as a blob; none where that is empty.
    mutating func model<Model: StoredModel>() throws(CodingFailure) -> Model? {
        let blob = try blob()
        return blob.isEmpty ? nil : try Model(bytes: Array(blob))
    }

    /// Skips the zeros up to the next multiple of 8.
    mutating func align() throws(CodingFailure) {
        while position % 8 != 0 {
            let at = position
            guard try byte() == 0 else { throw .badValue(at: at) }
        }
    }

    /// A column of plain numbers in place, then aligned again.
    mutating func column<Element: BitwiseCopyable>(
        _ type: Element.Type, count: Int
    ) throws(CodingFailure) -> UnsafeBufferPointer<Element> {
        let at = position
        let raw = try raw(count * MemoryLayout<Element>.stride)
        if count > 0, let base = raw.baseAddress,
            UInt(bitPattern: base) % UInt(MemoryLayout<Element>.alignment) != 0
        {
            throw .misaligned(at: at)
        }
        try align()
        return raw.assumingMemoryBound(to: type)
    }

    func finish() throws(CodingFailure) {
        guard remaining == 0 else { throw .trailing(at: position) }
    }
}

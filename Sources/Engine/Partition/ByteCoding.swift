/// Saved state that does not read back: the sentence says where.
package struct StateError: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Little-endian bytes of saved state.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Writes into memory that is there already, whose contents are dropped.
    package init(reusing memory: consuming [UInt8], capacity: Int) {
        bytes = memory
        bytes.removeAll(keepingCapacity: true)
        bytes.reserveCapacity(capacity)
    }

    package mutating func put<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func put(_ value: Double) { put(value.bitPattern) }

    package mutating func put(_ flag: Bool) { put(flag ? UInt8(1) : 0) }

    package mutating func put(_ raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }

    package mutating func put(raw: [UInt8]) { bytes.append(contentsOf: raw) }

    /// Length, then bytes.
    package mutating func put(_ blob: [UInt8]) {
        put(UInt64(blob.count))
        bytes.append(contentsOf: blob)
    }

    package mutating func put(_ text: String) { put(Array(text.utf8)) }
}

/// Reads what `ByteWriter` wrote; every length is checked against what is there.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var remaining: Int { bytes.count - offset }

    private mutating func take(_ count: Int) throws(StateError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            throw StateError("state ends early: \(count) bytes wanted at offset \(offset) of \(bytes.count)")
        }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    package mutating func get<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(StateError) -> T {
        T(littleEndian: try take(MemoryLayout<T>.size).loadUnaligned(as: T.self))
    }

    package mutating func getDouble() throws(StateError) -> Double {
        Double(bitPattern: try get(UInt64.self))
    }

    /// A number that is kept as an `Int`.
    package mutating func getSize() throws(StateError) -> Int {
        let value = try get(UInt64.self)
        guard let size = Int(exactly: value) else { throw StateError("state holds the number \(value)") }
        return size
    }

    package mutating func getBool() throws(StateError) -> Bool { try get(UInt8.self) != 0 }

    /// A count of elements of a size, refused where they cannot all be there.
    package mutating func count(of size: Int) throws(StateError) -> Int {
        let value = try get(UInt64.self)
        guard value <= UInt64(remaining / max(size, 1)) else {
            throw StateError("state says \(value) elements of \(size) bytes at offset \(offset)")
        }
        return Int(value)
    }

    package mutating func getBlob() throws(StateError) -> [UInt8] { Array(try take(try count(of: 1))) }

    package mutating func getText() throws(StateError) -> String {
        String(decoding: try getBlob(), as: UTF8.self)
    }

    package mutating func copy(into target: UnsafeMutableRawBufferPointer) throws(StateError) {
        target.copyMemory(from: try take(target.count))
    }
}

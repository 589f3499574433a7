/// What the fitting child is asked, being put together: fields, then columns (see `FitTask`).
package struct FitRequest: Sendable {
    private var writer = ByteWriter()
    private var columns: [FitColumn] = []

    init(_ kind: String) {
        writer.put(RequestHead.magic)
        writer.put(RequestHead.version)
        writer.put(kind)
    }

    /// Fields come before the first column.
    mutating func write(_ fields: (inout ByteWriter) -> Void) {
        precondition(columns.isEmpty)
        fields(&writer)
    }

    /// Columns come in the order they are read.
    mutating func add(_ column: FitColumn) {
        if columns.isEmpty { writer.align() }
        columns.append(column)
    }

    /// Length of the request.
    package var byteCount: Int {
        var count = aligned(writer.bytes.count)
        for column in columns { count += aligned(column.byteCount) }
        return count
    }

    /// Fills memory of `byteCount` zeros.
    package func fill(_ memory: UnsafeMutableRawBufferPointer) {
        memory.copyBytes(from: writer.bytes)
        var offset = aligned(writer.bytes.count)
        for column in columns {
            column.copy(to: UnsafeMutableRawBufferPointer(rebasing: memory[offset...]))
            offset += aligned(column.byteCount)
        }
    }

    /// The whole request in an array, for small ones and tests.
    package var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        bytes.withUnsafeMutableBytes { fill($0) }
        return bytes
    }

    private func aligned(_ count: Int) -> Int { (count + 7) / 8 * 8 }
}

/// A column of plain numbers on its way to the child.
package enum FitColumn: Sendable {
    case doubles([Double])
    case floats([Float])
    case int64s([Int64])
    case int32s([Int32])
    case uint32s([UInt32])
    case bytes([UInt8])

    var byteCount: Int {
        switch self {
        case .doubles(let values): values.count * 8
        case .floats(let values): values.count * 4
        case .int64s(let values): values.count * 8
        case .int32s(let values): values.count * 4
        case .uint32s(let values): values.count * 4
        case .bytes(let values): values.count
        }
    }

    func copy(to memory: UnsafeMutableRawBufferPointer) {
        switch self {
        case .doubles(let values): values.withUnsafeBytes { memory.copyMemory(from: $0) }
        case .floats(let values): values.withUnsafeBytes { memory.copyMemory(from: $0) }
        case .int64s(let values): values.withUnsafeBytes { memory.copyMemory(from: $0) }
        case .int32s(let values): values.withUnsafeBytes { memory.copyMemory(from: $0) }
        case .uint32s(let values): values.withUnsafeBytes { memory.copyMemory(from: $0) }
        case .bytes(let values): values.withUnsafeBytes { memory.copyMemory(from: $0) }
        }
    }
}

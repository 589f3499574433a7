/// What the fitting child is asked, being put together: fields, then columns (see `FitTask`).
package struct FitRequest: Sendable {
    private var writer = ByteWriter()
    private var columns: [FitColumn] = []
    private var inputs: [(name: String, column: Int)] = []

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
    ///
    /// - Parameter name: of an input whose distribution is watched (see `InputProfile`).
    mutating func add(_ column: FitColumn, named name: String? = nil) {
        if columns.isEmpty { writer.align() }
        if let name { inputs.append((name, columns.count)) }
        columns.append(column)
    }

    /// The inputs that are watched, a number per row, at most `most` rows, evenly apart.
    func sample(_ most: Int) -> [(name: String, values: [Double])] {
        inputs.map { input in
            let column = columns[input.column]
            let step = max(1, (column.count + most - 1) / most)
            return (input.name, stride(from: 0, to: column.count, by: step).map { column.number($0) })
        }
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

    var count: Int {
        switch self {
        case .doubles(let values): values.count
        case .floats(let values): values.count
        case .int64s(let values): values.count
        case .int32s(let values): values.count
        case .uint32s(let values): values.count
        case .bytes(let values): values.count
        }
    }

    func number(_ row: Int) -> Double {
        switch self {
        case .doubles(let values): values[row]
        case .floats(let values): Double(values[row])
        case .int64s(let values): Double(values[row])
        case .int32s(let values): Double(values[row])
        case .uint32s(let values): Double(values[row])
        case .bytes(let values): Double(values[row])
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

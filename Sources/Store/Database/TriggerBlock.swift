import Core

/// What the table keeps of a block beside its rows.
struct TriggerBlockHead {
    /// Number of its first trigger.
    var first: Int64
    var count: Int64
    /// Greatest `at` of its rows, which ascend by it.
    var atLast: Int64
    /// Due time of its last row.
    var dueLast: Int64
}

/// One row of a block, pointing into the block's bytes.
struct StoredTrigger {
    var seq: Int64
    var at: Int64
    var due: Int64
    /// Numbers of names in the outbox's own table.
    var type: UInt16
    var rule: UInt16
    var group: UInt8
    var user: UnsafeRawBufferPointer
    var body: UnsafeRawBufferPointer
}

/// Rows of the outbox one behind the other in one blob: a commit of thousands of triggers is a few rows of
/// the database. Each is a head of 28 bytes (little-endian: at, due, length of the body, numbers of type and
/// rule, length of the user, group, a spare byte), the user and the body.
struct TriggerBlock {
    static let headBytes = 28
    /// A block is closed when it has so many rows or bytes.
    static let rowsMost = 1024
    static let bytesMost = 60 << 10

    private(set) var bytes: [UInt8] = []
    private(set) var head: TriggerBlockHead

    init(first: Int64) { head = TriggerBlockHead(first: first, count: 0, atLast: .min, dueLast: .min) }

    var isEmpty: Bool { head.count == 0 }
    var isFull: Bool { head.count >= Int64(Self.rowsMost) || bytes.count >= Self.bytesMost }

    mutating func append(
        _ row: StoredTrigger, tail: [UInt8] = []
    ) {
        append(
            at: row.at, due: row.due, type: row.type, rule: row.rule, group: row.group,
            userLength: row.user.count, bodyLength: row.body.count + tail.count)
        bytes.append(contentsOf: row.user)
        bytes.append(contentsOf: row.body)
        bytes.append(contentsOf: tail)
    }

    /// A row whose user and body stand in one piece.
    mutating func append(
        _ row: TriggerRow, of batch: UnsafeRawBufferPointer, type: UInt16, rule: UInt16, tail: [UInt8]
    ) {
        append(
            at: row.at, due: row.due, type: type, rule: rule, group: row.group,
            userLength: Int(row.userLength), bodyLength: Int(row.bodyLength) + tail.count)
        let start = Int(row.offset)
        bytes.append(
            contentsOf: UnsafeRawBufferPointer(
                rebasing: batch[start..<start + Int(row.userLength) + Int(row.bodyLength)]))
        if !tail.isEmpty { bytes.append(contentsOf: tail) }
    }

    private mutating func append(
        at: Int64, due: Int64, type: UInt16, rule: UInt16, group: UInt8, userLength: Int, bodyLength: Int
    ) {
        let packed = (
            at.littleEndian, due.littleEndian, UInt32(bodyLength).littleEndian, type.littleEndian,
            rule.littleEndian, UInt16(userLength).littleEndian, group, UInt8(0)
        )
        withUnsafeBytes(of: packed) { bytes.append(contentsOf: $0[..<Self.headBytes]) }
        head.count += 1
        head.atLast = max(head.atLast, at)
        head.dueLast = due
    }

    /// Visits the rows in order until the visitor says false.
    ///
    /// - Returns: whether the bytes are whole: `count` rows, no more and no less.
    static func forEach(
        _ bytes: UnsafeRawBufferPointer, first: Int64, count: Int64,
        _ visit: (StoredTrigger) throws(DatabaseError) -> Bool
    ) throws(DatabaseError) -> Bool {
        var offset = 0
        for index in 0..<count {
            guard bytes.count - offset >= headBytes else { return false }
            let bodyLength = Int(load(bytes, offset + 16, UInt32.self))
            let userLength = Int(load(bytes, offset + 24, UInt16.self))
            let user = offset + headBytes
            guard bytes.count - user >= userLength + bodyLength else { return false }
            let row = StoredTrigger(
                seq: first + index, at: load(bytes, offset, Int64.self),
                due: load(bytes, offset + 8, Int64.self), type: load(bytes, offset + 20, UInt16.self),
                rule: load(bytes, offset + 22, UInt16.self), group: bytes[offset + 26],
                user: UnsafeRawBufferPointer(rebasing: bytes[user..<user + userLength]),
                body: UnsafeRawBufferPointer(
                    rebasing: bytes[user + userLength..<user + userLength + bodyLength]))
            guard try visit(row) else { return true }
            offset = user + userLength + bodyLength
        }
        return offset == bytes.count
    }

    private static func load<T: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ type: T.Type
    ) -> T {
        T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
}

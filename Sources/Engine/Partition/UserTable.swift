import Core

/// Users of a partition by slot, in order of first appearance, found by a keyed hash of the id.
struct UserTable: ~Copyable {
    private(set) var records = Slab<UserRecord>()
    private var arena = IDArena()
    /// Open addressing: 8 bits of hash, 24 of slot + 1.
    private var index: UnsafeMutablePointer<UInt32>
    private var mask: Int

    /// Most users of a partition.
    static let limit = (1 << 24) - 2

    init() {
        mask = 255
        index = Self.emptyIndex(256)
    }

    deinit { ChunkSource.give(index, (mask + 1) * 4) }

    private static func emptyIndex(_ size: Int) -> UnsafeMutablePointer<UInt32> {
        let index = ChunkSource.take(size * 4).bindMemory(to: UInt32.self, capacity: size)
        index.initialize(repeating: 0, count: size)
        return index
    }

    var count: Int { records.count }
    /// Slots of erased users among them.
    private(set) var erasedCount = 0
    var byteCount: Int { records.byteCount + arena.byteCount + (mask + 1) * 4 }
    /// Of them, what the ids take.
    var idByteCount: Int { arena.byteCount }

    @inline(__always)
    subscript(slot: Int) -> UnsafeMutablePointer<UserRecord> { records[slot] }

    /// Bytes of a user's id; good until the next call.
    func id(_ slot: Int) -> UnsafeRawBufferPointer {
        arena.id(records[slot].pointee.id, isPacked: records[slot].pointee.has(UserRecord.packedID))
    }

    /// Slot of a user, or -1.
    @inline(__always)
    func find(_ id: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        let tag = UInt32(truncatingIfNeeded: hash >> 56)
        var position = Int(truncatingIfNeeded: hash) & mask
        let stored = arena.stored(id)
        while true {
            let entry = index[position]
            if entry == 0 { return -1 }
            if entry >> 24 == tag {
                let slot = Int(entry & 0xFF_FFFF) - 1
                if records[slot].pointee.has(UserRecord.packedID) == stored.isPacked,
                    arena.equals(records[slot].pointee.id, stored)
                {
                    return slot
                }
            }
            position = (position + 1) & mask
        }
    }

    /// Whether a slot is that of this id.
    @inline(__always)
    func holds(_ slot: Int, _ id: UnsafeRawBufferPointer) -> Bool {
        let stored = arena.stored(id)
        return records[slot].pointee.has(UserRecord.packedID) == stored.isPacked
            && arena.equals(records[slot].pointee.id, stored)
    }

    // MARK: Ahead of `find`, so that the misses of many look-ups overlap

    @inline(__always)
    func prefetchIndex(hash: UInt64) { prefetch(index + (Int(truncatingIfNeeded: hash) & mask)) }

    /// Slot of the first user with the hash's tag, who most likely is the one, or -1; asks for the record.
    @inline(__always)
    func prefetchRecord(hash: UInt64) -> Int {
        let tag = UInt32(truncatingIfNeeded: hash >> 56)
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = index[position]
            if entry == 0 { return -1 }
            if entry >> 24 == tag {
                let slot = Int(entry & 0xFF_FFFF) - 1
                let record = UnsafeRawPointer(records[slot])
                prefetch(record)
                prefetch(record + 64)
                return slot
            }
            position = (position + 1) & mask
        }
    }

    @inline(__always)
    func prefetchID(_ slot: Int) { prefetch(arena.address(records[slot].pointee.id)) }

    /// Adds a user that is not there yet.
    mutating func insert(_ id: UnsafeRawBufferPointer, hash: UInt64, time: Int64, key: HashKey) -> Int {
        precondition(count < Self.limit, "a partition holds at most \(Self.limit) users")
        let stored = arena.stored(id)
        var record = UserRecord(
            firstSeen: time, lastSeen: time, shortStart: time, longStart: time, id: arena.add(stored))
        if stored.isPacked { record.flags |= UserRecord.packedID }
        let slot = records.append(record)
        if (slot + 1) * 5 > (mask + 1) * 4 { rehash(key: key) } else { place(slot, hash) }
        return slot
    }

    private func place(_ slot: Int, _ hash: UInt64) {
        var position = Int(truncatingIfNeeded: hash) & mask
        while index[position] != 0 { position = (position + 1) & mask }
        index[position] = UInt32(truncatingIfNeeded: hash >> 56) << 24 | UInt32(slot + 1)
    }

    private mutating func rehash(key: HashKey) {
        var size = mask + 1
        while records.count * 5 > size * 4 { size *= 2 }
        ChunkSource.give(index, (mask + 1) * 4)
        index = Self.emptyIndex(size)
        mask = size - 1
        for slot in 0..<records.count where !records[slot].pointee.has(UserRecord.erased) {
            place(slot, key.hash(id(slot)))
        }
    }

    /// Overwrites the ids and records of slots, which nobody finds any more.
    mutating func erase(_ slots: [Int], key: HashKey) {
        for slot in slots {
            let reference = records[slot].pointee.id
            let isPacked = records[slot].pointee.has(UserRecord.packedID)
            arena.erase(reference, isPacked: isPacked)
            var record = UserRecord(firstSeen: 0, lastSeen: 0, shortStart: 0, longStart: 0, id: reference)
            record.shortCount = 0
            record.longCount = 0
            record.flags = UserRecord.erased | (isPacked ? UserRecord.packedID : 0)
            records[slot].pointee = record
        }
        erasedCount += slots.count
        rehash(key: key)
    }

    func write(to out: inout ByteWriter) {
        records.write(to: &out)
        arena.write(to: &out)
    }

    init(from input: inout ByteReader, key: HashKey) throws(StateError) {
        self.init()
        records = try Slab<UserRecord>(from: &input)
        arena = try IDArena(from: &input)
        for slot in 0..<records.count
        where !arena.holds(
            records[slot].pointee.id, isPacked: records[slot].pointee.has(UserRecord.packedID))
        {
            throw StateError("user \(slot) points outside the ids")
        }
        for slot in 0..<records.count where records[slot].pointee.has(UserRecord.erased) { erasedCount += 1 }
        rehash(key: key)
    }
}

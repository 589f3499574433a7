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

    func id(_ slot: Int) -> UnsafeRawBufferPointer { arena[records[slot].pointee.id] }

    /// Slot of a user, or -1.
    @inline(__always)
    func find(_ id: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        let tag = UInt32(truncatingIfNeeded: hash >> 56)
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = index[position]
            if entry == 0 { return -1 }
            if entry >> 24 == tag {
                let slot = Int(entry & 0xFF_FFFF) - 1
                if arena.equals(records[slot].pointee.id, id) { return slot }
            }
            position = (position + 1) & mask
        }
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
        let slot = records.append(
            UserRecord(firstSeen: time, lastSeen: time, shortStart: time, longStart: time, id: arena.add(id)))
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
            arena.erase(reference)
            var record = UserRecord(firstSeen: 0, lastSeen: 0, shortStart: 0, longStart: 0, id: reference)
            record.shortCount = 0
            record.longCount = 0
            record.flags = UserRecord.erased
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
        for slot in 0..<records.count where !arena.holds(records[slot].pointee.id) {
            throw StateError("user \(slot) points outside the ids")
        }
        for slot in 0..<records.count where records[slot].pointee.has(UserRecord.erased) { erasedCount += 1 }
        rehash(key: key)
    }
}

/// Ids one behind the other: a length byte (length − 1), then the bytes.
private struct IDArena: ~Copyable {
    private static let chunkShift: UInt32 = 16
    private static let chunkBytes = 1 << 13

    private var chunks: [UnsafeMutablePointer<UInt8>] = []
    private var used = chunkBytes

    init() {}

    deinit { for chunk in chunks { ChunkSource.give(chunk, Self.chunkBytes) } }

    private mutating func addChunk() -> UnsafeMutablePointer<UInt8> {
        let chunk = ChunkSource.take(Self.chunkBytes).bindMemory(to: UInt8.self, capacity: Self.chunkBytes)
        chunks.append(chunk)
        return chunk
    }

    @inline(__always)
    func address(_ reference: UInt32) -> UnsafeMutablePointer<UInt8> {
        chunks[Int(reference >> Self.chunkShift)] + Int(reference & 0xFFFF)
    }

    var byteCount: Int { chunks.count * Self.chunkBytes }

    mutating func add(_ id: UnsafeRawBufferPointer) -> UInt32 {
        precondition(id.count >= 1 && id.count <= 256)
        if used + 1 + id.count > Self.chunkBytes {
            precondition(chunks.count < 1 << 16, "the ids of a partition are full")
            // What was in memory before must not get into a snapshot.
            addChunk().initialize(repeating: 0, count: Self.chunkBytes)
            used = 0
        }
        let base = chunks[chunks.count - 1] + used
        base[0] = UInt8(id.count - 1)
        UnsafeMutableRawPointer(base + 1).copyMemory(
            from: id.baseAddress.unsafelyUnwrapped, byteCount: id.count)
        let reference = UInt32(chunks.count - 1) << Self.chunkShift | UInt32(used)
        used += 1 + id.count
        return reference
    }

    @inline(__always)
    subscript(reference: UInt32) -> UnsafeRawBufferPointer {
        let base = chunks[Int(reference >> Self.chunkShift)] + Int(reference & 0xFFFF)
        return UnsafeRawBufferPointer(start: base + 1, count: Int(base[0]) + 1)
    }

    @inline(__always)
    func equals(_ reference: UInt32, _ id: UnsafeRawBufferPointer) -> Bool {
        let mine = self[reference]
        if mine.count != id.count { return false }
        var index = 0
        let count = id.count
        while index + 8 <= count {
            if mine.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                != id.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            {
                return false
            }
            index += 8
        }
        while index < count {
            if mine[index] != id[index] { return false }
            index += 1
        }
        return true
    }

    /// Overwrites an id; its length stays.
    func erase(_ reference: UInt32) {
        let base = chunks[Int(reference >> Self.chunkShift)] + Int(reference & 0xFFFF)
        (base + 1).update(repeating: 0, count: Int(base[0]) + 1)
    }

    func holds(_ reference: UInt32) -> Bool {
        let chunk = Int(reference >> Self.chunkShift)
        let offset = Int(reference & 0xFFFF)
        guard chunk < chunks.count else { return false }
        return offset + 2 + Int(chunks[chunk][offset]) <= Self.chunkBytes
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(chunks.count))
        out.put(UInt64(used))
        for chunk in chunks { out.put(UnsafeRawBufferPointer(start: chunk, count: Self.chunkBytes)) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        let total = try input.getSize()
        used = try input.getSize()
        guard total <= input.remaining / Self.chunkBytes, used <= Self.chunkBytes else {
            throw StateError("id chunks do not add up")
        }
        for _ in 0..<total {
            try input.copy(
                into: UnsafeMutableRawBufferPointer(start: addChunk(), count: Self.chunkBytes))
        }
    }
}

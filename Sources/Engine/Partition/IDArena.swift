/// Ids one behind the other: a length byte (length − 1), then the bytes.
///
/// Ids of digits and `- . / :` alone, as analytics give them out (`1025918326.1719792014`), are kept by half
/// bytes: they are a good part of what a user costs. Which ids those are follows from their bytes.
struct IDArena: ~Copyable {
    /// An id as it is kept.
    struct Stored {
        let bytes: UnsafeRawBufferPointer
        /// Bytes of the id itself.
        let length: Int
        let isPacked: Bool
    }

    private static let chunkShift: UInt32 = 16
    private static let chunkBytes = 1 << 12
    private static let longest = 256

    private var chunks: [UnsafeMutablePointer<UInt8>] = []
    private var used = chunkBytes
    /// Room for one id packed, and for one unpacked.
    private let packed: UnsafeMutableRawPointer
    private let unpacked: UnsafeMutableRawPointer

    init() {
        packed = .allocate(byteCount: Self.longest / 2 + 8, alignment: 8)
        unpacked = .allocate(byteCount: Self.longest + 8, alignment: 8)
    }

    deinit {
        for chunk in chunks { ChunkSource.give(chunk, Self.chunkBytes) }
        packed.deallocate()
        unpacked.deallocate()
    }

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

    // MARK: Half bytes

    /// The characters from here on have half bytes of their own, fourteen of them.
    private static let lowest: UInt64 = 0x2D2D_2D2D_2D2D_2D2D
    private static let highBits: UInt64 = 0x8080_8080_8080_8080
    /// What carries a byte beyond the highest of them, `:`, into its high bit.
    private static let beyondHighest: UInt64 = 0x4545_4545_4545_4545

    /// The id in the form in which it is kept; good until the next call.
    @inline(__always)
    func stored(_ id: UnsafeRawBufferPointer) -> Stored {
        let count = id.count
        var index = 0
        while index < count {
            let word = load(id, index, min(8, count - index))
            let isWithin =
                word & Self.highBits == 0 && (word &+ Self.beyondHighest) & Self.highBits == 0
                && ((word | Self.highBits) &- Self.lowest) & Self.highBits == Self.highBits
            if !isWithin { return Stored(bytes: id, length: count, isPacked: false) }
            var half = word &- Self.lowest
            half = (half | half >> 4) & 0x00FF_00FF_00FF_00FF
            half = (half | half >> 8) & 0x0000_FFFF_0000_FFFF
            half = (half | half >> 16) & 0x0000_0000_FFFF_FFFF
            packed.storeBytes(of: UInt32(half), toByteOffset: index / 2, as: UInt32.self)
            index += 8
        }
        return Stored(
            bytes: UnsafeRawBufferPointer(start: packed, count: (count + 1) / 2), length: count,
            isPacked: true)
    }

    /// Up to eight bytes of an id, `-` where it has ended.
    @inline(__always)
    private func load(_ id: UnsafeRawBufferPointer, _ index: Int, _ count: Int) -> UInt64 {
        if count == 8 { return id.loadUnaligned(fromByteOffset: index, as: UInt64.self) }
        var word = Self.lowest
        for place in 0..<count {
            word &= ~(0xFF << UInt64(8 * place))
            word |= UInt64(id[index + place]) << UInt64(8 * place)
        }
        return word
    }

    private func unpack(_ base: UnsafePointer<UInt8>, _ length: Int) -> UnsafeRawBufferPointer {
        for index in 0..<(length + 1) / 2 {
            unpacked.storeBytes(of: (base[index] & 15) + 0x2D, toByteOffset: 2 * index, as: UInt8.self)
            unpacked.storeBytes(of: base[index] >> 4 + 0x2D, toByteOffset: 2 * index + 1, as: UInt8.self)
        }
        return UnsafeRawBufferPointer(start: unpacked, count: length)
    }

    private func bytes(_ length: Int, _ isPacked: Bool) -> Int { isPacked ? (length + 1) / 2 : length }

    // MARK: Ids

    mutating func add(_ id: Stored) -> UInt32 {
        precondition(id.length >= 1 && id.length <= Self.longest)
        if used + 1 + id.bytes.count > Self.chunkBytes {
            precondition(chunks.count < 1 << 16, "the ids of a partition are full")
            // What was in memory before must not get into a snapshot.
            addChunk().initialize(repeating: 0, count: Self.chunkBytes)
            used = 0
        }
        let base = chunks[chunks.count - 1] + used
        base[0] = UInt8(id.length - 1)
        UnsafeMutableRawPointer(base + 1).copyMemory(
            from: id.bytes.baseAddress.unsafelyUnwrapped, byteCount: id.bytes.count)
        let reference = UInt32(chunks.count - 1) << Self.chunkShift | UInt32(used)
        used += 1 + id.bytes.count
        return reference
    }

    /// The id itself; good until the next call.
    func id(_ reference: UInt32, isPacked: Bool) -> UnsafeRawBufferPointer {
        let base = address(reference)
        let length = Int(base[0]) + 1
        return isPacked
            ? unpack(base + 1, length) : UnsafeRawBufferPointer(start: base + 1, count: length)
    }

    /// Whether the id of a reference, kept in the same form, is this one.
    @inline(__always)
    func equals(_ reference: UInt32, _ id: Stored) -> Bool {
        let base = address(reference)
        if Int(base[0]) + 1 != id.length { return false }
        let mine = UnsafeRawPointer(base + 1)
        let count = id.bytes.count
        var index = 0
        while index + 8 <= count {
            if mine.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                != id.bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            {
                return false
            }
            index += 8
        }
        while index < count {
            if base[1 + index] != id.bytes[index] { return false }
            index += 1
        }
        return true
    }

    /// Overwrites an id; its length stays.
    func erase(_ reference: UInt32, isPacked: Bool) {
        let base = address(reference)
        (base + 1).update(repeating: 0, count: bytes(Int(base[0]) + 1, isPacked))
    }

    func holds(_ reference: UInt32, isPacked: Bool) -> Bool {
        let chunk = Int(reference >> Self.chunkShift)
        let offset = Int(reference & 0xFFFF)
        guard chunk < chunks.count, offset < Self.chunkBytes else { return false }
        return offset + 1 + bytes(Int(chunks[chunk][offset]) + 1, isPacked) <= Self.chunkBytes
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

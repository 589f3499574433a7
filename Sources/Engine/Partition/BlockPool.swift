/// Variable-sized blocks for the rare long parts of a user, addressed by 32-bit references.
///
/// Blocks up to `chunkBytes` come from shared chunks by size class, with a free list for each; larger
/// ones have a chunk of their own. Reference 0 is no block.
struct BlockPool: ~Copyable {
    static let granule = 8
    private static let chunkShift: UInt32 = 10
    private static let granulesPerChunk = 1 << 10
    static let chunkBytes = granule << 10

    private struct Chunk {
        var base: UnsafeMutableRawPointer?
        var bytes: Int
    }

    private var chunks: [Chunk] = []
    private var chunkBases: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private var basesCapacity = 64
    private var freeLists: [UInt32]
    private var freeChunks: [UInt32] = []
    /// Chunk being cut, and its next free granule.
    private var open: Int = -1
    private var openNext = 0
    private(set) var byteCount = 0

    init() {
        freeLists = [UInt32](repeating: 0, count: Self.classSizes.count)
        chunkBases = .allocate(capacity: basesCapacity)
    }

    deinit {
        for chunk in chunks where chunk.base != nil { Self.give(chunk) }
        chunkBases.deallocate()
    }

    private static func take(_ bytes: Int) -> UnsafeMutableRawPointer {
        bytes == chunkBytes ? ChunkSource.take(bytes) : .allocate(byteCount: bytes, alignment: 16)
    }

    private static func give(_ chunk: Chunk) {
        guard let base = chunk.base else { return }
        if chunk.bytes == chunkBytes { ChunkSource.give(base, chunk.bytes) } else { base.deallocate() }
    }

    /// Bytes of each class, ascending: 8 to 256 by 8, then growing by about a fifth up to a chunk.
    static let classSizes: [Int] = {
        var sizes = Array(stride(from: 8, through: 256, by: 8))
        while let last = sizes.last, last < chunkBytes {
            sizes.append(min(chunkBytes, (last + last / 5 + 7) / 8 * 8))
        }
        return sizes
    }()

    /// Smallest class that holds so many bytes, or nil for a chunk of its own.
    static func sizeClass(for bytes: Int) -> Int? {
        if bytes <= 256 { return max(0, (bytes + 7) / 8 - 1) }
        if bytes > chunkBytes { return nil }
        var index = 31
        while classSizes[index] < bytes { index += 1 }
        return index
    }

    @inline(__always)
    func address(_ reference: UInt32) -> UnsafeMutableRawPointer {
        let chunk = chunkBases[Int(reference >> Self.chunkShift)]
        return chunk.unsafelyUnwrapped
            + Int(reference & UInt32(Self.granulesPerChunk - 1)) * Self.granule
    }

    /// Bytes a block of this class holds; `large` blocks tell by their chunk.
    @inline(__always)
    func capacity(class sizeClass: UInt8, reference: UInt32) -> Int {
        if reference == 0 { return 0 }
        return sizeClass < 32 ? (Int(sizeClass) + 1) * 8 : largeCapacity(sizeClass, reference)
    }

    @inline(never)
    private func largeCapacity(_ sizeClass: UInt8, _ reference: UInt32) -> Int {
        if sizeClass == UInt8.max { return chunks[Int(reference >> Self.chunkShift)].bytes }
        return Self.classSizes[Int(sizeClass)]
    }

    /// A block of at least so many bytes, uninitialised.
    mutating func allocate(_ bytes: Int) -> (reference: UInt32, sizeClass: UInt8) {
        guard let index = Self.sizeClass(for: bytes) else {
            let chunk = addChunk(bytes: (bytes + bytes / 4 + 15) / 16 * 16)
            return (UInt32(chunk) << Self.chunkShift, UInt8.max)
        }
        let head = freeLists[index]
        if head != 0 {
            let next = address(head).load(as: UInt32.self)
            freeLists[index] = next
            prefetch(address(next))
            return (head, UInt8(index))
        }
        if let split = takeFromLarger(index) { return (split, UInt8(index)) }
        let granules = index < 32 ? index + 1 : Self.classSizes[index] / Self.granule
        if open < 0 || openNext + granules > Self.granulesPerChunk {
            salvageOpenChunk()
            open = addChunk(bytes: Self.chunkBytes)
            // Granule 0 of chunk 0 would be reference 0.
            openNext = open == 0 ? 1 : 0
        }
        let reference = UInt32(open) << Self.chunkShift | UInt32(openNext)
        openNext += granules
        return (reference, UInt8(index))
    }

    /// A small block cut off a larger free one; what is left of that is a free block too. So the room that one
    /// size has given back serves the others.
    private mutating func takeFromLarger(_ index: Int) -> UInt32? {
        if index >= 31 { return nil }
        for larger in index + 1..<32 where freeLists[larger] != 0 {
            let head = freeLists[larger]
            freeLists[larger] = address(head).load(as: UInt32.self)
            free(head + UInt32(index) + 1, sizeClass: UInt8(larger - index - 1))
            return head
        }
        return nil
    }

    mutating func free(_ reference: UInt32, sizeClass: UInt8) {
        guard reference != 0 else { return }
        if sizeClass == UInt8.max {
            let chunk = Int(reference >> Self.chunkShift)
            byteCount -= chunks[chunk].bytes
            Self.give(chunks[chunk])
            chunks[chunk] = Chunk(base: nil, bytes: 0)
            chunkBases[chunk] = nil
            freeChunks.append(UInt32(chunk))
            return
        }
        address(reference).storeBytes(of: freeLists[Int(sizeClass)], as: UInt32.self)
        freeLists[Int(sizeClass)] = reference
    }

    /// A block at least so large with the first `used` bytes of the old one, which is freed.
    mutating func grow(
        _ reference: UInt32, sizeClass: UInt8, used: Int, to bytes: Int
    ) -> (reference: UInt32, sizeClass: UInt8) {
        let fresh = allocate(bytes)
        if used > 0 { address(fresh.reference).copyMemory(from: address(reference), byteCount: used) }
        free(reference, sizeClass: sizeClass)
        return fresh
    }

    /// What is left of the chunk being cut goes to the free lists.
    private mutating func salvageOpenChunk() {
        guard open >= 0 else { return }
        while openNext < Self.granulesPerChunk {
            let rest = (Self.granulesPerChunk - openNext) * Self.granule
            var index = Self.classSizes.count - 1
            while Self.classSizes[index] > rest { index -= 1 }
            free(UInt32(open) << Self.chunkShift | UInt32(openNext), sizeClass: UInt8(index))
            openNext += Self.classSizes[index] / Self.granule
        }
    }

    private mutating func addChunk(bytes: Int) -> Int {
        let base = Self.take(bytes)
        // What was in memory before must not get into a snapshot.
        base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        byteCount += bytes
        let index: Int
        // Chunk 0 must be a shared one, so that no block has reference 0.
        if chunks.isEmpty, bytes != Self.chunkBytes {
            chunks.append(Chunk(base: nil, bytes: 0))
            setBase(0, nil)
            freeChunks.removeAll()
        }
        if let free = freeChunks.popLast() {
            index = Int(free)
            chunks[index] = Chunk(base: base, bytes: bytes)
        } else {
            index = chunks.count
            precondition(index < 1 << 22, "block pool of a partition is full")
            chunks.append(Chunk(base: base, bytes: bytes))
        }
        setBase(index, base)
        return index
    }

    private mutating func setBase(_ index: Int, _ base: UnsafeMutableRawPointer?) {
        if index >= basesCapacity {
            let grown = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: basesCapacity * 2)
            grown.update(from: chunkBases, count: basesCapacity)
            chunkBases.deallocate()
            chunkBases = grown
            basesCapacity *= 2
        }
        chunkBases[index] = base
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(chunks.count))
        for chunk in chunks {
            out.put(UInt64(chunk.bytes))
            if let base = chunk.base { out.put(UnsafeRawBufferPointer(start: base, count: chunk.bytes)) }
        }
        out.put(UInt64(freeLists.count))
        for head in freeLists { out.put(head) }
        out.put(UInt64(freeChunks.count))
        for chunk in freeChunks { out.put(chunk) }
        out.put(Int64(open))
        out.put(Int64(openNext))
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        let total = try input.count(of: 8)
        guard total <= 1 << 22 else { throw StateError("block pool of \(total) chunks") }
        for index in 0..<total {
            let bytes = try input.count(of: 1)
            if bytes == 0 {
                chunks.append(Chunk(base: nil, bytes: 0))
                setBase(index, nil)
                continue
            }
            let base = Self.take(bytes)
            chunks.append(Chunk(base: base, bytes: bytes))
            setBase(index, base)
            byteCount += bytes
            try input.copy(into: UnsafeMutableRawBufferPointer(start: base, count: bytes))
        }
        let lists = try input.count(of: 4)
        guard lists == freeLists.count else { throw StateError("block pool has \(lists) size classes") }
        for index in 0..<lists { freeLists[index] = try input.get() }
        for _ in 0..<(try input.count(of: 4)) { freeChunks.append(try input.get()) }
        open = Int(try input.get(Int64.self))
        openNext = Int(try input.get(Int64.self))
        try checkFree()
    }

    /// Free blocks must lie where the next allocation may write.
    private func checkFree() throws(StateError) {
        for chunk in freeChunks {
            guard Int(chunk) < chunks.count, chunks[Int(chunk)].base == nil else {
                throw StateError("block pool: chunk \(chunk) is free and is not")
            }
        }
        let isCut = open >= 0 && open < chunks.count && chunks[open].bytes == Self.chunkBytes
        guard open == -1 || isCut, (0...Self.granulesPerChunk).contains(openNext) else {
            throw StateError("block pool is cut at \(openNext) of chunk \(open)")
        }
        var steps = chunks.count * Self.granulesPerChunk
        for (sizeClass, head) in freeLists.enumerated() {
            var reference = head
            while reference != 0 {
                steps -= 1
                guard steps >= 0, holds(reference, sizeClass: UInt8(sizeClass), used: 4) else {
                    throw StateError("block pool: free block \(reference) is not there")
                }
                reference = address(reference).load(as: UInt32.self)
            }
        }
    }

    /// Asks for the beginning of a block whose reference is not known to be good.
    @inline(__always)
    func prefetchBlock(_ reference: UInt32) {
        let chunk = Int(reference >> Self.chunkShift)
        if chunk < chunks.count, chunkBases[chunk] != nil { prefetch(address(reference)) }
    }

    /// Whether a block of this class can stand there with so many bytes in use.
    func holds(_ reference: UInt32, sizeClass: UInt8, used: Int) -> Bool {
        if reference == 0 { return used == 0 }
        let chunk = Int(reference >> Self.chunkShift)
        guard chunk < chunks.count, chunks[chunk].base != nil else { return false }
        let offset = Int(reference & UInt32(Self.granulesPerChunk - 1)) * Self.granule
        if sizeClass == UInt8.max { return offset == 0 && used <= chunks[chunk].bytes }
        guard Int(sizeClass) < Self.classSizes.count else { return false }
        let size = Self.classSizes[Int(sizeClass)]
        return used <= size && offset + size <= chunks[chunk].bytes
    }
}

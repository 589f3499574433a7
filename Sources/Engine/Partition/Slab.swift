/// Fixed-size plain records in chunks: grows without copying, addressed by index.
struct Slab<Element: BitwiseCopyable>: ~Copyable {
    /// 32 elements: a multiple of `ChunkSource.unit` for every element of whole words.
    static var chunkShift: Int { 5 }
    static var chunkCount: Int { 1 << chunkShift }

    private static var chunkBytes: Int { chunkCount * MemoryLayout<Element>.stride }

    private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    private var chunkCapacity: Int
    private(set) var chunkTotal = 0
    private(set) var count = 0

    init() {
        chunkCapacity = 16
        chunks = .allocate(capacity: chunkCapacity)
    }

    deinit {
        for index in 0..<chunkTotal {
            ChunkSource.give(UnsafeMutableRawPointer(chunks[index]), Self.chunkBytes)
        }
        chunks.deallocate()
    }

    /// Bytes held.
    var byteCount: Int { chunkTotal * Self.chunkCount * MemoryLayout<Element>.stride + chunkCapacity * 8 }

    @inline(__always)
    subscript(index: Int) -> UnsafeMutablePointer<Element> {
        chunks[index >> Self.chunkShift] + (index & (Self.chunkCount - 1))
    }

    @inline(__always)
    mutating func append(_ element: Element) -> Int {
        let index = count
        if index >> Self.chunkShift == chunkTotal { addChunk() }
        self[index].initialize(to: element)
        count = index + 1
        return index
    }

    private mutating func addChunk() {
        if chunkTotal == chunkCapacity {
            let grown = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(
                capacity: chunkCapacity * 2)
            grown.update(from: chunks, count: chunkTotal)
            chunks.deallocate()
            chunks = grown
            chunkCapacity *= 2
        }
        chunks[chunkTotal] = ChunkSource.take(Self.chunkBytes).bindMemory(
            to: Element.self, capacity: Self.chunkCount)
        chunkTotal += 1
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(count))
        var rest = count
        var chunk = 0
        while rest > 0 {
            let take = min(rest, Self.chunkCount)
            out.put(
                UnsafeRawBufferPointer(start: chunks[chunk], count: take * MemoryLayout<Element>.stride))
            rest -= take
            chunk += 1
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        var rest = try input.count(of: MemoryLayout<Element>.stride)
        while rest > 0 {
            let take = min(rest, Self.chunkCount)
            addChunk()
            try input.copy(
                into: UnsafeMutableRawBufferPointer(
                    start: chunks[chunkTotal - 1], count: take * MemoryLayout<Element>.stride))
            count += take
            rest -= take
        }
    }
}

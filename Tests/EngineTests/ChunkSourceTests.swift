import Core
import Testing

@testable import Engine

/// Chunks that overlap, or that two hold at a time, would let users write over each other.
struct ChunkSourceTests {
    private struct Chunk {
        var address: UnsafeMutableRawPointer
        var bytes: Int
        var mark: UInt8
    }

    private func fill(_ chunk: Chunk) {
        chunk.address.initializeMemory(as: UInt8.self, repeating: chunk.mark, count: chunk.bytes)
    }

    private func isWhole(_ chunk: Chunk) -> Bool {
        UnsafeRawBufferPointer(start: chunk.address, count: chunk.bytes).allSatisfy { $0 == chunk.mark }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `what is held is nobody else's, whatever is taken and given back`(seed: UInt64) {
        var random = Randomness(seed: seed)
        var held: [Chunk] = []
        let sizes = [1, 2, 3, 8, 32, 127, 128, 129, 400, 4096].map { $0 * ChunkSource.unit }
        for step in 0..<2000 {
            if held.count > 60 || !held.isEmpty && random.below(3) == 0 {
                let chunk = held.remove(at: random.below(held.count))
                #expect(isWhole(chunk))
                ChunkSource.give(chunk.address, chunk.bytes)
            } else {
                let bytes = sizes[random.below(sizes.count)]
                let chunk = Chunk(
                    address: ChunkSource.take(bytes), bytes: bytes, mark: UInt8(truncatingIfNeeded: step))
                #expect(UInt(bitPattern: chunk.address) % 64 == 0)
                fill(chunk)
                held.append(chunk)
            }
        }
        let ordered = held.sorted { $0.address < $1.address }
        for (chunk, next) in zip(ordered, ordered.dropFirst()) {
            #expect(chunk.address + chunk.bytes <= next.address)
        }
        for chunk in held {
            #expect(isWhole(chunk))
            ChunkSource.give(chunk.address, chunk.bytes)
        }
    }

    @Test func `several threads at once get chunks of their own`() async {
        let marks = await withTaskGroup(of: Bool.self) { group in
            for mark in UInt8(1)...8 {
                group.addTask {
                    var held: [Chunk] = []
                    for _ in 0..<50 {
                        let chunk = Chunk(address: ChunkSource.take(4096), bytes: 4096, mark: mark)
                        self.fill(chunk)
                        held.append(chunk)
                    }
                    let whole = held.allSatisfy(self.isWhole)
                    for chunk in held { ChunkSource.give(chunk.address, chunk.bytes) }
                    return whole
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(marks.count == 8)
        #expect(marks.allSatisfy { $0 })
    }

    @Test func `one beyond the largest is good to its last byte`() {
        let bytes = ChunkSource.largest + ChunkSource.unit
        let chunk = Chunk(address: ChunkSource.take(bytes), bytes: bytes, mark: 7)
        fill(chunk)
        #expect(isWhole(chunk))
        ChunkSource.give(chunk.address, bytes)
    }
}

import Core
import Testing

@testable import Engine

/// An id that does not come back byte for byte, or that equals another, merges two users.
struct IDArenaTests {
    /// Ids of every length, of digits and marks alone, of others, and such as differ in one character at the
    /// edges of what is kept by half bytes.
    private func ids() -> [[UInt8]] {
        var ids: Set<[UInt8]> = []
        let packable = Array("-./0123456789:".utf8)
        let others = Array("+,;@AZaz_é\u{0}\u{7F}".utf8)
        var random = Randomness(seed: 3)
        for length in 1...256 {
            ids.insert((0..<length).map { _ in packable[random.below(packable.count)] })
            ids.insert((0..<length).map { _ in UInt8(random.below(256)) })
            var nearly = (0..<length).map { _ in packable[random.below(packable.count)] }
            nearly[random.below(length)] = others[random.below(others.count)]
            ids.insert(nearly)
        }
        for byte in UInt8.min...UInt8.max { ids.insert([byte]) }
        for text in ["1025918326.1719792014", "1025918326.171979201", "1025918326.1719792014-", "-", "--"] {
            ids.insert(Array(text.utf8))
        }
        return ids.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func add(_ id: [UInt8], to arena: inout IDArena) -> (reference: UInt32, isPacked: Bool) {
        id.withUnsafeBytes { bytes in
            let stored = arena.stored(bytes)
            return (arena.add(stored), stored.isPacked)
        }
    }

    private func text(_ arena: borrowing IDArena, _ place: (reference: UInt32, isPacked: Bool)) -> [UInt8] {
        Array(arena.id(place.reference, isPacked: place.isPacked))
    }

    private func equals(
        _ id: [UInt8], _ place: (reference: UInt32, isPacked: Bool), _ arena: borrowing IDArena
    ) -> Bool {
        id.withUnsafeBytes { bytes in
            let stored = arena.stored(bytes)
            return stored.isPacked == place.isPacked && arena.equals(place.reference, stored)
        }
    }

    @Test func `every id comes back byte for byte, from a snapshot too`() throws {
        var arena = IDArena()
        let ids = ids()
        let places = ids.map { add($0, to: &arena) }
        #expect(places.contains { $0.isPacked })
        #expect(places.contains { !$0.isPacked })
        #expect(places.map { text(arena, $0) } == ids)
        #expect(places.allSatisfy { arena.holds($0.reference, isPacked: $0.isPacked) })
        var out = ByteWriter()
        arena.write(to: &out)
        let back = try out.bytes.withUnsafeBytes { raw in
            var input = ByteReader(raw)
            let restored = try IDArena(from: &input)
            return places.map { text(restored, $0) }
        }
        #expect(back == ids)
    }

    @Test func `an id equals itself alone`() {
        var arena = IDArena()
        let ids = ids()
        let places = ids.map { add($0, to: &arena) }
        var random = Randomness(seed: 5)
        for (index, id) in ids.enumerated() {
            let others = (0..<40).map { _ in random.below(ids.count) } + [index, max(0, index - 1)]
            for other in others {
                let isEqual = equals(id, places[other], arena)
                #expect(isEqual == (other == index))
            }
        }
    }

    @Test func `digits cost half`() {
        var digits = IDArena()
        var letters = IDArena()
        for number in 0..<4000 {
            let id = "\(1_000_000_000 + number).\(1_719_792_014 + number)"
            _ = add(Array(id.utf8), to: &digits)
            _ = add(Array(id.utf8).map { $0 == 46 ? 46 : $0 + 49 }, to: &letters)
        }
        #expect(Double(digits.byteCount) < 0.6 * Double(letters.byteCount))
    }

    @Test func `what is erased is gone, its neighbours are not`() {
        var arena = IDArena()
        let ids = ["12345", "user-a", "67890", "user-b"].map { Array($0.utf8) }
        let places = ids.map { add($0, to: &arena) }
        for index in [0, 1] { arena.erase(places[index].reference, isPacked: places[index].isPacked) }
        #expect(places[2...].map { text(arena, $0) } == Array(ids[2...]))
        var out = ByteWriter()
        arena.write(to: &out)
        #expect(!out.bytes.contains(UInt8(ascii: "a")))
        #expect(places.map { text(arena, $0).count } == ids.map(\.count))
    }

    @Test func `a reference beyond what is there is told`() {
        var arena = IDArena()
        _ = add(Array("abc".utf8), to: &arena)
        let held = [1 << 16, UInt32.max].map { arena.holds($0, isPacked: false) }
        #expect(held == [false, false])
    }
}

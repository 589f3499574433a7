import Core
import Testing

@testable import roost

/// Risk: what does not fit into memory comes out in another order, doubled or lost.
@Suite struct SortedRunsTests {
    private struct Record: Equatable {
        var key: [UInt8]
        var payload: [UInt8]
    }

    private func drained(_ runs: inout SortedRuns) throws -> [Record] {
        var all: [Record] = []
        try runs.drain { key, payload in all.append(Record(key: Array(key), payload: Array(payload))) }
        return all
    }

    @Test(arguments: [1, 40, 1000, 1 << 20])
    func recordsComeInTheOrderOfTheirKeysAndEqualOnesAsTheyWere(_ bytesMax: Int) throws {
        var chance = Randomness(seed: 9)
        var runs = SortedRuns(bytesMax: bytesMax)
        var records: [Record] = []
        for number in 0..<600 {
            let key = (0..<chance.below(4)).map { _ in UInt8(chance.below(3)) * 100 }
            let size = number == 300 ? 400_000 : chance.below(20)
            let payload = Array("\(number)".utf8) + [UInt8](repeating: 7, count: size)
            records.append(Record(key: key, payload: payload))
            try runs.add(key: key, payload: payload)
        }
        let expected = records.enumerated().sorted { a, b in
            if a.element.key == b.element.key { return a.offset < b.offset }
            return a.element.key.lexicographicallyPrecedes(b.element.key)
        }.map(\.element)
        #expect(try drained(&runs) == expected)
        // It is empty then, and can be used again.
        #expect(try drained(&runs) == [])
        try runs.add(key: [2], payload: [1])
        try runs.add(key: [1], payload: [2])
        #expect(try drained(&runs) == [Record(key: [1], payload: [2]), Record(key: [2], payload: [1])])
    }

    @Test func nothingIsNothing() throws {
        var runs = SortedRuns()
        #expect(try drained(&runs) == [])
    }
}

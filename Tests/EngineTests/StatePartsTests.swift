import Core
import Engine
import Testing

@testable import EngineSupport

/// The breakdown of memory must account for all of it, or it hides what it should show.
struct StatePartsTests {
    private func filled(shards: Int) async throws -> Rig {
        var shape = LogShape(.brief())
        shape.users = 300
        shape.events = 3000
        shape.late = 0.1
        let log = randomLog(shape, seed: 5)
        var rig = try Rig(.brief(), shards: shards)
        for start in stride(from: 0, to: log.count, by: 100) {
            try await rig.take(Array(log[start..<start + 100]))
        }
        return rig
    }

    @Test(arguments: [1, 3]) func `the parts add up to the whole`(shards: Int) async throws {
        let empty = try Rig(.brief(), shards: shards)
        let full = try await filled(shards: shards)
        for shard in empty.shards + full.shards {
            let parts = await shard.stateParts()
            #expect(await parts.reduce(0) { $0 + $1.bytes } == shard.stateBytes())
            #expect(Set(parts.map(\.name)).count == parts.count)
            #expect(parts.allSatisfy { $0.bytes >= 0 })
        }
    }

    @Test func `every part is there after a log of everything`() async throws {
        let rig = try await filled(shards: 1)
        let parts = await rig.shards[0].stateParts()
        for name in ["user records", "ids", "index", "tails", "accounts", "purchases", "timers", "strings"] {
            #expect(try #require(parts.first { $0.name == name }).bytes > 0)
        }
    }

    @Test func `parts of several shards add up by name`() {
        var sums: [StatePart] = []
        StatePart.add([StatePart("a", 1), StatePart("b", 2)], to: &sums)
        StatePart.add([StatePart("a", 10), StatePart("b", 20)], to: &sums)
        #expect(sums == [StatePart("a", 11), StatePart("b", 22)])
    }
}

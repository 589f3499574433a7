import Core
import Engine
import Testing

@testable import EngineSupport

/// A record taken again under a limit that came later.
struct CustomNameReplayTests {
    private static let start: Int64 = 1_711_800_000_000_000

    @Test func `names keep the numbers they had when the limit is raised later`() async throws {
        let few = Settings.event { $0.limits.customNames = 1 }
        let many = Settings.event { $0.limits.customNames = 9 }
        var rig = try Rig(few)
        let early = await rig.snapshots()
        try await rig.take(.settings(EngineSettings(few)))
        try await rig.take([
            PlainEvent("u", Self.start, "opened"), PlainEvent("u", Self.start, "closed"),
            PlainEvent("v", Self.start, "knocked"),
        ])
        try await rig.take(.settings(EngineSettings(many)))
        try await rig.take([PlainEvent("u", Self.start, "closed"), PlainEvent("v", Self.start, "closed")])
        let counts = await rig.view("u")?.events.map { "\($0.name) \($0.value)" }
        #expect(
            counts == ["opened 1", "other 1", "closed 1"] || counts == ["other 1", "opened 1", "closed 1"])
        // The ledger is of the end, the partitions of the beginning.
        var again = try Rig(
            many, shards: 2, key: HashKey(k0: 3, k1: 4), ledger: rig.ledger.snapshot(), partitions: early)
        for record in rig.journal { try await again.apply(record.number, record.kind, record.payload) }
        for user in ["u", "v"] {
            let expected = String(describing: await rig.view(user))
            #expect(String(describing: await again.view(user)) == expected)
        }
        #expect(again.ledger.snapshot() == rig.ledger.snapshot())
    }
}

import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// Recommendations that are told against the list of exclusions, differ after a restart, or are not there.
struct RecommendationUseTests {
    private static let start: Int64 = 1_711_800_000_000_000  // 2024-03-30T12:00:00Z
    private static let day = Microseconds.day

    /// Users of two tastes, each with six items of its own, and one who bought nothing.
    private func log(_ users: Int = 120) -> [PlainEvent] {
        var random = Randomness(seed: 4)
        var log: [PlainEvent] = []
        for user in 0..<users {
            for round in 0..<5 {
                var event = PlainEvent(
                    "user-\(user)", Self.start + Int64(round * 20 + random.below(15)) * Self.day, "purchase")
                event.items = (0..<2).map { _ in
                    let item = user % 2 * 6 + random.below(6)
                    return PlainItem(
                        id: "item-\(item)", category: "category-\(item % 3)",
                        price: Int64(1 + item) * 1_000_000)
                }
                log.append(event)
            }
        }
        log.append(PlainEvent("nobody", Self.start, "view_item"))
        return log.sorted { $0.time < $1.time }
    }

    private func verdict(_ rig: Rig) async throws -> VerdictEntry {
        var parts: [(partition: Int, columns: RecommendationColumns)] = []
        for shard in rig.shards { parts += await shard.recommendationColumns() }
        var columns = RecommendationColumns()
        for part in parts.sorted(by: { $0.partition < $1.partition }) { columns.append(part.columns) }
        var config = RecommendationsConfig()
        config.implicit.factors = 4
        config.minimumUsers = 20
        config.minimumHistory = 2
        let request = FitRequest.recommendations(columns.input, config: config, seed: 42).bytes
        let store = UnsafeMutableRawBufferPointer.allocate(byteCount: request.count, alignment: 16)
        defer { store.deallocate() }
        store.copyBytes(from: request)
        guard case .fitted(let candidate) = try FitResult(bytes: fit(request: UnsafeRawBufferPointer(store)))
        else { throw CodingFailure.badMagic }
        return VerdictEntry(
            name: "recommendations", version: 1, adopted: true, instant: rig.ledger.clock.now,
            scheduled: false, bytes: candidate.model)
    }

    private func fitted(_ settings: Settings) async throws -> Rig {
        var rig = try Rig(settings, shards: 2)
        for event in log() { try await rig.take([event]) }
        try await rig.take(.verdict(try await verdict(rig)))
        return rig
    }

    private func items(_ rig: Rig, _ user: String) async throws -> [Trigger.Item] {
        try #require(await rig.view(user)).recommendations
    }

    @Test func `a page has items that were not bought, and categories`() async throws {
        let rig = try await fitted(.event())
        for user in ["user-0", "user-1", "user-60"] {
            let view = try #require(await rig.view(user))
            let bought = Set(view.recentPurchases.flatMap { $0.items.map(\.itemID) })
            #expect(!view.recommendations.isEmpty && view.recommendations.count <= 10)
            #expect(bought.isDisjoint(with: view.recommendations.map(\.itemID)))
            #expect(view.recommendations.allSatisfy { !$0.by.isEmpty && $0.score.isFinite })
        }
        #expect(try await items(rig, "nobody").count > 2)
    }

    @Test func `before a model there is nothing, and lists of users carry none`() async throws {
        var rig = try Rig(.event())
        try await rig.take(log())
        #expect(try await items(rig, "user-0").isEmpty)
        let other = try await fitted(.event())
        for shard in other.shards {
            await shard.openList(1, names: other.ledger.names)
            for view in await shard.readList(1, 100) { #expect(view.recommendations.isEmpty) }
        }
    }

    @Test func `what is excluded is not told, and is again once it no longer is`() async throws {
        let settings = Settings.event()
        var rig = try await fitted(settings)
        let first = try await items(rig, "user-0")
        var changed = settings
        changed.models.recommendations.excluded = first.prefix(2).map(\.itemID) + ["unknown"]
        try await rig.take(.settings(EngineSettings(changed)))
        for user in ["user-0", "user-1", "nobody"] {
            let told = try await items(rig, user).map(\.itemID)
            #expect(Set(told).isDisjoint(with: changed.models.recommendations.excluded))
        }
        var restored = try Rig(
            changed, shards: 3, key: HashKey(k0: 5, k1: 6), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        #expect(try await items(restored, "user-0") == items(rig, "user-0"))
        try await restored.take(.settings(EngineSettings(settings)))
        #expect(try await items(restored, "user-0") == first)
    }

    @Test func `triggers carry the first of the user's items, those of newcomers too`() async throws {
        let settings = Settings.event { $0.models.recommendations.triggerItems = 2 }
        var rig = try await fitted(settings)
        let before = rig.triggers.count
        let expected = try await items(rig, "user-0")
        let newcomer = try await items(rig, "nobody")
        try await rig.take([
            PlainEvent("user-0", rig.ledger.clock.now, "sign_up"),
            PlainEvent("nobody", rig.ledger.clock.now, "add_to_cart"),
        ])
        try await rig.take(.advance(to: rig.ledger.clock.now + Self.day))
        let fired = rig.triggers[before...]
        let welcome = try #require(fired.first { $0.rule == "welcome" })
        #expect(welcome.items == Array(expected.prefix(2)))
        let cart = try #require(fired.first { $0.rule == "cart_abandoned" })
        #expect(cart.items == Array(newcomer.prefix(2)))
    }

    @Test func `a replay on other shards ends the same`() async throws {
        let settings = Settings.event { $0.triggers.replenishDue.enabled = true }
        var rig = try await fitted(settings)
        try await rig.take(.advance(to: rig.ledger.clock.now + 100 * Self.day))
        var again = try Rig(settings, shards: 5, key: HashKey(k0: 77, k1: 78))
        for record in rig.journal { try await again.apply(record.number, record.kind, record.payload) }
        #expect(again.triggers == rig.triggers)
        #expect(rig.triggers.contains { $0.rule == "replenish_due" })
        for user in ["user-3", "user-4", "nobody"] {
            #expect(try await items(again, user) == items(rig, user))
        }
    }
}

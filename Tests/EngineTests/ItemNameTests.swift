import Core
import Engine
import Testing

@testable import EngineSupport

/// An item called by a name it had not yet or no more, or by another one after a restart.
struct ItemNameTests {
    /// 2024-03-31T00:00:00Z
    private let midnight: Int64 = 1_711_843_200_000_000
    private let day = Microseconds.day

    private func settings(_ catalogue: [CatalogueItem] = []) -> Settings {
        .event { settings in
            settings.clock.allowedLateness = 0
            settings.triggers.replenishDue.enabled = true
            settings.models.recommendations.catalogue = catalogue
            var overlay = RuleDeclaration(name: "replenish_due")
            overlay.template = [.init(language: "", text: "{items.0.name}, {items.0.id}")]
            settings.triggers.declared = [overlay]
        }
    }

    private func bought(_ user: String, _ day: Int64, _ item: String = "PD1") -> PlainEvent {
        var event = PlainEvent(user, midnight + day * self.day, "purchase")
        event.items = [PlainItem(id: item, price: 1_000_000)]
        return event
    }

    private func called(_ time: Int64, _ name: String) -> PlainEvent {
        var event = PlainEvent("else", time, "view_item")
        event.items = [PlainItem(id: "PD2"), PlainItem(id: "PD1", name: name)]
        return event
    }

    /// Of `a` the item is due on the day before it gets its second name, of `b` after, of `c` it has none.
    private var log: [PlainEvent] {
        [
            bought("a", 0), called(midnight + day, "Tent"), bought("c", 4, "PD2"), bought("b", 5),
            bought("a", 10), bought("c", 14, "PD2"), bought("b", 15), bought("a", 20), bought("c", 24, "PD2"),
            bought("b", 25), called(midnight + 30 * day + 1, "Zelt"), called(midnight + 36 * day, "Tent"),
            PlainEvent("else", midnight + 40 * day, "login"),
        ]
    }

    private func told(_ rig: Rig) -> [String] {
        rig.triggers.filter { $0.rule == "replenish_due" }.map { "\($0.userName): \($0.message ?? "")" }
    }

    private let expected = ["a: Tent, PD1", "c: PD2, PD2", "b: Zelt, PD1"]

    @Test(arguments: [(1, 1), (3, 2), (7, 5), (100, 1), (100, 3)])
    func `an item is called what it was called then, however records are cut`(
        cut: Int, shards: Int
    ) async throws {
        var rig = try Rig(settings(), shards: shards)
        for start in stride(from: 0, to: log.count, by: cut) {
            try await rig.take(Array(log[start..<min(log.count, start + cut)]))
        }
        #expect(told(rig) == expected)
        // The page tells what it is called now.
        let page = try #require(await rig.view("b"))
        #expect(page.recentPurchases.map { $0.items.map(\.name) } == [["Tent"], ["Tent"], ["Tent"]])
        let other = try #require(await rig.view("c"))
        #expect(other.recentPurchases[0].items[0].name == nil)
    }

    @Test(arguments: [2, 9, 11])
    func `names outlive a restart`(half: Int) async throws {
        var before = try Rig(settings(), shards: 2)
        try await before.take(Array(log[..<half]))
        var rig = try await Rig(
            settings(), shards: 3, key: before.key, ledger: before.ledger.snapshot(),
            partitions: before.snapshots())
        try await rig.take(Array(log[half...]))
        #expect(told(before) + told(rig) == expected)
    }

    @Test func `the catalogue's name goes before, where it has one`() async throws {
        var (named, bare) = (CatalogueItem(id: "PD1"), CatalogueItem(id: "PD2"))
        (named.name, bare.name) = ("From the shop", "")
        var rig = try Rig(settings([named, bare]))
        try await rig.take(log)
        #expect(told(rig) == ["a: From the shop, PD1", "c: PD2, PD2", "b: From the shop, PD1"])
    }
}

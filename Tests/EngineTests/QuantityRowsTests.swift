import Core
import Engine
import Testing

@testable import EngineSupport

/// Quantities on the wrong day, twice, lost in a restart, or different for another cut of the log.
struct QuantityRowsTests {
    private static let zone = Zone.berlin
    private static let begin: Int64 = 1_711_800_000_000_000

    private func settings() -> Settings { .brief(QuantityRowsTests.zone) }

    /// Purchases over `days` days, some of earlier days than those before, some with no items or no category.
    private func log(seed: UInt64, count: Int = 600, days: Int = 60, categories: Int = 5) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        return (0..<count).map { index in
            var time = Self.begin + Int64(index) * Int64(days) * Microseconds.day / Int64(count)
            if random.below(5) == 0 { time -= Int64(random.below(20)) * Microseconds.day }
            var event = PlainEvent(
                "user-\(random.below(40))", time, random.below(4) == 0 ? "view_item" : "purchase")
            event.items = (0..<random.below(4)).map { _ in
                let number = random.below(categories + 1)
                return PlainItem(
                    id: "item-\(random.below(9))",
                    category: number == categories ? nil : "category-\(number)",
                    quantity: Int64(1 + random.below(5)) * 500_000)
            }
            return event
        }
    }

    private struct Plain: Equatable {
        var shop: [Int32: Int64] = [:]
        var categories: [String: [Int32: Int64]] = [:]

        init(_ events: [PlainEvent], zone: Zone) {
            for event in events where event.name == "purchase" {
                let day = zone.day(of: EventTime(microseconds: event.time))
                if event.items.isEmpty { shop[day, default: 0] += 1_000_000 }
                for item in event.items {
                    shop[day, default: 0] += item.quantity
                    if let name = item.category {
                        categories[name, default: [:]][day, default: 0] += item.quantity
                    }
                }
            }
        }

        init(_ totals: QuantityTotals) {
            func days(_ row: DailyQuantity) -> [Int32: Int64] {
                var out: [Int32: Int64] = [:]
                for (index, value) in row.values.enumerated() where value != 0 {
                    out[row.first + Int32(index)] = value
                }
                return out
            }
            shop = days(totals.shop)
            categories = totals.categories.mapValues(days)
        }
    }

    private func totals(_ rig: Rig) async -> QuantityTotals {
        let now = EventTime(microseconds: rig.ledger.clock.now)
        let today = Self.zone.day(of: now)
        var totals = QuantityTotals()
        for shard in rig.shards { totals.add(await shard.quantityTotals(today: today)) }
        return totals
    }

    @Test(arguments: 1...4)
    func `every piece counts once, on its own day, however the log is cut`(seed: UInt64) async throws {
        let log = log(seed: seed)
        let expected = Plain(log, zone: Self.zone)
        for (shards, size) in [(1, 600), (2, 7), (3, 64)] {
            var rig = try Rig(settings(), shards: shards)
            for start in stride(from: 0, to: log.count, by: size) {
                try await rig.take(Array(log[start..<min(log.count, start + size)]))
            }
            let found = await totals(rig)
            #expect(Plain(found) == expected)
            #expect(!found.isCrowded)
        }
    }

    @Test func `a restart in the middle loses nothing and counts nothing twice`() async throws {
        let log = log(seed: 9)
        var rig = try Rig(settings(), shards: 2)
        try await rig.take(Array(log[..<300]))
        var other = try Rig(
            settings(), shards: 3, key: HashKey(k0: 5, k1: 6), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        try await rig.take(Array(log[300...]))
        // The first record is in the snapshots already: replayed, it must not count again.
        for record in rig.journal { try await other.apply(record.number, record.kind, record.payload) }
        #expect(Plain(await totals(other)) == Plain(log, zone: Self.zone))
    }

    @Test func `days further back than are kept are gone, and a leap of years clears them all`() async throws
    {
        var rig = try Rig(settings())
        let far = Self.begin + 1000 * Microseconds.day
        try await rig.take([PlainEvent("u", Self.begin, "purchase")])
        try await rig.take([PlainEvent("u", far, "purchase"), PlainEvent("u", Self.begin, "purchase")])
        let today = Self.zone.day(of: EventTime(microseconds: far))
        let (first, pieces) = await totals(rig).shop.pieces(before: today + 1)
        #expect(pieces.count <= Int(DailyQuantity.days))
        #expect(first + Int32(pieces.count) == today + 1)
        #expect(pieces.reduce(0, +) == 1)
    }

    @Test func `pieces run to yesterday, days without a purchase being zero`() async throws {
        var rig = try Rig(settings())
        try await rig.take([PlainEvent("u", Self.begin, "purchase")])
        let first = Self.zone.day(of: EventTime(microseconds: Self.begin))
        let totals = await totals(rig)
        #expect(totals.shop.pieces(before: first + 4) == (first, [1, 0, 0, 0]))
        #expect(totals.shop.pieces(before: first).pieces.isEmpty)
        #expect(DailyQuantity().pieces(before: first).pieces.isEmpty)
    }

    @Test func `categories beyond the bound count for the shop, and it is said`() async throws {
        var rig = try Rig(settings())
        let events = (0..<100).map { number in
            var event = PlainEvent("one", Self.begin + Int64(number), "purchase")
            event.items = [PlainItem(id: "i", category: "category-\(number)")]
            return event
        }
        try await rig.take(events)
        let found = await totals(rig)
        #expect(found.categories.count == 64)
        #expect(found.isCrowded)
        #expect(found.shop.values == [100_000_000])
    }
}

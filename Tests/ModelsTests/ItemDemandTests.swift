import Testing

@testable import Models

/// An item whose demand is told against something else than its own season.
struct ItemDemandTests {
    /// Shoppers whose baskets span `days` up to day 800, with a season on everything in the 30 days from day 406 on
    /// (a year before the last 30), and item 0 bought twice as much of late.
    private func shoppers(days: Int, season: Double) -> Shoppers {
        var shoppers = Shoppers(200, tastes: 2, itemsOfATaste: 5, seed: 5)
        shoppers.asOfDay = 800
        var generator = SeededGenerator(seed: 9)
        for index in shoppers.users.indices {
            shoppers.users[index].baskets = []
            for day in (801 - days)...800 {
                let isSeason = (406...435).contains(day)
                for item in 0..<10 {
                    let rate = 0.05 * (isSeason ? season : 1) * (item == 0 && day > 770 ? 2 : 1)
                    if generator.uniform() < rate / 10 {
                        shoppers.users[index].baskets.append((Int32(day), [item]))
                    }
                }
            }
            if shoppers.users[index].baskets.isEmpty { shoppers.users[index].baskets = [(600, [1])] }
        }
        return shoppers
    }

    private func demand(_ shoppers: Shoppers) throws -> [Double] {
        let model = try RecommendationsModel(bytes: try shoppers.fit().model)
        return try (0..<10).map { item in
            let found = Array(Shoppers.name(item).utf8).withUnsafeBytes { model.items.find($0) }
            return Double(model.demand[try #require(found)])
        }
    }

    /// By counting again: (user, day, item) lines.
    private func plain(_ shoppers: Shoppers) -> [Double] {
        let lines = shoppers.users.enumerated().flatMap { user, shopper in
            shopper.baskets.flatMap { basket in basket.items.map { (day: Int(basket.day), item: $0) } }
        }
        let first = lines.map(\.day).min() ?? 0
        let from = max(first, 406)
        func count(_ item: Int?, _ days: ClosedRange<Int>) -> Double {
            Double(lines.count { days.contains($0.day) && (item == nil || $0.item == item) })
        }
        func factor(_ item: Int?) -> Double {
            count(item, 406...435) / 30 / (count(item, from...770) / Double(771 - from))
        }
        return (0..<10).map { item in
            var expected = count(item, from...770) / Double(771 - from) * 30
            if first <= 406 { expected *= factor(count(item, 406...435) >= 20 ? item : nil) }
            return expected < 5 ? .nan : count(item, 771...800) / expected
        }
    }

    @Test(arguments: [(120, 1.0), (500, 1.0), (500, 3.0)])
    func `it is lines of late over the item's own, in season`(days: Int, season: Double) throws {
        let shoppers = shoppers(days: days, season: season)
        let (told, expected) = (try demand(shoppers), plain(shoppers))
        for item in 0..<10 { #expect(abs(told[item] - expected[item]) < 1e-5, "item \(item)") }
        #expect(told[0] > 1.2 * told.dropFirst().reduce(0, +) / 9 || days > 365)
    }

    @Test func `too few lines say nothing`() throws {
        let model = try RecommendationsModel(bytes: try Shoppers(60, seed: 3).fit().model)
        // Everything lies more than 30 days back, and half a line was to be expected.
        #expect(model.demand.count == model.items.count)
        #expect(model.demand.allSatisfy { $0.isNaN || $0 >= 0 })
    }
}

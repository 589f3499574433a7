import Testing

@testable import Models

/// What is told of baskets against plain counting over the same lines.
struct BasketStatisticsTests {
    private func names(_ input: RecommendationsInput) -> [String] {
        (0..<input.items.count).map {
            String(
                decoding: input.items.text[Int(input.items.offsets[$0])..<Int(input.items.offsets[$0 + 1])],
                as: UTF8.self)
        }
    }

    /// Baskets by user and day, items or categories by name.
    private func baskets(_ input: RecommendationsInput, byCategory: Bool, segment: UInt8?) -> [Set<String>] {
        let names = names(input)
        var baskets: [String: Set<String>] = [:]
        for line in input.lineUsers.indices {
            let user = Int(input.lineUsers[line])
            if let segment, input.segments[user] != segment { continue }
            let item = Int(input.lineItems[line])
            let key = "\(user) \(input.lineDays[line])"
            if !byCategory {
                baskets[key, default: []].insert(names[item])
            } else if input.itemCategories[item] != .max {
                baskets[key, default: []].insert("category \(input.itemCategories[item])")
            }
        }
        return Array(baskets.values)
    }

    private func input() -> RecommendationsInput {
        var input = Shoppers(200, seed: 8).input
        input.itemCategories = (0..<input.items.count).map { $0 % 7 == 0 ? .max : UInt32($0 % 6) }
        return input
    }

    private func number(_ tree: Tree?) -> Double? {
        switch tree {
        case .number(let number): number
        case .int(let number): Double(number)
        default: nil
        }
    }

    private func strings(_ tree: Tree?) -> [String] {
        guard case .array(let values) = tree else { return [] }
        return values.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    @Test(arguments: [false, true], [nil, 1] as [UInt8?])
    func `pairs and triples are those of plain counting`(byCategory: Bool, segment: UInt8?) throws {
        let input = input()
        var question = BasketStatistics.Question()
        question.minimumSupport = 0
        question.minimumBaskets = byCategory ? 10 : 4
        question.byCategory = byCategory
        question.segment = segment
        question.limit = 10_000
        let told = Tree.object(BasketStatistics(input, question).members)
        let baskets = baskets(input, byCategory: byCategory, segment: segment)
        #expect(number(told["baskets"]) == Double(baskets.count))
        for (key, size) in [("pairs", 2), ("triples", 3)] {
            guard case .array(let rows)? = told[key] else {
                Issue.record("no \(key)")
                return
            }
            #expect(size == 3 || rows.count > 5)
            for row in rows {
                let items = strings(row["items"])
                #expect(items.count == size && items == items.sorted())
                let count = baskets.count { $0.isSuperset(of: items) }
                #expect(number(row["baskets"]) == Double(count) && count >= question.minimumBaskets)
                let lift = items.reduce(Double(count) / Double(baskets.count)) { lift, item in
                    lift / (Double(baskets.count { $0.contains(item) }) / Double(baskets.count))
                }
                #expect(near(try #require(number(row["lift"])), lift, 1e-9))
            }
        }
        let all = Set(baskets.joined()).sorted()
        var pairs = 0
        for (place, a) in all.enumerated() {
            for b in all[(place + 1)...]
            where baskets.count(where: { $0.contains(a) && $0.contains(b) }) >= question.minimumBaskets {
                pairs += 1
            }
        }
        #expect(number(told["pair_count"]) == Double(pairs))
    }

    @Test func `a segment's figures are those of its own baskets`() throws {
        let input = input()
        var question = BasketStatistics.Question()
        question.minimumSupport = 0
        question.minimumBaskets = 3
        question.limit = 50
        guard case .array(let rows)? = Tree.object(BasketStatistics(input, question).members)["pairs"] else {
            Issue.record("no pairs")
            return
        }
        let own = baskets(input, byCategory: false, segment: 1)
        var compared = 0
        for row in rows {
            guard let measures = row["by_segment"]?["loyal"] else { continue }
            let items = strings(row["items"])
            let count = own.count { $0.isSuperset(of: items) }
            #expect(number(measures["baskets"]) == Double(count))
            let single = items.map { item in Double(own.count { $0.contains(item) }) }
            let lift = Double(count) * Double(own.count) / single[0] / single[1]
            #expect(near(try #require(number(measures["lift"])), lift, 1e-9))
            compared += 1
        }
        #expect(compared > 5)
    }

    @Test func `nothing bought is nothing told`() {
        let told = Tree.object(BasketStatistics(RecommendationsInput(), BasketStatistics.Question()).members)
        #expect(number(told["baskets"]) == 0)
        #expect(told["pairs"] == .array([]))
    }
}

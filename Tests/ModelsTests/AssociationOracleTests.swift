import Models
import Testing

/// Frequent sets and rules against mlxtend 0.23.4 on `statsmodels`' `fair` (an item for each attribute) and on
/// CDNOW's price points; counts exact, measures to 1e-9 relative.
struct AssociationOracleTests {
    private struct Oracle: Decodable {
        struct Set: Decodable {
            var transactions: Int
            var min_support: Double
            var min_confidence: Double
            var max_len: Int?
            var itemsets: [Itemset]
            var rules: [Rule]
        }
        struct Itemset: Decodable {
            var items: [String]
            var count: Int
        }
        struct Rule: Decodable {
            var antecedent: [String]
            var consequent: [String]
            var count: Int
            /// Support, confidence, lift, leverage, conviction; nil: infinite.
            var measures: [Double?] = []

            init(from decoder: any Decoder) throws {
                var row = try decoder.unkeyedContainer()
                antecedent = try row.decode([String].self)
                consequent = try row.decode([String].self)
                count = try row.decode(Int.self)
                while !row.isAtEnd {
                    do { measures.append(try row.decode(Double.self)) } catch {
                        #expect(try row.decode(String.self) == "inf")
                        measures.append(nil)
                    }
                }
            }
        }
        var expected: [String: Set]
    }

    private func baskets(_ name: String) throws -> (baskets: Baskets, names: [String]) {
        let rows = String(decoding: try OracleFile.data("apriori.\(name).csv"), as: UTF8.self)
            .split(separator: "\n").dropFirst().map { $0.split(separator: "|").map(String.init) }
        let names = Set(rows.joined()).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
        var baskets = Baskets()
        for row in rows { baskets.append(row.compactMap { numbers[$0] }) }
        return (baskets, names)
    }

    @Test(arguments: ["fair_items", "cdnow_price_points"])
    func `frequent sets are Apriori's`(_ name: String) throws {
        let expected = try #require(
            try OracleFile.decode(Oracle.self, "apriori.expected.json").expected[name])
        let (baskets, names) = try baskets(name)
        #expect(baskets.count == expected.transactions)
        let found = try #require(
            baskets.frequentItemsets(
                least: baskets.least(share: expected.min_support), longest: expected.max_len ?? .max))
        var told: [[String]: Int] = [:]
        for itemset in found { told[itemset.items.map { names[Int($0)] }.sorted()] = itemset.count }
        #expect(found.count == told.count)
        #expect(
            told
                == Dictionary(
                    uniqueKeysWithValues: expected.itemsets.map { ($0.items.sorted(), $0.count) }))
    }

    @Test(arguments: ["fair_items", "cdnow_price_points"])
    func `rules have mlxtend's measures`(_ name: String) throws {
        let expected = try #require(
            try OracleFile.decode(Oracle.self, "apriori.expected.json").expected[name])
        let (baskets, names) = try baskets(name)
        let itemsets = try #require(
            baskets.frequentItemsets(
                least: baskets.least(share: expected.min_support), longest: expected.max_len ?? .max))
        let rules = AssociationRule.rules(
            of: itemsets, baskets: baskets.count, minimumConfidence: expected.min_confidence)
        #expect(rules.count == expected.rules.count)
        var byName: [[[String]]: AssociationRule] = [:]
        for rule in rules {
            byName[[rule.antecedent, rule.consequent].map { $0.map { names[Int($0)] }.sorted() }] = rule
        }
        for wanted in expected.rules {
            let rule = try #require(byName[[wanted.antecedent.sorted(), wanted.consequent.sorted()]])
            #expect(rule.count == wanted.count)
            let own = [rule.support, rule.confidence, rule.lift, rule.leverage, rule.conviction]
            for (own, measure) in zip(own, wanted.measures) {
                // Leverage is a difference of two supports.
                #expect(
                    abs(own - (measure ?? .infinity)) <= 1e-9 * abs(measure ?? 0) + 1e-15
                        || own == measure ?? .infinity)
            }
            #expect(wanted.measures.count == 5)
        }
    }

    @Test(arguments: 1...4)
    func `sets are those of plain counting`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let lists = (0..<150).map { _ in
            Set((0..<1 + generator.below(5)).map { _ in Int32(generator.below(9)) })
        }
        var baskets = Baskets()
        for list in lists { baskets.append(list) }
        var plain: [[Int32]: Int] = [:]
        for mask in 1..<512 where mask.nonzeroBitCount <= 3 {
            let items = (0..<9).filter { mask >> $0 & 1 == 1 }.map { Int32($0) }
            let count = lists.count { $0.isSuperset(of: items) }
            if count >= 5 { plain[items] = count }
        }
        let found = try #require(baskets.frequentItemsets(least: 5, longest: 3))
        #expect(Dictionary(uniqueKeysWithValues: found.map { ($0.items, $0.count) }) == plain)
        #expect(baskets.frequentItemsets(least: 5, longest: 3, most: plain.count - 1) == nil)
    }

    @Test func `nothing at all gives no sets`() throws {
        #expect(Baskets().frequentItemsets(least: 1) == [])
        var one = Baskets()
        one.append([3, 3])
        one.append([])
        #expect(one.count == 1)
        #expect(one.frequentItemsets(least: 1) == [FrequentItemset(items: [3], count: 1)])
    }
}

/// What is bought together, over the lines of purchases that are kept: exact counts of pairs and triples in
/// enough of the baskets, over all and in each segment.
package struct BasketStatistics: Sendable {
    /// What is asked.
    package struct Question: Sendable {
        package var minimumSupport = 0.005
        package var minimumBaskets = 10
        /// Categories in place of items.
        package var byCategory = false
        /// Only baskets of the users of a segment, its number + 1.
        package var segment: UInt8?
        /// Most pairs and most triples told.
        package var limit = 100
        package init() {}
    }

    private let input: RecommendationsInput
    private let question: Question
    private let names: RecommendationsInput.Names
    private let baskets: Baskets
    private let segments: [UInt8]
    private let least: Int
    private let itemsets: [FrequentItemset]
    private let singles: [Int32: Int]

    /// More sets than this are not told of: fewer are asked for, by doubling the least number of baskets.
    private static let mostItemsets = 200_000

    package init(_ input: RecommendationsInput, _ question: Question) {
        self.input = input
        self.question = question
        names = question.byCategory ? input.categories : input.items
        (baskets, segments) = Self.baskets(input, question)
        var least = max(question.minimumBaskets, baskets.least(share: question.minimumSupport), 1)
        var found = baskets.frequentItemsets(least: least, longest: 3, most: Self.mostItemsets)
        while found == nil {
            least *= 2
            found = baskets.frequentItemsets(least: least, longest: 3, most: Self.mostItemsets)
        }
        self.least = least
        itemsets = found ?? []
        singles = Dictionary(
            uniqueKeysWithValues: itemsets.filter { $0.items.count == 1 }.map { ($0.items[0], $0.count) })
    }

    /// What each user bought on each day, and the user's segment.
    private static func baskets(
        _ input: RecommendationsInput, _ question: Question
    ) -> (Baskets, [UInt8]) {
        let order = input.lineUsers.indices.sorted {
            (input.lineUsers[$0], input.lineDays[$0]) < (input.lineUsers[$1], input.lineDays[$1])
        }
        var (baskets, segments) = (Baskets(), [UInt8]())
        var index = 0
        while index < order.count {
            let (user, day) = (input.lineUsers[order[index]], input.lineDays[order[index]])
            var items: [Int32] = []
            while index < order.count, input.lineUsers[order[index]] == user,
                input.lineDays[order[index]] == day
            {
                let item = input.lineItems[order[index]]
                let number = question.byCategory ? input.itemCategories[Int(item)] : item
                if number != .max { items.append(Int32(number)) }
                index += 1
            }
            let segment = input.segments[Int(user)]
            if items.isEmpty || question.segment.map({ $0 != segment }) ?? false { continue }
            baskets.append(items)
            segments.append(segment)
        }
        return (baskets, segments)
    }

    package var members: [Tree.Member] {
        let pairs = ranked(2)
        let triples = ranked(3)
        let rules = pairs.map { itemset in
            AssociationRule(
                antecedent: [itemset.items[0]], consequent: [itemset.items[1]], both: itemset.count,
                antecedentCount: singles[itemset.items[0]] ?? 0,
                consequentCount: singles[itemset.items[1]] ?? 0, baskets: baskets.count)
        }
        let bySegment = SegmentBaskets(baskets, segments, rules: rules)
        return [
            .init("baskets", .int(Int64(baskets.count))),
            .init("minimum_baskets", .int(Int64(least))),
            .init("frequent", .int(Int64(singles.count))),
            .init("pair_count", .int(Int64(itemsets.count { $0.items.count == 2 }))),
            .init("triple_count", .int(Int64(itemsets.count { $0.items.count == 3 }))),
            .init("pairs", .array(rules.map { pair($0, bySegment) })),
            .init("triples", .array(triples.map(triple))),
        ]
    }

    /// Sets of a size, the greatest lift first, then the most baskets, then by name.
    private func ranked(_ size: Int) -> [FrequentItemset] {
        itemsets.filter { $0.items.count == size }.map { (itemset: $0, lift: lift($0)) }.sorted { a, b in
            if a.lift != b.lift { return a.lift > b.lift }
            if a.itemset.count != b.itemset.count { return a.itemset.count > b.itemset.count }
            return texts(a.itemset.items).lexicographicallyPrecedes(texts(b.itemset.items))
        }.prefix(question.limit).map(\.itemset)
    }

    /// Share of the baskets over what it would be were the items bought independently.
    private func lift(_ itemset: FrequentItemset) -> Double {
        let total = Double(baskets.count)
        return itemset.items.reduce(Double(itemset.count) / total) {
            $0 / (Double(singles[$1] ?? 0) / total)
        }
    }

    private func texts(_ items: [Int32]) -> [String] { items.map(text).sorted() }

    private func text(_ item: Int32) -> String {
        String(
            decoding: names.text[Int(names.offsets[Int(item)])..<Int(names.offsets[Int(item) + 1])],
            as: UTF8.self)
    }

    private func pair(_ rule: AssociationRule, _ segments: SegmentBaskets) -> Tree {
        let (a, b) = (rule.antecedent[0], rule.consequent[0])
        // The one whose name comes first is told first.
        let isTurned = text(b) < text(a)
        let turned = AssociationRule(
            antecedent: [b], consequent: [a], both: rule.count, antecedentCount: singles[b] ?? 0,
            consequentCount: singles[a] ?? 0, baskets: baskets.count)
        let both = isTurned ? [turned, rule] : [rule, turned]
        var members: [Tree.Member] = [
            .init("items", .array(texts([a, b]).map { .string($0) })),
            .init("baskets", .int(Int64(rule.count))), .init("support", .finite(rule.support)),
            .init("lift", .finite(rule.lift)), .init("leverage", .finite(rule.leverage)),
            .init("confidence", .numbers(both.map(\.confidence))),
            .init("conviction", .numbers(both.map(\.conviction))),
        ]
        let own = input.segmentNames.indices.compactMap { number -> Tree.Member? in
            guard !input.segmentNames[number].isEmpty,
                let measured = segments.measured(
                    rule, segment: number + 1, least: max(1, question.minimumBaskets))
            else { return nil }
            return .init(
                input.segmentNames[number],
                .object([
                    .init("baskets", .int(Int64(measured.count))),
                    .init("support", .finite(measured.support)), .init("lift", .finite(measured.lift)),
                ]))
        }
        if !own.isEmpty { members.append(.init("by_segment", .object(own))) }
        return .object(members)
    }

    private func triple(_ itemset: FrequentItemset) -> Tree {
        .object([
            .init("items", .array(texts(itemset.items).map { .string($0) })),
            .init("baskets", .int(Int64(itemset.count))),
            .init("support", .finite(Double(itemset.count) / Double(baskets.count))),
            .init("lift", .finite(lift(itemset))),
        ])
    }
}

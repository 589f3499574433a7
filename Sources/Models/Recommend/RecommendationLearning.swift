/// Learns every method from some of the purchases.
struct RecommendationLearning {
    let data: RecommendationData
    let config: RecommendationsConfig
    let seed: UInt64

    /// More sets of items than this are not looked for: the least support is raised instead.
    static let mostItemsets = 100_000
    /// Rules kept.
    static let mostRules = 20_000
    /// Users of a segment for a popularity of its own.
    static let leastInSegment = 20

    /// - Parameter withMasked: false: only what may be known when the methods are judged.
    func learn(withMasked: Bool) -> Recommender {
        let counts = withMasked ? data.counts : data.unmasked
        let (baskets, _) = data.baskets(withMasked: withMasked)
        let isSparse = counts.sparsity > config.sparsest
        let factors =
            isSparse || counts.entryCount == 0
            ? nil : ImplicitFactors(counts, config: config.implicit, seed: seed).items
        return Recommender(
            itemCount: data.items.count, popularity: shares(counts) { _ in true },
            recent: recent(withMasked: withMasked), inSegment: inSegment(counts),
            rules: rules(baskets), baskets: baskets.count, factors: factors, alpha: config.implicit.alpha,
            regularization: config.implicit.regularization)
    }

    private func shares(_ counts: SparseCounts, where isIn: (Int) -> Bool) -> [Float] {
        var users = 0
        var found = [Int](repeating: 0, count: counts.columnCount)
        for user in 0..<counts.rowCount where isIn(user) {
            users += 1
            for index in counts.row(user) { found[Int(counts.columns[index])] += 1 }
        }
        return found.map { Float(Double($0) / Double(max(1, users))) }
    }

    /// Share of those who bought anything of late.
    private func recent(withMasked: Bool) -> [Float] {
        let since = data.asOfDay - Int32(config.recentDays)
        var found = [Int](repeating: 0, count: data.items.count)
        var users = 0
        var current: Int32 = -1
        var seen = Set<Int32>()
        for line in data.lines where line.day > since && line.day <= data.asOfDay {
            if line.user != current {
                (current, users) = (line.user, users + 1)
                seen.removeAll(keepingCapacity: true)
            }
            if !withMasked, data.isMasked(Int(line.user), Int(line.item)) { continue }
            if seen.insert(line.item).inserted { found[Int(line.item)] += 1 }
        }
        return found.map { Float(Double($0) / Double(max(1, users))) }
    }

    private func inSegment(_ counts: SparseCounts) -> [(segment: UInt8, shares: [Float])] {
        var users = [Int](repeating: 0, count: 256)
        for segment in data.segments { users[Int(segment)] += 1 }
        return (1..<256).filter { users[$0] >= Self.leastInSegment }.map { segment in
            (UInt8(segment), shares(counts) { Int(data.segments[$0]) == segment })
        }
    }

    func least(_ baskets: Baskets) -> Int {
        max(config.minimumBaskets, baskets.least(share: config.minimumSupport))
    }

    /// Those of pairs and triples with one item on the right whose lift is above 1, the greatest lifts.
    private func rules(_ baskets: Baskets) -> [ItemRule] {
        var least = least(baskets)
        var itemsets: [FrequentItemset]?
        while itemsets == nil {
            itemsets = baskets.frequentItemsets(least: least, longest: 3, most: Self.mostItemsets)
            least *= 2
        }
        guard let itemsets else { return [] }
        var counts: [[Int32]: Int] = [:]
        for itemset in itemsets where itemset.items.count < 3 { counts[itemset.items] = itemset.count }
        let rules = AssociationRule.rules(
            of: itemsets, baskets: baskets.count, minimumConfidence: config.minimumConfidence, consequents: 1
        ).filter { $0.lift > 1 }.sorted(by: Self.precedes).prefix(Self.mostRules)
        return rules.map {
            ItemRule(
                antecedent: $0.antecedent, consequent: $0.consequent[0], both: $0.count,
                antecedentCount: counts[$0.antecedent] ?? 0, consequentCount: counts[$0.consequent] ?? 0)
        }.sorted { a, b in
            a.antecedent != b.antecedent
                ? a.antecedent.lexicographicallyPrecedes(b.antecedent) : a.consequent < b.consequent
        }
    }

    /// The greater lift first, then what more baskets support.
    static func precedes(_ a: AssociationRule, _ b: AssociationRule) -> Bool {
        if a.lift != b.lift { return a.lift > b.lift }
        if a.count != b.count { return a.count > b.count }
        if a.antecedent != b.antecedent { return a.antecedent.lexicographicallyPrecedes(b.antecedent) }
        return a.consequent.lexicographicallyPrecedes(b.consequent)
    }
}

/// Who buys the one also buys the other, with the customary measures of it (Agrawal, Imielinski and Swami
/// 1993; lift and conviction after Brin, Motwani, Ullman and Tsur 1997).
package struct AssociationRule: Sendable, Equatable {
    /// Ascending, not empty.
    package var antecedent: [Int32]
    /// Ascending, not empty, none of the antecedent.
    package var consequent: [Int32]
    /// Baskets with all of both.
    package var count: Int
    /// Their share of all baskets.
    package var support: Double
    /// Share of them among the baskets with the antecedent.
    package var confidence: Double
    /// Confidence over the share of baskets with the consequent: 1 where they do not depend on each other.
    package var lift: Double
    /// Support beyond what independence would give.
    package var leverage: Double
    /// How much more often the rule would fail if they were independent; infinite where it never fails.
    package var conviction: Double

    /// - Parameters:
    ///   - both: baskets with all of antecedent and consequent; the other counts likewise, of `baskets` in all.
    package init(
        antecedent: [Int32], consequent: [Int32], both: Int, antecedentCount: Int, consequentCount: Int,
        baskets: Int
    ) {
        self.antecedent = antecedent
        self.consequent = consequent
        count = both
        support = Double(both) / Double(baskets)
        let (a, c) = (
            Double(antecedentCount) / Double(baskets), Double(consequentCount) / Double(baskets)
        )
        confidence = support / a
        lift = confidence / c
        leverage = support - a * c
        conviction = both == antecedentCount ? .infinity : (1 - c) / (1 - confidence)
    }

    /// All rules between parts of frequent sets.
    ///
    /// - Parameters:
    ///   - itemsets: with every set all of its parts, as `Baskets.frequentItemsets` gives them.
    ///   - baskets: number of all baskets.
    ///   - consequents: most items of a consequent.
    package static func rules(
        of itemsets: [FrequentItemset], baskets: Int, minimumConfidence: Double, consequents: Int = .max
    ) -> [AssociationRule] {
        var counts: [[Int32]: Int] = [:]
        for itemset in itemsets { counts[itemset.items] = itemset.count }
        var rules: [AssociationRule] = []
        for itemset in itemsets where itemset.items.count > 1 {
            for chosen in 1..<(1 << itemset.items.count) - 1 {
                let parts = split(itemset.items, chosen)
                guard parts.consequent.count <= consequents, let antecedent = counts[parts.antecedent],
                    let consequent = counts[parts.consequent]
                else { continue }
                let rule = AssociationRule(
                    antecedent: parts.antecedent, consequent: parts.consequent, both: itemset.count,
                    antecedentCount: antecedent, consequentCount: consequent, baskets: baskets)
                if rule.confidence >= minimumConfidence { rules.append(rule) }
            }
        }
        return rules
    }

    private static func split(_ items: [Int32], _ chosen: Int) -> (antecedent: [Int32], consequent: [Int32]) {
        var parts: (antecedent: [Int32], consequent: [Int32]) = ([], [])
        for (place, item) in items.enumerated() {
            if chosen >> place & 1 == 1 {
                parts.antecedent.append(item)
            } else {
                parts.consequent.append(item)
            }
        }
        return parts
    }
}

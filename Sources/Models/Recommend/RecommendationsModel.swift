/// What items to tell users of: the methods with what each has learnt, and which of them serves whom.
package struct RecommendationsModel: StoredModel {
    package static let name = "recommendations"

    package let items: NameList
    package let categories: NameList
    package let recommender: Recommender
    /// The method of each `HistoryKind`.
    package let methods: [RecommendationMethod]
    package let minimumHistory: Int
    /// Of each grade by its number, 0 for who has none; nil where too few are in it.
    package let amounts: [AmountFactors?]
    /// Of each item, what `ItemDemand` says.
    package let demand: [Float]

    init(
        items: NameList, categories: NameList, recommender: Recommender, methods: [RecommendationMethod],
        minimumHistory: Int, amounts: [AmountFactors?], demand: [Float]
    ) {
        self.demand = demand
        self.items = items
        self.categories = categories
        self.recommender = recommender
        self.methods = methods
        self.minimumHistory = minimumHistory
        self.amounts = amounts
    }

    /// An item to tell a user of.
    package struct Recommendation: Sendable, Equatable {
        /// Number of the item.
        package var item: Int
        package var score: Double
        package var by: RecommendationMethod
    }

    /// The items for a user, the best first, none that they bought.
    ///
    /// Where the method of their kind has nothing to say of them, the most popular ones.
    /// - Parameters:
    ///   - bought: distinct items by number, ascending.
    ///   - segment: number + 1, 0 where there is none.
    ///   - isAllowed: false for what must not be told, such as items out of stock.
    package func recommend(
        _ bought: [Recommender.Bought], segment: UInt8, isAllowed: (Int) -> Bool
    ) -> [Recommendation] {
        let kind = HistoryKind(items: bought.count, minimum: minimumHistory)
        let method = methods[Int(kind.rawValue)]
        if method != .popular, let scores = recommender.scores(method, bought, segment: segment) {
            let items = pick(scores, method, bought, isAllowed)
            if !items.isEmpty { return items }
        }
        return pick(recommender.popularity, .popular, bought, isAllowed)
    }

    private func pick(
        _ scores: [Float], _ method: RecommendationMethod, _ bought: [Recommender.Bought],
        _ isAllowed: (Int) -> Bool
    ) -> [Recommendation] {
        var has = [Bool](repeating: false, count: items.count)
        for (item, _) in bought { has[item] = true }
        return Recommender.top(scores, most: method.most, positive: method != .als) {
            !has[$0] && isAllowed($0)
        }.map { Recommendation(item: $0, score: Double(scores[$0]), by: method) }
    }

    /// Categories for a buyer, the greatest estimate first; none without a fit for their grade.
    ///
    /// - Parameters:
    ///   - spent: money in distinct categories by number.
    ///   - grade: number, 0 where there is none.
    ///   - newOnly: only categories they have not bought in.
    package func categories(
        _ spent: [(category: Int, amount: Double)], grade: Int, most: Int = 2, newOnly: Bool = false
    ) -> [(category: Int, amount: Double)] {
        guard grade < amounts.count, let fit = amounts[grade], let estimates = fit.estimates(spent) else {
            return []
        }
        let bought = Set(spent.map(\.category))
        return estimates.indices.filter { !newOnly || !bought.contains($0) }.sorted {
            estimates[$0] != estimates[$1] ? estimates[$0] > estimates[$1] : $0 < $1
        }.prefix(most).map { ($0, estimates[$0]) }
    }

    /// Bytes it takes in memory.
    package var byteCount: Int {
        items.byteCount + categories.byteCount + recommender.byteCount
            + demand.count * 4 + amounts.reduce(0) { $0 + ($1?.categories.count ?? 0) * 8 }
    }
}

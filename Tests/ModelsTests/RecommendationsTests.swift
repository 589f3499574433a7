import Testing

@testable import Models

/// The choice of a method, and what it tells, on users whose tastes are known.
struct RecommendationsTests {
    private func model(_ candidate: FitResult.Candidate) throws -> RecommendationsModel {
        try RecommendationsModel(bytes: candidate.model)
    }

    private func number(_ tree: Tree?) -> Double? {
        switch tree {
        case .number(let number): number
        case .int(let number): Double(number)
        default: nil
        }
    }

    /// Numbers in the model of a shopper's items.
    private func bought(_ user: Shoppers.User, _ model: RecommendationsModel) -> [Recommender.Bought] {
        var counts: [Int: Float] = [:]
        for item in user.baskets.flatMap(\.items) { counts[item, default: 0] += 1 }
        return counts.compactMap { item, count in
            Array(Shoppers.name(item).utf8).withUnsafeBytes { model.items.find($0) }.map { ($0, count) }
        }.sorted { $0.0 < $1.0 }
    }

    @Test func `tastes are found, told of and better than popularity`() throws {
        let shoppers = Shoppers(600, seed: 3)
        let candidate = try shoppers.fit()
        let model = try model(candidate)
        #expect(candidate.evidence.heldOut < candidate.evidence.baseline * 0.8)
        #expect(model.methods[Int(HistoryKind.known.rawValue)] != .popular)
        #expect(model.methods[Int(HistoryKind.none.rawValue)].rawValue <= 2)
        var (right, all) = (0, 0)
        for user in shoppers.users.prefix(100) {
            let own = bought(user, model)
            let told = model.recommend(own, segment: user.segment) { _ in true }
            #expect(told.count <= 10 && !told.isEmpty)
            #expect(Set(told.map(\.item)).isDisjoint(with: own.map(\.item)))
            #expect(zip(told, told.dropFirst()).allSatisfy { $0.score >= $1.score })
            let items = user.baskets.flatMap(\.items).map { $0 / 12 }
            let taste = (0..<4).max { a, b in items.count { $0 == a } < items.count { $0 == b } }
            for one in told.prefix(3) {
                let name = String(model.items.string(one.item).split(separator: "-")[2])
                right += Int(name).map { $0 / 12 } == taste ? 1 : 0
                all += 1
            }
        }
        #expect(Double(right) > 0.7 * Double(all), "\(right) of \(all)")
    }

    @Test func `every method's figures are told, the losers' too`() throws {
        let candidate = try Shoppers(600, seed: 3).fit()
        let methods = try #require(candidate.metrics.first { $0.key == "methods" }?.value)
        for method in RecommendationMethod.allCases {
            let figures = try #require(methods[method.name])
            for figure in ["mean_auc", "precision_at_10", "recall_at_10", "coverage"] {
                let value = try #require(number(figures[figure]))
                #expect((0...1).contains(value), "\(method.name) \(figure) \(value)")
            }
        }
        let (als, popular) = (number(methods["als"]?["mean_auc"]), number(methods["popularity"]?["mean_auc"]))
        #expect(try #require(als) > #require(popular) + 0.1)
    }

    @Test func `without tastes popularity is used`() throws {
        let shoppers = Shoppers(400, tastes: 1, itemsOfATaste: 40, seed: 9)
        let model = try model(try shoppers.fit())
        #expect(model.methods.allSatisfy { $0.rawValue <= 2 })
    }

    @Test func `above the bound of sparsity least squares abstain and say so`() throws {
        let shoppers = Shoppers(400, seed: 4)
        var config = shoppers.config
        config.sparsest = 0.3
        let candidate = try shoppers.fit(config)
        #expect(candidate.metrics.first { $0.key == "als_abstains" }?.value == .bool(true))
        #expect(try model(candidate).recommender.factors == nil)
        let sparsity = try #require(number(candidate.metrics.first { $0.key == "sparsity" }?.value))
        let cells = shoppers.users.reduce(0) { $0 + Set($1.baskets.flatMap(\.items)).count }
        #expect(abs(sparsity - (1 - Double(cells) / Double(400 * shoppers.itemCount))) < 1e-12)
    }

    @Test func `what is not allowed is not told, whatever is left`() throws {
        let shoppers = Shoppers(300, seed: 5)
        let model = try model(try shoppers.fit())
        let own = bought(shoppers.users[0], model)
        let first = model.recommend(own, segment: 0) { _ in true }
        let without = Set(first.prefix(4).map(\.item))
        let second = model.recommend(own, segment: 0) { !without.contains($0) }
        #expect(second.allSatisfy { !without.contains($0.item) })
        #expect(model.recommend(own, segment: 0) { _ in false }.isEmpty)
    }

    @Test func `rules tell the greatest lift of what is on the left`() {
        let rules = [
            ItemRule(antecedent: [0], consequent: 2, both: 10, antecedentCount: 20, consequentCount: 40),
            ItemRule(antecedent: [0, 1], consequent: 2, both: 8, antecedentCount: 8, consequentCount: 40),
            ItemRule(antecedent: [0, 3], consequent: 4, both: 8, antecedentCount: 8, consequentCount: 20),
            ItemRule(antecedent: [1], consequent: 3, both: 9, antecedentCount: 30, consequentCount: 30),
        ]
        let recommender = Recommender(
            itemCount: 5, popularity: [0, 0, 0, 0, 0], recent: [0, 0, 0, 0, 0], inSegment: [], rules: rules,
            baskets: 100, factors: nil, alpha: 15, regularization: 0.1)
        #expect(recommender.scores(.rules, [(0, 1)], segment: 0) == [0, 0, 1.25, 0, 0])
        #expect(recommender.scores(.rules, [(0, 1), (1, 1)], segment: 0) == [0, 0, 2.5, 1, 0])
        #expect(recommender.scores(.rules, [(4, 1)], segment: 0) == nil)
        #expect(recommender.scores(.als, [(0, 1)], segment: 0) == nil)
    }

    @Test(arguments: 1...5)
    func `the top is that of sorting`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let scores = (0..<200).map { _ in Float(generator.below(40)) }
        let wanted = scores.indices.filter { $0 % 3 != 0 }.sorted {
            scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
        }.prefix(10)
        #expect(Recommender.top(scores, most: 10, positive: false) { $0 % 3 != 0 } == Array(wanted))
    }

    @Test func `amounts of a rank are learnt, and scaled back`() throws {
        let shoppers = Shoppers(500, seed: 6)
        let candidate = try shoppers.fit()
        let model = try model(candidate)
        let own = try #require(number(candidate.metrics.first { $0.key == "category_amount_rmse" }?.value))
        #expect(own > 0 && own.isFinite)
        // What they spend grows with the category's number: the estimate does, too.
        let user = try #require(shoppers.users.first { $0.amounts.count > 3 })
        let told = model.categories(
            user.amounts.map { ($0.category, $0.amount) }, grade: Int(user.grade), most: 6)
        #expect(told.count == 6)
        #expect(told.first?.category == 5)
        let new = model.categories(
            user.amounts.map { ($0.category, $0.amount) }, grade: Int(user.grade), most: 6, newOnly: true)
        #expect(Set(new.map(\.category)).isDisjoint(with: user.amounts.map(\.category)))
        #expect(model.categories([], grade: 1).isEmpty)
        #expect(model.categories([(0, 5)], grade: 4).isEmpty)
    }

    @Test func `gradient descent lowers the error of amounts`() {
        var generator = SeededGenerator(seed: 2)
        var cells: [AmountCell] = []
        for buyer in 0..<200 {
            let level = generator.uniform()
            for category in 0..<8 where generator.uniform() < 0.6 {
                cells.append(
                    AmountCell(
                        buyer: Int32(buyer), category: Int32(category), amount: level * Double(10 + category))
                )
            }
        }
        var config = AmountFactorsConfig()
        config.regularization = 0.001
        config.epochs = 60
        let fit = AmountFactors(cells, buyers: 200, categories: 8, config: config, seed: 1)
        #expect(fit.errors[59] < 0.3 * fit.errors[0])
        #expect(fit == AmountFactors(cells, buyers: 200, categories: 8, config: config, seed: 1))
        #expect(fit != AmountFactors(cells, buyers: 200, categories: 8, config: config, seed: 2))
    }

    @Test func `too little is refused with the reason`() throws {
        var shoppers = Shoppers(30, seed: 1)
        var config = shoppers.config
        config.minimumUsers = 31
        #expect(
            try FitResult(bytes: fitBytes(shoppers.request(config))) == .refused("needs 31 users, has 30"))
        for user in shoppers.users.indices {
            shoppers.users[user].baskets = [(day: 1, items: [7])]
        }
        #expect(
            try FitResult(bytes: fitBytes(shoppers.request()))
                == .refused("the item bought is the same for all"))
        shoppers.users = []
        #expect(try FitResult(bytes: fitBytes(shoppers.request())) == .refused("needs 10 users, has 0"))
    }
}

extension RecommendationsModel {
    /// Learns all methods without a fifth of what users bought, judges each on it, chooses one for every kind
    /// of user, and learns those on everything.
    ///
    /// The error is the share of what was masked that ten items miss; the trivial answer is what most users
    /// bought. The model in use has seen what is masked and is not compared. The result does not depend on the
    /// order of the columns.
    package static func fit(
        _ columns: RecommendationsColumns, config: RecommendationsConfig, seed: UInt64
    ) throws(FitRefusal) -> Fitted<RecommendationsModel> {
        try columns.check()
        let data = RecommendationData(columns, mostItems: config.mostItems)
        guard data.users >= max(1, config.minimumUsers) else {
            throw .tooFewUsers(have: data.users, need: max(1, config.minimumUsers))
        }
        guard data.items.count > 1 else { throw .noVariation("the item bought") }
        let learning = RecommendationLearning(data: data, config: config, seed: seed)
        let judgement = RecommendationJudgement(data, learning.learn(withMasked: false), config)
        guard judgement.users(1) > 0 else { throw .nothingHeldOut }
        var recommender = learning.learn(withMasked: true)
        if !judgement.methods.contains(.als) { recommender.factors = nil }
        let categories = CategoryFit(data, config: config, seed: seed)
        let model = RecommendationsModel(
            items: data.items, categories: data.categories, recommender: recommender,
            methods: judgement.methods, minimumHistory: config.minimumHistory, amounts: categories.fits,
            demand: ItemDemand.ratios(data, recentDays: config.recentDays))
        let report = RecommendationReport(data: data, model: model, judgement: judgement, config: config)
        let own = judgement.error { judgement.methods[Int($0.rawValue)] }
        return Fitted(
            model: model,
            evidence: Evidence(
                finite: own.isFinite && recommender.isFinite && categories.isFinite, converged: true,
                heldOut: own, baseline: judgement.error { _ in .popular }, previous: nil, tolerance: 0),
            metrics: report.metrics + categories.metrics, baseline: report.baseline + categories.baseline,
            parameters: report.parameters)
    }
}

extension Recommender {
    var isFinite: Bool { factors?.values.allSatisfy(\.isFinite) ?? true }
}

/// The factorisation of amounts within each grade, and how far off its estimates are.
struct CategoryFit {
    /// By the grade's number.
    private(set) var fits: [AmountFactors?] = []
    private var squares = 0.0
    private var plainSquares = 0.0
    private var cells = 0

    /// Fewest buyers of a grade.
    static let leastBuyers = 20

    init(_ data: RecommendationData, config: RecommendationsConfig, seed: UInt64) {
        guard data.categories.count > 1 else { return }
        for grade in 0...GradeRule.names.count {
            let buyers = (0..<data.users).filter {
                Int(data.grades[$0]) == grade && !data.amounts[$0].isEmpty
            }
            guard buyers.count >= Self.leastBuyers else {
                fits.append(nil)
                continue
            }
            judge(data, buyers, config, seed)
            fits.append(Self.fit(buyers.map { data.amounts[$0] }, data.categories.count, config, seed))
        }
    }

    private static func fit(
        _ spent: [[(category: Int, amount: Double)]], _ categories: Int, _ config: RecommendationsConfig,
        _ seed: UInt64
    ) -> AmountFactors {
        let cells = spent.enumerated().flatMap { buyer, spent in
            spent.map { AmountCell(buyer: Int32(buyer), category: Int32($0.category), amount: $0.amount) }
        }
        return AmountFactors(
            cells, buyers: spent.count, categories: categories, config: config.amounts, seed: seed)
    }

    /// Estimates of amounts that were left out, one in five by the buyer and the category, beside the
    /// category's mean.
    private mutating func judge(
        _ data: RecommendationData, _ buyers: [Int], _ config: RecommendationsConfig, _ seed: UInt64
    ) {
        func isMasked(_ buyer: Int, _ category: Int) -> Bool {
            var z = data.hashes[buyer] &+ UInt64(category &+ 1) &* 0x9E37_79B9_7F4A_7C15
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            return (z ^ (z >> 29)) % 5 == 0
        }
        let known = buyers.map { buyer in data.amounts[buyer].filter { !isMasked(buyer, $0.category) } }
        let fit = Self.fit(known, data.categories.count, config, seed)
        var sums = [Double](repeating: 0, count: data.categories.count)
        var counts = [Int](repeating: 0, count: data.categories.count)
        for (category, amount) in known.joined() {
            sums[category] += amount
            counts[category] += 1
        }
        for (place, buyer) in buyers.enumerated() {
            guard let estimates = fit.estimates(known[place]) else { continue }
            for (category, amount) in data.amounts[buyer]
            where isMasked(buyer, category) && counts[category] > 0 {
                let mean = sums[category] / Double(counts[category])
                squares += (estimates[category] - amount) * (estimates[category] - amount)
                plainSquares += (mean - amount) * (mean - amount)
                cells += 1
            }
        }
    }

    var isFinite: Bool { fits.allSatisfy { $0?.categories.allSatisfy(\.isFinite) ?? true } }

    var metrics: [Tree.Member] {
        cells == 0
            ? [] : [.init("category_amount_rmse", .finite((squares / Double(cells)).squareRoot()))]
    }

    var baseline: [Tree.Member] {
        cells == 0
            ? []
            : [.init("category_mean_amount_rmse", .finite((plainSquares / Double(cells)).squareRoot()))]
    }
}

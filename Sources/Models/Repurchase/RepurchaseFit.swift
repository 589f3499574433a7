/// How the repurchase model is made.
package struct RepurchaseConfig: Sendable, Equatable {
    /// Fewest intervals seen from purchase to purchase.
    package var minimumIntervals = 30
    /// Fewest of them for trees; below, the shrunk mean serves.
    package var minimumForTrees = 500
    /// Most rows that trees learn from; of more only each second, third, … buyer is taken.
    package var mostRows = 400_000
    /// Of the rows and features that each tree draws.
    package var seed: UInt64 = 0
    package init() {}
}

extension RepurchaseModel {
    /// A class with fewer ended intervals than this shares the table of all.
    static let enoughForOwnTable = 30

    /// Fits the model; judged by a fit without the held-out buyers, then fitted on everybody.
    ///
    /// The result does not depend on the order of the buyers.
    /// - Complexity: O(purchases · log purchases).
    package static func fit(
        _ columns: RepurchaseColumns, config: RepurchaseConfig, previous: RepurchaseModel?
    ) throws(FitRefusal) -> RepurchaseFit {
        try columns.check()
        let need = max(1, config.minimumIntervals)
        let have = columns.days.count - columns.buyers
        guard have >= need else { throw .tooFewIntervals(have: have, need: need) }
        let training = RepurchaseHistory(columns) { columns.heldOut[$0] == 0 }
        let held = RepurchaseHistory(columns) { columns.heldOut[$0] != 0 }
        guard !training.buyers.isEmpty else { throw .nothingToLearnFrom }
        guard held.intervals.contains(where: \.ended) else { throw .nothingHeldOut }
        let everything = RepurchaseHistory(columns) { _ in true }
        let table = IntervalTable(columns, most: config.mostRows)
        let seen = training.intervals.lazy.filter(\.ended).count
        let trees =
            seen >= max(RepurchaseTrees.least, config.minimumForTrees)
            ? try RepurchaseTreesFit(table, seed: config.seed) : nil
        var model = RepurchaseModel(everything)
        model.trees = trees?.final
        let judged = RepurchaseJudgement(
            .init(
                shrunk: RepurchaseModel(training), trees: trees, final: model, previous: previous,
                rates: BetaGeometricGaps(columns)), table, training: training)
        if !judged.treesWin { model.trees = nil }
        let published = try PublishedRegressor(columns).metrics
        return RepurchaseFit(
            model: model, evidence: judged.evidence, metrics: judged.metrics + published,
            baseline: judged.baseline,
            parameters: parameters(model, everything, tried: trees != nil, config))
    }

    init(_ history: RepurchaseHistory) {
        let credibility = Credibility(history.buyers)
        func spans(_ intervals: [RepurchaseInterval]) -> [SurvivalCurve.Span] {
            intervals.map {
                let mean = credibility.shrunk(sum: Double($0.sum), count: $0.count)
                return SurvivalCurve.Span(length: $0.length / mean, ended: $0.ended)
            }
        }
        let pooled = QuantileTable(SurvivalCurve(spans(history.intervals)).quantiles(QuantileTable.levels))
        let ratios = RepurchaseModel.classes.indices.map { index in
            let curve = SurvivalCurve(
                spans(history.intervals.filter { RepurchaseModel.classOf($0.count) == index }))
            return curve.ended >= RepurchaseModel.enoughForOwnTable
                ? QuantileTable(curve.quantiles(QuantileTable.levels)) : pooled
        }
        self.init(credibility: credibility, ratios: ratios)
    }

    private static func parameters(
        _ model: RepurchaseModel, _ history: RepurchaseHistory, tried: Bool, _ config: RepurchaseConfig
    ) -> [Tree.Member] {
        let ended = history.intervals.filter(\.ended).count
        let tables = zip(classes, model.trees?.ratios ?? model.ratios).map { from, table in
            Tree.Member(
                "from_\(from)_intervals",
                .object([
                    .init("p10", .finite(table.quantile(0.1))), .init("p50", .finite(table.quantile(0.5))),
                    .init("p90", .finite(table.quantile(0.9))),
                ]))
        }
        let method =
            model.isBoosted
            ? "accelerated failure time, boosted trees"
            : tried
                ? "shrunk mean gap: trees were no better on held-out buyers"
                : "shrunk mean gap: trees need \(config.minimumForTrees) intervals to learn from"
        var parameters: [Tree.Member] = [
            .init("method", .string(method)), .init("buyers_of_one_day", .string("population")),
            .init("population_mean_d", .finite(model.populationMean)),
            .init("prior_weight", .finite(model.priorWeight)),
            .init("intervals", .int(Int64(ended))),
            .init("running", .int(Int64(history.intervals.count - ended))),
            .init("ratio", .object(tables)),
        ]
        if let forest = model.trees?.forest {
            let gains = forest.importance.map(\.gain)
            let total = max(gains.reduce(0, +), 1e-300)
            parameters += [
                .init("trees", .int(Int64(forest.treeCount))),
                .init(
                    "importance",
                    .object(
                        zip(PurchaseTrail.features, gains).map { .init($0, .finite($1 / total)) })),
            ]
        }
        return parameters
    }
}

/// The intervals of some buyers, ended and running, with what was known before each.
struct RepurchaseHistory {
    private(set) var intervals: [RepurchaseInterval] = []
    /// Those with at least one ended interval.
    private(set) var buyers: [Credibility.Buyer] = []

    init(_ columns: RepurchaseColumns, including: (Int) -> Bool) {
        for buyer in 0..<columns.buyers where including(buyer) {
            let days = columns.days[Int(columns.offsets[buyer])..<Int(columns.offsets[buyer + 1])]
            var summary = Credibility.Buyer(count: 0, sum: 0, squares: 0)
            var last = Int(days[days.startIndex])
            for day in days.dropFirst() {
                let length = Int(day) - last
                append(length, ended: true, after: summary)
                summary.count += 1
                summary.sum += length
                summary.squares &+= length &* length
                last = Int(day)
            }
            // What began on the as-of day has not lasted yet.
            let running = Int(columns.asOfDay) - last
            if running > 0 { append(running, ended: false, after: summary) }
            if summary.count > 0 { buyers.append(summary) }
        }
    }

    private mutating func append(_ length: Int, ended: Bool, after summary: Credibility.Buyer) {
        intervals.append(
            RepurchaseInterval(
                length: Double(length), ended: ended, count: summary.count, sum: summary.sum))
    }
}

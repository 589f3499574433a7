/// How the repurchase model is made.
package struct RepurchaseConfig: Sendable, Equatable {
    /// Fewest intervals seen from purchase to purchase.
    package var minimumIntervals = 30
    package init() {}
}

extension RepurchaseModel {
    /// A class with fewer ended intervals than this shares the table of all.
    static let enoughForOwnTable = 30

    /// Fits the model; judged by a fit without the held-out buyers, then fitted on everybody.
    ///
    /// The result does not depend on the order of the buyers, and no chance is involved.
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
        let model = RepurchaseModel(everything)
        let judged = RepurchaseJudgement(
            candidate: RepurchaseModel(training), final: model, previous: previous, training: training,
            held: held)
        return RepurchaseFit(
            model: model, evidence: judged.evidence, metrics: judged.metrics, baseline: judged.baseline,
            parameters: parameters(model, everything))
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
        _ model: RepurchaseModel, _ history: RepurchaseHistory
    ) -> [Tree.Member] {
        let ended = history.intervals.filter(\.ended).count
        let tables = zip(classes, model.ratios).map { from, table in
            Tree.Member(
                "from_\(from)_intervals",
                .object([
                    .init("p10", .finite(table.quantile(0.1))), .init("p50", .finite(table.quantile(0.5))),
                    .init("p90", .finite(table.quantile(0.9))),
                ]))
        }
        return [
            .init("population_mean_d", .finite(model.populationMean)),
            .init("prior_weight", .finite(model.priorWeight)),
            .init("intervals", .int(Int64(ended))),
            .init("running", .int(Int64(history.intervals.count - ended))),
            .init("ratio", .object(tables)),
        ]
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

/// How good forecasts are for buyers who were not learnt from.
///
/// Only ended intervals can be compared with a forecast; each counts by `CensoringWeights`.
struct RepurchaseJudgement {
    let evidence: Evidence
    let metrics: [Tree.Member]
    let baseline: [Tree.Member]
    /// Whether the trees are at least as good as the shrunk gap.
    let treesWin: Bool

    /// What is compared on the held-out intervals.
    struct Contenders {
        /// Fitted without the held-out buyers.
        var shrunk: RepurchaseModel
        /// Fitted without them, if there are enough intervals, and its scales of the held-out rows.
        var trees: RepurchaseTreesFit?
        /// On everybody, with and without the trees.
        var final: RepurchaseModel
        var previous: RepurchaseModel?
        /// Fitted without them, where it can be.
        var rates: BetaGeometricGaps?
    }

    init(_ contenders: Contenders, _ table: IntervalTable, training: RepurchaseHistory) {
        let rows = table.rows { table.part[$0] == IntervalTable.held }
        let weigh = CensoringWeights(rows.map { table.intervals[$0] })
        // Places among the held-out rows of those that have ended.
        let places = rows.indices.filter { table.intervals[rows[$0]].ended }
        let cases = places.map { table.intervals[rows[$0]] }
        let lengths = cases.map(\.length)
        let weights = lengths.map { weigh.weight($0) }
        func errors(_ forecasts: [RepurchaseModel.Forecast]) -> [Double] {
            zip(forecasts, lengths).map { abs($0.p50 - $1) }
        }
        func scored(_ model: RepurchaseModel) -> [RepurchaseModel.Forecast] {
            guard let trees = model.trees else { return cases.map { model.shrunkForecast($0) } }
            let held = places.map { rows[$0] }
            let margins = trees.forest.margins(of: table.features.selecting(held))
            return zip(cases, margins).map { trees.forecast(RepurchaseTrees.scale($1), count: $0.count) }
        }

        let gaps = Gaps(training)
        let byMedian = lengths.map { abs(gaps.median - $0) }
        let byMean = cases.map { abs(gaps.own($0) - $0.length) }
        let robust = RobustError(trivial: byMedian, weights: weights)
        let shrunk = cases.map { contenders.shrunk.shrunkForecast($0) }
        let grown = contenders.trees.map { fit in
            zip(places, cases).map { fit.judged.forecast(fit.heldScales[$0], count: $1.count) }
        }
        // A tie goes to the newer.
        treesWin = grown.map { robust.mean(errors($0)) <= robust.mean(errors(shrunk)) * (1 + 1e-9) } ?? false
        let own = treesWin ? grown ?? shrunk : shrunk
        var final = contenders.final
        if !treesWin { final.trees = nil }
        let inUse = contenders.previous.map { scored($0) }
        evidence = robust.evidence(
            own: errors(own), final: errors(scored(final)),
            trivial: min(robust.mean(byMedian), robust.mean(byMean)), inUse: inUse.map { errors($0) },
            count: Double(cases.count), finite: true, converged: true)

        let score = RepurchaseScore(own, lengths, weights)
        metrics =
            [
                .init("median_absolute_error_d", .finite(score.mean)),
                .init("bounded_absolute_error_d", .finite(robust.mean(errors(own)))),
                .init("coverage_80", .finite(score.coverage ?? .nan)),
                .init("rmse_d", .finite(score.rootMeanSquare)),
                .init("median_error_d", .finite(score.median)),
                .init("pinball_d", .finite(score.pinball ?? .nan)),
                .init("held_out_intervals", .int(Int64(cases.count))),
            ] + (grown.map { [.init("aft", RepurchaseScore($0, lengths, weights).tree)] } ?? [])
        var baseline: [Tree.Member] = [
            .init("population_median_d", .finite(gaps.median)),
            .init("population_median_error_d", .finite(RepurchaseScore(byMedian, weights).mean)),
            .init("population_median_bounded_error_d", .finite(robust.mean(byMedian))),
            .init("own_mean_error_d", .finite(RepurchaseScore(byMean, weights).mean)),
            .init("own_mean_bounded_error_d", .finite(robust.mean(byMean))),
            .init("population_median", RepurchaseScore(byMedian, weights).tree),
            .init("own_mean_gap", RepurchaseScore(byMean, weights).tree),
            .init("shrunk_gap", RepurchaseScore(shrunk, lengths, weights).tree),
        ]
        if let rates = contenders.rates {
            let byRate = cases.map { abs(rates.median($0) - $0.length) }
            baseline.append(.init("bgnbd", RepurchaseScore(byRate, weights).tree))
        }
        if let inUse {
            baseline += [
                .init("in_use_error_d", .finite(RepurchaseScore(errors(inUse), weights).mean)),
                .init("in_use_bounded_error_d", .finite(robust.mean(errors(inUse)))),
                .init("in_use", RepurchaseScore(inUse, lengths, weights).tree),
            ]
        }
        self.baseline = baseline
    }

    /// The trivial answers.
    private struct Gaps {
        let median: Double
        let population: Double

        init(_ training: RepurchaseHistory) {
            let lengths = training.intervals.filter(\.ended).map(\.length).sorted()
            median = lengths[lengths.count / 2]
            population = lengths.reduce(0, +) / Double(lengths.count)
        }

        func own(_ interval: RepurchaseInterval) -> Double {
            interval.count > 0 ? Double(interval.sum) / Double(interval.count) : population
        }
    }
}

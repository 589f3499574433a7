/// How good forecasts are for buyers who were not learnt from.
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
        /// On everybody, with the trees where there are any.
        var final: RepurchaseModel
        var previous: RepurchaseModel?
        /// Fitted without them, where it can be.
        var rates: BetaGeometricGaps?
    }

    init(_ contenders: Contenders, _ table: IntervalTable, training: RepurchaseHistory) {
        let cases = RepurchaseCases(table)
        let trivial = TrivialGaps(training)
        let byMedian = cases.errors { _ in trivial.median }
        let byMean = cases.errors { trivial.own($0) }
        let robust = RobustError(trivial: byMedian, weights: cases.weights)
        let shrunk = cases.intervals.map { contenders.shrunk.shrunkForecast($0) }
        let grown = contenders.trees.map { cases.forecasts($0) }
        // A tie goes to the newer.
        treesWin =
            grown.map {
                robust.mean(cases.errors($0)) <= robust.mean(cases.errors(shrunk)) * (1 + 1e-9)
            } ?? false
        let own = treesWin ? grown ?? shrunk : shrunk
        var final = contenders.final
        if !treesWin { final.trees = nil }
        let inUse = contenders.previous.map { cases.forecasts($0, table) }
        evidence = robust.evidence(
            own: cases.errors(own), final: cases.errors(cases.forecasts(final, table)),
            trivial: min(robust.mean(byMedian), robust.mean(byMean)), inUse: inUse.map { cases.errors($0) },
            count: Double(cases.intervals.count), finite: true, converged: true)
        metrics = RepurchaseJudgement.metrics(
            cases.score(own), grown.map { cases.score($0) }, cases, robust.mean(cases.errors(own)))
        var shown: [(String, RepurchaseScore)] = [
            ("population_median", cases.score(byMedian)), ("own_mean_gap", cases.score(byMean)),
            ("shrunk_gap", cases.score(shrunk)),
        ]
        if let rates = contenders.rates { shown.append(("bgnbd", cases.score(cases.errors(rates.median)))) }
        if let inUse { shown.append(("in_use", cases.score(inUse))) }
        baseline =
            [.init("population_median_d", .finite(trivial.median))]
            + RepurchaseJudgement.plain("population_median", byMedian, cases, robust)
            + RepurchaseJudgement.plain("own_mean", byMean, cases, robust)
            + (inUse.map { RepurchaseJudgement.plain("in_use", cases.errors($0), cases, robust) } ?? [])
            + shown.map { .init($0.0, $0.1.tree) }
    }

    /// Mean error, as it is and bounded as the gate has it.
    private static func plain(
        _ name: String, _ errors: [Double], _ cases: RepurchaseCases, _ robust: RobustError
    ) -> [Tree.Member] {
        [
            .init("\(name)_error_d", .finite(cases.score(errors).mean)),
            .init("\(name)_bounded_error_d", .finite(robust.mean(errors))),
        ]
    }

    private static func metrics(
        _ score: RepurchaseScore, _ trees: RepurchaseScore?, _ cases: RepurchaseCases, _ bounded: Double
    ) -> [Tree.Member] {
        var metrics: [Tree.Member] = [
            .init("median_absolute_error_d", .finite(score.mean)),
            .init("bounded_absolute_error_d", .finite(bounded)),
            .init("coverage_80", .finite(score.coverage ?? .nan)),
            .init("rmse_d", .finite(score.rootMeanSquare)), .init("median_error_d", .finite(score.median)),
            .init("pinball_d", .finite(score.pinball ?? .nan)),
            .init("held_out_intervals", .int(Int64(cases.intervals.count))),
        ]
        if let trees { metrics.append(.init("aft", trees.tree)) }
        return metrics
    }
}

/// The held-out intervals that have ended, by which forecasts are judged; each counts by `CensoringWeights`.
struct RepurchaseCases {
    let intervals: [RepurchaseInterval]
    let weights: [Double]
    /// Where they are in the table, and among its held-out rows.
    private let rows: [Int]
    private let places: [Int]

    init(_ table: IntervalTable) {
        let held = table.rows { table.part[$0] == IntervalTable.held }
        let weigh = CensoringWeights(held.map { table.intervals[$0] })
        places = held.indices.filter { table.intervals[held[$0]].ended }
        rows = places.map { held[$0] }
        intervals = rows.map { table.intervals[$0] }
        weights = intervals.map { weigh.weight($0.length) }
    }

    /// What a model foretells; the shrunk mean where it has no trees.
    func forecasts(_ model: RepurchaseModel, _ table: IntervalTable) -> [RepurchaseModel.Forecast] {
        guard let trees = model.trees else { return intervals.map { model.shrunkForecast($0) } }
        let margins = trees.forest.margins(of: table.features.selecting(rows))
        return zip(intervals, margins).map { trees.forecast(RepurchaseTrees.scale($1), count: $0.count) }
    }

    /// What trees foretell that were fitted without these.
    func forecasts(_ fit: RepurchaseTreesFit) -> [RepurchaseModel.Forecast] {
        zip(places, intervals).map { fit.judged.forecast(fit.heldScales[$0], count: $1.count) }
    }

    /// Absolute, days.
    func errors(_ forecasts: [RepurchaseModel.Forecast]) -> [Double] {
        zip(forecasts, intervals).map { abs($0.p50 - $1.length) }
    }

    func errors(_ wait: (RepurchaseInterval) -> Double) -> [Double] {
        intervals.map { abs(wait($0) - $0.length) }
    }

    func score(_ errors: [Double]) -> RepurchaseScore { RepurchaseScore(errors, weights) }

    func score(_ forecasts: [RepurchaseModel.Forecast]) -> RepurchaseScore {
        RepurchaseScore(forecasts, intervals.map(\.length), weights)
    }
}

/// The trivial answers.
private struct TrivialGaps {
    let median: Double
    private let population: Double

    init(_ training: RepurchaseHistory) {
        let lengths = training.intervals.filter(\.ended).map(\.length).sorted()
        median = lengths[lengths.count / 2]
        population = lengths.reduce(0, +) / Double(lengths.count)
    }

    /// The buyer's own mean, everybody's before they have one.
    func own(_ interval: RepurchaseInterval) -> Double {
        interval.count > 0 ? Double(interval.sum) / Double(interval.count) : population
    }
}

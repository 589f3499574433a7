/// How good probabilities are for rows that had no part in making or choosing them.
struct OutcomeJudgement {
    private let table: OutcomeTable
    private let features: FeatureMatrix
    private let labels: [UInt8]
    /// Share of the outcome in the rows before.
    private let rate: Double
    private let threshold: Double

    init(table: OutcomeTable, rows: [Int], earlier: [Int], threshold: Double) {
        self.table = table
        features = table.features.selecting(rows)
        labels = table.labels(rows)
        let positives = earlier.count { table.labels[$0] != 0 }
        rate = (Double(positives) + 0.5) / (Double(earlier.count) + 1)
        self.threshold = threshold
    }

    private func probabilities(_ scorer: OutcomeScorer) -> [Double] { scorer.scores(features) }

    private var trivial: [Double] { [Double](repeating: rate, count: labels.count) }

    /// Those of the model in use, whose features may stand in other places; nil where one is missing.
    private func probabilities(inUse scorer: OutcomeScorer?) -> [Double]? {
        guard let scorer, let places = scorer.places(in: table.names) else { return nil }
        var values: [Float] = []
        values.reserveCapacity(labels.count * places.count)
        for row in labels.indices {
            for place in places { values.append(features.values[row * features.columns + place]) }
        }
        return scorer.scores(
            FeatureMatrix(rows: labels.count, columns: places.count, values: values))
    }

    private func losses(_ probabilities: [Double]) -> [Double] {
        rowLosses(labels: labels, probabilities: probabilities)
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    /// Log losses, the trivial answer being the better of the base rate and the simple rule.
    ///
    /// The model in use may be ahead without being better: by two standard errors, and by what a fit gains on
    /// rows it has seen, as the one in use may have, measured by the candidate fitted on everything; but not
    /// by more than a quarter of what it is better than the trivial answer.
    func evidence(
        own: OutcomeScorer, final: OutcomeScorer, rule: OutcomeScorer?, inUse: OutcomeScorer?,
        converged: Bool
    ) -> Evidence {
        let error = mean(losses(probabilities(own)))
        let seen = losses(probabilities(final))
        var baseline = mean(losses(trivial))
        if let rule { baseline = min(baseline, mean(losses(probabilities(rule)))) }
        let used = probabilities(inUse: inUse).map(losses)
        var tolerance = 0.0
        if let used {
            let gain = max(0, error - mean(seen)) + twoErrors(seen, used)
            tolerance = min(gain, max(0, baseline - mean(used)) / 4)
        }
        return Evidence(
            finite: error.isFinite && mean(seen).isFinite, converged: converged, heldOut: error,
            baseline: baseline, previous: used.map(mean), tolerance: tolerance)
    }

    /// Two standard errors of the mean difference.
    private func twoErrors(_ a: [Double], _ b: [Double]) -> Double {
        let differences = zip(a, b).map { $0 - $1 }
        let middle = mean(differences)
        let squares = differences.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
        let count = Double(labels.count)
        return 2 * (squares / count / count).squareRoot()
    }

    private func scores(_ probabilities: [Double]) -> [Tree.Member] {
        let ranking = ScoreRanking(labels: labels, scores: probabilities)
        return [
            .init("log_loss", .finite(logLoss(labels: labels, probabilities: probabilities))),
            .init("brier", .finite(brierScore(labels: labels, probabilities: probabilities))),
            .init("roc_auc", ranking.areaUnderROC.map { .finite($0) } ?? .null),
            .init("average_precision", .finite(ranking.averagePrecision)),
        ]
    }

    func metrics(_ scorer: OutcomeScorer) -> [Tree.Member] {
        let probabilities = probabilities(scorer)
        let reliability = ReliabilityTable(labels: labels, probabilities: probabilities)
        let confusion = Confusion(
            labels: labels, scores: probabilities, threshold: threshold, inclusive: true)
        return scores(probabilities) + [
            .init("calibration_error", .finite(reliability.error)),
            .init("reliability", reliability.tree),
            .init("threshold", .finite(threshold)),
            .init("confusion", confusion.matrix),
            .init("report", confusion.report),
        ] + ScoreRanking(labels: labels, scores: probabilities).curves + [
            .init("held_out_rate", .finite(mean(labels.map { Double($0) })))
        ]
    }

    func baseline(rule: OutcomeScorer?, inUse: OutcomeScorer?) -> [Tree.Member] {
        var members: [Tree.Member] = [
            .init("base_rate", .finite(rate)), .init("base_rate_scores", .object(scores(trivial))),
        ]
        if let rule { members.append(.init("rule_scores", .object(scores(probabilities(rule))))) }
        if let used = probabilities(inUse: inUse) {
            members.append(.init("in_use_scores", .object(scores(used))))
        }
        return members
    }
}

extension ScoreRanking {
    /// Lift by decile and the receiver operating characteristic, for the status port.
    var curves: [Tree.Member] {
        [
            .init("lift_by_decile", liftByDecile.map { .numbers($0) } ?? .null),
            .init("roc", plottedCurve.map { .array($0.map { .numbers($0) }) } ?? .null),
        ]
    }
}

extension ReliabilityTable {
    /// The bands with rows, for the status port.
    var tree: Tree {
        .array(
            bands.filter { $0.rows > 0 }.map { band in
                .object([
                    .init("from", .finite(band.from)), .init("to", .finite(band.to)),
                    .init("rows", .int(Int64(band.rows))),
                    .init("predicted", band.predicted.map { .finite($0) } ?? .null),
                    .init("observed", band.observed.map { .finite($0) } ?? .null),
                ])
            })
    }
}

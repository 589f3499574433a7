extension TiersModel {
    /// Fits the boundaries; judged by boundaries of the buyers who are not held out, then fitted on everybody.
    ///
    /// The error is how many of the held-out buyers, as a share, lie on the wrong side of a boundary, the mean
    /// over the boundaries: a rank, so that no single customer weighs more than another. The trivial answer
    /// draws no boundary and leaves everybody in one level. The result does not depend on the order of the
    /// buyers, and no chance is involved; where the weights are learnt, the seed is that of their trees.
    /// - Complexity: O(n · log n).
    package static func fit(
        _ columns: TiersColumns, config given: TiersConfig, seed: UInt64 = 0, previous: TiersModel?
    ) throws(FitRefusal) -> TiersFit {
        var config = given
        try config.check()
        try columns.check()
        let need = max(1, config.minimumBuyers)
        guard columns.buyers >= need else { throw .tooFewUsers(have: columns.buyers, need: need) }
        let learnt = config.learnsWeights ? try LearntTierWeights(columns, seed: seed) : nil
        if let learnt { config.weights = learnt.weights }
        let training = TierBuyers(columns) { columns.heldOut[$0] == 0 }
        let held = TierBuyers(columns) { columns.heldOut[$0] != 0 }
        guard !training.buyers.isEmpty else { throw .nothingToLearnFrom }
        guard !held.buyers.isEmpty else { throw .nothingHeldOut }
        let everybody = TierBuyers(columns) { _ in true }
        let model = TiersModel(everybody, config)
        let judgement = TiersJudgement(
            candidate: TiersModel(training, config), config: config, previous: previous,
            training: training, held: held)
        return TiersFit(
            model: model, evidence: judgement.evidence, metrics: judgement.metrics,
            baseline: judgement.baseline, parameters: model.parameters(everybody, config, learnt))
    }

    init(_ buyers: TierBuyers, _ config: TiersConfig) {
        let cell = zip(buyers.sorted, TiersModel.cellLevels).compactMap { values, levels in
            values.map { QuantileEdges(sorted: $0, levels: levels) }
        }
        let quartiles = buyers.sorted.map { values in
            values.map { QuantileEdges(sorted: $0, levels: TierRule.levels) }
        }
        var rule = TierRule(
            quartiles: quartiles, weights: config.weights, cuts: QuantileEdges(config.cuts))
        if config.cuts.isEmpty {
            let cuts = QuantileEdges(sorted: buyers.scores(rule), levels: TierRule.names.count)
            rule = TierRule(quartiles: quartiles, weights: config.weights, cuts: cuts)
        }
        let spend = buyers.yearSpend
        self.init(
            cell: cell, rule: rule,
            grades: spend.isEmpty
                ? nil : GradeRule(edges: QuantileEdges(sorted: spend, levels: GradeRule.names.count)))
    }
}

/// Some of the buyers: their values, and each variable's ascending.
struct TierBuyers {
    let buyers: [TierValues]
    /// In the order of `TierRule.variables`; nil where the variable is not known.
    let sorted: [[Double]?]
    /// Ascending, of those with a purchase in the year.
    let yearSpend: [Double]

    init(_ columns: TiersColumns, where included: (Int) -> Bool) {
        let rows = (0..<columns.buyers).filter(included)
        buyers = rows.map { columns.values($0) }
        // Adding 0 makes one zero of both.
        sorted = columns.variables.map { column in
            column.map { column in rows.map { column[$0] + 0 }.sorted() }
        }
        yearSpend = buyers.compactMap { $0.yearSpend.map { $0 + 0 } }.sorted()
    }

    /// Ascending.
    func scores(_ rule: TierRule) -> [Double] { buyers.map { rule.score(rule.levels($0)) }.sorted() }

    /// All that a model cuts, with its boundaries: the cell, the quartiles, the scores and the spend.
    func cuts(of model: TiersModel, areScoresCut: Bool) -> [(edges: QuantileEdges, sorted: [Double])] {
        var cuts: [(edges: QuantileEdges, sorted: [Double])] = []
        for (edges, values) in zip(model.cell, sorted) {
            if let values { cuts.append((edges, values)) }
        }
        for (edges, values) in zip(model.rule?.quartiles ?? [], sorted) {
            if let edges, let values { cuts.append((edges, values)) }
        }
        if areScoresCut, let rule = model.rule { cuts.append((rule.cuts, scores(rule))) }
        if let grades = model.grades, !yearSpend.isEmpty { cuts.append((grades.edges, yearSpend)) }
        return cuts
    }
}

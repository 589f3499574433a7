extension TiersModel {
    /// Fits the boundaries; judged by boundaries of the buyers who are not held out, then fitted on everybody.
    ///
    /// The error is how many of the held-out buyers, as a share, lie on the wrong side of a boundary, the mean
    /// over the boundaries: a rank, so that no single customer weighs more than another. The trivial answer
    /// draws no boundary and leaves everybody in one level. The result does not depend on the order of the
    /// buyers, and no chance is involved.
    /// - Complexity: O(n · log n).
    package static func fit(
        _ columns: TiersColumns, config: TiersConfig, previous: TiersModel?
    ) throws(FitRefusal) -> TiersFit {
        try columns.check()
        let need = max(1, config.minimumBuyers)
        guard columns.buyers >= need else { throw .tooFewUsers(have: columns.buyers, need: need) }
        func sorted(_ included: (Int) -> Bool) -> [[Double]] {
            let rows = (0..<columns.buyers).filter(included)
            // Adding 0 makes one zero of both.
            return columns.variables.map { column in rows.map { column[$0] + 0 }.sorted() }
        }
        let training = sorted { columns.heldOut[$0] == 0 }
        let held = sorted { columns.heldOut[$0] != 0 }
        guard !training[0].isEmpty else { throw .nothingToLearnFrom }
        guard !held[0].isEmpty else { throw .nothingHeldOut }
        let everybody = sorted { _ in true }
        let model = TiersModel(everybody)
        let judgement = TiersJudgement(
            candidate: TiersModel(training), previous: previous, training: training, held: held)
        return TiersFit(
            model: model, evidence: judgement.evidence, metrics: judgement.metrics,
            baseline: judgement.baseline, parameters: parameters(model, everybody))
    }

    /// - Parameter sorted: each variable's values, ascending, not empty.
    init(_ sorted: [[Double]]) {
        self.init(cell: zip(sorted, TiersModel.cellLevels).map { QuantileEdges(sorted: $0, levels: $1) })
    }

    private static func parameters(_ model: TiersModel, _ sorted: [[Double]]) -> [Tree.Member] {
        let cell = zip(variables, zip(model.cell, sorted)).map { name, known -> Tree.Member in
            let (edges, values) = known
            var users = [Int64](repeating: 0, count: edges.levels)
            for value in values { users[edges.level(of: value) - 1] += 1 }
            return .init(
                name,
                .object([
                    .init("edges", .numbers(edges.values)), .init("least", .finite(values[0])),
                    .init("greatest", .finite(values[values.count - 1])),
                    .init("users", .array(users.map { .int($0) })),
                ]))
        }
        return [.init("rfm_cell", .object(cell))]
    }
}

/// How well boundaries cut buyers they were not drawn from.
struct TiersJudgement {
    let evidence: Evidence
    let metrics: [Tree.Member]
    let baseline: [Tree.Member]

    init(candidate: TiersModel, previous: TiersModel?, training: [[Double]], held: [[Double]]) {
        let own = TiersJudgement.error(candidate, held)
        let trivial = TiersJudgement.error(
            TiersModel(
                cell: zip(training, TiersModel.cellLevels).map { values, levels in
                    QuantileEdges([Double](repeating: values[values.count - 1], count: levels - 1))
                }), held)
        let equalWidth = TiersJudgement.error(
            TiersModel(
                cell: zip(training, TiersModel.cellLevels).map { values, levels in
                    let span = values[values.count - 1] - values[0]
                    return QuantileEdges(
                        (1..<levels).map { values[0] + span * Double($0) / Double(levels) })
                }), held)
        let inUse = previous.map { TiersJudgement.error($0, held) }
        evidence = Evidence(
            finite: own.isFinite, converged: true, heldOut: own, baseline: trivial, previous: inUse,
            tolerance: inUse == nil
                ? 0 : TiersJudgement.noise(training: training[0].count, held: held[0].count))
        metrics = [
            .init("misplaced_share", .finite(own)), .init("held_out_users", .int(Int64(held[0].count))),
            .init("training_users", .int(Int64(training[0].count))),
        ]
        var baseline: [Tree.Member] = [
            .init("one_level_misplaced_share", .finite(trivial)),
            .init("equal_width_misplaced_share", .finite(equalWidth)),
        ]
        if let inUse { baseline.append(.init("in_use_misplaced_share", .finite(inUse))) }
        self.baseline = baseline
    }

    private static func error(_ model: TiersModel, _ held: [[Double]]) -> Double {
        let misplaced = zip(model.cell, held).flatMap { $0.misplacement(sorted: $1) }
        return misplaced.reduce(0, +) / Double(misplaced.count)
    }

    /// Two standard errors of a share, the mean over the boundaries: that of an empirical quantile among
    /// others than it was drawn from.
    private static func noise(training: Int, held: Int) -> Double {
        let shares = TiersModel.cellLevels.flatMap { levels in
            (1..<levels).map { Double($0) / Double(levels) }
        }
        let errors = shares.map {
            ($0 * (1 - $0) * (1 / Double(training) + 1 / Double(held))).squareRoot()
        }
        return 2 * errors.reduce(0, +) / Double(errors.count)
    }
}

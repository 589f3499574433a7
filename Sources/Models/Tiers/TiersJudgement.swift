/// How well boundaries cut buyers they were not drawn from.
struct TiersJudgement {
    let evidence: Evidence
    let metrics: [Tree.Member]
    let baseline: [Tree.Member]

    init(
        candidate: TiersModel, config: TiersConfig, previous: TiersModel?, training: TierBuyers,
        held: TierBuyers
    ) {
        // Configured cuts of the score are right by definition.
        let areScoresCut = config.cuts.isEmpty
        let learnt = training.cuts(of: candidate, areScoresCut: areScoresCut)
        let unseen = held.cuts(of: candidate, areScoresCut: areScoresCut)
        let own = Self.error(unseen)
        let oneLevel = Self.error(unseen, by: learnt) { values, levels in
            QuantileEdges([Double](repeating: values[values.count - 1], count: levels - 1))
        }
        let equalWidth = Self.error(unseen, by: learnt) { values, levels in
            let span = values[values.count - 1] - values[0]
            return QuantileEdges((1..<levels).map { values[0] + span * Double($0) / Double(levels) })
        }
        var inUse: Double?
        if let previous, Self.cutsTheSame(previous, candidate) {
            inUse = Self.error(held.cuts(of: previous, areScoresCut: areScoresCut))
        }
        evidence = Evidence(
            finite: own.isFinite, converged: true, heldOut: own, baseline: oneLevel, previous: inUse,
            tolerance: inUse == nil
                ? 0
                : Self.noise(
                    unseen.map(\.edges.levels), training: training.buyers.count, held: held.buyers.count))
        metrics = [
            .init("misplaced_share", .finite(own)),
            .init("held_out_users", .int(Int64(held.buyers.count))),
            .init("training_users", .int(Int64(training.buyers.count))),
        ]
        var baseline: [Tree.Member] = [
            .init("one_level_misplaced_share", .finite(oneLevel)),
            .init("equal_width_misplaced_share", .finite(equalWidth)),
        ]
        if let inUse { baseline.append(.init("in_use_misplaced_share", .finite(inUse))) }
        self.baseline = baseline
    }

    /// Whether two cut the same variables, so that their errors can be compared.
    private static func cutsTheSame(_ a: TiersModel, _ b: TiersModel) -> Bool {
        a.rule?.uses == b.rule?.uses && (a.grades == nil) == (b.grades == nil)
    }

    private static func error(_ cuts: [(edges: QuantileEdges, sorted: [Double])]) -> Double {
        let misplaced = cuts.flatMap { $0.edges.misplacement(sorted: $0.sorted) }
        return misplaced.reduce(0, +) / Double(misplaced.count)
    }

    /// The error of other boundaries of the same variables, drawn from what was learnt from.
    private static func error(
        _ unseen: [(edges: QuantileEdges, sorted: [Double])],
        by learnt: [(edges: QuantileEdges, sorted: [Double])],
        drawn: ([Double], Int) -> QuantileEdges
    ) -> Double {
        error(zip(unseen, learnt).map { (drawn($1.sorted, $1.edges.levels), $0.sorted) })
    }

    /// Two standard errors of a share, the mean over the boundaries: that of an empirical quantile among
    /// others than it was drawn from.
    private static func noise(_ levels: [Int], training: Int, held: Int) -> Double {
        let shares = levels.flatMap { levels in (1..<levels).map { Double($0) / Double(levels) } }
        let errors = shares.map {
            ($0 * (1 - $0) * (1 / Double(training) + 1 / Double(held))).squareRoot()
        }
        return 2 * errors.reduce(0, +) / Double(errors.count)
    }
}

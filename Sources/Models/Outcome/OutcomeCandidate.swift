/// A way to learn an outcome: a learner with its settings and what is done about rare outcomes.
struct OutcomeCandidate: Sendable, Equatable {
    enum Learner: Sendable, Equatable {
        /// Logistic regression on one feature.
        case rule(column: Int)
        case logistic(c: Double)
        case trees(BoostingConfig, forest: Bool)
    }

    var learner: Learner
    var resampling = Resampling.none
    var logarithm = true

    var name: String {
        switch learner {
        case .rule: "rule"
        case .logistic: OutcomeConfig.Learner.logistic.name
        case .trees(_, let forest):
            (forest ? OutcomeConfig.Learner.randomForest : .boostedTrees).name
        }
    }

    /// For the status port.
    var settings: [Tree.Member] {
        var members: [Tree.Member] = [
            .init("learner", .string(name)), .init("resampling", .string(resampling.name)),
        ]
        switch learner {
        case .rule: members.append(.init("logarithm", .bool(logarithm)))
        case .logistic(let c):
            members += [.init("logarithm", .bool(logarithm)), .init("C", .finite(c))]
        case .trees(let config, let forest):
            members += [
                .init("trees", .int(Int64(forest ? config.treesPerRound : config.rounds))),
                .init("depth", .int(Int64(config.depth))),
                .init("learning_rate", .finite(config.learningRate)),
                .init("min_child_weight", .finite(config.leafWeight)),
                .init("row_share", .finite(config.rowShare)),
                .init("node_feature_share", .finite(config.nodeFeatureShare)),
            ]
        }
        return members
    }
}

extension OutcomeConfig {
    /// Each learner as it is without a search.
    var plainPoints: [SearchSpace.Point] {
        let ignored = Double.nan
        let none = Double(resamplings.firstIndex(of: .none) ?? 0)
        return learners.indices.map { index in
            let head = [Double(index), none]
            switch learners[index] {
            case .logistic: return head + [1, 1] + [Double](repeating: ignored, count: 9)
            case .boostedTrees:
                return head + [ignored, ignored, 100, 3, 0.08, 5, 0.8]
                    + [Double](repeating: ignored, count: 4)
            case .randomForest: return head + [Double](repeating: ignored, count: 7) + [80, 7, 5, 0.5]
            }
        }
    }

    private func boosting(rounds: Int, depth: Int, rate: Double) -> BoostingConfig {
        var config = BoostingConfig(.logistic)
        config.rounds = rounds
        config.depth = depth
        config.learningRate = rate
        config.bins = 128
        config.threads = OutcomeConfig.threads
        return config
    }

    /// One: the threads of a round wait for each other by turning in circles, which on a core that is shared
    /// with the intake takes many times what they save.
    private static let threads = 1

    private func forest(trees: Int, depth: Int, share: Double) -> BoostingConfig {
        var config = BoostingConfig.randomForest(.logistic, trees: trees, depth: depth)
        config.nodeFeatureShare = share
        config.bins = 128
        config.threads = OutcomeConfig.threads
        return config
    }

    /// What is searched. Bounds on trees keep a score within about six hundred comparisons, so that a sweep over
    /// all users stays quick.
    var space: SearchSpace {
        func when(_ learner: Learner) -> SearchSpace.Condition {
            .init(0, learners.indices.filter { learners[$0] == learner })
        }
        return SearchSpace([
            .init("learner", .choice(count: learners.count)),
            .init("resampling", .choice(count: resamplings.count)),
            .init("logarithm", .choice(count: 2), when: when(.logistic)),
            .init("C", .logarithmic(1e-3...1e2), when: when(.logistic)),
            .init("rounds", .integer(40...150), when: when(.boostedTrees)),
            .init("depth", .integer(2...4), when: when(.boostedTrees)),
            .init("learning_rate", .logarithmic(0.02...0.3), when: when(.boostedTrees)),
            .init("min_child_weight", .logarithmic(1...50), when: when(.boostedTrees)),
            .init("row_share", .real(0.6...1), when: when(.boostedTrees)),
            .init("trees", .integer(30...80), when: when(.randomForest)),
            .init("forest_depth", .integer(4...7), when: when(.randomForest)),
            .init("forest_min_child_weight", .logarithmic(1...50), when: when(.randomForest)),
            .init("node_feature_share", .real(0.2...0.9), when: when(.randomForest)),
        ])
    }

    func candidate(at point: SearchSpace.Point) -> OutcomeCandidate {
        let resampling = resamplings[Int(point[1])]
        switch learners[Int(point[0])] {
        case .logistic:
            return OutcomeCandidate(
                learner: .logistic(c: point[3]), resampling: resampling, logarithm: point[2] != 0)
        case .boostedTrees:
            var trees = boosting(rounds: Int(point[4]), depth: Int(point[5]), rate: point[6])
            trees.leafWeight = point[7]
            trees.rowShare = point[8]
            return OutcomeCandidate(learner: .trees(trees, forest: false), resampling: resampling)
        case .randomForest:
            var trees = forest(trees: Int(point[9]), depth: Int(point[10]), share: point[12])
            trees.leafWeight = point[11]
            return OutcomeCandidate(learner: .trees(trees, forest: true), resampling: resampling)
        }
    }
}

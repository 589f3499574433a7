/// How trees are grown. The defaults are XGBoost's but for depth and learning rate, which are smaller.
package struct BoostingConfig: Sendable, Equatable {
    /// What the sum of the leaves means.
    package enum Objective: Sendable, Equatable {
        /// The value itself; least squares.
        case squaredError
        /// The value itself; least absolute deviations.
        case absoluteError
        /// Logit of the probability of label 1.
        case logistic
        /// One sum for each class; labels are 0 ..< classes.
        case softmax(classes: Int)
        /// Logarithm of a time that may be known only to lie between two bounds (Barnwal, Cho and Hocking
        /// 2022); the noise of the logarithm has this distribution and scale.
        case survival(Noise, scale: Double)
    }

    package enum Noise: UInt8, Sendable, Equatable {
        case normal, logistic, extreme
    }

    package enum Method: Sendable, Equatable {
        /// Splits at up to `bins` quantiles of each feature; fast.
        case histogram
        /// Splits between any two values.
        case exact
    }

    package var objective: Objective
    package var rounds = 100
    package var learningRate = 0.1
    /// At most `Forest.deepest`.
    package var depth = 4
    /// Least sum of second derivatives in a leaf.
    package var leafWeight = 1.0
    /// Share of rows drawn for each tree.
    package var rowShare = 1.0
    /// Share of features drawn for each tree and at each node.
    package var featureShare = 1.0
    package var nodeFeatureShare = 1.0
    /// Least gain of a split.
    package var gain = 0.0
    /// Penalties of a leaf's square and absolute value.
    package var l2 = 1.0
    package var l1 = 0.0
    package var bins = 256
    package var method = Method.histogram
    /// Trees grown side by side in each round; more than one with one round and a learning rate of 1 is a
    /// random forest.
    package var treesPerRound = 1
    /// Weight of rows with label 1 under `logistic`.
    package var positiveWeight = 1.0
    /// What the sum begins with, as a prediction (a probability, a time); nil: the mean of the labels that
    /// are known, weighted, for `survival` of their logarithms.
    package var baseScore: Double?
    /// Rounds without progress on the validation part after which training ends.
    package var patience = 10
    package var seed: UInt64 = 0
    /// Fixed or by the rows alone, never taken from the machine, so that sums are always made in the same
    /// order; nil: one below `rowsForTwoThreads`, where threads would wait for each other longer than they
    /// work, and on a core shared with others much longer.
    package var threads: Int?
    static let rowsForTwoThreads = 200_000

    package init(_ objective: Objective) { self.objective = objective }

    /// A random forest as XGBoost grows one: each tree on its own part of the rows, each node on a part of
    /// the features, their mean taken.
    package static func randomForest(_ objective: Objective, trees: Int, depth: Int) -> BoostingConfig {
        var config = BoostingConfig(objective)
        config.rounds = 1
        config.treesPerRound = trees
        config.learningRate = 1
        config.depth = depth
        config.rowShare = 0.8
        config.nodeFeatureShare = 0.8
        config.l2 = 1e-5
        return config
    }
}

/// What trees are to predict, a row each.
package enum BoostingLabels: Sendable, Equatable {
    /// Values; 0 or 1 under `logistic`, the class under `softmax`.
    case values([Float])
    /// Times for `survival`, > 0: known to lie from `lower` to `upper`, which is infinite where it is only
    /// known to exceed `lower`, and equal where it is known.
    case intervals(lower: [Float], upper: [Float])

    package var count: Int {
        switch self {
        case .values(let values): values.count
        case .intervals(let lower, let upper): min(lower.count, upper.count)
        }
    }

    /// Those at the given places, in that order.
    package func selecting(_ places: [Int]) -> BoostingLabels {
        switch self {
        case .values(let values): .values(places.map { values[$0] })
        case .intervals(let lower, let upper):
            .intervals(lower: places.map { lower[$0] }, upper: places.map { upper[$0] })
        }
    }
}

import Glibc

extension BoostingConfig.Objective {
    var link: Forest.Link {
        switch self {
        case .squaredError, .absoluteError: .identity
        case .logistic: .logistic
        case .softmax: .softmax
        case .survival: .exponential
        }
    }
}

extension Forest {
    /// From a model as XGBoost 1.7 saves it.
    /// - Parameter features: the width of the rows it was trained on.
    /// - Parameter rounds: how many of its rounds are taken, each of `treesPerRound` trees an output.
    init(
        xgboost model: UBJSON, features: Int, link: Link, rounds: Int, treesPerRound: Int
    ) throws(CodingFailure) {
        guard let learner = model["learner"], let trained = learner["gradient_booster"]?["model"],
            let trees = trained["trees"]?.elements, let outputsOf = trained["tree_info"]?.wholeNumbers,
            let parameters = learner["learner_model_param"],
            let start = parameters["base_score"]?.string.flatMap(Double.init),
            let classes = parameters["num_class"]?.string.flatMap(Int.init),
            trees.count == outputsOf.count
        else { throw .badValue(at: 0) }
        var builder = ForestBuilder()
        var importance = [Importance](repeating: Importance(), count: features)
        let taken = rounds * treesPerRound * max(1, classes)
        for (tree, output) in zip(trees, outputsOf).prefix(taken) {
            guard let tree = SavedTree(tree) else { throw .badValue(at: 0) }
            builder.begin(output: output)
            tree.copy(into: &builder, &importance)
        }
        self.init(
            features: features, outputs: max(1, classes), link: link, base: link.margin(start),
            importance: importance, trees: builder.trees, nodes: builder.nodes, cover: builder.cover)
    }
}

extension Forest.Link {
    /// The margin of a prediction.
    fileprivate func margin(_ prediction: Double) -> Float {
        switch self {
        case .identity, .softmax: Float(prediction)
        case .logistic: -logf(1 / Float(prediction) - 1)
        case .exponential: logf(Float(prediction))
        }
    }
}

/// A tree in the columns in which XGBoost saves it.
private struct SavedTree {
    let left: [Int]
    let right: [Int]
    let features: [Int]
    /// A leaf's value where there is no child.
    let thresholds: [Float]
    let defaultLeft: [Int]
    let gains: [Float]
    let cover: [Float]

    init?(_ saved: UBJSON) {
        guard let left = saved["left_children"]?.wholeNumbers,
            let right = saved["right_children"]?.wholeNumbers,
            let features = saved["split_indices"]?.wholeNumbers,
            let thresholds = saved["split_conditions"]?.floats,
            let defaultLeft = saved["default_left"]?.wholeNumbers,
            let gains = saved["loss_changes"]?.floats, let cover = saved["sum_hessian"]?.floats,
            !left.isEmpty
        else { return nil }
        let counts = [
            right.count, features.count, thresholds.count, defaultLeft.count, gains.count, cover.count,
        ]
        guard counts.allSatisfy({ $0 == left.count }) else { return nil }
        self.left = left
        self.right = right
        self.features = features
        self.thresholds = thresholds
        self.defaultLeft = defaultLeft
        self.gains = gains
        self.cover = cover
    }

    /// Breadth first, leaving behind what was pruned.
    func copy(into builder: inout ForestBuilder, _ importance: inout [Forest.Importance]) {
        var queue = [0]
        var head = 0
        while head < queue.count {
            let node = queue[head]
            head += 1
            guard left[node] >= 0 else {
                builder.leaf(thresholds[node], cover: cover[node])
                continue
            }
            queue += [left[node], right[node]]
            let feature = features[node]
            builder.split(
                feature, below: thresholds[node], missingRight: defaultLeft[node] == 0, cover: cover[node])
            importance[feature].splits += 1
            importance[feature].gain += Double(gains[node])
            importance[feature].cover += Double(cover[node])
        }
    }
}

/// Weights of the score by how much each variable decides a segmentation of the buyers.
///
/// Boosted trees learn the segment from the variables that the tiers rest on; a weight is the variable's mean
/// gain of a split, as XGBoost's `feature_importances_` has it. The accuracy is that on the buyers kept for
/// judging; the weights are those of the trees it was measured on.
struct LearntTierWeights {
    /// In the order of `TierRule.variables`, 0 where a variable is not known; they sum to 1.
    let weights: [Double]
    /// Share of held-out buyers put into their segment, and that of putting all into the largest.
    let accuracy: Double
    let baseline: Double
    let segments: Int
    let trained: Int
    let judged: Int

    /// Fewest buyers with a segment on either side.
    static let least = 20

    /// - Returns: nil where there is no segmentation, or too little of it to learn from.
    init?(_ columns: TiersColumns, seed: UInt64) throws(FitRefusal) {
        guard let groups = columns.group else { return nil }
        let used = columns.variables.indices.filter { columns.variables[$0] != nil }
        let known = Self.ordered(columns, groups, used)
        let training = known.filter { columns.heldOut[$0] == 0 }
        let held = known.filter { columns.heldOut[$0] != 0 }
        let classes = Set(training.map { groups[$0] }).sorted()
        guard classes.count > 1, training.count >= Self.least, held.count >= Self.least else { return nil }
        func features(_ rows: [Int]) throws(FitRefusal) -> FeatureMatrix {
            try FeatureMatrix(
                columns: used.map { variable in
                    rows.map { Float(columns.variables[variable]?[$0] ?? 0) }
                })
        }
        var config = BoostingConfig(.softmax(classes: classes.count))
        config.rounds = 50
        config.seed = seed
        let labels = training.map { Float(classes.firstIndex(of: groups[$0]) ?? 0) }
        let forest = try BoostedTrees.train(
            features: try features(training), labels: .values(labels), config: config)
        let gains = forest.importance.map(\.meanGain)
        let sum = gains.reduce(0, +)
        guard sum > 0, sum.isFinite else { return nil }
        var weights = [Double](repeating: 0, count: TierRule.variables.count)
        for (place, variable) in used.enumerated() { weights[variable] = gains[place] / sum }
        let guesses = forest.margins(of: try features(held))
        var right = 0
        for (place, row) in held.enumerated() {
            let margins = guesses[place * classes.count..<(place + 1) * classes.count]
            let guess = margins.indices.max { margins[$0] < margins[$1] } ?? margins.startIndex
            if classes[guess - margins.startIndex] == groups[row] { right += 1 }
        }
        let largest = classes.max { a, b in
            training.count { groups[$0] == a } < training.count { groups[$0] == b }
        }
        self.weights = weights
        accuracy = Double(right) / Double(held.count)
        baseline = Double(held.count { groups[$0] == largest }) / Double(held.count)
        segments = classes.count
        trained = training.count
        judged = held.count
    }

    /// The rows of buyers with a segment, in an order that does not depend on how they came.
    private static func ordered(
        _ columns: TiersColumns, _ groups: UnsafeBufferPointer<UInt8>, _ used: [Int]
    ) -> [Int] {
        let variables = used.compactMap { columns.variables[$0] }
        return (0..<columns.buyers).filter { groups[$0] != 0 }.sorted { a, b in
            for variable in variables where variable[a] != variable[b] { return variable[a] < variable[b] }
            if groups[a] != groups[b] { return groups[a] < groups[b] }
            return columns.heldOut[a] < columns.heldOut[b]
        }
    }

    var shown: Tree {
        .object([
            .init("segmentation", .string("value")), .init("segments", .int(Int64(segments))),
            .init("accuracy", .number(accuracy)), .init("largest_segment_accuracy", .number(baseline)),
            .init("training_users", .int(Int64(trained))), .init("held_out_users", .int(Int64(judged))),
        ])
    }
}

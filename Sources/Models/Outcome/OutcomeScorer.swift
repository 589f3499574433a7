/// What a fitted model of an outcome does for a row: a probability, and what moved it.
package struct OutcomeScorer: Sendable, Equatable {
    enum Learner: Sendable, Equatable {
        /// In units of `Preprocessing`; shape [d].
        case linear(Preprocessing, coefficients: [Double], intercept: Double)
        case forest(Forest)
    }

    /// Names of the features, in the order of a row; no two alike.
    package let features: [String]
    let learner: Learner
    var calibration: Calibration

    init(features: [String], learner: Learner, calibration: Calibration = .none) {
        self.features = features
        self.learner = learner
        self.calibration = calibration
    }

    /// Where this model's features stand among others; nil where one is missing.
    package func places(in names: [String]) -> [Int]? {
        var places: [Int] = []
        for feature in features {
            guard let place = names.firstIndex(of: feature) else { return nil }
            places.append(place)
        }
        return places
    }

    /// The probability of the outcome.
    ///
    /// - Parameter row: finite, shape [d].
    package func score(_ row: [Float]) -> Double {
        precondition(row.count == features.count, "a row of \(features.count) values")
        var out = 0.0
        row.withUnsafeBufferPointer { row in
            if let base = row.baseAddress { scores(rows: 1, base, into: &out) }
        }
        return out
    }

    /// The probabilities of many rows, shapes [rows][d] and [rows].
    package func scores(
        rows: Int, _ values: UnsafePointer<Float>, into out: UnsafeMutablePointer<Double>
    ) {
        margins(rows: rows, values, into: out)
        for row in 0..<rows { out[row] = calibration(margin: out[row]) }
    }

    /// Logarithms of the odds before calibration.
    private func margins(
        rows: Int, _ values: UnsafePointer<Float>, into out: UnsafeMutablePointer<Double>
    ) {
        let width = features.count
        switch learner {
        case .linear(let preprocessing, let coefficients, let intercept):
            // The columns that matter, with their deviations divided out once.
            let used = coefficients.indices.filter { coefficients[$0] != 0 }
            for row in 0..<rows {
                var sum = intercept
                for column in used {
                    sum +=
                        coefficients[column]
                        * preprocessing.value(values[row * width + column], column)
                }
                out[row] = sum
            }
        case .forest(let forest):
            let block = 1024
            withUnsafeTemporaryAllocation(of: Float.self, capacity: block) { margins in
                guard let base = margins.baseAddress else { return }
                for start in stride(from: 0, to: rows, by: block) {
                    let count = min(block, rows - start)
                    forest.margins(rows: count, values + start * width, into: base)
                    for row in 0..<count { out[start + row] = Double(base[row]) }
                }
            }
        }
    }

    func margins(_ matrix: FeatureMatrix) -> [Double] {
        [Double](unsafeUninitializedCapacity: matrix.rows) { out, count in
            matrix.values.withUnsafeBufferPointer { values in
                if let values = values.baseAddress, let out = out.baseAddress {
                    margins(rows: matrix.rows, values, into: out)
                }
            }
            count = matrix.rows
        }
    }

    func scores(_ matrix: FeatureMatrix) -> [Double] { margins(matrix).map { calibration(margin: $0) } }
}

extension OutcomeScorer {
    /// What moved a row's score away from an average row's.
    package struct Contribution: Sendable, Equatable {
        package var feature: String
        /// Of the row.
        package var value: Double
        /// In logarithms of the odds, before an isotonic calibration, after a sigmoid one.
        package var contribution: Double
    }

    /// The features that moved the score, the strongest first; those that did not are left out. For linear
    /// learners coefficient times deviation from the mean, for trees exact Shapley values.
    package func contributions(_ row: [Float], top count: Int = 5) -> [Contribution] {
        precondition(row.count == features.count, "a row of \(features.count) values")
        var moves: [Double]
        switch learner {
        case .linear(let preprocessing, let coefficients, _):
            moves = coefficients.indices.map { coefficients[$0] * preprocessing.value(row[$0], $0) }
        case .forest(let forest): moves = Array(forest.contributions(row).dropLast())
        }
        if case .sigmoid(let sigmoid) = calibration { moves = moves.map { $0 * sigmoid.slope } }
        return moves.indices.filter { moves[$0] != 0 }
            .sorted { (abs(moves[$1]), $0) < (abs(moves[$0]), $1) }
            .prefix(count)
            .map { Contribution(feature: features[$0], value: Double(row[$0]), contribution: moves[$0]) }
    }
}

extension Calibration {
    /// - Parameter margin: the logarithm of the odds as the learner has it.
    @inline(__always)
    func callAsFunction(margin: Double) -> Double {
        switch self {
        case .none: logistic(margin)
        case .sigmoid(let sigmoid): sigmoid(margin)
        case .isotonic(let isotonic): isotonic(logistic(margin))
        }
    }
}

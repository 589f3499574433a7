/// How the rows that a learner is trained on are balanced. Never done to rows that judge.
package enum Resampling: UInt8, Sendable, Equatable, CaseIterable {
    case none
    /// Weights that give both classes the same sum.
    case classWeights
    /// Rows of the smaller class drawn again, with replacement, until there are as many.
    case overSampling
    /// As many rows of the greater class, drawn without replacement, as there are of the smaller.
    case underSampling
    /// Rows made between neighbours of the smaller class (Chawla et al. 2002).
    case smote
    /// The same near the boundary that a support vector machine draws (Nguyen et al. 2011).
    case svmSmote

    package var name: String {
        switch self {
        case .none: "none"
        case .classWeights: "class_weights"
        case .overSampling: "over_sampling"
        case .underSampling: "under_sampling"
        case .smote: "smote"
        case .svmSmote: "svm_smote"
        }
    }

    package init?(name: String) {
        guard let known = Resampling.allCases.first(where: { $0.name == name }) else { return nil }
        self = known
    }
}

/// Rows to train on.
package struct TrainingRows: Sendable, Equatable {
    package var table: FeatureTable
    package var labels: [UInt8]
    /// Nil: 1 for each.
    package var weights: [Double]?

    package init(table: FeatureTable, labels: [UInt8], weights: [Double]? = nil) {
        self.table = table
        self.labels = labels
        self.weights = weights
    }

    package var positives: Int { labels.reduce(0) { $0 + ($1 != 0 ? 1 : 0) } }

    /// The smaller class, its rows, and how many fewer it has; of equal ones, the positives.
    var minority: (label: UInt8, rows: [Int], missing: Int) {
        let positives = positives
        let negatives = labels.count - positives
        let label: UInt8 = positives <= negatives ? 1 : 0
        let rows = labels.indices.filter { (labels[$0] != 0) == (label != 0) }
        return (label, rows, abs(positives - negatives))
    }
}

/// Why rows cannot be balanced in the way asked for.
package enum ResamplingFailure: Error, Equatable {
    /// Fewer rows of the smaller class than a neighbourhood takes.
    case tooFewRows(have: Int, need: Int)
    /// No support vector of the smaller class has others of it around.
    case noBoundary
}

extension TrainingRows {
    /// The rows balanced in one way; those there were come first and are not changed.
    package func balanced(
        _ way: Resampling, using generator: inout SeededGenerator
    ) throws(ResamplingFailure) -> TrainingRows {
        let (label, rows, missing) = minority
        guard !rows.isEmpty else { throw .tooFewRows(have: 0, need: 1) }
        switch way {
        case .none: return self
        case .classWeights:
            return TrainingRows(table: table, labels: labels, weights: balancedWeights(labels))
        case .overSampling:
            let again = (0..<missing).map { _ in rows[generator.below(rows.count)] }
            return taking(Array(labels.indices) + again)
        case .underSampling:
            var others = labels.indices.filter { (labels[$0] != 0) != (label != 0) }
            // The first of a shuffle, put back into the order they had.
            for place in 0..<rows.count {
                others.swapAt(place, place + generator.below(others.count - place))
            }
            return taking((rows + others[..<rows.count]).sorted())
        case .smote:
            return adding(
                try Smote().synthesise(from: table.taking(rows), count: missing, using: &generator), label)
        case .svmSmote:
            return adding(
                try SvmSmote().synthesise(from: self, count: missing, using: &generator), label)
        }
    }

    private func taking(_ rows: [Int]) -> TrainingRows {
        TrainingRows(table: table.taking(rows), labels: rows.map { labels[$0] })
    }

    private func adding(_ made: FeatureTable, _ label: UInt8) -> TrainingRows {
        TrainingRows(
            table: table.followed(by: made),
            labels: labels + [UInt8](repeating: label, count: made.rows))
    }
}

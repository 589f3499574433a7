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

/// Which rows to train on, and those to be made beside them.
struct BalancePlan {
    /// Of those there are; a row may come more than once.
    var rows: [Int]
    var made: FeatureTable
    var madeLabel: UInt8
    /// Of `rows`; nil: 1 for each.
    var weights: [Double]?
}

extension TrainingRows {
    /// The rows balanced in one way; those there were come first and are not changed.
    package func balanced(
        _ way: Resampling, using generator: inout SeededGenerator
    ) throws(ResamplingFailure) -> TrainingRows {
        let plan = try plan(way, using: &generator)
        return TrainingRows(
            table: table.taking(plan.rows).followed(by: plan.made),
            labels: plan.rows.map { labels[$0] }
                + [UInt8](repeating: plan.madeLabel, count: plan.made.rows), weights: plan.weights)
    }

    func plan(
        _ way: Resampling, using generator: inout SeededGenerator
    ) throws(ResamplingFailure) -> BalancePlan {
        let (label, rows, missing) = minority
        guard !rows.isEmpty else { throw .tooFewRows(have: 0, need: 1) }
        var plan = BalancePlan(
            rows: Array(labels.indices),
            made: FeatureTable(columns: [[Double]](repeating: [], count: table.width)), madeLabel: label)
        switch way {
        case .none: break
        case .classWeights: plan.weights = balancedWeights(labels)
        case .overSampling: plan.rows += (0..<missing).map { _ in rows[generator.below(rows.count)] }
        case .underSampling:
            let others = labels.indices.filter { (labels[$0] != 0) != (label != 0) }
            let drawn = sampledRows(others.count, rows.count, using: &generator).map { others[$0] }
            plan.rows = (rows + drawn).sorted()
        case .smote:
            plan.made = try Smote().synthesise(
                from: table.taking(rows), count: missing, using: &generator)
        case .svmSmote:
            plan.made = try SvmSmote().synthesise(from: self, count: missing, using: &generator)
        }
        return plan
    }
}

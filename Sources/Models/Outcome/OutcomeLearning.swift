/// A learner fitted to some rows, not calibrated yet.
struct OutcomeLearnt: Sendable {
    var scorer: OutcomeScorer
    var converged = true
    /// Standard errors of the coefficients, in their units, where the learner has any.
    var standardErrors: [Double]?
}

extension OutcomeTable {
    /// Fits a candidate to rows.
    ///
    /// - Parameter limit: of more rows, that many are drawn.
    func learn(
        _ candidate: OutcomeCandidate, rows all: [Int], limit: Int, seed: UInt64
    ) throws(FitRefusal) -> OutcomeLearnt {
        var generator = SeededGenerator(seed: seed)
        let rows = sampledRows(all.count, limit, using: &generator).map { all[$0] }
        switch candidate.learner {
        case .rule(let column):
            let (table, preprocessing) = table(candidate, rows)
            return linear(
                candidate, TrainingRows(table: table, labels: labels(rows)), preprocessing, c: 1,
                columns: [column])
        case .logistic(let c):
            let (table, preprocessing) = table(candidate, rows)
            let balanced = try balance(candidate) { () throws(ResamplingFailure) in
                try TrainingRows(table: table, labels: labels(rows))
                    .balanced(candidate.resampling, using: &generator)
            }
            return linear(candidate, balanced, preprocessing, c: c, columns: Array(names.indices))
        case .trees(var config, _):
            config.seed = seed
            let (table, preprocessing) = table(candidate, rows)
            let plan = try balance(candidate) { () throws(ResamplingFailure) in
                try TrainingRows(table: table, labels: labels(rows))
                    .plan(candidate.resampling, using: &generator)
            }
            return try trees(config, plan, rows, preprocessing)
        }
    }

    private func table(
        _ candidate: OutcomeCandidate, _ rows: [Int]
    ) -> (table: FeatureTable, preprocessing: Preprocessing) {
        let preprocessing = Preprocessing(features, rows: rows, logarithm: candidate.logarithm)
        return (preprocessing.table(features, rows: rows), preprocessing)
    }

    private func balance<Balanced>(
        _ candidate: OutcomeCandidate, _ body: () throws(ResamplingFailure) -> Balanced
    ) throws(FitRefusal) -> Balanced {
        do throws(ResamplingFailure) {
            return try body()
        } catch {
            throw .cannotBalance(candidate.resampling.name)
        }
    }

    private func linear(
        _ candidate: OutcomeCandidate, _ training: TrainingRows, _ preprocessing: Preprocessing, c: Double,
        columns: [Int]
    ) -> OutcomeLearnt {
        var config = LogisticConfig()
        config.c = c
        let table =
            columns.count == names.count
            ? training.table : FeatureTable(columns: columns.map { Array(training.table.column($0)) })
        let fit = LogisticRegression(
            table, labels: training.labels, weights: training.weights, config: config)
        var coefficients = [Double](repeating: 0, count: names.count)
        for (column, coefficient) in zip(columns, fit.coefficients) { coefficients[column] = coefficient }
        let scorer = OutcomeScorer(
            features: names,
            learner: .linear(preprocessing, coefficients: coefficients, intercept: fit.intercept))
        // Errors of rows that were made or weighted would claim to know more than there is.
        let plain = candidate.resampling == .none && columns.count == names.count
        return OutcomeLearnt(
            scorer: scorer, converged: fit.converged, standardErrors: plain ? fit.standardErrors : nil)
    }

    private func trees(
        _ config: BoostingConfig, _ plan: BalancePlan, _ rows: [Int], _ preprocessing: Preprocessing
    ) throws(FitRefusal) -> OutcomeLearnt {
        var values = features.selecting(plan.rows.map { rows[$0] }).values
        for row in 0..<plan.made.rows {
            for column in names.indices {
                values.append(preprocessing.inverse(plan.made[row, column], column))
            }
        }
        let count = plan.rows.count + plan.made.rows
        let known =
            plan.rows.map { Float(labels[rows[$0]]) }
            + [Float](repeating: Float(plan.madeLabel), count: plan.made.rows)
        let forest = try BoostedTrees.train(
            features: FeatureMatrix(rows: count, columns: names.count, values: values),
            labels: .values(known), weights: plan.weights?.map { Float($0) }, config: config)
        return OutcomeLearnt(
            scorer: OutcomeScorer(features: names, learner: .forest(forest)))
    }
}

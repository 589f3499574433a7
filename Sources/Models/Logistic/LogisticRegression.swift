/// How a logistic regression is fitted.
package struct LogisticConfig: Sendable, Equatable {
    /// Inverse strength of the penalty: the objective is ½ Σ w² + C · Σ weight · log loss, as scikit-learn has it.
    package var c = 1.0
    /// The fit ends where a further step promises less than this share of the objective.
    package var tolerance = 1e-10
    package var iterations = 100
    package init() {}
}

/// A fitted logistic regression with an L2 penalty on everything but the intercept.
package struct LogisticRegression: Sendable, Equatable {
    /// In the units of the columns; shape [d].
    package let coefficients: [Double]
    package let intercept: Double
    /// Of the coefficients, then of the intercept: roots of the diagonal of the inverse of the observed
    /// information, without the penalty. Nil where that has no inverse. Shape [d + 1].
    package let standardErrors: [Double]?
    /// Half the squared coefficients and C times the weighted sum of log losses.
    package let objective: Double
    /// Greatest absolute slope of the objective, in standard units, per unit of weight.
    package let gradient: Double
    package let iterations: Int
    package let converged: Bool

    /// Newton's method (iteratively reweighted least squares) with step halving: no chance is involved, and
    /// columns of any scale are fitted as accurately as standardised ones.
    /// - Parameter weights: of the rows, ≥ 0; nil: 1 for each.
    /// - Complexity: O(iterations · n · d²).
    package init(
        _ table: FeatureTable, labels: [UInt8], weights: [Double]? = nil,
        config: LogisticConfig = LogisticConfig()
    ) {
        self.init(solving: LogisticNewton(table, labels, weights, config))
    }

    private init(solving newton: LogisticNewton) {
        var newton = newton
        newton.run()
        coefficients = newton.coefficients
        intercept = newton.intercept
        standardErrors = newton.standardErrors
        objective = newton.objective
        gradient = newton.slope
        iterations = newton.iterations
        converged = newton.converged
    }

    /// The logarithm of the odds.
    package func predictor(_ row: [Double]) -> Double {
        zip(coefficients, row).reduce(intercept) { $0 + $1.0 * $1.1 }
    }

    package func probability(_ row: [Double]) -> Double { logistic(predictor(row)) }

    /// How each feature moves the logarithm of the odds away from that of the mean row.
    package func contributions(_ row: [Double], mean: [Double]) -> [Double] {
        coefficients.indices.map { coefficients[$0] * (row[$0] - mean[$0]) }
    }
}

/// Weights that give both classes the same sum: n / (2 · rows of the class), as `balanced` has it elsewhere.
package func balancedWeights(_ labels: [UInt8]) -> [Double] {
    let positives = labels.reduce(0) { $0 + ($1 != 0 ? 1 : 0) }
    let both = Double(labels.count) / 2
    return labels.map { both / Double($0 != 0 ? positives : labels.count - positives) }
}

private struct LogisticNewton {
    let loss: LogisticObjective
    let config: LogisticConfig
    let totalWeight: Double
    /// In standard units, the intercept last.
    var parameters: [Double]
    var value: LogisticObjective.Value
    var iterations = 0
    var converged = false

    init(
        _ table: FeatureTable, _ labels: [UInt8], _ weights: [Double]?, _ config: LogisticConfig
    ) {
        let (mean, scale) = table.standardisation
        loss = LogisticObjective(table: table, labels: labels, weights: weights, mean: mean, scale: scale)
        self.config = config
        totalWeight = max(weights?.reduce(0, +) ?? Double(table.rows), 1e-300)
        parameters = [Double](repeating: 0, count: table.width + 1)
        value = loss(parameters)
    }

    var size: Int { parameters.count }
    /// What the penalty adds to the curvature of a parameter.
    func penalty(_ index: Int) -> Double {
        index < size - 1 ? 1 / (loss.scale[index] * loss.scale[index]) : 0
    }

    func objective(_ loss: Double, _ parameters: [Double]) -> Double {
        var squares = 0.0
        for index in 0..<size { squares += penalty(index) * parameters[index] * parameters[index] }
        return config.c * loss + squares / 2
    }

    var objective: Double { objective(value.loss, parameters) }

    var slopes: [Double] {
        (0..<size).map { config.c * value.gradient[$0] + penalty($0) * parameters[$0] }
    }

    var slope: Double { (slopes.map { abs($0) }.max() ?? 0) / (config.c * totalWeight) }

    mutating func run() {
        while iterations < config.iterations {
            iterations += 1
            let slopes = slopes
            guard let step = direction(slopes) else { return }
            let decrement = zip(slopes, step).reduce(0) { $0 + $1.0 * $1.1 }
            if decrement <= 2 * config.tolerance * max(objective, 1e-300) {
                converged = true
                return
            }
            guard advance(step, decrement) else {
                converged = decrement <= 1e-6 * max(objective, 1e-300)
                return
            }
        }
    }

    /// Newton's; where the curvature has no inverse, with as much of a multiple of the identity as it takes.
    private func direction(_ slopes: [Double]) -> [Double]? {
        var ridge = 0.0
        let greatest = (0..<size).map { config.c * value.hessian[$0 * size + $0] }.max() ?? 0
        for _ in 0..<40 {
            var matrix = value.hessian.map { $0 * config.c }
            for index in 0..<size { matrix[index * size + index] += penalty(index) + ridge }
            if let root = Cholesky(matrix, size) { return root.solve(slopes) }
            ridge = max(ridge * 10, 1e-12 * max(greatest, 1))
        }
        return nil
    }

    /// Steps against `step`, by half as much until the objective falls enough (Armijo).
    private mutating func advance(_ step: [Double], _ decrement: Double) -> Bool {
        let before = objective
        var length = 1.0
        for _ in 0..<40 {
            let next = zip(parameters, step).map { $0 - length * $1 }
            let there = loss(next)
            let after = objective(there.loss, next)
            if after.isFinite, after <= before - 1e-4 * length * decrement {
                parameters = next
                value = there
                return true
            }
            length /= 2
        }
        return false
    }

    var coefficients: [Double] { (0..<size - 1).map { parameters[$0] / loss.scale[$0] } }

    var intercept: Double {
        (0..<size - 1).reduce(parameters[size - 1]) {
            $0 - parameters[$1] * loss.mean[$1] / loss.scale[$1]
        }
    }

    var standardErrors: [Double]? {
        guard let root = Cholesky(value.hessian, size) else { return nil }
        let variances = root.inverseDiagonal
        // Of the intercept where the columns are not centred.
        let shift = (0..<size).map { $0 < size - 1 ? -loss.mean[$0] / loss.scale[$0] : 1 }
        let variance = zip(shift, root.solve(shift)).reduce(0) { $0 + $1.0 * $1.1 }
        return (0..<size - 1).map { variances[$0].squareRoot() / loss.scale[$0] } + [variance.squareRoot()]
    }
}

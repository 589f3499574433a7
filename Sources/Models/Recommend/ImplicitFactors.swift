/// Factors of rows or columns, `count` vectors of `factors` numbers, each padded with zeros to a multiple of 4.
package struct FactorMatrix: Sendable, Equatable {
    package let count: Int
    package let factors: Int
    /// Shape [count][stride].
    package var values: [Float]

    package init(count: Int, factors: Int) {
        self.count = count
        self.factors = factors
        values = [Float](repeating: 0, count: count * FactorMatrix.stride(factors))
    }

    package static func stride(_ factors: Int) -> Int { (factors + 3) / 4 * 4 }
    package var stride: Int { FactorMatrix.stride(factors) }

    package subscript(row: Int, factor: Int) -> Float {
        get { values[row * stride + factor] }
        set { values[row * stride + factor] = newValue }
    }

    /// Uniform in 0 up to 0.01, as `implicit` begins.
    mutating func randomise(_ generator: inout SeededGenerator) {
        for row in 0..<count {
            for factor in 0..<factors { self[row, factor] = Float(generator.uniform() * 0.01) }
        }
    }

    /// Σ v vᵀ over the vectors, shape [factors][factors], summed in the order of the rows.
    var gram: [Double] {
        let (stride, factors) = (stride, factors)
        var gram = [Double](repeating: 0, count: factors * factors)
        values.withUnsafeBufferPointer { values in
            gram.withUnsafeMutableBufferPointer { gram in
                for row in 0..<count {
                    for a in 0..<factors {
                        let left = Double(values[row * stride + a])
                        for b in 0...a { gram[a * factors + b] += left * Double(values[row * stride + b]) }
                    }
                }
            }
        }
        for a in 0..<factors {
            for b in 0..<a { gram[b * factors + a] = gram[a * factors + b] }
        }
        return gram
    }

    /// Σ v² over all.
    var squares: Double { values.reduce(0) { $0 + Double($1) * Double($1) } }

    func vector(_ row: Int) -> ArraySlice<Float> { values[row * stride..<row * stride + factors] }
}

/// How implicit feedback is factorised.
package struct ImplicitFactorsConfig: Sendable, Equatable {
    package enum Solver: UInt8, Sendable {
        /// Three steps of conjugate gradients from where the last iteration ended (Takács, Pilászy and Tikk
        /// 2011): `implicit`'s default.
        case conjugateGradient = 0
        /// Each row's system solved exactly.
        case exact = 1
    }

    package var factors = 20
    package var regularization = 0.1
    package var alpha = 15.0
    package var iterations = 30
    package var solver = Solver.conjugateGradient

    package init() {}
}

/// Factors of users and items by alternating least squares on implicit feedback (Hu, Koren and Volinsky 2008):
/// the least of Σ c (p − xᵀy)² + λ (Σ|x|² + Σ|y|²) over all cells, where p is 1 for what was bought and 0
/// elsewhere. As in `implicit`, the confidence c is α · count where something was bought (not 1 + α · count)
/// and 1 elsewhere, and λ multiplies the plain identity.
package struct ImplicitFactors: Sendable {
    package private(set) var users: FactorMatrix
    package private(set) var items: FactorMatrix
    /// After each iteration: the sum above over Σ c, which `implicit` calls the loss.
    package private(set) var losses: [Double] = []

    /// Fits by `config.iterations` rounds over users and items; deterministic.
    ///
    /// - Parameters:
    ///   - counts: users by items.
    ///   - users: where to begin; nil: by chance.
    ///   - tellsLoss: whether `losses` is wanted.
    /// - Complexity: O(iterations · (entries · factors + (users + items) · factors²)).
    package init(
        _ counts: SparseCounts, config: ImplicitFactorsConfig, seed: UInt64,
        beginningAt start: (users: FactorMatrix, items: FactorMatrix)? = nil, tellsLoss: Bool = false
    ) {
        users = FactorMatrix(count: counts.rowCount, factors: config.factors)
        items = FactorMatrix(count: counts.columnCount, factors: config.factors)
        if let start {
            (users, items) = start
        } else {
            var generator = SeededGenerator(seed: seed)
            users.randomise(&generator)
            items.randomise(&generator)
        }
        let turned = counts.transposed
        for _ in 0..<config.iterations {
            FactorStep(config, items).solve(counts, into: &users)
            FactorStep(config, users).solve(turned, into: &items)
            if tellsLoss { losses.append(loss(counts, config)) }
        }
    }

    /// The weighted squared error with its penalty, per unit of confidence.
    package func loss(_ counts: SparseCounts, _ config: ImplicitFactorsConfig) -> Double {
        let gram = items.gram
        let factors = config.factors
        var sum = config.regularization * (users.squares + items.squares)
        var confidences = 0.0
        for user in 0..<counts.rowCount {
            let x = users.vector(user).map { Double($0) }
            for a in 0..<factors {
                for b in 0..<factors { sum += x[a] * gram[a * factors + b] * x[b] }
            }
            for index in counts.row(user) {
                let confidence = config.alpha * Double(counts.values[index])
                let guess = zip(x, items.vector(Int(counts.columns[index]))).reduce(0) {
                    $0 + $1.0 * Double($1.1)
                }
                sum += confidence * (1 - guess) * (1 - guess) - guess * guess
                confidences += confidence
            }
        }
        return sum
            / (confidences + Double(counts.rowCount) * Double(counts.columnCount)
                - Double(counts.entryCount))
    }
}

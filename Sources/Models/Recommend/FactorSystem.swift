/// The system that one user's vector solves, given the items': (YᵀY + λI + Σ (c − 1) y yᵀ) x = Σ c y.
struct FactorSystem {
    private let gram: [Double]
    private let factors: Int
    /// Lower triangle.
    private var matrix: [Double]
    private var right: [Double]

    /// - Parameter gram: YᵀY + λI, shape [factors][factors].
    init(gram: [Double], factors: Int) {
        self.gram = gram
        self.factors = factors
        matrix = gram
        right = [Double](repeating: 0, count: factors)
    }

    mutating func begin() {
        matrix = gram
        for factor in 0..<factors { right[factor] = 0 }
    }

    /// Something bought.
    mutating func add(_ item: some Collection<Float>, confidence: Double) {
        add(vector: item.map { Double($0) }, weight: confidence - 1, right: confidence)
    }

    /// Adds `weight` · y yᵀ on the left and `right` · y on the right.
    mutating func add(vector y: [Double], weight: Double, right target: Double) {
        for a in 0..<factors {
            right[a] += target * y[a]
            let weighted = weight * y[a]
            for b in 0...a { matrix[a * factors + b] += weighted * y[b] }
        }
    }

    /// By Cholesky's decomposition; nil where the matrix is not positive definite, which numbers that are not
    /// finite make it.
    mutating func solve() -> [Double]? {
        for a in 0..<factors {
            for b in 0...a {
                var sum = matrix[a * factors + b]
                for k in 0..<b { sum -= matrix[a * factors + k] * matrix[b * factors + k] }
                if a == b {
                    guard sum > 0, sum.isFinite else { return nil }
                    matrix[a * factors + a] = sum.squareRoot()
                } else {
                    matrix[a * factors + b] = sum / matrix[b * factors + b]
                }
            }
        }
        var x = right
        for a in 0..<factors {
            for k in 0..<a { x[a] -= matrix[a * factors + k] * x[k] }
            x[a] /= matrix[a * factors + a]
        }
        for a in (0..<factors).reversed() {
            for k in a + 1..<max(factors, a + 1) { x[a] -= matrix[k * factors + a] * x[k] }
            x[a] /= matrix[a * factors + a]
        }
        return x
    }
}

/// Weighted least squares with a penalty on each coefficient, by Cholesky's factors of the normal equations.
enum LeastSquares {
    /// Minimises Σ (y − x·b)² + Σ penaltyⱼ bⱼ².
    ///
    /// - Parameters:
    ///   - rows: shape [n · k], row by row.
    ///   - penalty: shape [k], above 0 where columns may depend on each other.
    /// - Returns: shape [k]; zeros where the equations have no solution.
    static func ridge(_ rows: [Double], _ y: [Double], penalty: [Double]) -> [Double] {
        let (gram, right) = normal(rows, y, columns: penalty.count)
        return solve(gram, right, penalty: penalty)
    }

    static func normal(_ rows: [Double], _ y: [Double], columns k: Int) -> ([Double], [Double]) {
        var gram = [Double](repeating: 0, count: k * k)
        var right = [Double](repeating: 0, count: k)
        for (index, value) in y.enumerated() {
            let row = index * k
            for i in 0..<k where rows[row + i] != 0 {
                let x = rows[row + i]
                right[i] += x * value
                for j in 0...i { gram[i * k + j] += x * rows[row + j] }
            }
        }
        return (gram, right)
    }

    /// - Parameter gram: its lower half, shape [k · k].
    static func solve(_ gram: [Double], _ right: [Double], penalty: [Double]) -> [Double] {
        let k = penalty.count
        var factor = gram
        for i in 0..<k { factor[i * k + i] += penalty[i] }
        for j in 0..<k {
            for i in j..<k {
                var sum = factor[i * k + j]
                for m in 0..<j { sum -= factor[i * k + m] * factor[j * k + m] }
                if i == j {
                    guard sum > 0 else { return [Double](repeating: 0, count: k) }
                    factor[j * k + j] = sum.squareRoot()
                } else {
                    factor[i * k + j] = sum / factor[j * k + j]
                }
            }
        }
        var x = right
        for i in 0..<k {
            for m in 0..<i { x[i] -= factor[i * k + m] * x[m] }
            x[i] /= factor[i * k + i]
        }
        for i in stride(from: k - 1, through: 0, by: -1) {
            for m in i + 1..<max(k, i + 1) { x[i] -= factor[m * k + i] * x[m] }
            x[i] /= factor[i * k + i]
        }
        return x
    }
}

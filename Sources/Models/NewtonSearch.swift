import Glibc

/// A smooth function of few variables at one point.
struct Curvature {
    var value: Double
    /// Shape [n].
    var gradient: [Double]
    /// Shape [n · n], row by row, symmetric.
    var hessian: [Double]

    init(variables: Int) {
        value = 0
        gradient = [Double](repeating: 0, count: variables)
        hessian = [Double](repeating: 0, count: variables * variables)
    }

    var isFinite: Bool {
        value.isFinite && gradient.allSatisfy(\.isFinite) && hessian.allSatisfy(\.isFinite)
    }

    /// Greatest slope along an axis.
    var steepest: Double { gradient.reduce(0) { max($0, abs($1)) } }

    /// What it is as a function of the variables' logarithms, by the chain rule.
    /// - Parameter slopes: dxᵢ/dθᵢ, which for x = eᶿ + constant is also d²xᵢ/dθᵢ².
    func inLogarithms(_ slopes: [Double]) -> Curvature {
        var result = self
        let n = slopes.count
        for i in 0..<n {
            result.gradient[i] *= slopes[i]
            for j in 0..<n { result.hessian[i * n + j] *= slopes[i] * slopes[j] }
            result.hessian[i * n + i] += gradient[i] * slopes[i]
        }
        return result
    }
}

/// Minimum of a smooth function of few variables: Newton's method, damped as by Levenberg and Marquardt where
/// the function is not convex or a step does not lessen it (Nocedal and Wright 2006, chapter 4).
///
/// Exact second derivatives of four parameters cost less than the evaluations a quasi-Newton method needs to
/// guess them, and the end is quadratic: the gradient falls to rounding, which the gate can look at.
struct NewtonSearch {
    /// Where it ended.
    private(set) var point: [Double]
    private(set) var end: Curvature
    private(set) var evaluations = 1

    /// Greatest slope that still is a minimum.
    static let flat = 1e-9
    /// What rounding may leave of it in long sums.
    static let nearlyFlat = 1e-6
    static let longestStep = 3.0
    static let mostEvaluations = 500

    private var damping = 0.0

    /// Whether the gradient vanishes there.
    var converged: Bool { end.isFinite && end.steepest <= NewtonSearch.nearlyFlat }

    init(from start: [Double], of function: ([Double]) -> Curvature) {
        point = start
        end = function(start)
        while end.steepest > NewtonSearch.flat, damping < 1e12, end.isFinite,
            evaluations < NewtonSearch.mostEvaluations
        {
            let step = descent()
            let next = zip(point, step).map { $0 + $1 }
            let there = function(next)
            evaluations += 1
            if isBetter(there) {
                point = next
                end = there
                damping = damping < 1e-9 ? 0 : damping / 10
            } else {
                damping = max(damping * 10, 1e-6)
            }
        }
    }

    /// Lower; or, where the difference drowns in rounding, flatter.
    private func isBetter(_ there: Curvature) -> Bool {
        guard there.isFinite else { return false }
        let noise = 1e-13 * max(1, abs(end.value))
        if there.value < end.value - noise { return true }
        return there.value <= end.value + noise && there.steepest < end.steepest
    }

    /// −(H + λI)⁻¹ g with the least damping, from the present one on, that makes the matrix positive definite.
    private mutating func descent() -> [Double] {
        let n = point.count
        let scale = (0..<n).reduce(1e-12) { max($0, abs(end.hessian[$1 * n + $1])) }
        while true {
            var matrix = end.hessian
            for i in 0..<n { matrix[i * n + i] += damping * scale }
            if let step = Cholesky(matrix, n)?.solve(end.gradient.map { -$0 }) {
                let longest = step.reduce(0) { max($0, abs($1)) }
                guard longest > NewtonSearch.longestStep else { return step }
                return step.map { $0 * NewtonSearch.longestStep / longest }
            }
            damping = max(damping * 10, 1e-6)
        }
    }
}

/// A = L·Lᵀ of a small positive definite matrix.
struct Cholesky {
    private let lower: [Double]
    private let n: Int

    /// - Parameter matrix: symmetric, shape [n · n].
    /// - Returns: nil where it is not positive definite to rounding.
    init?(_ matrix: [Double], _ n: Int) {
        var lower = matrix
        for j in 0..<n {
            var pivot = matrix[j * n + j]
            for k in 0..<j { pivot -= lower[j * n + k] * lower[j * n + k] }
            guard pivot > 1e-14 * abs(matrix[j * n + j]), pivot > 0 else { return nil }
            let root = pivot.squareRoot()
            lower[j * n + j] = root
            for i in j + 1..<max(n, j + 1) {
                var sum = matrix[i * n + j]
                for k in 0..<j { sum -= lower[i * n + k] * lower[j * n + k] }
                lower[i * n + j] = sum / root
            }
        }
        self.lower = lower
        self.n = n
    }

    func solve(_ right: [Double]) -> [Double] {
        var x = right
        for i in 0..<n {
            for k in 0..<i { x[i] -= lower[i * n + k] * x[k] }
            x[i] /= lower[i * n + i]
        }
        for i in (0..<n).reversed() {
            for k in i + 1..<max(n, i + 1) { x[i] -= lower[k * n + i] * x[k] }
            x[i] /= lower[i * n + i]
        }
        return x
    }

    /// Diagonal of the inverse: the variances where the matrix is an information.
    var inverseDiagonal: [Double] {
        (0..<n).map { index in
            var unit = [Double](repeating: 0, count: n)
            unit[index] = 1
            return solve(unit)[index]
        }
    }
}

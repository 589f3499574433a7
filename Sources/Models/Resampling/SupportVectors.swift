import Glibc

/// A support vector machine of two classes with a Gaussian kernel, by sequential minimal optimisation.
///
/// The dual, ½ αᵀQα − Σα with 0 ≤ α ≤ C and Σ yα = 0, is lowered two coefficients at a time, those that
/// promise most to second order (Fan, Chen and Lin 2005, WSS 2), as LIBSVM does.
package struct SupportVectors: Sendable {
    package struct Config: Sendable, Equatable {
        package var c = 1.0
        /// exp(−γ · squared distance); nil: 1 / (columns · variance of all values), as scikit-learn's `scale`.
        package var gamma: Double?
        /// Greatest violation of the optimality conditions.
        package var tolerance = 1e-3
        package var iterations = 1_000_000
        package init() {}
    }

    /// Of the rows, 0…C; shape [n].
    package let alpha: [Double]
    package let intercept: Double
    package let gamma: Double
    /// ½ αᵀQα − Σα.
    package let objective: Double
    package let converged: Bool
    private let rows: [[Double]]
    private let signs: [Double]

    /// - Complexity: O(n² · d) for the kernel, O(n) per step.
    package init(_ training: TrainingRows, config: Config = Config()) {
        rows = (0..<training.table.rows).map { training.table.row($0) }
        signs = training.labels.map { $0 != 0 ? 1 : -1 }
        gamma = config.gamma ?? SupportVectors.scale(training.table)
        var solver = Solver(rows, signs, gamma, config)
        converged = solver.run()
        alpha = solver.alpha
        intercept = -solver.offset
        objective = solver.objective
    }

    private static func scale(_ table: FeatureTable) -> Double {
        let count = Double(max(1, table.values.count))
        let mean = table.values.reduce(0, +) / count
        let variance = table.values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        return variance > 0 ? 1 / (Double(table.width) * variance) : 1
    }

    /// Rows with a coefficient that is not 0.
    package var supports: [Int] { alpha.indices.filter { alpha[$0] > 0 } }

    /// Greater than 0 on the side of the positives.
    package func decision(_ row: [Double]) -> Double {
        var sum = intercept
        for index in supports {
            sum += alpha[index] * signs[index] * SupportVectors.kernel(rows[index], row, gamma)
        }
        return sum
    }

    fileprivate static func kernel(_ a: [Double], _ b: [Double], _ gamma: Double) -> Double {
        var distance = 0.0
        for index in a.indices {
            let difference = a[index] - b[index]
            distance += difference * difference
        }
        return exp(-gamma * distance)
    }
}

private struct Solver {
    let signs: [Double]
    let c: Double
    let tolerance: Double
    let iterations: Int
    /// Of Float, as LIBSVM keeps it: halves what a row of n costs.
    private let kernel: [Float]
    private let count: Int
    private(set) var alpha: [Double]
    /// Of the dual.
    private var slope: [Double]
    private(set) var offset = 0.0

    init(_ rows: [[Double]], _ signs: [Double], _ gamma: Double, _ config: SupportVectors.Config) {
        self.signs = signs
        c = config.c
        tolerance = config.tolerance
        iterations = config.iterations
        let count = rows.count
        self.count = count
        var kernel = [Float](repeating: 1, count: count * count)
        for a in 0..<count {
            for b in 0..<a {
                let value = Float(SupportVectors.kernel(rows[a], rows[b], gamma))
                kernel[a * count + b] = value
                kernel[b * count + a] = value
            }
        }
        self.kernel = kernel
        alpha = [Double](repeating: 0, count: count)
        slope = [Double](repeating: -1, count: count)
    }

    var objective: Double { zip(alpha, slope).reduce(0) { $0 + $1.0 * ($1.1 - 1) } / 2 }

    /// May grow along its sign.
    private func isUp(_ row: Int) -> Bool { signs[row] > 0 ? alpha[row] < c : alpha[row] > 0 }
    private func isDown(_ row: Int) -> Bool { signs[row] > 0 ? alpha[row] > 0 : alpha[row] < c }

    mutating func run() -> Bool {
        var left = iterations
        while left > 0, let (first, second) = pair() {
            left -= 1
            step(first, second)
        }
        setOffset()
        return left > 0
    }

    /// The two coefficients to move; nil at the optimum.
    private func pair() -> (Int, Int)? {
        var first = -1
        var most = -Double.infinity
        for row in 0..<count where isUp(row) && -signs[row] * slope[row] > most {
            most = -signs[row] * slope[row]
            first = row
        }
        guard first >= 0 else { return nil }
        var second = -1
        var least = Double.infinity
        var best = 0.0
        for row in 0..<count where isDown(row) {
            let value = -signs[row] * slope[row]
            least = min(least, value)
            let gain = most - value
            guard gain > 0 else { continue }
            let curvature = max(2 - 2 * Double(kernel[first * count + row]), 1e-12)
            if gain * gain / curvature > best {
                best = gain * gain / curvature
                second = row
            }
        }
        return second >= 0 && most - least > tolerance ? (first, second) : nil
    }

    private mutating func step(_ first: Int, _ second: Int) {
        let curvature = max(2 - 2 * Double(kernel[first * count + second]), 1e-12)
        let gain = -signs[first] * slope[first] + signs[second] * slope[second]
        // How far the first may move along its sign, and the second against it.
        let room = min(
            signs[first] > 0 ? c - alpha[first] : alpha[first],
            signs[second] > 0 ? alpha[second] : c - alpha[second])
        let length = min(gain / curvature, room)
        move(first, signs[first] * length)
        move(second, -signs[second] * length)
        for row in 0..<count {
            let difference = kernel[first * count + row] - kernel[second * count + row]
            slope[row] += signs[row] * length * Double(difference)
        }
    }

    private mutating func move(_ row: Int, _ by: Double) {
        let next = alpha[row] + by
        // What rounding leaves at a bound is at the bound.
        alpha[row] = next < 1e-12 * c ? 0 : next > c * (1 - 1e-12) ? c : next
    }

    private mutating func setOffset() {
        var sum = 0.0
        var free = 0
        var upper = Double.infinity
        var lower = -Double.infinity
        for row in 0..<count {
            let value = signs[row] * slope[row]
            if alpha[row] > 0, alpha[row] < c {
                sum += value
                free += 1
            } else if isUp(row) {
                upper = min(upper, value)
            } else {
                lower = max(lower, value)
            }
        }
        if free > 0 {
            offset = sum / Double(free)
        } else {
            offset = upper.isFinite && lower.isFinite ? (upper + lower) / 2 : 0
        }
    }
}

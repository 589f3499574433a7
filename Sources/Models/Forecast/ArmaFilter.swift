import Glibc

/// The exact likelihood of an ARMA process by the Kalman filter, in Harvey's form (Harvey 1989, 3.3; Gardner,
/// Harvey and Phillips 1980, Applied Statistics 29:311–322), started from the stationary distribution. The
/// variance, and the mean where there is one, are those that maximise it given the rest.
package struct ArmaFilter: Sendable {
    package struct Outcome: Sendable {
        package var logLikelihood: Double
        package var variance: Double
        package var mean: Double
        /// Of the deviations from the mean after the last value, shape [r].
        package var state: [Double]
    }

    private let ar: [Double]
    private let ma: [Double]
    private let size: Int

    package init(_ polynomials: ArmaPolynomials) {
        let ar = polynomials.fullAR
        let ma = polynomials.fullMA
        size = max(ar.count, ma.count + 1, 1)
        self.ar = ar + [Double](repeating: 0, count: size - ar.count)
        self.ma = [1] + ma + [Double](repeating: 0, count: size - 1 - ma.count)
    }

    /// - Parameters:
    ///   - series: differenced already, at least 1 value.
    ///   - mean: given; nil: the likeliest where `hasMean`, else 0.
    /// - Returns: nil where the process has no stationary distribution to the last digit.
    package func run(_ series: [Double], hasMean: Bool, mean given: Double? = nil) -> Outcome? {
        guard var covariance = stationary(), let sums = sums(series, &covariance, both: hasMean) else {
            return nil
        }
        let n = Double(series.count)
        let mean = given ?? (hasMean && sums.ones > 0 ? sums.cross / sums.ones : 0)
        let squares = sums.squares - 2 * mean * sums.cross + mean * mean * sums.ones
        let variance = max(squares / n, .leastNormalMagnitude)
        let logLikelihood = -0.5 * (n * (log(2 * .pi * variance) + 1) + sums.logDeterminant)
        let state = zip(sums.state, sums.onesState).map { $0 - mean * $1 }
        return Outcome(logLikelihood: logLikelihood, variance: variance, mean: mean, state: state)
    }

    /// What follows the state: expected deviations from the mean, shape [horizon].
    package func forecast(_ state: [Double], horizon: Int) -> [Double] {
        var state = state
        return (0..<horizon).map { _ in
            let value = state[0]
            for i in 0..<size { state[i] = ar[i] * value + (i + 1 < size ? state[i + 1] : 0) }
            return value
        }
    }

    private struct Sums {
        var squares = 0.0
        var cross = 0.0
        var ones = 0.0
        var logDeterminant = 0.0
        var state: [Double]
        var onesState: [Double]
    }

    /// The filter over the series and, with the same gains, over ones, whence the mean by least squares.
    private func sums(_ series: [Double], _ covariance: inout [Double], both: Bool) -> Sums? {
        let r = size
        var sums = Sums(
            state: [Double](repeating: 0, count: r), onesState: [Double](repeating: 0, count: r))
        var column = [Double](repeating: 0, count: r + 1)
        var gain = column
        var isSteady = false
        var variance = 0.0
        for value in series {
            if !isSteady {
                variance = covariance[0]
                guard variance > 0, variance.isFinite else { return nil }
                for i in 0..<r { column[i] = covariance[i * r] }
                for i in 0..<r { gain[i] = (ar[i] * column[0] + column[i + 1]) / variance }
                isSteady = advance(&covariance, column, variance) < 1e-13
            }
            let error = value - sums.state[0]
            sums.squares += error * error / variance
            sums.logDeterminant += log(variance)
            move(&sums.state, error, gain)
            guard both else { continue }
            let onesError = 1 - sums.onesState[0]
            sums.cross += error * onesError / variance
            sums.ones += onesError * onesError / variance
            move(&sums.onesState, onesError, gain)
        }
        return sums
    }

    private func move(_ state: inout [Double], _ error: Double, _ gain: [Double]) {
        let first = state[0]
        for i in 0..<size {
            state[i] = ar[i] * first + (i + 1 < size ? state[i + 1] : 0) + gain[i] * error
        }
    }

    /// P ← T P Tᵀ − K Kᵀ F + R Rᵀ, which for this form is P shifted up and left less what the value told.
    ///
    /// - Returns: the greatest change.
    private func advance(_ covariance: inout [Double], _ column: [Double], _ variance: Double) -> Double {
        let r = size
        var change = 0.0
        for i in 0..<r {
            for j in 0...i {
                let shifted = i + 1 < r ? covariance[(i + 1) * r + j + 1] : 0
                let value = shifted - column[i + 1] * column[j + 1] / variance + ma[i] * ma[j]
                change = max(change, abs(value - covariance[i * r + j]))
                covariance[i * r + j] = value
                covariance[j * r + i] = value
            }
        }
        return change
    }

    /// P = Σ Tᵏ R Rᵀ Tᵏᵀ, twice as many terms at each step; nil where the sum does not end.
    private func stationary() -> [Double]? {
        let r = size
        var sum = (0..<r * r).map { ma[$0 / r] * ma[$0 % r] }
        var power = [Double](repeating: 0, count: r * r)
        for i in 0..<r {
            power[i * r] = ar[i]
            if i + 1 < r { power[i * r + i + 1] = 1 }
        }
        for _ in 0..<50 {
            let added = ArmaFilter.product(
                ArmaFilter.product(power, sum, r), power, r, transposed: true)
            var greatest = 0.0
            for i in sum.indices {
                sum[i] += added[i]
                greatest = max(greatest, abs(added[i]))
            }
            guard greatest.isFinite else { return nil }
            if greatest <= 1e-14 * abs(sum[0]) { return sum }
            power = ArmaFilter.product(power, power, r)
        }
        return nil
    }

    private static func product(
        _ a: [Double], _ b: [Double], _ r: Int, transposed: Bool = false
    ) -> [Double] {
        var result = [Double](repeating: 0, count: r * r)
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                for i in 0..<r {
                    for k in 0..<r where transposed || a[i * r + k] != 0 {
                        var total = 0.0
                        if transposed {
                            for j in 0..<r { total += a[i * r + j] * b[k * r + j] }
                            result[i * r + k] = total
                        } else {
                            let factor = a[i * r + k]
                            for j in 0..<r { result[i * r + j] += factor * b[k * r + j] }
                        }
                    }
                }
            }
        }
        return result
    }
}

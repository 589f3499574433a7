/// How a series goes along with itself some steps before.
package enum Autocorrelation {
    /// Autocorrelations at lags 0…`lags`, each a sum over the whole series' variance (Box and Jenkins, 2.1.11);
    /// all 0 but the first where the series is constant.
    package static func acf(_ series: [Double], lags: Int) -> [Double] {
        let n = series.count
        guard n > 0 else { return [1] }
        let mean = series.reduce(0, +) / Double(n)
        let centred = series.map { $0 - mean }
        let variance = centred.reduce(0) { $0 + $1 * $1 }
        return (0...min(lags, n - 1)).map { lag in
            if lag == 0 { return 1 }
            guard variance > 0 else { return 0 }
            var sum = 0.0
            for t in lag..<n { sum += centred[t] * centred[t - lag] }
            return sum / variance
        }
    }

    /// Partial autocorrelations at lags 0…`lags` by the Durbin–Levinson recursion on `acf`.
    package static func pacf(_ series: [Double], lags: Int) -> [Double] {
        let rho = acf(series, lags: lags)
        var partial = [1.0]
        var phi: [Double] = []
        var remaining = 1.0
        for lag in rho.indices.dropFirst() {
            var value = rho[lag]
            for (index, coefficient) in phi.enumerated() { value -= coefficient * rho[lag - 1 - index] }
            let reflection = remaining > 1e-12 ? value / remaining : 0
            phi = phi.indices.map { phi[$0] - reflection * phi[phi.count - 1 - $0] } + [reflection]
            remaining *= 1 - reflection * reflection
            partial.append(reflection)
        }
        return partial
    }
}

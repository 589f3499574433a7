import Glibc

/// Whether a series keeps its level: Kwiatkowski, Phillips, Schmidt and Shin (1992), J. Econometrics 54:159–178.
/// The hypothesis is that it does; a small p speaks against it.
package struct Stationarity: Sendable, Equatable {
    package var statistic: Double
    /// Between the table's 10 % and 1 %, linear; the ends stand for what lies beyond.
    package var p: Double
    package var lags: Int

    /// - Parameters:
    ///   - series: at least 3 values.
    ///   - lags: of the long-run variance by Bartlett's window; nil: ⌊4 (n/100)^¼⌋.
    package init(_ series: [Double], lags chosen: Int? = nil) {
        let n = series.count
        let lags = min(chosen ?? Int(4 * pow(Double(n) / 100, 0.25)), max(0, n - 1))
        self.lags = lags
        let mean = series.reduce(0, +) / Double(max(n, 1))
        let rest = series.map { $0 - mean }
        var running = 0.0
        var squares = 0.0
        for value in rest {
            running += value
            squares += running * running
        }
        var variance = rest.reduce(0) { $0 + $1 * $1 }
        for lag in 1..<max(lags + 1, 1) where lag < n {
            var sum = 0.0
            for t in lag..<n { sum += rest[t] * rest[t - lag] }
            variance += 2 * (1 - Double(lag) / Double(lags + 1)) * sum
        }
        statistic = variance > 0 ? squares / (Double(n) * variance) : 0
        p = Stationarity.probability(statistic)
    }

    package var isStationary: Bool { p >= 0.05 }

    /// Table 1 of the paper, level stationarity.
    private static let table: [(statistic: Double, p: Double)] = [
        (0.347, 0.1), (0.463, 0.05), (0.574, 0.025), (0.739, 0.01),
    ]

    private static func probability(_ statistic: Double) -> Double {
        guard statistic > table[0].statistic else { return table[0].p }
        for (low, high) in zip(table, table.dropFirst()) where statistic <= high.statistic {
            let part = (statistic - low.statistic) / (high.statistic - low.statistic)
            return low.p + part * (high.p - low.p)
        }
        return table[table.count - 1].p
    }
}

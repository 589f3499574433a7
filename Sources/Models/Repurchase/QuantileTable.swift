import Glibc

/// A distribution of a positive quantity by its percentiles 1 % … 99 %; beyond the last an exponential tail
/// whose rate is that of the last decile.
struct QuantileTable: Sendable, Equatable {
    static let levels = (1...99).map { Double($0) / 100 }
    /// Shape [99], ascending, the last > 0.
    let values: [Double]

    init(_ values: [Double]) { self.values = values }

    /// Mean length of what is left beyond the last percentile.
    private var tail: Double {
        let fall = (values[98] - values[89]) / log(10)
        return fall > 0 ? fall : max(values[98], 1e-6) / 10
    }

    /// The value below which the share `p` lies, 0 ≤ p < 1.
    func quantile(_ p: Double) -> Double {
        if p >= 0.99 { return values[98] + tail * log(0.01 / max(1 - p, 1e-12)) }
        let position = p * 100
        let index = Int(position)
        let low = index == 0 ? 0 : values[index - 1]
        return low + (position - Double(index)) * (values[index] - low)
    }

    /// The share below `value`.
    func share(below value: Double) -> Double {
        guard value > 0 else { return 0 }
        if value >= values[98] { return 1 - 0.01 * exp(-(value - values[98]) / tail) }
        var index = 0
        while values[index] <= value { index += 1 }
        let low = index == 0 ? 0 : values[index - 1]
        return (Double(index) + (value - low) / (values[index] - low)) / 100
    }

    /// Quantiles of `scale` times what is distributed so, given that it exceeds `elapsed`.
    func forecast(scale: Double, elapsed: Double) -> RepurchaseModel.Forecast {
        func at(_ p: Double) -> Double { scale * quantile(p, exceeding: elapsed / scale) }
        return RepurchaseModel.Forecast(p10: at(0.1), p50: at(0.5), p90: at(0.9))
    }

    /// The quantile among what is known to exceed `value`.
    func quantile(_ p: Double, exceeding value: Double) -> Double {
        guard value > 0 else { return quantile(p) }
        if value >= values[98] { return value - tail * log(1 - p) }
        let passed = share(below: value)
        return max(value, quantile(passed + p * (1 - passed)))
    }
}

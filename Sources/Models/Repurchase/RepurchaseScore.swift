/// How far forecasts are from what came; each case counts by its weight. Days.
struct RepurchaseScore {
    let mean: Double
    let rootMeanSquare: Double
    let median: Double
    /// Share of what came that lies within the interval; nil where only a date is forecast.
    var coverage: Double?
    /// Mean pinball loss of the first decile, the median and the last decile.
    var pinball: Double?

    /// - Parameter errors: absolute.
    init(_ errors: [Double], _ weights: [Double]) {
        let total = weights.reduce(0, +)
        mean = zip(errors, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
        rootMeanSquare = (zip(errors, weights).reduce(0) { $0 + $1.0 * $1.0 * $1.1 } / total).squareRoot()
        median = WeightedQuantiles(Array(zip(errors, weights))).values([0.5])[0]
    }

    init(_ forecasts: [RepurchaseModel.Forecast], _ lengths: [Double], _ weights: [Double]) {
        self.init(zip(forecasts, lengths).map { abs($0.p50 - $1) }, weights)
        let total = weights.reduce(0, +)
        var covered = 0.0
        var loss = 0.0
        for ((one, length), weight) in zip(zip(forecasts, lengths), weights) {
            if length >= one.p10, length <= one.p90 { covered += weight }
            for (level, value) in [(0.1, one.p10), (0.5, one.p50), (0.9, one.p90)] {
                loss += weight * (length >= value ? level * (length - value) : (1 - level) * (value - length))
            }
        }
        coverage = covered / total
        pinball = loss / total / 3
    }

    var tree: Tree {
        var members: [Tree.Member] = [
            .init("mae_d", .finite(mean)), .init("rmse_d", .finite(rootMeanSquare)),
            .init("median_error_d", .finite(median)),
        ]
        if let coverage { members.append(.init("coverage_80", .finite(coverage))) }
        if let pinball { members.append(.init("pinball_d", .finite(pinball))) }
        return .object(members)
    }
}

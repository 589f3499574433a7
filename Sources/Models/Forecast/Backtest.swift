/// A method tried on the past: learnt from what came before the first origin, then asked at each origin with
/// what was known there, as it would have been.
package struct Backtest: Sendable {
    package struct Trial: Sendable {
        package var method: ForecastMethod
        package var errors: SeriesErrors
        /// Foretold and actual values of each origin, shape [origins][horizon].
        package var forecasts: [[Double]]
        /// Share of the actual values of the later origins inside the bounds learnt on the earlier; nil where
        /// there are too few origins.
        package var coverage: Double?
    }

    /// Lengths of the histories at which forecasts were made, ascending.
    package let origins: [Int]
    package let horizon: Int
    private let series: [Double]
    private let period: Int

    /// Nil where the series is too short to keep the least history before an origin.
    ///
    /// - Parameters:
    ///   - least: values that must lie before the first origin.
    package init?(_ series: [Double], horizon: Int, period: Int, least: Int) {
        let span = max(horizon, min(series.count / 2, 6 * horizon))
        let first = series.count - span
        guard first >= least else { return nil }
        let step = max(1, horizon / 4)
        origins = Array(stride(from: first, through: series.count - horizon, by: step))
        self.series = series
        self.horizon = horizon
        self.period = period
    }

    /// What methods may learn from.
    package var training: [Double] { Array(series[..<origins[0]]) }

    /// - Parameter interval: share of outcomes that bounds are to hold.
    package func trial(
        _ method: ForecastMethod, _ model: any SeriesModel, interval: Double
    ) -> Trial {
        let forecasts = origins.map { origin in
            model.forecast(after: Array(series[..<origin]), horizon: horizon).map { max(0, $0) }
        }
        let errors = SeriesErrors(
            actual: origins.flatMap { series[$0..<$0 + horizon] }, forecast: forecasts.flatMap { $0 },
            history: training, period: period)
        var trial = Trial(method: method, errors: errors, forecasts: forecasts, coverage: nil)
        trial.coverage = coverage(forecasts, interval: interval)
        return trial
    }

    /// Bounds of the errors at each step ahead, from all origins.
    package func bounds(_ trial: Trial, interval: Double) -> ErrorBounds {
        ErrorBounds(errors(trial.forecasts, at: origins.indices), interval: interval)
    }

    private func errors(_ forecasts: [[Double]], at places: Range<Int>) -> [[Double]] {
        places.map { place in
            (0..<horizon).map { series[origins[place] + $0] - forecasts[place][$0] }
        }
    }

    private func coverage(_ forecasts: [[Double]], interval: Double) -> Double? {
        let cut = origins.count * 2 / 3
        // Origins whose outcomes reach into the later third would have seen what they are judged on.
        let known = origins.indices.prefix { origins[$0] + horizon <= origins[cut] }.count
        guard known >= 2, cut < origins.count else { return nil }
        let bounds = ErrorBounds(errors(forecasts, at: 0..<known), interval: interval)
        var inside = 0
        for place in cut..<origins.count {
            for step in 0..<horizon {
                let forecast = forecasts[place][step]
                let (low, high) = bounds.around(forecast, step: step)
                let actual = series[origins[place] + step]
                if actual >= low, actual <= high { inside += 1 }
            }
        }
        return Double(inside) / Double((origins.count - cut) * horizon)
    }
}

/// Between which errors the middle share of them lay, apart for the near, middle and far third of the horizon:
/// bounds without an assumption of how errors are spread.
package struct ErrorBounds: Sendable {
    /// Shape [3].
    private var low: [Double]
    private var high: [Double]
    private let horizon: Int

    /// - Parameters:
    ///   - errors: actual less foretold, shape [origins][horizon], at least one origin.
    ///   - interval: share to be inside.
    package init(_ errors: [[Double]], interval: Double) {
        let horizon = errors[0].count
        self.horizon = horizon
        low = []
        high = []
        let tail = (1 - interval) / 2
        for third in 0..<3 {
            let steps = (0..<horizon).filter { min(2, $0 * 3 / horizon) == third }
            let sorted = errors.flatMap { row in steps.map { row[$0] } }.sorted()
            low.append(min(0, ErrorBounds.quantile(sorted, tail)))
            high.append(max(0, ErrorBounds.quantile(sorted, 1 - tail)))
        }
    }

    /// Bounds about a forecast; quantities are not below 0.
    package func around(_ forecast: Double, step: Int) -> (low: Double, high: Double) {
        let third = min(2, step * 3 / horizon)
        return (max(0, forecast + low[third]), max(0, forecast + high[third]))
    }

    /// Linear between order statistics; 0 of nothing.
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = share * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
    }
}

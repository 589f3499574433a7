/// A method tried on the past: learnt from what came before the first origin, then asked at each origin with
/// what was known there, as it would have been.
package struct Backtest: Sendable {
    package struct Trial: Sendable {
        package var method: ForecastMethod
        package var errors: SeriesErrors
        /// Foretold and actual values of each origin, shape [origins][horizon].
        package var forecasts: [[Double]]
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
        let span = max(horizon, min(series.count / 2, 8 * horizon))
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

    package func trial(_ method: ForecastMethod, _ model: any SeriesModel) -> Trial {
        let forecasts = origins.map { origin in
            model.forecast(after: Array(series[..<origin]), horizon: horizon).map { max(0, $0) }
        }
        let errors = SeriesErrors(
            actual: origins.flatMap { series[$0..<$0 + horizon] }, forecast: forecasts.flatMap { $0 },
            history: training, period: period)
        return Trial(method: method, errors: errors, forecasts: forecasts)
    }

    /// Actual less foretold values of an origin, shape [horizon].
    func errors(_ trial: Trial, at place: Int) -> [Double] {
        (0..<horizon).map { series[origins[place] + $0] - trial.forecasts[place][$0] }
    }

    /// How much the series moves, from what was known at a time: half by the mean difference from a period before over
    /// the last periods, half by that of the whole history, so that a quiet month does not promise quiet. More than 0.
    package func scale(at origin: Int) -> Double {
        let differences = (min(period, origin)..<origin).map { abs(series[$0] - series[$0 - period]) }
        let lately = differences.suffix(Self.lately * period)
        let scale = (Self.mean(lately) + Self.mean(differences[...])) / 2
        if scale > 0 { return scale }
        let level = Self.mean(series[..<origin])
        return level > 0 ? level : 1
    }

    /// Periods that are lately.
    private static let lately = 4

    private static func mean(_ values: ArraySlice<Double>) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
}

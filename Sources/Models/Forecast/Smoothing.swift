import Glibc

/// Exponential smoothing with additive trend and season: simple, Holt's and Holt–Winters' (Hyndman and
/// Athanasopoulos 2021, chapter 8; Holt 1957, Winters 1960).
///
/// Starts: without trend the mean of the first period (without season the first value); with a trend and no
/// season the first value and the first difference; with a season the level is the mean of the first period,
/// the trend the mean difference between the first two periods over the period, and the seasonal parts the
/// first period less its mean.
package struct Smoothing: SeriesModel, Equatable {
    /// Weight of the newest value in the level, in (0, 1).
    package var alpha: Double
    /// Weight of the newest step in the trend, in [0, 1); nil: no trend.
    package var beta: Double?
    /// Weight of the newest value in the season, in [0, 1); nil: no season.
    package var gamma: Double?
    /// Steps of a season.
    package var period: Int
    /// What is kept of the trend from step to step, in (0, 1]; 1: it goes on for good.
    package var damping: Double

    package init(
        alpha: Double, beta: Double? = nil, gamma: Double? = nil, period: Int = 1, damping: Double = 1
    ) {
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.period = period
        self.damping = damping
    }

    package struct State: Sendable {
        package var level: Double
        package var trend: Double
        /// Shape [period], that of the next step first; empty without season.
        package var seasons: [Double]
    }

    /// Where it starts, nil where the series is too short: below one value, two with a trend, two periods with a
    /// season.
    package func start(_ series: [Double]) -> State? {
        if gamma != nil {
            guard series.count >= 2 * period, period > 1 else { return nil }
            let first = series[..<period].reduce(0, +) / Double(period)
            let second = series[period..<2 * period].reduce(0, +) / Double(period)
            return State(
                level: first, trend: beta == nil ? 0 : (second - first) / Double(period),
                seasons: series[..<period].map { $0 - first })
        }
        guard let first = series.first, beta == nil || series.count > 1 else { return nil }
        return State(level: first, trend: beta == nil ? 0 : series[1] - first, seasons: [])
    }

    /// One value: the state before becomes the state after.
    ///
    /// - Returns: what was foretold for it.
    package func absorb(_ value: Double, _ state: inout State) -> Double {
        let damped = damping * state.trend
        let season = state.seasons.first ?? 0
        let foretold = state.level + damped + season
        let level = alpha * (value - season) + (1 - alpha) * (state.level + damped)
        if let beta { state.trend = beta * (level - state.level) + (1 - beta) * damped }
        if let gamma {
            // Winters: the season of the value less the level and trend before it.
            state.seasons.removeFirst()
            state.seasons.append(gamma * (value - state.level - damped) + (1 - gamma) * season)
        }
        state.level = level
        return foretold
    }

    /// Errors of one step ahead, shape [n], and the state after; nil where there is no start.
    package func run(_ series: [Double]) -> (errors: [Double], state: State)? {
        guard var state = start(series) else { return nil }
        let errors = series.map { $0 - absorb($0, &state) }
        return (errors, state)
    }

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        guard let state = run(history)?.state else {
            return MeanForecast().forecast(after: history, horizon: horizon)
        }
        var reach = 0.0
        var kept = 1.0
        return (0..<horizon).map { step in
            kept *= damping
            reach += kept
            let season = state.seasons.isEmpty ? 0 : state.seasons[step % state.seasons.count]
            return state.level + reach * state.trend + season
        }
    }

    /// The weights with the least sum of squared errors of one step ahead, found from several starts.
    package static func fitted(to series: [Double], trend: Bool, period: Int?) -> Smoothing {
        func model(_ point: [Double]) -> Smoothing {
            let weights = point.map { 1 / (1 + exp(-$0)) }
            var rest = weights.dropFirst()
            return Smoothing(
                alpha: max(weights[0], 1e-4), beta: trend ? rest.removeFirst() : nil,
                gamma: period == nil ? nil : rest.removeFirst(), period: period ?? 1,
                damping: trend ? 0.98 : 1)
        }
        func error(_ point: [Double]) -> Double {
            guard let errors = model(point).run(series)?.errors else { return 0 }
            return log(errors.reduce(1e-12) { $0 + $1 * $1 })
        }
        let width = 1 + (trend ? 1 : 0) + (period == nil ? 0 : 1)
        var best: QuasiNewton.Outcome?
        for first in [-2.0, 0, 2] {
            let start = [first] + [Double](repeating: -3, count: width - 1)
            let found = QuasiNewton.minimum(from: start, iterations: 40, of: error)
            if found.value < best?.value ?? .infinity { best = found }
        }
        return model(best?.point ?? [Double](repeating: -2, count: width))
    }
}

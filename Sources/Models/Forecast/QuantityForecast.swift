/// The days to come of a series of daily quantities: every method tried on the past, the best taken, its bounds
/// from the errors it made, and what the series looks like.
package struct QuantityForecast: Sendable {
    package struct Step: Sendable, Equatable {
        package var quantity: Double
        /// Bounds of `interval` of the outcomes; nil where nothing could be tried on the past.
        package var low: Double?
        package var high: Double?
    }

    package struct Score: Sendable {
        package var method: ForecastMethod
        package var errors: SeriesErrors
        package var coverage: Double?
    }

    package var chosen: ForecastMethod
    package var steps: [Step]
    /// Best first by root mean squared error, equal ones the plainest first; empty where nothing could be tried.
    package var scores: [Score]
    /// Of the bounds, each origin held against those drawn from the ones before it.
    package var coverage: Double?
    /// Origins whose errors the bounds are drawn from.
    package var calibrated: Int
    package var origins: Int
    package var demand: DemandClass
    package var decomposition: Decomposition?
    /// Of lags 0, 1, …
    package var acf: [Double]
    package var pacf: [Double]
    /// Nil below 10 values.
    package var stationarity: Stationarity?

    /// Share of the outcomes that the bounds are to hold.
    package static let interval = 0.8

    /// - Parameters:
    ///   - series: daily quantities, the oldest first, none below 0.
    ///   - others: further series that end on the same day; the network learns from them too, up to the same day.
    ///   - horizon: days ahead, at least 1.
    package init(_ series: [Double], others: [[Double]] = [], horizon: Int, seed: UInt64) {
        let candidates = ForecastCandidates(horizon: horizon, seed: seed)
        let period = candidates.period
        let backtest = Backtest(
            series, horizon: horizon, period: period, least: candidates.leastHistory)
        let trials = QuantityForecast.trials(backtest, candidates, others: others, after: series.count)
        let ranked = QuantityForecast.ranked(trials)
        let best = ranked.first
        chosen = best?.method ?? QuantityForecast.plain(series)
        let model = candidates.learn(chosen, from: series, others: others) ?? MeanForecast()
        let intervals =
            trials.isEmpty
            ? nil : backtest.map { ForecastIntervals($0, trials, interval: QuantityForecast.interval) }
        let scale = backtest?.scale(at: series.count) ?? 1
        steps = model.forecast(after: series, horizon: horizon).enumerated().map { index, value in
            let quantity = value.isFinite ? max(0, value) : 0
            let around = intervals?.around(quantity, step: index, scale: scale)
            return Step(quantity: quantity, low: around?.low, high: around?.high)
        }
        scores = ranked.map { trial in
            let alone = backtest.flatMap {
                ForecastIntervals($0, [trial], interval: QuantityForecast.interval).coverage
            }
            return Score(method: trial.method, errors: trial.errors, coverage: alone)
        }
        coverage = intervals?.coverage
        calibrated = intervals?.calibrated ?? 0
        origins = backtest?.origins.count ?? 0
        demand = DemandClass(series)
        decomposition = Decomposition(series, period: period)
        acf = Autocorrelation.acf(series, lags: 3 * period)
        pacf = Autocorrelation.pacf(series, lags: 3 * period)
        stationarity = series.count >= 10 ? Stationarity(series) : nil
    }

    private static func trials(
        _ backtest: Backtest?, _ candidates: ForecastCandidates, others: [[Double]], after count: Int
    ) -> [Backtest.Trial] {
        guard let backtest else { return [] }
        let training = backtest.training
        // The others end on the same day: what lies beyond the first origin is cut off there too.
        let known = others.map { Array($0.dropLast(count - training.count)) }
        var trials: [Backtest.Trial] = []
        for method in candidates.methods(for: training) {
            guard let model = candidates.learn(method, from: training, others: known) else { continue }
            let trial = backtest.trial(method, model)
            if trial.errors.rootMeanSquare.isFinite { trials.append(trial) }
        }
        return trials
    }

    /// Best first; of equals the plainest.
    private static func ranked(_ trials: [Backtest.Trial]) -> [Backtest.Trial] {
        trials.enumerated().sorted { a, b in
            let (x, y) = (a.element.errors.rootMeanSquare, b.element.errors.rootMeanSquare)
            return x != y ? x < y : a.offset < b.offset
        }.map(\.element)
    }

    /// Where nothing can be tried: the method of the literature for the kind of demand.
    private static func plain(_ series: [Double]) -> ForecastMethod {
        switch DemandClass(series).kind {
        case .intermittent, .lumpy: .sba
        case .smooth, .erratic: .simpleSmoothing
        case nil: .mean
        }
    }
}

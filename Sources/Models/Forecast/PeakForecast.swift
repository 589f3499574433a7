/// The day on which the greatest quantity is expected, from the members of the family that search for nothing: it
/// is asked at every purchase, where there is no time for more.
///
/// The rolling-origin backtest chooses, as for `QuantityForecast`, among the mean of the last eight weeks, SBA, the
/// seasonal naive forecast and Holt–Winters' with an additive week. The first two foretell all days alike, and
/// where one of them wins there is no peak. (So do Croston, TSB and simple smoothing, which could win only in their
/// place.) ARIMA, the additive model and the network look for parameters or an order and are left out;
/// Holt–Winters' takes the best of twelve pairs of weights.
package struct PeakForecast: Sendable, Equatable {
    /// Steps after the last value, at least 1.
    package let ahead: Int
    /// Expected then, more than 0.
    package let quantity: Double
    package let method: ForecastMethod

    /// Values that are looked at, the last ones: they bound what a forecast costs.
    package static let values = 112

    private static let methods: Set<ForecastMethod> = [.mean, .seasonalNaive, .sba, .holtWinters]

    /// Nil below 27 values, or two weeks and the horizon where that is more, and where all days are expected to be
    /// alike.
    ///
    /// - Parameters:
    ///   - series: daily quantities, the oldest first, none below 0.
    ///   - horizon: days ahead, 1 to 90. Of equal days the first is taken.
    package init?(_ series: [Double], horizon: Int) {
        precondition((1...90).contains(horizon))
        let series = Array(series.suffix(Self.values))
        let candidates = ForecastCandidates(horizon: horizon, seed: 0)
        guard
            let backtest = Backtest(
                series, horizon: horizon, period: candidates.period, least: candidates.leastHistory)
        else { return nil }
        let training = backtest.training
        var best: Backtest.Trial?
        for method in candidates.methods(for: training) where Self.methods.contains(method) {
            let trial = backtest.trial(method, Self.learn(method, from: training, period: candidates.period))
            let least = best?.errors.rootMeanSquare ?? .infinity
            if trial.errors.rootMeanSquare < least { best = trial }
        }
        guard let best else { return nil }
        let coming = Self.learn(best.method, from: series, period: candidates.period)
            .forecast(after: series, horizon: horizon)
        // What differs by rounding alone is alike.
        guard let most = coming.max(), let least = coming.min(), most > 0, most - least > 1e-9 * most,
            let place = coming.firstIndex(of: most)
        else { return nil }
        ahead = place + 1
        quantity = most
        method = best.method
    }

    private static func learn(
        _ method: ForecastMethod, from history: [Double], period: Int
    ) -> any SeriesModel {
        switch method {
        case .seasonalNaive: NaiveForecast(period: period)
        case .sba: IntermittentDemand.fitted(.sba, to: history)
        case .holtWinters: weekly(history, period: period)
        default: MeanForecast(window: 8 * period)
        }
    }

    /// Holt–Winters' without trend, with the weights that foretold the history best one step ahead by squared error.
    private static func weekly(_ history: [Double], period: Int) -> Smoothing {
        var best = (error: Double.infinity, model: Smoothing(alpha: 0.1, gamma: 0.1, period: period))
        for alpha in [0.05, 0.1, 0.2] {
            for gamma in [0.05, 0.1, 0.2, 0.4] {
                let model = Smoothing(alpha: alpha, gamma: gamma, period: period)
                guard let errors = model.run(history)?.errors else { continue }
                let error = errors.reduce(0) { $0 + $1 * $1 }
                if error < best.error { best = (error, model) }
            }
        }
        return best.model
    }
}

/// Learns methods from histories.
package struct ForecastCandidates: Sendable {
    /// Steps of a season.
    package var period: Int
    /// Steps ahead that the network is trained for.
    package var horizon: Int
    package var seed: UInt64

    package init(period: Int = 7, horizon: Int, seed: UInt64) {
        self.period = period
        self.horizon = horizon
        self.seed = seed
    }

    /// ARIMA models fitted at most for one series: the search rarely takes more, and somebody waits.
    static let arimaBudget = 24

    /// Values a series must have before the time it is judged on.
    package var leastHistory: Int { 2 * period }

    /// Methods that a history is long enough for, the plainest first.
    ///
    /// Below one demand in four there is no level or trend to hold on to from day to day: what smooths or learns
    /// one follows the gaps, and wins by luck with a forecast of nothing. The rates are left, and the season where
    /// there plainly is one.
    ///
    /// - Parameter history: values known.
    package func methods(for history: [Double]) -> [ForecastMethod] {
        let n = history.count
        let demands = history.count { $0 != 0 }
        guard demands > 0 else { return [.mean] }
        var out: [ForecastMethod] = [.mean, .naive]
        if n >= 2 * period { out.append(.seasonalNaive) }
        if demands < n { out += [.croston, .sba, .tsb] }
        let isRare = demands * 4 < n
        if !isRare { out.append(.simpleSmoothing) }
        if !isRare, n >= 10 { out.append(.holt) }
        let mayHaveSeason = !isRare || hasSeason(history)
        if n >= 3 * period, mayHaveSeason { out.append(.holtWinters) }
        if n >= 6 * period, !isRare { out.append(.arima) }
        if n >= 4 * period, mayHaveSeason { out.append(.additive) }
        if n >= 8 * period + horizon, !isRare { out.append(.lstm) }
        return out
    }

    /// Whether the season explains most of what is not trend, by the measure that `ArimaSearch` differences by.
    private func hasSeason(_ history: [Double]) -> Bool {
        (Decomposition(history, period: period)?.seasonalStrength ?? 0) > 0.64
    }

    /// - Parameters:
    ///   - history: values known; nothing later is looked at.
    ///   - others: further series, known up to the same time, that the network may learn from as well.
    /// - Returns: nil where the method cannot be learnt from this history.
    package func learn(
        _ method: ForecastMethod, from history: [Double], others: [[Double]] = []
    ) -> (any SeriesModel)? {
        switch method {
        case .mean: MeanForecast(window: 8 * period)
        case .naive: NaiveForecast()
        case .seasonalNaive: NaiveForecast(period: period)
        case .croston: IntermittentDemand.fitted(.croston, to: history)
        case .sba: IntermittentDemand.fitted(.sba, to: history)
        case .tsb: IntermittentDemand.fitted(.tsb, to: history)
        case .simpleSmoothing: Smoothing.fitted(to: history, trend: false, period: nil)
        case .holt: Smoothing.fitted(to: history, trend: true, period: nil)
        case .holtWinters: Smoothing.fitted(to: history, trend: false, period: period)
        case .arima: ArimaSearch(budget: ForecastCandidates.arimaBudget).best(history, period: period)
        case .additive: AdditiveTrend(steps: history.count)
        case .lstm:
            RecurrentForecast.trained(on: [history] + others, horizon: horizon, seed: seed)
        }
    }
}

/// A way to foretell a series of daily quantities.
package enum ForecastMethod: String, Sendable, CaseIterable {
    case mean
    case naive
    case seasonalNaive = "seasonal_naive"
    case croston
    case sba
    case tsb
    case simpleSmoothing = "ses"
    case holt
    case holtWinters = "holt_winters"
    case arima
    case additive
    case lstm
}

/// A method whose parameters are learnt: it goes on from any history of the same series without learning
/// again, so that it can be tried on a time that the parameters have not seen.
package protocol SeriesModel: Sendable {
    /// - Parameters:
    ///   - history: equally spaced values, the oldest first; may be empty.
    ///   - horizon: steps ahead, at least 1.
    /// - Returns: the expected values, shape [horizon], finite.
    func forecast(after history: [Double], horizon: Int) -> [Double]
}

/// The mean of the last values.
package struct MeanForecast: SeriesModel {
    /// How many of the last values count; nil: all.
    package var window: Int?
    package init(window: Int? = nil) { self.window = window }

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        let last = history.suffix(window ?? history.count)
        let mean = last.isEmpty ? 0 : last.reduce(0, +) / Double(last.count)
        return [Double](repeating: mean, count: horizon)
    }
}

/// The last value again; with a period, the last period's again.
package struct NaiveForecast: SeriesModel {
    package var period: Int
    package init(period: Int = 1) { self.period = period }

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        guard history.count >= period else {
            return [Double](repeating: history.last ?? 0, count: horizon)
        }
        return (0..<horizon).map { history[history.count - period + $0 % period] }
    }
}

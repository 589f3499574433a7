/// A series taken apart into trend, season and rest, by moving averages (Hyndman and Athanasopoulos 2021, 3.4):
/// the trend is the centred mean of a period, at an even one half a value at each end; the season is the mean of
/// what is left at each place of the period, less their mean.
package struct Decomposition: Sendable, Equatable {
    /// Shape [n], nil where the average does not reach.
    package var trend: [Double?]
    /// Shape [n].
    package var seasonal: [Double]
    /// Shape [n], nil where the trend is.
    package var rest: [Double?]

    /// - Parameter period: from 2 on; nil is given back for a series shorter than two periods.
    package init?(_ series: [Double], period: Int) {
        guard period >= 2, series.count >= 2 * period else { return nil }
        let trend = Decomposition.average(series, period)
        self.trend = trend
        let seasons = Decomposition.seasons(zip(series, trend).map { $0 - ($1 ?? .nan) }, period)
        seasonal = series.indices.map { seasons[$0 % period] }
        let seasonal = self.seasonal
        rest = series.indices.map { index in trend[index].map { series[index] - $0 - seasonal[index] } }
    }

    private static func average(_ series: [Double], _ period: Int) -> [Double?] {
        let reach = period / 2
        return series.indices.map { t in
            guard t >= reach, t + reach < series.count else { return nil }
            var sum = 0.0
            for s in t - reach...t + reach {
                sum += series[s] * (period % 2 == 0 && abs(s - t) == reach ? 0.5 : 1)
            }
            return sum / Double(period)
        }
    }

    private static func seasons(_ detrended: [Double], _ period: Int) -> [Double] {
        let means = (0..<period).map { place in
            let values = stride(from: place, to: detrended.count, by: period)
                .map { detrended[$0] }.filter { $0.isFinite }
            return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        let mean = means.reduce(0, +) / Double(period)
        return means.map { $0 - mean }
    }

    /// How much of what is not trend the season explains, 0…1 (Wang, Smith and Hyndman 2006).
    package var seasonalStrength: Double {
        let inside = rest.indices.filter { rest[$0] != nil }
        let left = inside.map { rest[$0] ?? 0 }
        let both = inside.map { (rest[$0] ?? 0) + seasonal[$0] }
        let whole = Decomposition.variance(both)
        return whole > 0 ? max(0, 1 - Decomposition.variance(left) / whole) : 0
    }

    private static func variance(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let mean = values.reduce(0, +) / Double(values.count)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    }
}

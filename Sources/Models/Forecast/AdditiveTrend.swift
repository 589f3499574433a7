import Glibc

/// A trend whose slope changes at places of its own choosing, plus seasons of sines and cosines: the additive
/// model of Taylor and Letham (2018), The American Statistician 72:37–45, equations 1, 4 and 5.
///
/// The slope may change at places evenly over the first four fifths of the history. Changes have Laplace's prior
/// (most are then none), seasons a normal one; what is found is the mode, the prior's absolute values by
/// reweighted least squares. The series is scaled by its greatest absolute value before.
package struct AdditiveTrend: SeriesModel, Equatable {
    /// A season: its length in steps and how many pairs of sine and cosine.
    package struct Season: Sendable, Equatable {
        package var length: Double
        package var pairs: Int
        package init(length: Double, pairs: Int) {
            self.length = length
            self.pairs = pairs
        }
    }

    /// What a history says of the parameters.
    package struct Fit: Sendable, Equatable {
        /// Of the values, by which everything below is multiplied.
        package var scale: Double
        /// Level and slope at the start; steps are counted as parts of the history.
        package var level: Double
        package var slope: Double
        /// Parts of the history at which the slope changes, and by how much.
        package var places: [Double]
        package var changes: [Double]
        /// Sine and cosine of each pair of each season.
        package var seasonal: [Double]
        package var count: Int
    }

    package var seasons: [Season]
    package var changepoints: Int
    /// Scale of Laplace's prior on changes of the slope.
    package var flexibility: Double
    /// Standard deviation of the prior on seasons.
    package var seasonality: Double

    /// - Parameters:
    ///   - steps: length of the history it is for: a season counts where it was seen twice.
    package init(steps: Int, changepoints: Int = 15, flexibility: Double = 0.05, seasonality: Double = 10) {
        let all = [Season(length: 7, pairs: 3), Season(length: 365.25, pairs: 6)]
        seasons = all.filter { Double(steps) >= 2 * $0.length }
        self.changepoints = changepoints
        self.flexibility = flexibility
        self.seasonality = seasonality
    }

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        guard history.count >= 4, let fit = fit(history) else {
            return MeanForecast().forecast(after: history, horizon: horizon)
        }
        return (0..<horizon).map { value(fit, at: history.count + $0) }
    }

    /// Trend and seasons together at a step, counted from the first of the history.
    package func value(_ fit: Fit, at step: Int) -> Double {
        fit.scale * (trend(fit, at: step) + season(fit, at: step))
    }

    /// In units of the scale.
    package func trend(_ fit: Fit, at step: Int) -> Double {
        let t = Double(step) / Double(fit.count)
        return zip(fit.places, fit.changes).reduce(fit.level + fit.slope * t) {
            $0 + $1.1 * max(0, t - $1.0)
        }
    }

    package func season(_ fit: Fit, at step: Int) -> Double {
        zip(waves(step), fit.seasonal).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private func waves(_ step: Int) -> [Double] {
        seasons.flatMap { season in
            (1...season.pairs).flatMap { pair -> [Double] in
                let angle = 2 * Double.pi * Double(pair) * Double(step) / season.length
                return [sin(angle), cos(angle)]
            }
        }
    }

    /// Nil where the history is zero throughout.
    package func fit(_ history: [Double]) -> Fit? {
        let n = history.count
        let scale = history.reduce(0) { max($0, abs($1)) }
        guard scale > 0, n > 1 else { return nil }
        let turns = min(changepoints, max(0, n * 4 / 5 - 1))
        let places = (0..<turns).map { 0.8 * Double($0 + 1) / Double(turns) }
        let width = seasons.reduce(2 + turns) { $0 + 2 * $1.pairs }
        var rows: [Double] = []
        rows.reserveCapacity(n * width)
        for step in 0..<n {
            let t = Double(step) / Double(n)
            rows += [1, t] + places.map { max(0, t - $0) } + waves(step)
        }
        let coefficients = mode(rows, history.map { $0 / scale }, turns: turns, width: width)
        return Fit(
            scale: scale, level: coefficients[0], slope: coefficients[1], places: places,
            changes: Array(coefficients[2..<2 + turns]), seasonal: Array(coefficients[(2 + turns)...]),
            count: n)
    }

    /// |δ|/τ as δ²/(2τ|δ'|) about the last δ', and the noise's variance from what is left, in turns.
    private func mode(_ rows: [Double], _ y: [Double], turns: Int, width: Int) -> [Double] {
        let (gram, right) = LeastSquares.normal(rows, y, columns: width)
        var noise = 0.01
        var weights = [Double](repeating: 1 / (flexibility * flexibility), count: turns)
        var coefficients: [Double] = []
        for _ in 0..<12 {
            var penalty = [noise / 25, noise / 25]
            penalty += weights.map { noise * $0 }
            penalty += [Double](
                repeating: noise / (seasonality * seasonality), count: width - 2 - turns)
            coefficients = LeastSquares.solve(gram, right, penalty: penalty)
            weights = coefficients[2..<2 + turns].map { 1 / (flexibility * max(abs($0), 1e-4)) }
            noise = max(1e-8, residual(rows, y, coefficients) / Double(y.count))
        }
        return coefficients
    }

    private func residual(_ rows: [Double], _ y: [Double], _ coefficients: [Double]) -> Double {
        let width = coefficients.count
        return y.indices.reduce(0) { sum, index in
            var left = y[index]
            for j in 0..<width { left -= rows[index * width + j] * coefficients[j] }
            return sum + left * left
        }
    }
}

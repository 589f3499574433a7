/// Bounds about forecasts by conformal prediction (Vovk, Gammerman and Shafer 2005, ch. 4), from the errors that the
/// whole procedure made on the past: at each origin the method is chosen by what was known there, so that no error
/// counts that helped to choose the method that made it.
///
/// Errors are taken as multiples of how much the series moved lately (Lei et al. 2018, J. Am. Stat. Assoc. 113, sec. 5.2),
/// so that bounds grow and shrink with it, and apart for the near, middle and far third of the horizon. Days of one
/// origin go together: the correction for few errors counts origins.
package struct ForecastIntervals: Sendable {
    /// Share of the actual values that lay inside the bounds as they would have been drawn at each origin from the
    /// origins before it alone; nil where there are too few.
    package let coverage: Double?
    /// Origins the bounds are drawn from.
    package let calibrated: Int
    private let bounds: [Double]
    private let horizon: Int

    /// Origins with known outcomes before a method is chosen by them.
    private static let known = 2

    /// Where no origin comes late enough to choose a method by others, bounds are of the errors of the best one.
    ///
    /// - Parameters:
    ///   - trials: methods that are chosen among, the plainest first; at least one.
    ///   - interval: share of outcomes to be inside.
    package init(_ backtest: Backtest, _ trials: [Backtest.Trial], interval: Double) {
        let horizon = backtest.horizon
        self.horizon = horizon
        var past: [Past] = []
        var (inside, all) = (0, 0)
        for (place, origin) in backtest.origins.enumerated() {
            let ended = backtest.origins.prefix { $0 + horizon <= origin }.count
            guard ended >= Self.known else { continue }
            let chosen = Self.best(backtest, trials, upTo: ended)
            let errors = backtest.errors(chosen, at: place)
            let scale = backtest.scale(at: origin)
            // Only what had ended by then can have been learnt from.
            let earlier = past.filter { $0.origin + horizon <= origin }
            if !earlier.isEmpty {
                let bounds = Self.bounds(earlier, horizon: horizon, interval: interval)
                for step in 0..<horizon {
                    let reach = bounds[Self.third(step, horizon)] * scale
                    let forecast = chosen.forecasts[place][step]
                    let actual = forecast + errors[step]
                    // Quantities are not below 0: neither are bounds.
                    if actual >= max(0, forecast - reach), actual <= forecast + reach { inside += 1 }
                }
                all += horizon
            }
            past.append(Past(origin: origin, scores: errors.map { abs($0) / scale }))
        }
        if past.isEmpty {
            let best = Self.best(backtest, trials, upTo: backtest.origins.count)
            past = backtest.origins.enumerated().map { place, origin in
                let scale = backtest.scale(at: origin)
                return Past(
                    origin: origin, scores: backtest.errors(best, at: place).map { abs($0) / scale })
            }
        }
        calibrated = past.count
        bounds = Self.bounds(past, horizon: horizon, interval: interval)
        coverage = all == 0 ? nil : Double(inside) / Double(all)
    }

    /// Bounds about a forecast; quantities are not below 0.
    ///
    /// - Parameter scale: how much the series moves, as `Backtest.scale` has it.
    package func around(_ forecast: Double, step: Int, scale: Double) -> (low: Double, high: Double) {
        let reach = bounds[Self.third(step, horizon)] * scale
        return (max(0, forecast - reach), max(0, forecast + reach))
    }

    private struct Past {
        var origin: Int
        /// Errors as multiples of the scale, by step.
        var scores: [Double]
    }

    /// The method of least squared error on the origins whose outcomes were known; of equals the plainest.
    private static func best(
        _ backtest: Backtest, _ trials: [Backtest.Trial], upTo ended: Int
    ) -> Backtest.Trial {
        var best = trials[0]
        var least = Double.infinity
        for trial in trials {
            let squares = (0..<ended).reduce(0.0) { sum, place in
                backtest.errors(trial, at: place).reduce(sum) { $0 + $1 * $1 }
            }
            if squares < least { (best, least) = (trial, squares) }
        }
        return best
    }

    private static func third(_ step: Int, _ horizon: Int) -> Int { min(2, step * 3 / horizon) }

    /// For each third the score that the share does not pass, with the correction of n + 1 for n origins.
    private static func bounds(_ past: [Past], horizon: Int, interval: Double) -> [Double] {
        let share = min(1, interval * (1 + 1 / Double(past.count)))
        return (0..<3).map { third in
            let steps = (0..<horizon).filter { Self.third($0, horizon) == third }
            return quantile(past.flatMap { one in steps.map { one.scores[$0] } }.sorted(), share)
        }
    }

    /// Linear between order statistics; 0 of nothing, as where a horizon has no such third.
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = share * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
    }
}

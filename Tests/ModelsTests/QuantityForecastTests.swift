import Foundation
import Models
import Testing

/// What is chosen, how wide its bounds are, and what no forecast may do.
@Suite struct QuantityForecastTests {
    private func weekly(_ count: Int, noise: Double, seed: UInt64, growth: Double = 0) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { day in
            let wave = 20 + growth * Double(day) + 8 * sin(2 * .pi * Double(day) / 7)
            return max(0, wave + noise * (generator.uniform() + generator.uniform() - 1))
        }
    }

    private func rare(_ count: Int, every gap: Int, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in generator.below(gap) == 0 ? Double(1 + generator.below(4)) : 0 }
    }

    @Test func `a method that knows the week is chosen for a weekly series, and beats both naive ones`()
        throws
    {
        let forecast = QuantityForecast(weekly(200, noise: 6, seed: 1), horizon: 12, seed: 7)
        let seasonal: [ForecastMethod] = [.holtWinters, .arima, .additive, .lstm]
        #expect(seasonal.contains(forecast.chosen), "\(forecast.chosen)")
        let best = try #require(forecast.scores.first)
        #expect(best.method == forecast.chosen)
        for naive in [ForecastMethod.naive, .seasonalNaive] {
            let other = try #require(forecast.scores.first { $0.method == naive })
            #expect(best.errors.rootMeanSquare < other.errors.rootMeanSquare)
        }
        #expect(Set(forecast.scores.map(\.method)).isSuperset(of: seasonal))
        #expect(try #require(best.errors.scaled) < 1)
        let coverage = try #require(forecast.coverage)
        #expect(coverage > 0.6 && coverage <= 1, "\(coverage)")
    }

    @Test func `bounds hold about the share they promise, on days nobody has seen`() {
        var inside = 0
        var all = 0
        for seed in 1...12 {
            let series = weekly(212, noise: 10, seed: UInt64(seed))
            let forecast = QuantityForecast(Array(series.dropLast(12)), horizon: 12, seed: 1)
            for (step, actual) in zip(forecast.steps, series.suffix(12)) {
                all += 1
                if let low = step.low, let high = step.high, actual >= low, actual <= high { inside += 1 }
            }
        }
        let share = Double(inside) / Double(all)
        #expect(share > 0.7 && share < 0.9, "\(share)")
    }

    @Test func `bounds grow with a series whose noise does, and their measured share is the one they hold`()
        throws
    {
        var (inside, all, measured) = (0, 0, 0.0)
        for seed in 1...12 {
            var generator = SeededGenerator(seed: UInt64(100 + seed))
            let series = (0..<312).map { day -> Double in
                let level = 20 + 0.4 * Double(day)
                return max(0, level * (1 + 0.8 * (generator.uniform() + generator.uniform() - 1)))
            }
            let forecast = QuantityForecast(Array(series.dropLast(12)), horizon: 12, seed: 1)
            measured += try #require(forecast.coverage) / 12
            #expect(forecast.calibrated > 0 && forecast.calibrated < forecast.origins)
            for (step, actual) in zip(forecast.steps, series.suffix(12)) {
                all += 1
                if let low = step.low, let high = step.high, actual >= low, actual <= high { inside += 1 }
            }
        }
        let share = Double(inside) / Double(all)
        #expect(share > 0.7 && share < 0.95, "\(share)")
        #expect(abs(share - measured) < 0.12, "\(share) held, \(measured) promised")
    }

    @Test(arguments: [5, 19, 24, 31, 34])
    func `rare demand is foretold by its rate, not by nothing`(seed: UInt64) throws {
        let series = rare(300, every: 9, seed: seed)
        let forecast = QuantityForecast(series, horizon: 12, seed: 7)
        let rate = series.reduce(0, +) / 300
        #expect(forecast.demand.kind == .intermittent || forecast.demand.kind == .lumpy)
        #expect(
            forecast.steps.allSatisfy { $0.quantity > rate / 4 && $0.quantity < rate * 4 },
            "\(forecast.chosen) \(forecast.steps) of \(rate)")
        #expect(forecast.scores.contains { $0.method == .tsb })
        #expect(forecast.scores.allSatisfy { $0.errors.percentage == nil })
    }

    /// The second and the 23rd end with more than fifty days of nothing, the others with fewer.
    @Test(arguments: [2, 5, 19, 23, 40])
    func `a gap of ordinary length lessens the rate and does not end it`(seed: UInt64) throws {
        let series = rare(300, every: 9, seed: seed)
        let model = IntermittentDemand.fitted(.tsb, to: series)
        let last = try #require(series.lastIndex { $0 != 0 })
        let gap = [Double](repeating: 0, count: Int(try #require(DemandClass(series).averageInterval)))
        let before = model.forecast(after: Array(series[...last]), horizon: 1)[0]
        let after = model.forecast(after: series[...last] + gap, horizon: 1)[0]
        #expect(after < before && after > before / 2, "\(model): \(before), then \(after)")
        let whole = QuantityForecast(series, horizon: 12, seed: 7)
        #expect(whole.steps.allSatisfy { $0.quantity > 0 }, "\(whole.chosen)")
    }

    @Test func `rare demand that comes each week on the same day is foretold for that day`() {
        var generator = SeededGenerator(seed: 4)
        let series = (0..<210).map { $0 % 7 == 5 ? Double(8 + generator.below(5)) : 0 }
        let forecast = QuantityForecast(series, horizon: 14, seed: 7)
        #expect(forecast.scores.contains { $0.method == .holtWinters })
        for (step, one) in forecast.steps.enumerated() {
            #expect(step % 7 == 5 ? one.quantity > 6 : one.quantity < 1, "\(forecast.chosen) \(step): \(one)")
        }
    }

    @Test func `any series gets finite quantities of the length asked for, and bounds around them`() {
        let odd: [[Double]] = [
            [], [3], [0, 0], [Double](repeating: 0, count: 90), [Double](repeating: 5, count: 90),
            (0..<50).map { $0 == 20 ? 1e9 : 0 }, (0..<100).map { Double($0) }, [1e-12, 1e12, 0, 1],
            weekly(27, noise: 3, seed: 4), rare(40, every: 30, seed: 5),
        ]
        for series in odd {
            for horizon in [1, 12, 40] {
                let forecast = QuantityForecast(series, horizon: horizon, seed: 1)
                #expect(forecast.steps.count == horizon)
                for step in forecast.steps {
                    #expect(step.quantity.isFinite && step.quantity >= 0)
                    if let low = step.low, let high = step.high {
                        #expect(low >= 0 && low <= step.quantity && step.quantity <= high && high.isFinite)
                    }
                }
            }
        }
        #expect(
            QuantityForecast([Double](repeating: 5, count: 90), horizon: 3, seed: 1).steps[2].quantity == 5)
        #expect(
            QuantityForecast([Double](repeating: 0, count: 90), horizon: 3, seed: 1).steps[2].quantity == 0)
    }

    @Test func `the same series and seed give the same forecast`() {
        let series = weekly(160, noise: 6, seed: 8)
        let a = QuantityForecast(series, others: [weekly(160, noise: 5, seed: 9)], horizon: 7, seed: 3)
        let b = QuantityForecast(series, others: [weekly(160, noise: 5, seed: 9)], horizon: 7, seed: 3)
        #expect(a.steps == b.steps)
        #expect(a.scores.map(\.method) == b.scores.map(\.method))
    }

    /// A method is learnt and tried with what was known at each origin: what comes later, of this series or
    /// of others, cannot change a forecast made before it.
    @Test func `no method sees what comes after the origin`() throws {
        let series = weekly(160, noise: 6, seed: 8)
        let other = weekly(160, noise: 5, seed: 9)
        let backtest = try #require(Backtest(series, horizon: 7, period: 7, least: 14))
        let first = backtest.origins[0]
        let changed = series[..<first] + series[first...].map { $0 * 3 + 50 }
        let otherwise = try #require(Backtest(Array(changed), horizon: 7, period: 7, least: 14))
        let candidates = ForecastCandidates(horizon: 7, seed: 1)
        #expect(backtest.training == otherwise.training)
        for method in candidates.methods(for: backtest.training) {
            let known = [Array(other[..<first])]
            let model = try #require(candidates.learn(method, from: backtest.training, others: known))
            let trial = backtest.trial(method, model)
            let again = otherwise.trial(method, model)
            #expect(trial.forecasts[0] == again.forecasts[0], "\(method)")
        }
        let whole = QuantityForecast(series, others: [other], horizon: 7, seed: 1)
        let cut = other[..<first] + other[first...].map { $0 * 5 }
        let lstm = QuantityForecast(series, others: [Array(cut)], horizon: 7, seed: 1)
        let scores = [whole, lstm].map { $0.scores.first { $0.method == .lstm }?.errors }
        #expect(scores[0] != nil && scores[0] == scores[1])
    }

    @Test func `a slope that changes is followed, and a season of the week found`() throws {
        let series = (0..<140).map { day -> Double in
            let trend = day < 70 ? 10 + 0.5 * Double(day) : 45 - 0.2 * Double(day - 70)
            return trend + 4 * cos(2 * .pi * Double(day) / 7)
        }
        let model = AdditiveTrend(steps: series.count)
        let fit = try #require(model.fit(series))
        for day in stride(from: 5, to: 140, by: 9) {
            #expect(abs(model.value(fit, at: day) - series[day]) < 1.2, "day \(day)")
        }
        let ahead = model.forecast(after: series, horizon: 7)
        for (step, value) in ahead.enumerated() {
            let day = 140 + step
            let right = 45 - 0.2 * Double(day - 70) + 4 * cos(2 * .pi * Double(day) / 7)
            #expect(abs(value - right) < 2.5, "\(value), not \(right)")
        }
    }

    @Test func `errors are those of the definitions`() throws {
        let errors = SeriesErrors(
            actual: [2, 4], forecast: [1, 6], history: [1, 3, 2, 5], period: 2)
        #expect(errors.meanAbsolute == 1.5)
        #expect(near(errors.rootMeanSquare, 2.5.squareRoot(), 1e-15))
        // |2−1|, |5−3| → 1.5; squares of 2, −1, 3 → 14/3.
        #expect(errors.scaled == 1)
        #expect(near(try #require(errors.rootScaledSquare), (2.5 / (14.0 / 3)).squareRoot(), 1e-12))
        #expect(errors.percentage == 0.5)
        let zero = SeriesErrors(actual: [0], forecast: [1], history: [2, 2, 2], period: 1)
        #expect(zero.scaled == nil && zero.rootScaledSquare == nil && zero.percentage == nil)
    }
}

import Foundation
import Testing

@testable import Models

/// Against numpy and statsmodels: `forecast_oracle.py`, `forecast.expected.json`, tolerance 1e-9.
@Suite struct ForecastOracleTests {
    private struct File: Decodable {
        struct Network: Decodable {
            var hidden: Int
            var outputs: Int
            var weights: [Double]
            var window: [Double]
            var expected: [Double]
        }
        struct Smoothed: Decodable {
            var alpha: Double
            var beta: Double?
            var gamma: Double?
            var period: Int
            var damping: Double
            var forecast: [Double]
            var sse: Double
        }
        struct Test: Decodable {
            var name: String
            var lags: Int
            var statistic: Double
            var p: Double
        }
        struct Parts: Decodable {
            var trend: [Double?]
            var seasonal: [Double]
            var rest: [Double?]
        }
        var lstm: [Network]
        var series: [Double]
        var walk: [Double]
        var smoothing: [Smoothed]
        var acf: [Double]
        var pacf: [Double]
        var kpss: [Test]
        var decomposition: [String: Parts]
    }

    private func file() throws -> File { try OracleFile.decode(File.self, "forecast.expected.json") }

    @Test func `the network's forward pass equals numpy's`() throws {
        for one in try file().lstm {
            let network = RecurrentNetwork(hidden: one.hidden, outputs: one.outputs, weights: one.weights)
            for (a, b) in zip(network.predict(one.window), one.expected) { #expect(abs(a - b) < 1e-12) }
        }
    }

    @Test func `the network's gradient equals finite differences`() {
        var generator = SeededGenerator(seed: 3)
        let network = RecurrentNetwork(hidden: 5, outputs: 3, using: &generator)
        let window = (0..<11).map { _ in 2 * generator.uniform() - 1 }
        let target = (0..<3).map { _ in generator.uniform() }
        var gradient = [Double](repeating: 0, count: network.weights.count)
        let loss = network.accumulate(window, target: target, into: &gradient)
        #expect(loss > 0)
        for index in network.weights.indices {
            func moved(_ by: Double) -> Double {
                var other = network
                other.weights[index] += by
                var unused = [Double](repeating: 0, count: gradient.count)
                return other.accumulate(window, target: target, into: &unused)
            }
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
            #expect(abs(slope - gradient[index]) < 1e-8, "weight \(index): \(gradient[index]), not \(slope)")
        }
    }

    /// But for the last step of each season: there statsmodels 0.15.0 forecasts with the season as it was before
    /// its last update (`holtwinters` writes over it), which the test below holds to the steps before instead.
    @Test func `smoothing equals statsmodels' with the same weights and start`() throws {
        let file = try file()
        for one in file.smoothing {
            let model = Smoothing(
                alpha: one.alpha, beta: one.beta, gamma: one.gamma, period: one.period, damping: one.damping)
            let forecast = model.forecast(after: file.series, horizon: 14)
            for (step, (a, b)) in zip(forecast, one.forecast).enumerated()
            where one.gamma == nil || step % one.period != one.period - 1 {
                #expect(near(a, b, 1e-9), "\(model) \(step): \(a), not \(b)")
            }
            let errors = try #require(model.run(file.series)).errors
            #expect(near(errors.reduce(0) { $0 + $1 * $1 }, one.sse, 1e-9), "\(model)")
        }
    }

    /// A value that comes as foretold moves nothing: the forecast goes on as it was. One step ahead is what the sum
    /// of squares above compares with statsmodels'.
    @Test func `each step of smoothing is the one after the steps before it`() throws {
        let file = try file()
        for one in file.smoothing {
            let model = Smoothing(
                alpha: one.alpha, beta: one.beta, gamma: one.gamma, period: one.period, damping: one.damping)
            let forecast = model.forecast(after: file.series, horizon: 14)
            for (step, value) in forecast.enumerated() {
                let next = model.forecast(after: file.series + forecast[..<step], horizon: 1)[0]
                #expect(near(value, next, 1e-9), "\(model) \(step): \(value), not \(next)")
            }
        }
    }

    @Test func `autocorrelations, KPSS and decomposition equal statsmodels'`() throws {
        let file = try file()
        for (a, b) in zip(Autocorrelation.acf(file.series, lags: 21), file.acf) { #expect(abs(a - b) < 1e-9) }
        for (a, b) in zip(Autocorrelation.pacf(file.series, lags: 21), file.pacf) {
            #expect(abs(a - b) < 1e-9)
        }
        for one in file.kpss {
            let test = Stationarity(one.name == "walk" ? file.walk : file.series, lags: one.lags)
            #expect(near(test.statistic, one.statistic, 1e-9), "\(one.name) \(one.lags)")
            #expect(abs(test.p - one.p) < 1e-3, "\(one.name) \(one.lags)")
        }
        for (period, parts) in file.decomposition {
            let length = try #require(Int(period))
            let found = try #require(Decomposition(file.series, period: length))
            for (a, b) in zip(found.trend, parts.trend) { #expect(same(a, b)) }
            for (a, b) in zip(found.seasonal, parts.seasonal) { #expect(same(a, b)) }
            for (a, b) in zip(found.rest, parts.rest) { #expect(same(a, b)) }
        }
    }

    private func same(_ a: Double?, _ b: Double?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        return abs(a - b) < 1e-9
    }
}

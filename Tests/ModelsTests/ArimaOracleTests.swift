import Foundation
import Models
import Testing

/// Exact maximum likelihood against statsmodels 0.15.0 (`simple_differencing=True`) and the search against
/// pmdarima 2.0.4, tolerances of `arima.expected.json`.
@Suite struct ArimaOracleTests {
    private struct Fit: Decodable {
        struct Differenced: Decodable {
            var params: [Double]
            var loglik: Double
            var aic: Double
        }
        var series: String
        var transform: String
        var order: [Int]
        var seasonal_order: [Int]
        var constant_is_mean: Bool
        var params: [Double]
        var loglik: Double
        var aic: Double
        var forecast12: [Double]
        var forecast_se: [Double]
        var simple_differencing: Differenced?
    }

    private struct Auto: Decodable {
        struct Differenced: Decodable { var aic: Double }
        struct Holdout: Decodable { var mae: Double }
        var transform: String
        var order: [Int]
        var seasonal_order: [Int]
        var aic: Double
        var aic_exact_on_differenced: Differenced?
        var holdout12: Holdout
    }

    private struct File: Decodable {
        struct Expected: Decodable {
            var fits: [Fit]
            var auto_arima: [String: Auto]
        }
        var expected: Expected
    }

    private static func series() throws -> [String: [Double]] {
        let text = String(decoding: try OracleFile.data("arima.input.csv"), as: UTF8.self)
        var out: [String: [Double]] = [:]
        for line in text.split(separator: "\n").dropFirst() {
            let parts = line.split(separator: ",")
            out[String(parts[0]), default: []].append(try #require(Double(parts[2])))
        }
        return out
    }

    private static func transformed(_ values: [Double], _ transform: String) -> [Double] {
        switch transform {
        case "log": values.map { log($0) }
        case "log10": values.map { log10($0) }
        default: values
        }
    }

    private func order(_ fit: Fit) -> ArimaOrder {
        let (o, s) = (fit.order, fit.seasonal_order)
        return ArimaOrder(
            o[0], o[1], o[2], seasonal: (s[0], s[1], s[2]), period: max(1, s[3]),
            hasMean: fit.constant_is_mean)
    }

    @Test func `parameters, likelihood, forecasts and their errors equal statsmodels'`() throws {
        let input = try Self.series()
        for fit in try OracleFile.decode(File.self, "arima.expected.json").expected.fits {
            let label = "\(fit.series) \(fit.order) \(fit.seasonal_order)"
            let series = Self.transformed(try #require(input[fit.series]), fit.transform)
            let model = try #require(Arima.fit(series, order(fit), starts: 5), "\(label)")
            let loglik = fit.simple_differencing?.loglik ?? fit.loglik
            #expect(
                abs(model.logLikelihood - loglik) < 0.05, "\(label): \(model.logLikelihood), not \(loglik)")
            #expect(abs(model.aic - (fit.simple_differencing?.aic ?? fit.aic)) < 0.1, "\(label)")
            let polynomials = model.polynomials
            let found =
                (fit.constant_is_mean ? [model.mean] : []) + polynomials.ar + polynomials.ma
                + polynomials.seasonalAR + polynomials.seasonalMA
            let expected = (fit.simple_differencing?.params ?? fit.params).dropLast()
            for (index, pair) in zip(found, expected).enumerated() {
                // The mean is of the size of the values; the rest are coefficients.
                let room = fit.constant_is_mean && index == 0 ? 0.001 * abs(pair.1) : 0.01
                #expect(abs(pair.0 - pair.1) < room, "\(label): \(found), not \(expected)")
            }
            let parameters = fit.simple_differencing?.params ?? fit.params
            let variance = try #require(parameters.last)
            #expect(near(model.variance, variance, 0.02), "\(label): \(model.variance)")
            for (a, b) in zip(model.forecast(after: series, horizon: 12), fit.forecast12) {
                #expect(near(a, b, 0.005), "\(label): \(a), not \(b)")
            }
            for (a, b) in zip(model.standardErrors(horizon: 12), fit.forecast_se) {
                #expect(near(a, b, 0.03), "\(label): error \(a), not \(b)")
            }
        }
    }

    @Test(arguments: ["airpassengers", "nile", "lynx", "wineind", "austres"])
    func `the search finds a model as good as pmdarima's`(name: String) throws {
        let input = try Self.series()
        let auto = try #require(
            try OracleFile.decode(File.self, "arima.expected.json").expected.auto_arima[name])
        let series = Self.transformed(try #require(input[name]), auto.transform)
        var search = ArimaSearch()
        search.criterion = .aic
        let period = max(1, auto.seasonal_order[3])
        let model = try #require(search.best(series, period: period))
        if model.order.d == auto.order[1], model.order.seasonalD == auto.seasonal_order[1] {
            let limit = (auto.aic_exact_on_differenced?.aic ?? auto.aic) + 2
            #expect(model.aic <= limit, "\(model.order): \(model.aic), at most \(limit)")
        } else {
            let known = Array(series.dropLast(12))
            let tried = try #require(search.best(known, period: period))
            let errors = SeriesErrors(
                actual: Array(series.suffix(12)), forecast: tried.forecast(after: known, horizon: 12),
                history: known, period: period)
            #expect(errors.meanAbsolute <= auto.holdout12.mae * 1.05, "\(tried.order): \(errors)")
        }
    }

    @Test func `the likelihood is that of the dense normal distribution`() throws {
        let polynomials = ArmaPolynomials(ar: [0.6, -0.2], ma: [0.4], seasonalAR: [0.3], period: 4)
        var generator = SeededGenerator(seed: 5)
        let series = (0..<24).map { _ in 2 * generator.uniform() - 1 }
        // Autocovariances from a long sum of ψ weights.
        let (ar, ma) = (polynomials.fullAR, [1] + polynomials.fullMA)
        var psi: [Double] = []
        for step in 0..<2000 {
            var weight = step < ma.count ? ma[step] : 0
            for (lag, phi) in ar.enumerated() where step > lag { weight += phi * psi[step - lag - 1] }
            psi.append(weight)
        }
        let gamma = series.indices.map { lag in (0..<2000 - lag).reduce(0) { $0 + psi[$1] * psi[$1 + lag] } }
        // Cholesky's factor gives determinant and the solution in one pass.
        var factor = series.indices.map { i in series.indices.map { gamma[abs(i - $0)] } }
        var logDeterminant = 0.0
        var whitened = series
        for j in series.indices {
            for i in j..<series.count {
                var sum = factor[i][j]
                for m in 0..<j { sum -= factor[i][m] * factor[j][m] }
                factor[i][j] = i == j ? sum.squareRoot() : sum / factor[j][j]
            }
            for m in 0..<j { whitened[j] -= factor[j][m] * whitened[m] }
            whitened[j] /= factor[j][j]
            logDeterminant += 2 * log(factor[j][j])
        }
        let n = Double(series.count)
        let variance = whitened.reduce(0) { $0 + $1 * $1 } / n
        let expected = -0.5 * (n * (log(2 * .pi * variance) + 1) + logDeterminant)
        let found = try #require(ArmaFilter(polynomials).run(series, hasMean: false))
        #expect(near(found.logLikelihood, expected, 1e-9))
        #expect(near(found.variance, variance, 1e-9))
    }

    @Test func `a series too short, or constant once differenced, has no fit`() {
        #expect(Arima.fit([1, 2, 3], ArimaOrder(2, 1, 1)) == nil)
        #expect(Arima.fit([], ArimaOrder(0, 0, 0)) == nil)
        #expect(Arima.fit((0..<40).map { Double($0) }, ArimaOrder(1, 1, 0)) == nil)
        #expect(ArimaSearch().best([Double](repeating: 3, count: 60), period: 7) == nil)
    }
}

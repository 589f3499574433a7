import Glibc

/// A fitted seasonal ARIMA: exact maximum likelihood of the differenced series, as R's `arima` and
/// statsmodels' `SARIMAX(simple_differencing=True)` have it.
package struct Arima: SeriesModel, Equatable {
    package var order: ArimaOrder
    package var polynomials: ArmaPolynomials
    /// Of the differenced series; 0 without one.
    package var mean: Double
    package var variance: Double
    package var logLikelihood: Double
    /// Differenced values it was fitted on.
    package var observations: Int

    package var aic: Double { 2 * (Double(order.parameters) - logLikelihood) }
    package var bic: Double { log(Double(observations)) * Double(order.parameters) - 2 * logLikelihood }
    /// AIC with the correction for few observations (Hurvich and Tsai 1989); infinite where there are too few.
    package var aicc: Double {
        let k = Double(order.parameters)
        let left = Double(observations) - k - 1
        return left > 0 ? aic + 2 * k * (k + 1) / left : .infinity
    }

    /// - Parameters:
    ///   - series: as observed.
    ///   - starts: points from which the likelihood is climbed; more find the greatest of several hills.
    /// - Returns: nil where the series is too short for the order, or constant once differenced.
    package static func fit(_ series: [Double], _ order: ArimaOrder, starts: Int = 2) -> Arima? {
        let values = order.differenced(series)
        guard values.count > order.parameters + 1, values.contains(where: { abs($0 - values[0]) > 0 }) else {
            return nil
        }
        func cost(_ point: [Double]) -> Double {
            // Tangents beyond this are partial autocorrelations within 10⁻⁶ of one.
            guard point.allSatisfy({ abs($0) < 7 }) else { return .infinity }
            let filter = ArmaFilter(ArmaPolynomials(order: order, point: point))
            guard let outcome = filter.run(values, hasMean: order.hasMean) else { return .infinity }
            return -outcome.logLikelihood / Double(values.count)
        }
        var best: QuasiNewton.Outcome?
        for start in Arima.starts(order.coefficients).prefix(starts) {
            let found = QuasiNewton.minimum(from: start, of: cost)
            if found.value < best?.value ?? .infinity { best = found }
        }
        guard let best else { return nil }
        let polynomials = ArmaPolynomials(order: order, point: best.point)
        guard let outcome = ArmaFilter(polynomials).run(values, hasMean: order.hasMean) else { return nil }
        return Arima(
            order: order, polynomials: polynomials, mean: outcome.mean, variance: outcome.variance,
            logLikelihood: outcome.logLikelihood, observations: values.count)
    }

    private static func starts(_ count: Int) -> [[Double]] {
        let spread = (0..<count).map { $0 % 2 == 0 ? 0.6 : -0.4 }
        return [
            [Double](repeating: 0.1, count: count), spread, spread.map { -$0 },
            [Double](repeating: -0.5, count: count), [Double](repeating: 0.8, count: count),
        ]
    }

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        let values = order.differenced(history)
        let filter = ArmaFilter(polynomials)
        guard !values.isEmpty, let outcome = filter.run(values, hasMean: order.hasMean, mean: mean) else {
            return NaiveForecast().forecast(after: history, horizon: horizon)
        }
        let steps = filter.forecast(outcome.state, horizon: horizon).map { $0 + mean }
        let weights = order.integration
        var path = history
        for step in steps {
            var value = step
            for (lag, weight) in weights.enumerated() { value += weight * path[path.count - 1 - lag] }
            path.append(value)
        }
        return Array(path.suffix(horizon))
    }

    /// Standard errors of the forecasts: √(σ² Σ ψ²) over the steps before, shape [horizon].
    package func standardErrors(horizon: Int) -> [Double] {
        let ar = ArmaPolynomials.product(
            [1] + polynomials.fullAR.map { -$0 }, [1] + order.integration.map { -$0 })
        let ma = [1] + polynomials.fullMA
        var psi: [Double] = []
        var sum = 0.0
        return (0..<horizon).map { step in
            var weight = step < ma.count ? ma[step] : 0
            for lag in 1..<max(ar.count, 1) where lag <= step { weight -= ar[lag] * psi[step - lag] }
            psi.append(weight)
            sum += weight * weight
            return (variance * sum).squareRoot()
        }
    }
}

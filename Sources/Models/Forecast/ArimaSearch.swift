/// The order of a seasonal ARIMA by itself: how often to difference by tests, the rest by steps that lessen an
/// information criterion (Hyndman and Khandakar 2008, J. Statistical Software 27(3)).
package struct ArimaSearch {
    package enum Criterion: Sendable {
        case aic
        case aicc
    }

    package var criterion: Criterion = .aicc
    /// Greatest p and q; greatest P and Q.
    package var greatest = 3
    package var greatestSeasonal = 1
    /// Models fitted at most.
    package var budget: Int

    package init(budget: Int = 40) { self.budget = budget }

    /// - Parameters:
    ///   - series: as observed.
    ///   - period: of the season; 1: none.
    /// - Returns: nil where no model fits.
    package func best(_ series: [Double], period: Int) -> Arima? {
        let (d, seasonalD) = ArimaSearch.differences(series, period: period)
        let isSeasonal = period > 1 && series.count >= 3 * period
        var tried: [ArimaOrder: Double] = [:]
        var best: (score: Double, model: Arima)?
        func visit(_ order: ArimaOrder) -> Bool {
            guard tried[order] == nil, tried.count < budget else { return false }
            let model = Arima.fit(series, order, starts: 1)
            let score = model.map { criterion == .aic ? $0.aic : $0.aicc } ?? .infinity
            tried[order] = score
            guard let model, score < best?.score ?? .infinity else { return false }
            best = (score, model)
            return true
        }
        for (p, q, P, Q) in [(2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)] {
            for hasMean in d + seasonalD < 2 ? [true, false] : [false] {
                _ = visit(
                    ArimaOrder(
                        p, d, q, seasonal: isSeasonal ? (P, seasonalD, Q) : (0, 0, 0),
                        period: isSeasonal ? period : 1, hasMean: hasMean))
            }
        }
        while let order = best?.model.order, neighbours(order).contains(where: visit) {}
        guard let found = best?.model else { return nil }
        // The winner is climbed from more places: the search looked from one.
        let again = Arima.fit(series, found.order, starts: 5)
        return again.map { $0.logLikelihood > found.logLikelihood ? $0 : found } ?? found
    }

    private func neighbours(_ order: ArimaOrder) -> [ArimaOrder] {
        var out: [ArimaOrder] = []
        func add(_ change: (inout ArimaOrder) -> Void) {
            var next = order
            change(&next)
            let plain = 0...greatest
            let seasonal = 0...(order.period > 1 ? greatestSeasonal : 0)
            if plain.contains(next.p), plain.contains(next.q), seasonal.contains(next.seasonalP),
                seasonal.contains(next.seasonalQ)
            {
                out.append(next)
            }
        }
        for step in [1, -1] {
            add { $0.seasonalP += step }
            add { $0.seasonalQ += step }
            add {
                $0.seasonalP += step; $0.seasonalQ += step
            }
            add { $0.p += step }
            add { $0.q += step }
            add {
                $0.p += step; $0.q += step
            }
            add {
                $0.p += step; $0.q -= step
            }
        }
        if order.d + order.seasonalD < 2 { add { $0.hasMean.toggle() } }
        return out
    }

    /// By season where it explains most of what is not trend (Hyndman and Athanasopoulos 2021, 9.1), then plainly
    /// until the level keeps by KPSS at 5 %, at most twice.
    package static func differences(_ series: [Double], period: Int) -> (d: Int, seasonal: Int) {
        var values = series
        var seasonal = 0
        if period > 1, series.count >= 3 * period,
            let parts = Decomposition(series, period: period), parts.seasonalStrength > 0.64
        {
            seasonal = 1
            values = ArimaOrder.difference(values, lag: period)
        }
        var d = 0
        while d < 2, values.count > 10, !Stationarity(values).isStationary {
            values = ArimaOrder.difference(values, lag: 1)
            d += 1
        }
        return (d, seasonal)
    }
}

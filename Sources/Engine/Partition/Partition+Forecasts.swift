package import Core

/// What the models in use say of one buyer at one moment.
package struct Forecast: Sendable {
    package var user: [UInt8]
    /// Calendar day of the last purchase that is decided, days since 1970-01-01.
    package var lastDay: Int32
    /// Next purchase, conditioned on the days that have passed; nil without a model.
    package var next: Trigger.Predicted?
    /// Probability that no purchase comes within `models.churn.horizon`; nil without a model.
    package var churn: Double?
}

/// The forecasts of a stretch of users.
package struct ForecastPage: Sendable {
    /// The day of now.
    package var day: Int32
    package var forecasts: [Forecast] = []
}

extension Partition {
    /// Forecasts of all buyers, in the order of their first appearance; of nobody where no model is in use.
    ///
    /// O(buyers), each scored as on their own page: for a backtest, not for a daemon at work.
    func forecasts() -> ForecastPage {
        var page = ForecastPage(day: today)
        guard repurchase.model != nil || churn.isFitted else { return page }
        for slot in 0..<users.count where users[slot].pointee.has(UserRecord.bought) {
            guard let account = account(slot), account.pointee.lastPurchaseDecided != .min else { continue }
            page.forecasts.append(
                Forecast(
                    user: Array(users.id(slot)), lastDay: day(of: account.pointee.lastPurchaseDecided),
                    next: predictedRepurchase(account, today: page.day),
                    churn: churnPrediction(slot, at: now, explained: false)?.p))
        }
        return page
    }
}

extension Shard {
    /// Forecasts by partition; see `Partition.forecasts`.
    package func forecasts() -> [(partition: Int, page: ForecastPage)] {
        var pages: [(partition: Int, page: ForecastPage)] = []
        forEachPartition { pages.append(($0.number, $0.forecasts())) }
        return pages
    }
}

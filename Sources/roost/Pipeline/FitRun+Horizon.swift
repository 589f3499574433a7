import Core
import Engine
import Models

extension FitRun {
    /// What the page of a churn model calls it.
    static let horizonParameter = "horizon_from_data_d"
    /// Asks the intervals between purchases for the horizon of churn; nothing is chosen while there are too few.
    /// At most half of the time over which rows are held, so that the outcome of half of the anchors is known.
    ///
    /// - Parameter parts: in the order of partitions.
    mutating func chooseHorizon(_ parts: [PurchaseDayColumns]) {
        var columns = PurchaseDayColumns()
        for part in parts { columns.append(part) }
        do throws(FitRefusal) {
            let days = try ChurnModel.horizonDays(
                days: columns.days, purchases: columns.purchases, revenue: columns.revenue,
                offsets: columns.offsets, heldOut: columns.heldOut,
                asOfDay: zone.day(of: EventTime(microseconds: order.instant)))
            let held = Int(settings.churn.anchorEvery / Microseconds.day) * settings.churn.anchors
            churnHorizon = Int64(min(max(days.rounded(), 1), Double(max(1, held / 2)))) * Microseconds.day
        } catch {
            churnHorizon = nil
        }
    }

    /// For the model's page.
    var chosen: [Tree.Member] {
        churnHorizon.map { [.init(Self.horizonParameter, .int($0 / Microseconds.day))] } ?? []
    }
}

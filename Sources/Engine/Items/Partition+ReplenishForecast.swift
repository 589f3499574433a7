import Core
import Models

/// `triggers.replenish_due.from: "forecast"`: an item falls due on the day of the greatest quantity expected.
///
/// What is looked at are the purchases that are kept of the user (`limits.recent_purchases`) and are decided: of
/// those that have come and are not, nothing is known yet. So what is said follows from the events and their order.
extension Partition {
    /// Says of an item, after a purchase of it, when most of it will be wanted; its interval decides where it was
    /// bought on fewer than three days, where the kept ones do not go back far enough for `PeakForecast`, or where
    /// the past says of no day that it differs.
    ///
    /// - Parameters:
    ///   - kept: the purchases kept of the user, the oldest first.
    ///   - horizon: days ahead that are looked at.
    func foretell(_ entry: UnsafeMutablePointer<ItemEntry>, _ kept: [RecentPurchase], horizon: Int) {
        entry.pointee.expectNothing()
        guard entry.pointee.interval != nil else { return }
        let pieces = pieces(entry.pointee.item, kept, through: entry.pointee.lastTime)
        guard let peak = PeakForecast(pieces, horizon: horizon) else { return }
        entry.pointee.expect(peak.quantity, after: peak.ahead)
    }

    /// Pieces of an item by calendar day, from the first kept purchase of it, or as far back as a forecast looks, to
    /// the day of an instant.
    private func pieces(_ item: UInt32, _ kept: [RecentPurchase], through last: Int64) -> [Double] {
        let end = day(of: last)
        var bought: [(day: Int32, quantity: Int64)] = []
        for purchase in kept where purchase.time <= last {
            var quantity: Int64 = 0
            for line in purchase.items where line.id == item && line.quantity > 0 {
                quantity = saturatingSum(quantity, line.quantity)
            }
            let day = day(of: purchase.time)
            if quantity > 0, day <= end { bought.append((day, quantity)) }
        }
        guard let first = bought.map(\.day).min() else { return [] }
        let begin = max(first, end - Int32(PeakForecast.values) + 1)
        var pieces = [Double](repeating: 0, count: Int(end - begin) + 1)
        for line in bought where line.day >= begin {
            pieces[Int(line.day - begin)] += Double(line.quantity) / 1e6
        }
        return pieces
    }
}

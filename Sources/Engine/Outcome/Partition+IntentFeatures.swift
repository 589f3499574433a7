import Core

extension Partition {
    /// Latest entries of a user's stage history that are looked at.
    private static let stagesSeen = 64

    /// The features of a user at a cart or checkout event that has just been decided, or at a later instant
    /// before anything else was.
    ///
    /// - Parameters:
    ///   - event: time of the event.
    ///   - out: room for `IntentFeature.count`; all of it is written, nothing is allocated.
    func intentFeatures(_ slot: Int, _ stage: Stage, at event: Int64, into out: UnsafeMutablePointer<Float>) {
        let row = FeatureRow<IntentFeature>(base: out)
        let user = users[slot]
        let today = day(of: event)
        row.set(.checkout, stage == .checkout ? 1 : Int64(0))
        let wall = event + settings.zone.offset(at: EventTime(microseconds: event))
        row.set(.hour, wall.flooredDivision(by: Microseconds.day).remainder / Microseconds.hour)
        // 1970-01-01 was a Thursday.
        row.set(.weekday, (Int64(today) + 3).flooredDivision(by: 7).remainder)
        sessionFeatures(slot, event, row)
        let closed = closedEvents(user, today: today)
        row.set(.events7d, closed.week)
        row.set(.events30d, closed.month)
        row.set(.events90d, closed.quarter)
        row.set(.daysSinceFirstEvent, Self.days(from: user.pointee.firstSeen, to: event))
        let last = account(slot)?.pointee.lastPurchaseDecided ?? .min
        let facts = purchaseFacts(slot, through: last, today: today)
        row.set(.bought, facts == nil ? 0 : Int64(1))
        let bought = facts ?? PurchaseFacts()
        row.set(.purchases, bought.purchases)
        row.set(.frequency, bought.frequency)
        row.set(.recency, bought.recency)
        row.set(.age, bought.age)
        row.set(.daysSinceLast, bought.daysSinceLast)
        row.set(.purchases30d, bought.purchases30d)
        row.set(.purchases90d, bought.purchases90d)
        row.set(.intervalMean, bought.intervalMean)
        row.set(.cycles, bought.cycles)
        row.set(.revenue, Double(bought.revenue) / 1e6)
        row.set(.meanValue, bought.meanValue)
    }

    private func sessionFeatures(_ slot: Int, _ event: Int64, _ row: FeatureRow<IntentFeature>) {
        // What is older may have been dropped.
        let start = max(shortSessionStart(slot, at: event), event - terms.stageMemory)
        row.set(.sessionSeconds, Double(event - start) / 1e6)
        var counts = InlineArray<5, Int64>(repeating: 0)
        var number = stages.latest(users[slot].pointee.stageLink)
        var seen = 0
        while number != 0, seen < Self.stagesSeen {
            let entry = stages.entry(number).pointee
            if entry.time >= start, entry.time <= event, Int(entry.stage) < counts.count {
                counts[Int(entry.stage)] += 1
            }
            number = stages.previous(number)
            seen += 1
        }
        row.set(.sessionViews, counts[Int(Stage.browse.rawValue)])
        row.set(.sessionCarts, counts[Int(Stage.cart.rawValue)])
        row.set(.sessionCheckouts, counts[Int(Stage.checkout.rawValue)])
        row.set(.sessionPurchases, counts[Int(Stage.purchase.rawValue)])
    }
}

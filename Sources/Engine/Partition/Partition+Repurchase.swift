import Core
import Models

extension Partition {
    /// Features named on a trigger and on a user's page.
    private static let reasonsShown = 3

    /// Takes a repurchase model into use; dates are set anew where they have not come yet.
    func adoptRepurchase(_ bytes: [UInt8], version: Int) throws(StateError) {
        // Who never bought shows nothing of this model.
        preserveAll { $0.pointee.has(UserRecord.bought) }
        try repurchase.adopt(bytes, version: version)
        for slot in 0..<users.count where users[slot].pointee.has(UserRecord.bought) { armRepurchase(slot) }
    }

    /// A user's purchase days up to the last one decided.
    ///
    /// Of that day only the date tells anything, and all days before it are decided: what has arrived but is
    /// not decided yet does not show.
    private func trail(_ account: UnsafeMutablePointer<AccountRecord>) -> PurchaseTrail {
        let lastDay = day(of: account.pointee.lastPurchaseDecided)
        guard account.pointee.dayCount > 0 else {
            return PurchaseTrail(day: lastDay, purchases: 1, revenue: 0)
        }
        let days = purchaseDays(account)
        guard days[0].day <= lastDay else { return PurchaseTrail(day: lastDay, purchases: 1, revenue: 0) }
        var trail = PurchaseTrail(
            day: days[0].day, purchases: days[0].count, revenue: Double(days[0].revenue) / 1e6)
        for index in 1..<max(1, days.count) where days[index].day <= lastDay {
            trail.add(
                day: days[index].day, purchases: days[index].count,
                revenue: Double(days[index].revenue) / 1e6)
        }
        return trail
    }

    func armRepurchase(_ slot: Int) {
        guard let model = repurchase.model, let account = account(slot),
            account.pointee.lastPurchaseDecided != .min
        else { return }
        let isDone = users[slot].pointee.has(UserRecord.repurchaseDone)
        if isDone, rules.predicted.isEmpty { return }
        let trail = trail(account)
        let date = trail.lastDay + Self.days(model.predict(trail).p50)
        if !rules.predicted.isEmpty { armPredicted(slot, date: date) }
        if isDone { return }
        let instant =
            settings.zone.start(of: date).microseconds - terms.delay(.repurchaseDue)
        guard instant >= decidedThrough else {
            account.pointee.repurchaseDue = .max
            return
        }
        // Where the date has not moved its timer waits already.
        if account.pointee.repurchaseDue == instant { return }
        account.pointee.repurchaseDue = instant
        push(.repurchase, slot, instant)
    }

    /// Whole days of a predicted interval: the nearest, at least one.
    private static func days(_ interval: Double) -> Int32 {
        Int32(min(max(interval.rounded(), 1), 36_500))
    }

    func reachRepurchase(_ slot: Int, _ reached: Int64) {
        guard let account = account(slot), account.pointee.repurchaseDue == reached else { return }
        account.pointee.repurchaseDue = .max
        users[slot].pointee.flags |= UserRecord.repurchaseDone
        guard terms.isEnabled(.repurchaseDue) else { return }
        let label = repurchase.label
        let predicted = predictedRepurchase(account, today: day(of: clock.decided(due: reached)))
        let reasons = repurchaseReasons(slot)
        fire(.repurchaseDue, slot, due: reached) { trigger in
            trigger.model = label
            trigger.predicted = predicted
            trigger.why += reasons
        }
    }

    /// Date and interval of the next purchase, conditioned on the days already passed.
    func predictedRepurchase(
        _ account: UnsafeMutablePointer<AccountRecord>, today: Int32
    ) -> Trigger.Predicted? {
        guard let model = repurchase.model, account.pointee.lastPurchaseDecided != .min else { return nil }
        let trail = trail(account)
        let elapsed = max(0, today - trail.lastDay)
        let quantiles = model.predict(trail, conditionedOn: Double(elapsed))
        return Trigger.Predicted(
            date: trail.lastDay + Self.days(quantiles.p50), p10: trail.lastDay + Self.days(quantiles.p10),
            p90: trail.lastDay + Self.days(quantiles.p90))
    }

    /// What of a user's history moved the predicted date most; a contribution of 0.1 makes the wait about a
    /// tenth longer.
    func repurchaseReasons(_ slot: Int) -> [Trigger.Reason] {
        guard let model = repurchase.model, let account = account(slot),
            account.pointee.lastPurchaseDecided != .min
        else { return [] }
        return model.reasons(trail(account), most: Self.reasonsShown).map {
            Trigger.Reason(feature: $0.feature, value: $0.value, contribution: $0.contribution)
        }
    }
}

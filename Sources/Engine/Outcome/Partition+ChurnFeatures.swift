import Core

/// A row of features being filled, by name.
struct FeatureRow<Feature: RawRepresentable<Int>> {
    let base: UnsafeMutablePointer<Float>

    @inline(__always)
    func set(_ feature: Feature, _ value: Double) { base[feature.rawValue] = Float(value) }

    @inline(__always)
    func set(_ feature: Feature, _ value: Int64) { base[feature.rawValue] = Float(value) }
}

extension Partition {
    /// The features of a user as decided, at an instant that is not before the frontier.
    ///
    /// - Parameters:
    ///   - undecided: what has arrived of the user and is not decided.
    ///   - out: room for `ChurnFeature.count`; all of it is written, nothing is allocated.
    /// - Returns: whether the user has bought; who has not has no features.
    func churnFeatures(
        _ slot: Int, at instant: Int64, _ undecided: Undecided, into out: UnsafeMutablePointer<Float>
    ) -> Bool {
        let today = day(of: instant)
        let last = account(slot)?.pointee.lastPurchaseDecided ?? .min
        guard let facts = purchaseFacts(slot, through: last, today: today) else { return false }
        let row = FeatureRow<ChurnFeature>(base: out)
        let user = users[slot]
        countedFeatures(user, undecided, today, row)
        sessionFeatures(slot, row)
        row.set(.daysSinceLastEvent, Self.days(from: user.pointee.lastDecided, to: instant))
        row.set(.daysSinceFirstEvent, Self.days(from: user.pointee.firstSeen, to: instant))
        row.set(.frequency, facts.frequency)
        row.set(.recency, facts.recency)
        row.set(.age, facts.age)
        row.set(.daysSinceLast, facts.daysSinceLast)
        row.set(.purchases30d, facts.purchases30d)
        row.set(.purchases90d, facts.purchases90d)
        row.set(.intervalMean, facts.intervalMean)
        row.set(.intervalDeviation, facts.intervalDeviation)
        row.set(.cycles, facts.cycles)
        row.set(.revenue, Double(facts.revenue) / 1e6)
        row.set(.meanValue, facts.meanValue)
        row.set(.monetaryValue, facts.monetaryValue)
        couponFeatures(slot, undecided, row)
        row.set(.mobileShare, mobileShare(user, undecided))
        return true
    }

    /// Days from one instant to another, 0 where it is not before.
    static func days(from start: Int64, to end: Int64) -> Double {
        Double(max(0, end - start)) / Double(Microseconds.day)
    }

    private func countedFeatures(
        _ user: UnsafeMutablePointer<UserRecord>, _ undecided: Undecided, _ today: Int32,
        _ row: FeatureRow<ChurnFeature>
    ) {
        var counts = InlineArray<10, Int64>(repeating: 0)
        var total = -undecided.total
        let names = pool.tail(user).names
        for index in 0..<Int(user.pointee.nameCount) {
            let count = Int64(names[index].count)
            total += count
            if Int(names[index].code) < counts.count { counts[Int(names[index].code)] += count }
        }
        for code in counts.indices { row.base[code] = Float(counts[code] - undecided.names[code]) }
        row.set(.eventTotal, total)
        let closed = closedEvents(user, today: today)
        row.set(.events7d, closed.week)
        row.set(.events30d, closed.month)
        row.set(.events90d, closed.quarter)
        let all = Double(max(1, total))
        row.set(.share7d, Double(closed.week) / all)
        row.set(.share30d, Double(closed.month) / all)
        row.set(.share90d, Double(closed.quarter) / all)
    }

    private func sessionFeatures(_ slot: Int, _ row: FeatureRow<ChurnFeature>) {
        let sessions = decidedSessions(slot)
        row.set(.shortSessions, sessions.shortCount)
        row.set(.longSessions, sessions.longCount)
        row.set(.shortMean, Double(sessions.shortTotal) / 1e6 / Double(max(1, sessions.shortCount)))
        row.set(.longMean, Double(sessions.longTotal) / 1e6 / Double(max(1, sessions.longCount)))
    }

    private func couponFeatures(_ slot: Int, _ undecided: Undecided, _ row: FeatureRow<ChurnFeature>) {
        let account = account(slot)
        let used = Int64(account?.pointee.couponUsed ?? 0) - undecided.coupons[1]
        let notUsed = Int64(account?.pointee.couponNotUsed ?? 0) - undecided.coupons[2]
        let clicked = Int64(account?.pointee.couponClicked ?? 0) - undecided.coupons[3]
        row.set(.couponUsed, used)
        row.set(.couponNotUsed, notUsed)
        row.set(.couponClicked, clicked)
        row.set(.couponUsedRatio, Double(used) / Double(max(1, used + notUsed + clicked)))
    }

    /// Of the events with a device. (Values beyond `limits.values_per_dimension` are not counted.)
    private func mobileShare(_ user: UnsafeMutablePointer<UserRecord>, _ undecided: Undecided) -> Double {
        var all = -undecided.devices
        var mobile = -undecided.mobile
        let entries = pool.tail(user).dimensions
        for index in 0..<Int(user.pointee.dimensionCount)
        where entries[index].dimension == Dimension.device.rawValue {
            let count = Int64(entries[index].count)
            all += count
            if entries[index].value == mobileDevice { mobile += count }
        }
        return all > 0 ? min(1, max(0, Double(mobile) / Double(all))) : 0
    }
}

import Core

/// A row of features being filled, by name.
struct FeatureRow<Feature: RawRepresentable<Int>> {
    let base: UnsafeMutablePointer<Float>

    @inline(__always)
    func set(_ feature: Feature, _ value: Double) { base[feature.rawValue] = Float(value) }

    @inline(__always)
    func set(_ feature: Feature, _ value: Int64) { base[feature.rawValue] = Float(value) }
}

/// What is known of a user.
enum Known {
    /// What has been decided upon, given what has arrived of the user and is not: what models learn from and
    /// triggers follow from, for the order of arrival does not show in it.
    case decided(Undecided)
    /// Everything that has arrived, as a page shows it.
    case arrived
}

extension Partition {
    /// The features of a buyer at an instant that is not before the frontier.
    ///
    /// - Parameter out: room for `ChurnFeature.count`; all of it is written, nothing is allocated.
    /// - Returns: whether the user has bought; who has not has no features.
    func churnFeatures(
        _ slot: Int, _ known: Known, at instant: Int64, into out: UnsafeMutablePointer<Float>
    ) -> Bool {
        guard let account = account(slot) else { return false }
        var undecided = Undecided.none
        var last = account.pointee.lastPurchase
        if case .decided(let waiting) = known {
            undecided = waiting
            last = account.pointee.lastPurchaseDecided
        }
        let today = day(of: instant)
        guard let facts = purchaseFacts(slot, through: last, today: today) else { return false }
        let row = FeatureRow<ChurnFeature>(base: out)
        let user = users[slot]
        countedFeatures(user, undecided, today, row)
        sessionFeatures(slot, known, instant, row)
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
        couponFeatures(account, undecided, row)
        row.set(.mobileShare, mobileShare(user, undecided) ?? 0)
        let profile = user.pointee.profile
        row.set(.genderFemale, profile.isFemale ? 1 : Int64(0))
        row.set(.genderMale, profile.isMale ? 1 : Int64(0))
        row.set(.ageBand, profile.age ?? 0)
        row.set(.ageKnown, profile.age == nil ? 0 : Int64(1))
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
        let counts = decidedCounts(user, undecided)
        let total = counts.total
        for code in counts.byName.indices { row.base[code] = Float(counts.byName[code]) }
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

    private func sessionFeatures(
        _ slot: Int, _ known: Known, _ instant: Int64, _ row: FeatureRow<ChurnFeature>
    ) {
        let user = users[slot]
        var sessions = UserSessions(user.pointee)
        var last = user.pointee.lastSeen
        if case .decided = known {
            sessions = decidedSessions(slot)
            last = user.pointee.lastDecided
        }
        row.set(.daysSinceLastEvent, Self.days(from: last, to: instant))
        row.set(.shortSessions, sessions.shortCount)
        row.set(.longSessions, sessions.longCount)
        row.set(.shortMean, Double(sessions.shortTotal) / 1e6 / Double(max(1, sessions.shortCount)))
        row.set(.longMean, Double(sessions.longTotal) / 1e6 / Double(max(1, sessions.longCount)))
    }

    private func couponFeatures(
        _ account: UnsafeMutablePointer<AccountRecord>, _ undecided: Undecided,
        _ row: FeatureRow<ChurnFeature>
    ) {
        let used = Int64(account.pointee.couponUsed) - undecided.coupons[1]
        let notUsed = Int64(account.pointee.couponNotUsed) - undecided.coupons[2]
        let clicked = Int64(account.pointee.couponClicked) - undecided.coupons[3]
        row.set(.couponUsed, used)
        row.set(.couponNotUsed, notUsed)
        row.set(.couponClicked, clicked)
        row.set(.couponUsedRatio, Double(used) / Double(max(1, used + notUsed + clicked)))
    }

    /// Events of the known names, and of all.
    func decidedCounts(
        _ user: UnsafeMutablePointer<UserRecord>, _ undecided: Undecided
    ) -> (byName: InlineArray<10, Int64>, total: Int64) {
        var counts = InlineArray<10, Int64>(repeating: 0)
        var total = -undecided.total
        let names = pool.tail(user).names
        for index in 0..<Int(user.pointee.nameCount) {
            let count = Int64(names[index].count)
            total += count
            if Int(names[index].code) < counts.count { counts[Int(names[index].code)] += count }
        }
        for code in counts.indices { counts[code] -= undecided.names[code] }
        return (counts, total)
    }

    /// Of the events with a device; nil without any. (Values beyond `limits.values_per_dimension` are not
    /// counted.)
    private func mobileShare(
        _ user: UnsafeMutablePointer<UserRecord>, _ undecided: Undecided
    ) -> Double? {
        guard user.pointee.dimensionCount > 0 else { return nil }
        var all = -undecided.devices
        var mobile = -undecided.mobile
        let entries = pool.tail(user).dimensions
        for index in 0..<Int(user.pointee.dimensionCount)
        where entries[index].dimension == Dimension.device.rawValue {
            let count = Int64(entries[index].count)
            all += count
            if entries[index].value == mobileDevice { mobile += count }
        }
        return all > 0 ? min(1, max(0, Double(mobile) / Double(all))) : nil
    }

    /// Whether at least half of a user's events with a device are the mobile one's, or none has a device.
    func isMainlyMobile(_ user: UnsafeMutablePointer<UserRecord>, _ undecided: Undecided) -> Bool {
        (mobileShare(user, undecided) ?? 1) >= 0.5
    }
}

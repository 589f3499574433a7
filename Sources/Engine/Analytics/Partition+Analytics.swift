import Core

/// Where events, sessions and segments are noted in the aggregates. What is counted is what has arrived, by the time
/// of the event itself, so that order and lateness do not show.
extension Partition {
    var thisMonth: Int { analytics.months.number(of: today) }

    // MARK: Every event

    /// By day, by hour of the week.
    @inline(__always)
    func noteEvent(_ code: UInt16, _ time: Int64) {
        analytics.hour.move(to: time, settings.zone)
        if !analytics.days.countHeld(code, on: analytics.hour.day) {
            analytics.days.count(code, on: analytics.hour.day, today: today)
        }
        analytics.hours.count(code, in: analytics.hour.hourOfWeek)
    }

    /// A step in a session, where the event is the user's latest; before `countEvent`.
    @inline(__always)
    func notePath(_ user: UnsafeMutablePointer<UserRecord>, _ code: UInt16, _ time: Int64, isNew: Bool) {
        if !isNew, time < user.pointee.lastSeen { return }
        let goesOn = !isNew && time - user.pointee.lastSeen <= terms.shortGap
        let step = PathStep.of(code)
        analytics.paths.add(step, after: goesOn ? user.pointee.step : 0)
        user.pointee.step = step
    }

    /// Short sessions that have become more or fewer on a day.
    @inline(__always)
    func noteSessions(_ user: UnsafeMutablePointer<UserRecord>, _ day: Int32, _ more: Int) {
        analytics.days.sums(of: day, today: today).pointee.sessions += Int64(more)
        if user.pointee.dimensionCount > 0 { noteVisits(user, Int64(more)) }
    }

    private func noteVisits(_ user: UnsafeMutablePointer<UserRecord>, _ more: Int64) {
        var member = MemberTotals()
        member.occurrences = more
        let mains = mains(user)
        analytics.mediaByDevice.add(mains, member, sign: 1)
        analytics.ageByGender.add(mains, member, sign: 1)
    }

    // MARK: Some events

    /// - Parameter row: has been noted by `noteEvent`, as what follows.
    func noteCoupon(_ user: UnsafeMutablePointer<UserRecord>, _ row: UnsafePointer<EventRow>) {
        let state = (row.pointee.flags & EventFlags.couponMask) >> EventFlags.couponShift
        if state == 0 { return }
        var key = FactKey(.coupon, value: UInt32(state))
        key.month = analytics.months.number(of: analytics.hour.day)
        key.segment = Int(user.pointee.segment)
        analytics.facts.add(key, FactCell(count: 1), now: thisMonth)
    }

    func noteSearch(_ term: UInt16, _ batch: borrowing BatchView) {
        var key = FactKey(.search, value: freeText(term, batch))
        key.month = analytics.months.number(of: analytics.hour.day)
        analytics.facts.add(key, FactCell(count: 1), now: thisMonth)
    }

    func noteRefund(_ value: Int64) {
        analytics.days.sums(of: analytics.hour.day, today: today).pointee.refundValue += Int128(value)
    }

    /// A buyer has not bought for the delay of `churned`.
    func noteChurned(_ slot: Int, _ instant: Int64) {
        var key = FactKey(.churned)
        key.month = MonthNumber.of(day(of: instant))
        key.segment = Int(users[slot].pointee.segment)
        analytics.facts.add(key, FactCell(count: 1), now: thisMonth)
    }

    func noteMove(from: String, to: String, at instant: Int64) {
        let month = MonthNumber.of(day(of: instant))
        analytics.moves.add(month: month, from: intern(from), to: intern(to), now: thisMonth)
    }

    /// A user in the sweep of an adoption, by what the segmentation compares.
    func noteFeatures(_ measures: [Int64]) {
        for (index, feature) in segments.features.enumerated() {
            let millionths = measures[feature.measure].multipliedReportingOverflow(
                by: Int64(1e6 / feature.unit))
            analytics.features[index].add(millionths.overflow ? .max : millionths.partialValue)
        }
    }

    /// Partition's number of a dictionary entry that may be any text, as long as there is room for more of them.
    func freeText(_ index: UInt16, _ batch: borrowing BatchView) -> UInt32 {
        if let known = strings.find(batch.entry(index), hash: batch.hashes[Int(index)]) { return known }
        guard analytics.freeTexts < AnalyticsLimits.freeTexts else { return FactKey.other }
        analytics.freeTexts += 1
        return intern(index, batch)
    }

    /// Number of a name of our own.
    private func intern(_ name: String) -> UInt32 {
        var name = name
        return name.withUTF8 { strings.intern(UnsafeRawBufferPointer($0)) }
    }

    // MARK: Erasure

    /// Takes a user out of the tables that count users.
    func leaveAnalytics(_ slot: Int) {
        let user = users[slot]
        var member = member(slot)
        let mains = mains(user)
        mains.forEach { dimension, value in analytics.values.add(dimension, value, member, sign: -1) }
        member.occurrences = Int64(user.pointee.shortCount)
        analytics.mediaByDevice.add(mains, member, sign: -1)
        analytics.ageByGender.add(mains, member, sign: -1)
        guard user.pointee.has(UserRecord.converted), let account = account(slot) else { return }
        analytics.buyers -= 1
        let days = purchaseDays(account)
        guard let first = days.first else { return }
        noteCohort(MonthNumber.of(first.day), days[...], sign: -1)
    }
}

/// What is remembered of a user's sent triggers, so that a late event can withdraw them.
extension Partition {
    /// Most entries of a user.
    private static let firedKept = 64

    /// Triggers that a late event can make untrue, and stale ones, which are recorded once.
    ///
    /// - Parameter occurrence: of the trigger's id; kept in an entry of its own, behind the trigger's, where it is
    ///   not 0.
    func remember(
        _ rule: BuiltInRule, _ slot: Int, _ due: Int64, isStale: Bool, occurrence: UInt32 = 0
    ) {
        switch rule {
        case .segmentMoved, .tierChanged, .botSuspected, .retracted, .highIntent: return
        case .welcome: if !isStale { return }
        default: break
        }
        let user = users[slot]
        let needed = occurrence == 0 ? 1 : 2
        while Int(user.pointee.firedCount) + needed > Self.firedKept { forget(user, leastWorth(user)) }
        append(FiredEntry(rule: rule, due: due, isStale: isStale), user)
        if occurrence != 0 { append(FiredEntry(occurrence: occurrence), user) }
    }

    private func append(_ entry: FiredEntry, _ user: UnsafeMutablePointer<UserRecord>) {
        let gap = pool.openGap(user, at: Tail.byteCount(user), size: Tail.firedSize)
        gap.storeBytes(of: entry, as: FiredEntry.self)
        user.pointee.firedCount += 1
    }

    /// The oldest that nobody was sent, or the oldest of all.
    private func leastWorth(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        let fired = pool.tail(user).fired
        return (0..<Int(user.pointee.firedCount)).first { fired[$0].isStale } ?? 0
    }

    func isRemembered(_ rule: BuiltInRule, _ slot: Int, _ due: Int64) -> Bool {
        let user = users[slot]
        guard user.pointee.firedCount > 0 else { return false }
        let fired = pool.tail(user).fired
        return (0..<Int(user.pointee.firedCount)).contains { fired[$0].due == due && fired[$0].rule == rule }
    }

    /// The occurrence of the trigger of an entry.
    func occurrence(_ user: UnsafeMutablePointer<UserRecord>, _ index: Int) -> UInt32 {
        guard index + 1 < Int(user.pointee.firedCount) else { return 0 }
        return pool.tail(user).fired[index + 1].occurrence ?? 0
    }

    /// Forgets the trigger of an entry.
    func forget(_ user: UnsafeMutablePointer<UserRecord>, _ index: Int) {
        let count = occurrence(user, index) == 0 ? 1 : 2
        pool.closeGap(
            user, at: Tail.firedOffset(user) + index * Tail.firedSize, size: count * Tail.firedSize)
        user.pointee.firedCount -= UInt8(count)
    }

    /// Withdraws the sent triggers, but those of stages, that a late event makes untrue.
    func withdraw(_ slot: Int, _ time: Int64, _ code: UInt16, _ row: UInt32) {
        let user = users[slot]
        var index = 0
        while index < Int(user.pointee.firedCount) {
            let fired = pool.tail(user).fired[index]
            if let rule = fired.rule, isUntrue(slot, rule, due: fired.due, time, code) {
                let occurrence = occurrence(user, index)
                forget(user, index)
                if rule == .churnRisk { withdrewRisk(user, from: index) }
                if !fired.isStale { retract(rule, slot, due: fired.due, row, withdrawn: occurrence) }
            } else {
                index += 1
            }
        }
    }

    /// A told risk was withdrawn: where it was the last one told, the next that is found is told again.
    private func withdrewRisk(_ user: UnsafeMutablePointer<UserRecord>, from index: Int) {
        let (fired, count) = (pool.tail(user).fired, Int(user.pointee.firedCount))
        if (index..<count).contains(where: { fired[$0].rule == .churnRisk }) { return }
        user.pointee.flags &= ~UserRecord.churnRisk
    }

    /// A late purchase: a risk that was found without it and waits for the end of quiet hours is not told.
    func withdrawHeldRisk(_ slot: Int, _ time: Int64) {
        let isDropped = dropHeld(.churnRisk, slot) { due in
            time <= due && !boughtSince(slot, time, due)
        }
        if isDropped { users[slot].pointee.flags &= ~UserRecord.churnRisk }
    }

    /// Whether a purchase other than a late one is known no earlier than it and no later than `due`: the late
    /// one was not the last at that time.
    func boughtSince(_ slot: Int, _ time: Int64, _ due: Int64) -> Bool {
        guard let account = account(slot) else { return false }
        if account.pointee.lastPurchaseDecided == time || boughtBetween(slot, time, due) { return true }
        // The late one is among them.
        if recentPurchases(account).filter({ $0.time == time }).count > 1 { return true }
        // More have come since than are remembered one by one.
        return boughtOnDay(slot, time, due)
    }
}

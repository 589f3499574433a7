import Core

extension Partition {
    /// Forgets users, found by their marks. Their slots stay, empty, so that everybody keeps their number;
    /// who sends events under such an id later is a new user.
    ///
    /// Strings of events (media, items) stay: they are not the user's alone. What deduplication remembers
    /// are hashes over the slot, which nobody has any more; they go as others do.
    /// - Returns: who was here.
    func erase(_ marks: Set<ErasureMark>) -> [ErasedUser] {
        for mark in marks { arbiter.profiles[mark] = nil }
        var slots: Set<UInt32> = []
        var erased: [ErasedUser] = []
        for slot in 0..<users.count where !users[slot].pointee.has(UserRecord.erased) {
            let mark = storeKey.erasureMark(of: users.id(slot))
            guard marks.contains(mark) else { continue }
            slots.insert(UInt32(truncatingIfNeeded: slot))
            erased.append(ErasedUser(mark: mark, id: Array(users.id(slot)), events: eventTotal(slot)))
            empty(slot)
        }
        guard !slots.isEmpty else { return [] }
        pending.remove { slots.contains($0.slot) }
        erasePendingItems(slots)
        pendingPurchases.remove { slots.contains($0.slot) }
        lines.erase(slots)
        due.removeAll { slots.contains($0.slot) }
        backFill.erase(slots)
        anchors.erase(slots)
        intents.erase(slots)
        followUps.erase(slots)
        rules.erase(slots)
        arbiter.erase(slots)
        users.erase(slots.map { Int($0) }.sorted(), key: key)
        for list in lists { for slot in slots { list.kept[Int(slot)] = nil } }
        return erased
    }

    private func eventTotal(_ slot: Int) -> Int64 {
        let user = users[slot]
        guard user.pointee.nameCount > 0 else { return 0 }
        let names = pool.tail(user).names
        return (0..<Int(user.pointee.nameCount)).reduce(0) { $0 + Int64(names[$1].count) }
    }

    private func empty(_ slot: Int) {
        leaveAnalytics(slot)
        leaveSegment(slot)
        leaveSegmentations(slot)
        stages.erase(from: users[slot].pointee.stageLink)
        eraseItems(slot)
        if let account = account(slot) {
            pool.erase(account.pointee.days, sizeClass: account.pointee.daysClass)
            pool.erase(account.pointee.amounts, sizeClass: account.pointee.amountsClass)
            pool.erase(account.pointee.recent, sizeClass: account.pointee.recentClass)
            tierTotals.remove(account.pointee)
            account.pointee = AccountRecord()
        }
        pool.erase(users[slot].pointee.tail, sizeClass: users[slot].pointee.tailClass)
    }

    /// Takes the user out of what the segment's members add up to.
    private func leaveSegment(_ slot: Int) {
        let user = users[slot]
        guard user.pointee.segment != 0 else { return }
        var measured = [Int64](repeating: 0, count: SegmentFeature.measureCount)
        measures(slot, into: &measured)
        segments.move(
            from: Int(user.pointee.segment) - 1, to: -1, measures: measured,
            converted: user.pointee.has(UserRecord.converted))
    }
}

extension StageHistory {
    /// Makes a user's entries nobody's, from the latest back; their times stay, by which they are dropped.
    func erase(from link: UInt32) {
        var number = latest(link)
        while number != 0 {
            let before = previous(number)
            let time = entry(number).pointee.time
            entry(number).pointee = StageEntry(
                time: time, arrival: 0, pendingTime: 0, slot: .max, back: 0, stage: 0, pending: 0)
            number = before
        }
    }
}

extension BlockPool {
    /// Overwrites a block, then frees it.
    mutating func erase(_ reference: UInt32, sizeClass: UInt8) {
        guard reference != 0 else { return }
        address(reference).initializeMemory(
            as: UInt8.self, repeating: 0, count: capacity(class: sizeClass, reference: reference))
        free(reference, sizeClass: sizeClass)
    }
}

import Core

/// `replenish_due`: an item bought on three days or more falls due again at its last purchase plus its own mean
/// interval. A further purchase of it puts that off; it is told once.
extension Partition {
    /// What would be past due already is passed over.
    func armReplenishment(_ slot: Int, _ entry: UnsafeMutablePointer<ItemEntry>) {
        guard entry.pointee.told == 0, let due = entry.pointee.due, due >= decidedThrough else { return }
        push(.replenish, slot, due)
    }

    /// All items of the user that fall due at this instant are one trigger.
    func reachReplenishment(_ reached: DueEntry) {
        while due.first(before: reached.due + 1) == reached { due.remove(reached) }
        let slot = Int(reached.slot)
        var told: [Trigger.Item] = []
        for index in itemEntries(slot).indices {
            let entry = itemEntries(slot).baseAddress.unsafelyUnwrapped + index
            guard entry.pointee.told == 0, entry.pointee.due == reached.due,
                let interval = entry.pointee.interval
            else { continue }
            entry.pointee.told = 1
            let name = strings.bytes(entry.pointee.item)
            if settings.items.excludes(name) { continue }
            told.append(
                Trigger.Item(
                    itemID: String(decoding: name, as: UTF8.self),
                    score: Double(interval) / Double(Microseconds.day), by: "replenish"))
        }
        guard !told.isEmpty else { return }
        let items = told.sorted { $0.itemID < $1.itemID }
        fire(.replenishDue, slot, due: reached.due) { $0.items = items }
    }

    /// A late purchase makes untrue that its item fell due when it did.
    func withdrawReplenishment(_ slot: Int, _ item: UInt32, _ time: Int64, _ row: UInt32) {
        for entry in itemEntries(slot) where entry.item == item && entry.told != 0 {
            guard let due = entry.due, time > entry.lastTime, time <= due else { continue }
            let user = users[slot]
            for index in 0..<Int(user.pointee.firedCount) {
                let fired = pool.tail(user).fired[index]
                guard fired.rule == .replenishDue, fired.due == due else { continue }
                forget(user, index)
                if !fired.isStale { retract(.replenishDue, slot, due: due, row) }
                break
            }
        }
    }
}

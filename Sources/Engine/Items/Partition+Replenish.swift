import Core

/// `replenish_due`: an item bought on three days or more falls due again at its last purchase plus its own mean
/// interval or, where that is asked for and there is one, the days to the forecast's peak. A further purchase of it
/// puts that off; it is told once.
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
        let items = replenished(slot, at: reached.due)
        for index in itemEntries(slot).indices {
            let entry = itemEntries(slot).baseAddress.unsafelyUnwrapped + index
            if entry.pointee.told == 0, entry.pointee.due == reached.due { entry.pointee.told = 1 }
        }
        guard !items.isEmpty else { return }
        fire(.replenishDue, slot, due: reached.due) { $0.items = items }
    }

    /// The items of a user that fall due at an instant and are not excluded, by their ids.
    func replenished(_ slot: Int, at instant: Int64) -> [Trigger.Item] {
        var found: [Trigger.Item] = []
        for entry in itemEntries(slot) where entry.told == 0 && entry.due == instant {
            let name = strings.bytes(entry.item)
            guard let wait = entry.wait, !settings.items.excludes(name) else { continue }
            found.append(
                Trigger.Item(
                    itemID: String(decoding: name, as: UTF8.self),
                    score: Double(wait) / Double(Microseconds.day),
                    by: entry.expected == nil ? "replenish" : "forecast", quantity: entry.expected))
        }
        return found.sorted { $0.itemID < $1.itemID }
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

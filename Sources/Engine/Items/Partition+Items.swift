import Core

/// Items enter a user's history when their purchase is decided, in the order of event time; those of a late
/// one as it arrives.
extension Partition {
    /// Numbers of the row's items into `scratchItems`, for all who ask for them while it is applied.
    func gatherItems(_ row: UnsafePointer<EventRow>, _ batch: borrowing BatchView) {
        scratchItems.removeAll(keepingCapacity: true)
        for index in 0..<Int(row.pointee.itemsCount) {
            let item = batch.items[Int(row.pointee.itemsStart) + index]
            scratchItems.append(
                ItemMark(
                    item: strings.intern(batch.bytes(item.idOffset, item.idLength)),
                    category: item.category == EventRow.absent
                        ? ItemEntry.noCategory : intern(item.category, batch),
                    amount: item.price == ItemRow.noPrice ? 0 : Self.lineAmount(item)))
        }
    }

    /// The gathered items, to be kept until their purchase is decided; 0 where nothing is.
    func pendingItems() -> UInt32 { terms.itemsPerUser == 0 ? 0 : pool.keep(scratchItems) }

    /// A purchase is decided whose items waited.
    func takePending(_ block: UInt32, _ slot: Int, _ time: Int64) {
        guard block != 0 else { return }
        // They are copied: the history grows in the same pool.
        scratchItems.removeAll(keepingCapacity: true)
        scratchItems.append(contentsOf: pool.marks(block))
        pool.eraseMarks(block)
        bought(slot, at: time)
    }

    /// A late purchase whose items were gathered.
    func takeLateItems(_ slot: Int, _ time: Int64, row: UInt32) {
        guard terms.itemsPerUser != 0 else { return }
        for mark in scratchItems { withdrawReplenishment(slot, mark.item, time, row) }
        bought(slot, at: time)
    }

    private func bought(_ slot: Int, at time: Int64) {
        let day = day(of: time)
        let horizon = Int(terms.delay(.replenishDue) / Microseconds.day)
        let kept = horizon == 0 ? [] : account(slot).map { recentPurchases($0) } ?? []
        for mark in scratchItems {
            guard let entry = note(mark, slot, time, day) else { continue }
            if horizon > 0 { foretell(entry, kept, horizon: horizon) }
            armReplenishment(slot, entry)
        }
    }

    /// Enters one item; nil where it is not kept.
    private func note(
        _ mark: ItemMark, _ slot: Int, _ time: Int64, _ day: Int32
    ) -> UnsafeMutablePointer<ItemEntry>? {
        let head = items.makeHead(users[slot].pointee.account, slot: slot)
        let count = Int(head.pointee.count)
        let entries = entries(head)
        for index in 0..<count where entries[index].item == mark.item {
            if entries[index].add(mark, time: time, day: day) {
                lines.append(slot: slot, day: day, item: mark.item)
            }
            return entries.baseAddress.map { $0 + index }
        }
        lines.append(slot: slot, day: day, item: mark.item)
        let entry = ItemEntry(mark, time: time, day: day)
        if count >= terms.itemsPerUser { return replace(entries, with: entry) }
        return append(entry, to: head)
    }

    private func append(
        _ entry: ItemEntry, to head: UnsafeMutablePointer<ItemHead>
    ) -> UnsafeMutablePointer<ItemEntry> {
        let size = MemoryLayout<ItemEntry>.stride
        let count = Int(head.pointee.count)
        if (count + 1) * size > pool.capacity(class: head.pointee.sizeClass, reference: head.pointee.block) {
            // A quarter more, so that a long history does not move at each item.
            (head.pointee.block, head.pointee.sizeClass) = pool.grow(
                head.pointee.block, sizeClass: head.pointee.sizeClass, used: count * size,
                to: (count + 1 + count / 4) * size)
        }
        let place = pool.address(head.pointee.block).assumingMemoryBound(to: ItemEntry.self) + count
        place.pointee = entry
        head.pointee.count += 1
        return place
    }

    /// Puts an item in the place of the one bought longest ago, of several the first that came; nil where that is
    /// itself.
    private func replace(
        _ entries: UnsafeMutableBufferPointer<ItemEntry>, with entry: ItemEntry
    ) -> UnsafeMutablePointer<ItemEntry>? {
        var oldest = 0
        for index in entries.indices where entries[index].lastTime < entries[oldest].lastTime {
            oldest = index
        }
        guard !entries.isEmpty, entries[oldest].lastTime <= entry.lastTime else { return nil }
        entries[oldest] = entry
        return entries.baseAddress.map { $0 + oldest }
    }

    private func entries(
        _ head: UnsafeMutablePointer<ItemHead>
    ) -> UnsafeMutableBufferPointer<ItemEntry> {
        guard head.pointee.block != 0 else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
        return UnsafeMutableBufferPointer(
            start: pool.address(head.pointee.block).assumingMemoryBound(to: ItemEntry.self),
            count: Int(head.pointee.count))
    }

    /// What a user bought, in no order of meaning; good until the next change.
    func itemEntries(_ slot: Int) -> UnsafeMutableBufferPointer<ItemEntry> {
        guard let head = items.head(users[slot].pointee.account) else {
            return UnsafeMutableBufferPointer(start: nil, count: 0)
        }
        return entries(head)
    }

    // MARK: Erasure, settings, checks

    /// Before the user's account and record are emptied.
    func eraseItems(_ slot: Int) {
        guard let head = items.head(users[slot].pointee.account) else { return }
        pool.erase(head.pointee.block, sizeClass: head.pointee.sizeClass)
        items.erase(users[slot].pointee.account)
    }

    /// Before the undecided purchases of these users are dropped.
    func erasePendingItems(_ slots: Set<UInt32>) {
        for purchase in pendingPurchases.entries where slots.contains(purchase.slot) {
            pool.eraseMarks(purchase.items)
        }
    }

    func adoptItems(_ changed: ItemSettings, before: ItemSettings) {
        if changed.lines != before.lines { lines = lines.bounded(to: changed.lines) }
        if changed.excluded != before.excluded { recommendations.exclude(changed) }
    }

    /// Bytes of the pool's blocks with items.
    var itemBlockBytes: Int {
        var bytes = 0
        for index in 0..<items.heads.count {
            let head = items.heads[index].pointee
            bytes += pool.capacity(class: head.sizeClass, reference: head.block)
        }
        return pendingPurchases.entries.reduce(bytes) { $0 + pool.marksCapacity($1.items) }
    }

    /// What must hold of restored items before they are used.
    func areItemsWhole() -> Bool {
        for purchase in pendingPurchases.entries {
            if !pool.holdsMarks(purchase.items, strings: strings.count) { return false }
        }
        let bounds = EventTime.distantPast.microseconds...EventTime.distantFuture.microseconds
        for index in 0..<items.heads.count {
            let head = items.heads[index].pointee
            let used = Int(head.count) * MemoryLayout<ItemEntry>.stride
            guard pool.holds(head.block, sizeClass: head.sizeClass, used: used) else { return false }
            if head.block == 0 { continue }
            for entry in entries(items.heads[index]) {
                guard Int(entry.item) < strings.count, bounds.contains(entry.lastTime), entry.days > 0,
                    entry.category == ItemEntry.noCategory || Int(entry.category) < strings.count,
                    entry.firstDay <= entry.lastDay, abs(Int64(entry.firstDay)) < 1 << 30,
                    abs(Int64(entry.lastDay)) < 1 << 30
                else { return false }
            }
        }
        return true
    }
}

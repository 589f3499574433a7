/// What the bytes of state are for: a name and its bytes, for a person who looks where memory goes.
package struct StatePart: Sendable, Equatable {
    package var name: String
    package var bytes: Int64

    package init(_ name: String, _ bytes: Int) {
        self.name = name
        self.bytes = Int64(bytes)
    }

    /// Adds up parts of the same names, in the same order.
    package static func add(_ parts: [StatePart], to sums: inout [StatePart]) {
        if sums.isEmpty {
            sums = parts
            return
        }
        precondition(sums.map(\.name) == parts.map(\.name), "parts of two kinds do not add up")
        for index in sums.indices { sums[index].bytes += parts[index].bytes }
    }
}

extension Partition {
    /// `byteCount`, told apart. Visits every user: for a bench, not for a daemon at work.
    var parts: [StatePart] {
        var tails = 0
        for slot in 0..<users.count {
            let user = users[slot].pointee
            tails += pool.capacity(class: user.tailClass, reference: user.tail)
        }
        var purchases = 0
        for index in 0..<accounts.count {
            let account = accounts[index].pointee
            purchases += pool.capacity(class: account.daysClass, reference: account.days)
            purchases += pool.capacity(class: account.amountsClass, reference: account.amounts)
            purchases += pool.capacity(class: account.recentClass, reference: account.recent)
        }
        let itemBlocks = itemBlockBytes
        return [
            StatePart("user records", users.records.byteCount),
            StatePart("ids", users.idByteCount),
            StatePart("index", users.byteCount - users.records.byteCount - users.idByteCount),
            StatePart("tails", tails),
            StatePart("accounts", accounts.byteCount),
            StatePart("purchases", purchases),
            StatePart("free blocks", pool.byteCount - tails - purchases - itemBlocks),
            StatePart("timers", due.byteCount),
            StatePart("undecided events", pending.byteCount + pendingPurchases.byteCount),
            StatePart("stages", stages.byteCount),
            StatePart("back-fill", backFill.byteCount),
            StatePart("strings", strings.byteCount),
            StatePart("dedupe", dedupe.byteCount),
            StatePart("captured rows", anchors.byteCount + intents.byteCount),
            StatePart("items of users", itemBlocks + items.byteCount),
            StatePart("lines of purchases", lines.byteCount),
            StatePart("open outcomes", followUps.byteCount),
            StatePart("segmentations", segmentations.reduce(0) { $0 + $1.byteCount }),
            StatePart("analytics", analytics.byteCount + quantities.byteCount),
            StatePart("declared rules and decisions", rules.byteCount + arbiter.byteCount),
        ]
    }
}

extension Shard {
    /// `stateBytes()`, told apart. O(users).
    package func stateParts() -> [StatePart] {
        var sums: [StatePart] = []
        forEachPartition { StatePart.add($0.parts, to: &sums) }
        return sums
    }
}

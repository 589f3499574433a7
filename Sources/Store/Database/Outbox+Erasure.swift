extension Outbox {
    /// Turns triggers of users into erased ones, which keep their numbers, in steps of `stepRows`.
    ///
    /// - Parameters:
    ///   - users: ids, each with the newest trigger that may be that user's; later ones are of who came
    ///     under the id afterwards.
    ///   - seq: where to begin; 0 for a whole pass.
    /// - Returns: where to go on, nil when the table is done, and how many were erased of each.
    package mutating func erase(
        _ users: [[UInt8]: Int64], from seq: Int64
    ) throws(DatabaseError) -> (next: Int64?, erased: [[UInt8]: Int64]) {
        let start = max(seq, state.oldest)
        let bound = min(state.last, users.values.max() ?? 0)
        let end = min(start + Outbox.stepRows - 1, bound)
        guard start <= end else { return (nil, [:]) }
        var erased: [[UInt8]: Int64] = [:]
        var next = start
        try transaction { (outbox) throws(DatabaseError) in
            while next <= end, let head = try outbox.statements.head(holding: next) {
                try outbox.erase(users, in: head, &erased)
                next = head.first + head.count
            }
        }
        return (next > start && next <= bound ? next : nil, erased)
    }

    /// The same for one user, whatever the number.
    package mutating func erase(user: [UInt8], from seq: Int64) throws(DatabaseError) -> Int64? {
        try erase([user: .max], from: seq).next
    }

    private mutating func erase(
        _ users: [[UInt8]: Int64], in head: TriggerBlockHead, _ erased: inout [[UInt8]: Int64]
    ) throws(DatabaseError) {
        var block = TriggerBlock(first: head.first)
        var found: [[UInt8]: Int64] = [:]
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        try statements.selectBlocks.bind(1, head.first)
        try statements.selectBlocks.bind(2, head.first)
        defer { statements.selectBlocks.reset() }
        guard try statements.selectBlocks.step() else { return }
        let whole = try statements.selectBlocks.withBytes(2) { (bytes) throws(DatabaseError) in
            try TriggerBlock.forEach(bytes, first: head.first, count: head.count) { row in
                let user = Array(row.user)
                guard !user.isEmpty, let through = users[user], row.seq <= through else {
                    block.append(row)
                    return true
                }
                found[user, default: 0] += 1
                block.append(
                    StoredTrigger(
                        seq: row.seq, at: row.at, due: 0, type: Outbox.erased, rule: Outbox.erased, group: 0,
                        user: nothing, body: nothing))
                return true
            }
        }
        guard whole else {
            throw .corrupt(path: database.path, message: "the block of trigger \(head.first) is not whole")
        }
        statements.selectBlocks.reset()
        if !found.isEmpty {
            try statements.replace(block)
            index.forget(head.first)
        }
        erased.merge(found, uniquingKeysWith: +)
    }

    /// Overwrites pages that are free, a bounded number; whether there are more.
    package func overwriteFreePages() throws(DatabaseError) -> Bool { try database.overwriteFreePages() }
    package func emptyLog() throws(DatabaseError) -> Bool { try database.emptyLog() }
    package func vacuum() throws(DatabaseError) { try database.vacuum() }
}

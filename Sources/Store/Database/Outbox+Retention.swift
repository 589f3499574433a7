package import Core

extension Outbox {
    /// Rows one step of `prune` or `erase` looks at, so that appending never waits long behind it.
    package static let stepRows: Int64 = 20_000

    /// Deletes from the oldest what is more than `age` old by the wall (within a second), or beyond the
    /// newest `count`, at most `stepRows` of it.
    ///
    /// - Parameter age: microseconds since insertion.
    /// - Returns: whether more is to be deleted.
    package mutating func prune(
        wallNow: EventTime, age: Int64, count: Int64
    ) throws(DatabaseError) -> Bool {
        let tooOld = wallNow.microseconds - age - Outbox.markInterval
        try statements.firstKept.bind(1, tooOld)
        let keptByAge = try statements.firstKept.firstInteger() ?? state.last + 1
        let target = min(max(keptByAge, state.last - max(count, 0) + 1), state.last + 1)
        guard target > state.oldest else { return false }
        let bound = min(target, state.oldest + Outbox.stepRows)
        try transaction { (outbox) throws(DatabaseError) in
            try outbox.statements.deleteBlocks.bind(1, bound)
            try outbox.statements.deleteBlocks.run()
            try outbox.statements.deleteMarks.bind(1, bound)
            try outbox.statements.deleteMarks.run()
            outbox.state.oldest = bound
        }
        return bound < target
    }

    /// Turns users' triggers into erased ones, which keep their numbers, in steps of `stepRows`.
    ///
    /// - Parameter seq: where to begin; the oldest kept for a whole pass.
    /// - Returns: where to go on, nil when the table is done, and how many rows were erased.
    package mutating func erase(
        users: Set<[UInt8]>, from seq: Int64
    ) throws(DatabaseError) -> (next: Int64?, erased: Int) {
        let start = max(seq, state.oldest)
        let end = min(start + Outbox.stepRows - 1, state.last)
        guard start <= end else { return (nil, 0) }
        var erased = 0
        try transaction { (outbox) throws(DatabaseError) in
            var from = start
            while from <= end, let head = try outbox.statements.head(holding: from) {
                erased += try outbox.erase(users, in: head)
                from = head.first + head.count
            }
        }
        return (end < state.last ? end + 1 : nil, erased)
    }

    /// The same for one user.
    package mutating func erase(user: [UInt8], from seq: Int64) throws(DatabaseError) -> Int64? {
        try erase(users: [user], from: seq).next
    }

    private func erase(_ users: Set<[UInt8]>, in head: TriggerBlockHead) throws(DatabaseError) -> Int {
        var block = TriggerBlock(first: head.first)
        var erased = 0
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        try statements.selectBlocks.bind(1, head.first)
        try statements.selectBlocks.bind(2, head.first)
        defer { statements.selectBlocks.reset() }
        guard try statements.selectBlocks.step() else { return 0 }
        let whole = try statements.selectBlocks.withBytes(2) { (bytes) throws(DatabaseError) in
            try TriggerBlock.forEach(bytes, first: head.first, count: head.count) { row in
                var kept = row
                if !row.user.isEmpty, users.contains(Array(row.user)) {
                    kept = StoredTrigger(
                        seq: row.seq, at: row.at, due: 0, type: Outbox.erased, rule: Outbox.erased, group: 0,
                        user: nothing, body: nothing)
                    erased += 1
                }
                block.append(kept)
                return true
            }
        }
        guard whole else {
            throw .corrupt(path: database.path, message: "the block of trigger \(head.first) is not whole")
        }
        statements.selectBlocks.reset()
        if erased > 0 { try statements.replace(block) }
        return erased
    }
}

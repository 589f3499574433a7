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
        index.dropBlocks(before: bound)
        return bound < target
    }
}

extension Outbox {
    /// Wall time at which a trigger was recorded, within `markInterval`; nil where it is not kept.
    package func recorded(_ seq: Int64) throws(DatabaseError) -> EventTime? {
        guard (state.oldest...max(state.last, state.oldest)).contains(seq), seq <= state.last else {
            return nil
        }
        let select = try database.prepare(
            "SELECT inserted FROM marks WHERE first <= ? ORDER BY first DESC LIMIT 1")
        try select.bind(1, seq)
        return try select.firstInteger().map { EventTime(microseconds: $0) }
    }
}

import Core
import Engine
import Store

// Erasure in what the keeper holds: triggers and dead letters.

extension ShardRecord {
    /// Whom the record erases.
    var erasureMarks: [ErasureMark] {
        if case .entry(.erase(let marks)) = self { marks } else { [] }
    }
}

extension OutboxKeeper {
    /// A record of erasure has its place: what is older than it is not shown from now on.
    func note(_ record: UInt64, _ marks: [ErasureMark], _ erased: [ErasedUser]) {
        do throws(ErasureRegisterError) {
            try erasures.recorded(
                record, marks: marks, erased: erased, triggers: outbox.last, letters: deadLetters.total,
                wallNow: time.wall())
        } catch {
            // In memory it is; the next change writes it.
            log.error("erasure: its progress could not be kept: \(error)")
        }
        hideTraces()
    }

    /// Takes over from the register what is to be hidden.
    func hideTraces() { hidden = HiddenTraces(erasures.pending, key: erasures.key) }

    /// Newest dead letter.
    func lastLetter() -> Int64 { deadLetters.total }

    /// One bounded step; see `Outbox.erase`.
    func eraseTriggers(
        _ users: [[UInt8]: Int64], from seq: Int64
    ) throws(DatabaseError) -> (next: Int64?, erased: [[UInt8]: Int64]) {
        try outbox.erase(users, from: seq)
    }

    /// One bounded step; see `DeadLetters.erase`.
    func eraseLetters(
        _ matcher: ErasureMatcher, bounds: [Int64], from seq: Int64
    ) throws(DatabaseError) -> (next: Int64?, erased: [Int: Int64]) {
        try deadLetters.erase(matcher, bounds: bounds, from: seq)
    }

    /// One bounded step over the free pages of both tables; whether there are more.
    func overwriteFreePages() throws(DatabaseError) -> Bool {
        let more = try outbox.overwriteFreePages()
        return try deadLetters.overwriteFreePages() || more
    }

    /// Whether both write-ahead logs are empty now.
    func emptyLogs() throws(DatabaseError) -> Bool {
        let isEmpty = try outbox.emptyLog()
        return try deadLetters.emptyLog() && isEmpty
    }

    func vacuumOutbox() throws(DatabaseError) { try outbox.vacuum() }
    func vacuumDeadLetters() throws(DatabaseError) { try deadLetters.vacuum() }
}

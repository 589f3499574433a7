import Core

extension Outbox {
    enum Retracted {
        case found(Int64)
        /// It is here, but nobody was sent it.
        case neverSent
        /// Pruned, or not found within the bound.
        case unknown
    }

    /// Rows that a search looks at from each of its two starting points.
    static let searchRows: Int64 = 200_000

    /// The trigger that a retraction withdraws.
    ///
    /// Rows are ascending by `at`, and a trigger is decided no earlier than it is due: the search begins
    /// in the first block decided at or after the due time and goes on from there. Where time jumped, as
    /// with `$advance`, millions of rows may share that first `at`; they are then ascending by due time
    /// (but for a few decided elsewhere in the order), so the first attempt begins within them.
    func find(
        _ retraction: TriggerRow, rule: UInt16, user: [UInt8]
    ) throws(DatabaseError) -> Retracted {
        let due = retraction.retractsDue
        let first = try firstBlock(from: state.oldest) { $0.atLast >= due }
        guard first <= state.last, let at = try firstDecision(from: first, atLeast: due) else {
            return .unknown
        }
        let within = try firstBlock(from: first) { $0.atLast > at || $0.dueLast >= due }
        let wanted = Wanted(
            due: due, rule: rule, occurrence: retraction.retractsOccurrence, user: user)
        if let found = try search(wanted, from: within) { return found }
        guard within != first else { return .unknown }
        return try search(wanted, from: first) ?? .unknown
    }

    private struct Wanted {
        let due: Int64
        let rule: UInt16
        let occurrence: UInt32
        let user: [UInt8]
    }

    /// First number of the first block that `reached` holds for, by halving; `last + 1` where there is none.
    private func firstBlock(
        from low: Int64, _ reached: (TriggerBlockHead) -> Bool
    ) throws(DatabaseError) -> Int64 {
        var low = low
        var high = state.last + 1
        while low < high {
            let middle = low + (high - low) / 2
            guard let block = try statements.head(holding: middle) else {
                throw .corrupt(path: database.path, message: "trigger \(middle) is missing")
            }
            if reached(block) {
                high = max(block.first, low)
            } else {
                low = block.first + block.count
            }
        }
        return low
    }

    /// The first `at` that is no earlier than a due time, from a row on.
    private func firstDecision(from seq: Int64, atLeast due: Int64) throws(DatabaseError) -> Int64? {
        var found: Int64?
        try forEachRow(from: seq, through: seq + Int64(TriggerBlock.rowsMost)) { row in
            if row.at >= due { found = row.at }
            return found == nil
        }
        return found
    }

    private func search(_ wanted: Wanted, from start: Int64) throws(DatabaseError) -> Retracted? {
        var result: Retracted?
        try forEachRow(from: start, through: start + Outbox.searchRows - 1) {
            (row) throws(DatabaseError) in
            guard row.due == wanted.due, row.rule == wanted.rule, row.user.elementsEqual(wanted.user) else {
                return true
            }
            var trigger = Trigger(
                type: "", rule: "", user: [], at: EventTime(microseconds: row.at),
                due: EventTime(microseconds: row.due))
            _ = try decode(Array(row.body), of: row.seq, into: &trigger)
            guard trigger.occurrence == wanted.occurrence else { return true }
            result = try group(row.group, of: row.seq) == .treated ? .found(row.seq) : .neverSent
            return false
        }
        return result
    }

    /// Visits stored rows in order until the visitor says false.
    func forEachRow(
        from start: Int64, through end: Int64, _ visit: (StoredTrigger) throws(DatabaseError) -> Bool
    ) throws(DatabaseError) {
        let start = max(start, state.oldest)
        let end = min(end, state.last)
        guard start <= end else { return }
        try statements.selectBlocks.bind(1, start)
        try statements.selectBlocks.bind(2, end)
        defer { statements.selectBlocks.reset() }
        var goes = true
        while goes, try statements.selectBlocks.step() {
            let first = statements.selectBlocks.integer(0)
            let count = statements.selectBlocks.integer(1)
            let whole = try statements.selectBlocks.withBytes(2) { (bytes) throws(DatabaseError) in
                try TriggerBlock.forEach(bytes, first: first, count: count) {
                    (row) throws(DatabaseError) in
                    if row.seq < start { return true }
                    goes = row.seq <= end
                    if goes { goes = try visit(row) }
                    return goes
                }
            }
            guard whole else {
                throw .corrupt(path: database.path, message: "the block of trigger \(first) is not whole")
            }
        }
    }

    /// Puts a row's body into its trigger.
    func decode(
        _ body: [UInt8], of seq: Int64, into trigger: inout Trigger
    ) throws(DatabaseError) -> Int64? {
        do {
            return try TriggerBody.decode(body, into: &trigger)
        } catch {
            throw .corrupt(path: database.path, message: "body of trigger \(seq): \(error)")
        }
    }

    func group(_ stored: UInt8, of seq: Int64) throws(DatabaseError) -> Trigger.Group {
        guard Outbox.groups.indices.contains(Int(stored)) else {
            throw .corrupt(path: database.path, message: "group \(stored) of trigger \(seq)")
        }
        return Outbox.groups[Int(stored)]
    }
}

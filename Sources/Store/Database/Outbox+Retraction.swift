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
    /// (but for a few decided elsewhere in the order), so a second attempt begins within them.
    /// - Parameter open: the block that is being filled, behind all that are stored.
    mutating func find(
        _ retraction: TriggerRow, rule: UInt16, user: [UInt8], open: borrowing TriggerBlock
    ) throws(DatabaseError) -> Retracted {
        let wanted = Wanted(
            due: retraction.retractsDue, rule: rule, occurrence: retraction.retractsOccurrence, user: user)
        let due = wanted.due
        let first = index.firstPlace { $0.atLast >= due }
        if let found = try search(wanted, fromBlock: first) { return found }
        if let found = try search(wanted, in: open) { return found }
        guard first < index.heads.count,
            let at = try firstDecision(from: index.heads[first].first, atLeast: due)
        else { return .unknown }
        let within = index.firstPlace { $0.atLast > at || $0.atLast == at && $0.dueLast >= due }
        return within == first ? .unknown : try search(wanted, fromBlock: within) ?? .unknown
    }

    private struct Wanted {
        let due: Int64
        let rule: UInt16
        let occurrence: UInt32
        let user: [UInt8]
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

    private mutating func search(
        _ wanted: Wanted, fromBlock place: Int
    ) throws(DatabaseError) -> Retracted? {
        let print = BlockIndex.fingerprint(due: wanted.due, rule: wanted.rule, user: wanted.user)
        var rows: Int64 = 0
        for place in place..<index.heads.count where rows < Outbox.searchRows {
            let head = index.heads[place]
            rows += head.count
            let prints = try fingerprints(of: head)
            for offset in prints.indices where prints[offset] == print {
                let seq = head.first + Int64(offset)
                var found: Retracted?
                try forEachRow(from: seq, through: seq) { (row) throws(DatabaseError) in
                    found = try match(row, wanted)
                    return false
                }
                if found != nil { return found }
            }
        }
        return nil
    }

    private func search(
        _ wanted: Wanted, in open: borrowing TriggerBlock
    ) throws(DatabaseError) -> Retracted? {
        guard !open.isEmpty else { return nil }
        let (first, count) = (open.head.first, open.head.count)
        let outcome = open.bytes.withUnsafeBytes { bytes in
            Result { () throws(DatabaseError) -> Retracted? in
                var found: Retracted?
                _ = try TriggerBlock.forEach(bytes, first: first, count: count) {
                    (row) throws(DatabaseError) in
                    found = try match(row, wanted)
                    return found == nil
                }
                return found
            }
        }
        return try outcome.get()
    }

    /// What a row is to a retraction; nil where it is another trigger.
    private func match(_ row: StoredTrigger, _ wanted: Wanted) throws(DatabaseError) -> Retracted? {
        guard row.due == wanted.due, row.rule == wanted.rule, row.user.elementsEqual(wanted.user) else {
            return nil
        }
        var trigger = Trigger(
            type: "", rule: "", user: [], at: EventTime(microseconds: row.at),
            due: EventTime(microseconds: row.due))
        _ = try decode(Array(row.body), of: row.seq, into: &trigger)
        guard trigger.occurrence == wanted.occurrence else { return nil }
        return try group(row.group, of: row.seq) == .treated ? .found(row.seq) : .neverSent
    }

    /// Fingerprints of a stored block's rows, read where they are not held.
    private mutating func fingerprints(of head: TriggerBlockHead) throws(DatabaseError) -> [UInt64] {
        if let held = index.fingerprints(of: head.first) { return held }
        var prints: [UInt64] = []
        prints.reserveCapacity(Int(head.count))
        // A block may begin before the oldest row that is kept.
        let gone = max(0, state.oldest - head.first)
        for _ in 0..<gone { prints.append(0) }
        try forEachRow(from: head.first, through: head.first + head.count - 1) { row in
            prints.append(BlockIndex.fingerprint(due: row.due, rule: row.rule, user: row.user))
            return true
        }
        index.hold(prints, of: head.first)
        return prints
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

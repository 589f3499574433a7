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
    /// at the first row decided at or after the due time and goes on from there. Where time jumped, as
    /// with `$advance`, millions of rows may share that first `at`; they are then ascending by due time
    /// (but for a few decided elsewhere in the order), so the first attempt begins within them.
    func find(_ retraction: Trigger.Retraction, user: [UInt8]) throws(DatabaseError) -> Retracted {
        let due = retraction.due.microseconds
        let first = try firstRow(from: state.oldest) { $0.at >= due }
        guard first <= state.last, let start = try times(of: first) else { return .unknown }
        let within = try firstRow(from: first) { $0.at > start.at || $0.due >= due }
        if let found = try search(retraction, user: user, from: within) { return found }
        guard within != first else { return .unknown }
        return try search(retraction, user: user, from: first) ?? .unknown
    }

    /// The first row that `reached` holds for, by halving; `last + 1` where there is none.
    private func firstRow(
        from low: Int64, _ reached: ((at: Int64, due: Int64)) -> Bool
    ) throws(DatabaseError) -> Int64 {
        var low = low
        var high = state.last + 1
        while low < high {
            let middle = low + (high - low) / 2
            guard let times = try times(of: middle) else {
                throw .corrupt(path: database.path, message: "trigger \(middle) is missing")
            }
            if reached(times) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func times(of seq: Int64) throws(DatabaseError) -> (at: Int64, due: Int64)? {
        try statements.selectTimes.bind(1, seq)
        defer { statements.selectTimes.reset() }
        guard try statements.selectTimes.step() else { return nil }
        return (statements.selectTimes.integer(0), statements.selectTimes.integer(1))
    }

    private func search(
        _ retraction: Trigger.Retraction, user: [UInt8], from start: Int64
    ) throws(DatabaseError) -> Retracted? {
        try statements.selectMatching.bind(1, start)
        try statements.selectMatching.bind(2, start + Outbox.searchRows - 1)
        try statements.selectMatching.bind(3, retraction.due.microseconds)
        try statements.selectMatching.bind(4, blob: user)
        defer { statements.selectMatching.reset() }
        while try statements.selectMatching.step() {
            let seq = statements.selectMatching.integer(0)
            let rule = names.name(statements.selectMatching.integer(1)) ?? ""
            var trigger = Trigger(type: "", rule: rule, user: user, at: retraction.due, due: retraction.due)
            _ = try decode(statements.selectMatching.bytes(3), of: seq, into: &trigger)
            guard trigger.id == retraction.id else { continue }
            let group = try group(statements.selectMatching.integer(2), of: seq)
            return group == .treated ? .found(seq) : .neverSent
        }
        return nil
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

    func group(_ stored: Int64, of seq: Int64) throws(DatabaseError) -> Trigger.Group {
        guard Outbox.groups.indices.contains(Int(stored)) else {
            throw .corrupt(path: database.path, message: "group \(stored) of trigger \(seq)")
        }
        return Outbox.groups[Int(stored)]
    }
}

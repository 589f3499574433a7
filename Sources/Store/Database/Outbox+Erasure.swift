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
        let matching = try matching(users, start, end)
        if !matching.isEmpty {
            try transaction { (outbox) throws(DatabaseError) in
                for (seq, user) in matching {
                    try outbox.statements.erase.bind(1, seq)
                    try outbox.statements.erase.bind(2, seq)
                    try outbox.statements.erase.bind(3, blob: user)
                    try outbox.statements.erase.run()
                }
            }
        }
        let erased = Dictionary(matching.map { ($0.user, Int64(1)) }, uniquingKeysWith: +)
        return (end < bound ? end + 1 : nil, erased)
    }

    private func matching(
        _ users: [[UInt8]: Int64], _ start: Int64, _ end: Int64
    ) throws(DatabaseError) -> [(seq: Int64, user: [UInt8])] {
        let select = try database.prepare("SELECT seq, user FROM triggers WHERE seq BETWEEN ? AND ?")
        try select.bind(1, start)
        try select.bind(2, end)
        var found: [(seq: Int64, user: [UInt8])] = []
        while try select.step() {
            let user = select.bytes(1)
            if let through = users[user], select.integer(0) <= through {
                found.append((select.integer(0), user))
            }
        }
        return found
    }

    /// Overwrites pages that are free, a bounded number; whether there are more.
    package func overwriteFreePages() throws(DatabaseError) -> Bool { try database.overwriteFreePages() }
    package func emptyLog() throws(DatabaseError) -> Bool { try database.emptyLog() }
    package func vacuum() throws(DatabaseError) { try database.vacuum() }
}

extension DeadLetters {
    /// What stands in place of the reason of an erased line.
    package static let erasedDetail = "the line spoke of an erased user"

    /// A line is looked through for every user: a step of so many users takes as long as any other, of more
    /// it has fewer rows.
    private static let stepUsers = 16

    /// Empties lines that speak of erased users; they keep number and code. In steps of at most `stepRows`.
    ///
    /// - Parameters:
    ///   - bounds: by user of the matcher, the newest letter that may speak of that one.
    ///   - seq: where to begin; 0 for a whole pass.
    /// - Returns: where to go on, nil when the table is done, and how many were emptied of each user.
    package mutating func erase(
        _ matcher: ErasureMatcher, bounds: [Int64], from seq: Int64
    ) throws(DatabaseError) -> (next: Int64?, erased: [Int: Int64]) {
        let start = max(seq, oldest)
        let bound = min(total, bounds.max() ?? 0)
        let rows = DeadLetters.stepRows * Int64(Self.stepUsers) / Int64(max(Self.stepUsers, bounds.count))
        let end = min(start + max(rows, 10) - 1, bound)
        guard start <= end else { return (nil, [:]) }
        var matching: [(seq: Int64, place: Int)] = []
        let select = try database.prepare("SELECT seq, raw, detail FROM letters WHERE seq BETWEEN ? AND ?")
        try select.bind(1, start)
        try select.bind(2, end)
        while try select.step() {
            guard let place = matcher.match(select.bytes(1)) ?? matcher.match(select.bytes(2)),
                select.integer(0) <= bounds[place]
            else { continue }
            matching.append((select.integer(0), place))
        }
        try empty(matching.map(\.seq))
        let erased = Dictionary(matching.map { ($0.place, Int64(1)) }, uniquingKeysWith: +)
        return (end < bound ? end + 1 : nil, erased)
    }

    private func empty(_ letters: [Int64]) throws(DatabaseError) {
        guard !letters.isEmpty else { return }
        let update = try database.prepare("UPDATE letters SET raw = x'', detail = ? WHERE seq = ?")
        try database.begin()
        do {
            for seq in letters {
                try update.bind(1, DeadLetters.erasedDetail)
                try update.bind(2, seq)
                try update.run()
            }
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
    }

    /// Overwrites pages that are free, a bounded number; whether there are more.
    package func overwriteFreePages() throws(DatabaseError) -> Bool { try database.overwriteFreePages() }
    package func emptyLog() throws(DatabaseError) -> Bool { try database.emptyLog() }
    package func vacuum() throws(DatabaseError) { try database.vacuum() }
}

package import Core

extension EventBatch {
    /// Turns rows of the future into rejections, before they are numbered and sealed. They leave no
    /// trace in dictionary or items. O(rows) where there are none.
    ///
    /// - Parameters:
    ///   - limit: the latest time taken.
    ///   - lines: what the batch was decoded from, for the dead letters.
    ///   - keptBytes: what a dead letter keeps of its line.
    package mutating func refuseFuture(
        after limit: EventTime, lines: UnsafeRawBufferPointer, keptBytes: Int
    ) {
        let refused = rows.filter { $0.time > limit.microseconds }
        guard !refused.isEmpty else { return }
        rows.removeAll { $0.time > limit.microseconds }
        var cursor = DataLines(bytes: lines)
        let new = refused.map { row in
            Rejection(
                line: row.line, code: .futureTimestamp,
                detail:
                    "the time \(EventTime(microseconds: row.time)) is too far ahead; at most \(limit) is taken now",
                raw: Array(cursor.line(row.line).prefix(keptBytes)))
        }
        rejections = (rejections + new).sorted { $0.line < $1.line }
        dropUnownedItems()
        renumberDictionary(of: dictionary)
    }
}

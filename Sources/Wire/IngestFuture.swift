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
        renumberItems(of: items)
        renumberDictionary(of: dictionary)
    }
}

/// Finds data lines by their index, going forward; blank lines have none.
private struct DataLines {
    let bytes: UnsafeRawBufferPointer
    private var next: UInt32 = 0
    private var start = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func line(_ index: UInt32) -> Slice<UnsafeRawBufferPointer> {
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            var line = bytes[start..<end]
            start = end + 1
            if line.last == 0x0D { line.removeLast() }
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
            defer { next += 1 }
            if next == index { return line }
        }
        return bytes[bytes.count...]
    }
}

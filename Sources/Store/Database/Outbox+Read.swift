package import Core

extension Outbox {
    /// Rows one read looks at, whether they pass the filter or not.
    package static let readStretch: Int64 = 50_000

    /// The triggers after a number that pass the filter, as lines, at most `limit`. `through` of the page
    /// says how far it looked: where `through < last`, the next read goes on from there.
    package func read(
        after seq: Int64, limit: Int, filter: TriggerFilter
    ) throws(DatabaseError) -> TriggerPage {
        let start = max(seq, state.oldest - 1)
        var page = TriggerPage(
            lines: [], count: 0, through: max(seq, min(start, state.last)), oldest: state.oldest,
            last: state.last)
        guard start < state.last, limit > 0 else { return page }
        let wanted = RowFilter(filter, names: names)
        var writer = JSONWriter(capacity: 64 << 10)
        let end = start + min(state.last - start, Outbox.readStretch)
        try statements.selectRows.bind(1, start)
        try statements.selectRows.bind(2, end)
        defer { statements.selectRows.reset() }
        while page.count < limit, try statements.selectRows.step() {
            page.through = statements.selectRows.integer(0)
            guard try passes(wanted) else { continue }
            try writeRow(into: &writer)
            page.count += 1
        }
        if page.count < limit { page.through = end }
        page.lines = writer.bytes
        return page
    }

    private func passes(_ wanted: RowFilter) throws(DatabaseError) -> Bool {
        let type = statements.selectRows.integer(3)
        if let types = wanted.types, !types.contains(type) { return false }
        if let user = wanted.user, statements.selectRows.bytes(6) != user { return false }
        switch try group(statements.selectRows.integer(5), of: statements.selectRows.integer(0)) {
        case .treated: return true
        case .holdout: return wanted.holdout
        case .stale: return wanted.stale
        }
    }

    /// Writes the row the statement stands on.
    private func writeRow(into writer: inout JSONWriter) throws(DatabaseError) {
        let seq = statements.selectRows.integer(0)
        guard statements.selectRows.integer(3) != Outbox.erased else {
            return TriggerEncoder.encodeErased(seq: seq, into: &writer)
        }
        guard let type = names.name(statements.selectRows.integer(3)),
            let rule = names.name(statements.selectRows.integer(4))
        else { throw .corrupt(path: database.path, message: "trigger \(seq) has no name") }
        var trigger = Trigger(
            type: type, rule: rule, user: statements.selectRows.bytes(6),
            at: EventTime(microseconds: statements.selectRows.integer(1)),
            due: EventTime(microseconds: statements.selectRows.integer(2)))
        trigger.group = try group(statements.selectRows.integer(5), of: seq)
        let retracts = try decode(statements.selectRows.bytes(7), of: seq, into: &trigger)
        TriggerEncoder.encode(trigger, seq: seq, retracts: retracts, into: &writer)
    }
}

/// A reader's wishes in the terms of the table.
private struct RowFilter {
    /// Numbers of the types; nil: all.
    let types: Set<Int64>?
    let user: [UInt8]?
    let holdout: Bool
    let stale: Bool

    init(_ filter: TriggerFilter, names: NameTable) {
        types = filter.types.map { wanted in
            Set(wanted.compactMap { $0 == TriggerEncoder.erasedType ? Outbox.erased : names.id(of: $0) })
        }
        user = filter.user
        holdout = filter.includeHoldout
        stale = filter.includeStale
    }
}

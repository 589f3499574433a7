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
        try forEachRow(from: start + 1, through: end) { (row) throws(DatabaseError) in
            page.through = row.seq
            if try passes(row, wanted) {
                try write(row, into: &writer)
                page.count += 1
            }
            return page.count < limit
        }
        if page.count < limit { page.through = end }
        page.lines = writer.bytes
        return page
    }

    private func passes(_ row: StoredTrigger, _ wanted: RowFilter) throws(DatabaseError) -> Bool {
        if let types = wanted.types, !types.contains(row.type) { return false }
        if let user = wanted.user, !row.user.elementsEqual(user) { return false }
        switch try group(row.group, of: row.seq) {
        case .treated: return true
        case .holdout: return wanted.holdout
        case .stale: return wanted.stale
        }
    }

    private func write(_ row: StoredTrigger, into writer: inout JSONWriter) throws(DatabaseError) {
        guard row.type != Outbox.erased else {
            return TriggerEncoder.encodeErased(seq: row.seq, into: &writer)
        }
        guard let type = names.name(Int64(row.type)), let rule = names.name(Int64(row.rule)) else {
            throw .corrupt(path: database.path, message: "trigger \(row.seq) has no name")
        }
        var trigger = Trigger(
            type: type, rule: rule, user: Array(row.user), at: EventTime(microseconds: row.at),
            due: EventTime(microseconds: row.due))
        trigger.group = try group(row.group, of: row.seq)
        let retracts = try decode(Array(row.body), of: row.seq, into: &trigger)
        TriggerEncoder.encode(trigger, seq: row.seq, retracts: retracts, into: &writer)
    }
}

/// A reader's wishes in the terms of the table.
private struct RowFilter {
    /// Numbers of the types; nil: all.
    let types: Set<UInt16>?
    let user: [UInt8]?
    let holdout: Bool
    let stale: Bool

    init(_ filter: TriggerFilter, names: NameTable) {
        types = filter.types.map { wanted in
            Set(
                wanted.compactMap { name in
                    name == TriggerEncoder.erasedType
                        ? Outbox.erased : names.id(of: name).map { UInt16(truncatingIfNeeded: $0) }
                })
        }
        user = filter.user
        holdout = filter.includeHoldout
        stale = filter.includeStale
    }
}

/// One trigger of a batch: plain, of fixed size, pointing into the batch that owns it.
@frozen
package struct TriggerRow: Sendable, BitwiseCopyable {
    /// As in `Trigger`, microseconds.
    package var at: Int64
    package var due: Int64
    package var order: Int64
    /// User id, and behind it the body, in `bytes`.
    package var offset: UInt32
    package var bodyLength: UInt32 = 0
    package var orderRow: UInt32 = 0
    package var occurrence: UInt32 = 0
    package var userLength: UInt16
    /// Indices into `names`.
    package var type: UInt16
    package var rule: UInt16
    /// Rule of what it withdraws, and its occurrence; 0: it withdraws nothing.
    package var retractsRule: UInt16 = 0
    package var retractsOccurrence: UInt32 = 0
    package var retractsDue: Int64 = 0
    package var orderBias: Int8 = 0
    /// Index into `Trigger.Group.allCases`.
    package var group: UInt8 = 0
}

/// Triggers in bulk, as the engine makes them and the outbox stores them: rows and one array of bytes, so
/// that a trigger costs no allocation.
package struct TriggerBatch: Sendable {
    package private(set) var rows: [TriggerRow] = []
    /// Of each row its user id and then its body (`TriggerBody`).
    package private(set) var bytes: [UInt8] = []
    /// Names of types and rules; number 0 is nobody's.
    package private(set) var names: [String]

    /// - Parameter names: names known beforehand, the first of them empty.
    package init(names: [String] = [""]) { self.names = names }

    package init(_ triggers: [Trigger]) {
        self.init()
        for trigger in triggers { append(trigger) }
    }

    package var count: Int { rows.count }
    package var isEmpty: Bool { rows.isEmpty }

    // MARK: Making

    /// Begins a row of a user; what is put until `end` is its body.
    package mutating func begin(
        name: UInt16, user: UnsafeRawBufferPointer, at: Int64, due: Int64, group: UInt8
    ) {
        rows.append(
            TriggerRow(
                at: at, due: due, order: due, offset: UInt32(truncatingIfNeeded: bytes.count),
                userLength: UInt16(truncatingIfNeeded: user.count), type: name, rule: name, group: group))
        bytes.append(contentsOf: user)
    }

    /// Ends the row that `begin` began.
    package mutating func end() {
        let last = rows.count - 1
        rows[last].bodyLength =
            UInt32(truncatingIfNeeded: bytes.count) - rows[last].offset - UInt32(rows[last].userLength)
    }

    /// The segment's name, first of what is put.
    package mutating func put(segment: String) { TriggerBody.put(segment: segment, into: &bytes) }

    /// The tier's name, after the segment's.
    package mutating func put(tier: String) { TriggerBody.put(tier: tier, into: &bytes) }

    /// Items offered with it, after the tier.
    package mutating func put(items: ArraySlice<Trigger.Item>) {
        TriggerBody.put(items: items, into: &bytes)
    }

    /// One to three reasons, after the items.
    package mutating func put(
        _ first: (feature: KnownFeature, value: Double),
        _ second: (feature: KnownFeature, value: Double)? = nil,
        _ third: (feature: KnownFeature, value: Double)? = nil
    ) {
        TriggerBody.put(first, second, third, into: &bytes)
    }

    /// The language of its words, the last of what is put.
    package mutating func put(language: String) { TriggerBody.put(language: language, into: &bytes) }

    /// Takes the last row out again, to be changed.
    package mutating func takeLast() -> Trigger {
        let trigger = self[rows.count - 1]
        bytes.removeSubrange(Int(rows.removeLast().offset)...)
        return trigger
    }

    package mutating func append(_ trigger: Trigger) {
        let type = number(of: trigger.type)
        let rule = number(of: trigger.rule)
        let group = Trigger.Group.allCases.firstIndex(of: trigger.group) ?? 0
        trigger.user.withUnsafeBytes { user in
            begin(
                name: rule, user: user, at: trigger.at.microseconds, due: trigger.due.microseconds,
                group: UInt8(group))
        }
        bytes.append(contentsOf: TriggerBody.encode(trigger))
        end()
        let last = rows.count - 1
        rows[last].type = type
        rows[last].order = trigger.order.microseconds
        rows[last].orderBias = trigger.orderBias
        rows[last].orderRow = trigger.orderRow
        rows[last].occurrence = trigger.occurrence
        if let retraction = trigger.retracts {
            rows[last].retractsRule = number(of: retraction.rule)
            rows[last].retractsOccurrence = retraction.occurrence
            rows[last].retractsDue = retraction.due.microseconds
        }
    }

    /// Makes room for as many as another has: the next record's are most likely as many.
    package mutating func reserve(like other: borrowing TriggerBatch) {
        rows.reserveCapacity(other.rows.count + other.rows.count / 8)
        bytes.reserveCapacity(other.bytes.count + other.bytes.count / 8)
    }

    /// Number of a name; a new one gets the next.
    package mutating func number(of name: String) -> UInt16 {
        if let known = names.firstIndex(of: name) { return UInt16(known) }
        precondition(names.count < Int(UInt16.max), "too many names of triggers")
        names.append(name)
        return UInt16(names.count - 1)
    }

    // MARK: Reading

    package func user(_ row: TriggerRow) -> ArraySlice<UInt8> {
        bytes[Int(row.offset)..<Int(row.offset) + Int(row.userLength)]
    }

    package func body(_ row: TriggerRow) -> ArraySlice<UInt8> {
        let start = Int(row.offset) + Int(row.userLength)
        return bytes[start..<start + Int(row.bodyLength)]
    }

    /// One as a value of its own.
    package subscript(index: Int) -> Trigger {
        let row = rows[index]
        var trigger = Trigger(
            type: names[Int(row.type)], rule: names[Int(row.rule)], user: Array(user(row)),
            at: EventTime(microseconds: row.at), due: EventTime(microseconds: row.due))
        trigger.order = EventTime(microseconds: row.order)
        trigger.orderBias = row.orderBias
        trigger.orderRow = row.orderRow
        trigger.group = Trigger.Group.allCases[Int(row.group)]
        do { _ = try TriggerBody.decode(Array(body(row)), into: &trigger) } catch {
            preconditionFailure("a trigger's own body does not read back: \(error)")
        }
        if row.retractsRule != 0 {
            trigger.retracts = Trigger.Retraction(
                rule: names[Int(row.retractsRule)], due: EventTime(microseconds: row.retractsDue),
                occurrence: row.retractsOccurrence)
        }
        return trigger
    }

    /// All as values of their own.
    package var triggers: [Trigger] { rows.indices.map { self[$0] } }
}

/// The triggers of one journal record, from all shards, in the order in which they are to be numbered.
package struct OrderedTriggers: Sendable {
    package struct Place: Sendable, BitwiseCopyable {
        package var batch: UInt32
        package var row: UInt32
    }

    package let record: UInt64
    package let batches: [TriggerBatch]
    package let places: [Place]

    package var isEmpty: Bool { places.isEmpty }
    package var count: Int { places.count }

    /// Puts them in order: (due, rule, user), what late lines bring about by the line. `Trigger.precedes`
    /// says it in full.
    package init(record: UInt64, batches: [TriggerBatch]) {
        self.record = record
        self.batches = batches
        var keys: [Key] = []
        keys.reserveCapacity(batches.reduce(0) { $0 + $1.count })
        for (number, batch) in batches.enumerated() {
            for (index, row) in batch.rows.enumerated() {
                keys.append(
                    Key(
                        order: row.order, line: row.orderRow, batch: UInt32(number), row: UInt32(index),
                        bias: row.orderBias))
            }
        }
        keys.sort { a, b in
            if a.order != b.order { return a.order < b.order }
            if a.bias != b.bias { return a.bias < b.bias }
            if a.line != b.line { return a.line < b.line }
            return Self.tied(batches, a, b)
        }
        places = keys.map { Place(batch: $0.batch, row: $0.row) }
    }

    /// In the order given.
    package init(record: UInt64, triggers: [Trigger]) {
        self.record = record
        let batch = TriggerBatch(triggers)
        batches = [batch]
        places = batch.rows.indices.map { Place(batch: 0, row: UInt32($0)) }
    }

    private struct Key: BitwiseCopyable {
        var order: Int64
        var line: UInt32
        var batch: UInt32
        var row: UInt32
        var bias: Int8
    }

    private static func tied(_ batches: [TriggerBatch], _ a: Key, _ b: Key) -> Bool {
        let one = batches[Int(a.batch)]
        let other = batches[Int(b.batch)]
        let (x, y) = (one.rows[Int(a.row)], other.rows[Int(b.row)])
        let (rule, otherRule) = (one.names[Int(x.rule)], other.names[Int(y.rule)])
        if rule != otherRule { return rule < otherRule }
        let (user, otherUser) = (one.user(x), other.user(y))
        if user != otherUser { return user.lexicographicallyPrecedes(otherUser) }
        if x.occurrence != y.occurrence { return x.occurrence < y.occurrence }
        return x.due < y.due
    }
}

import Core
import Store

let testDay = Microseconds.day

/// A plain trigger of a user, decided when it was due.
func trigger(
    _ user: String, at: Int64 = 1000, due: Int64? = nil, rule: String = "churned",
    group: Trigger.Group = .treated
) -> Trigger {
    var trigger = Trigger(
        type: rule, rule: rule, user: Array(user.utf8), at: EventTime(microseconds: at),
        due: EventTime(microseconds: due ?? at))
    trigger.group = group
    return trigger
}

/// The retraction of a trigger.
func retraction(of withdrawn: Trigger, at: Int64) -> Trigger {
    var trigger = Trigger(
        type: "retracted", rule: "retracted", user: withdrawn.user, at: EventTime(microseconds: at),
        due: EventTime(microseconds: at))
    trigger.retracts = Trigger.Retraction(
        rule: withdrawn.rule, due: withdrawn.due, occurrence: withdrawn.occurrence)
    return trigger
}

/// Every member of each line of the outbox, read in pages.
func lines(
    _ outbox: borrowing Outbox, after: Int64 = 0, limit: Int = 1000, filter: TriggerFilter = TriggerFilter()
) throws -> [JSONValue] {
    var found: [JSONValue] = []
    var seq = after
    while true {
        let page = try outbox.read(after: seq, limit: limit, filter: filter)
        for line in page.lines.split(separator: UInt8(ascii: "\n")) {
            found.append(try JSONReader.parse(Array(line)))
        }
        if page.through >= page.last { return found }
        precondition(page.through > seq)
        seq = page.through
    }
}

/// Numbers of those lines.
func numbers(_ lines: [JSONValue]) -> [Int64] {
    lines.compactMap { line in
        guard case .integer(let seq)? = line["seq"] else { return nil }
        return seq
    }
}

let everything = TriggerFilter(includeHoldout: true, includeStale: true)
let wallStart = EventTime(microseconds: 1_700_000_000_000_000)

extension Outbox {
    /// Takes triggers in the order given.
    @discardableResult
    mutating func append(
        through record: UInt64, triggers: [(record: UInt64, triggers: [Trigger])], wallNow: EventTime
    ) throws(DatabaseError) -> Int {
        try append(
            through: record,
            triggers: triggers.map { OrderedTriggers(record: $0.record, triggers: $0.triggers) },
            wallNow: wallNow)
    }
}

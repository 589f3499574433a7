import Core
import Engine
import Testing

@testable import EngineSupport

/// What was sent under a delay that has been changed since, judged as if it had been sent under the new one.
struct FormerDelayTests {
    private static let start: Int64 = 1_711_800_000_000_000
    private let minute = Microseconds.minute
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func at(_ offset: Int64) -> Int64 { Self.start + offset }

    private func change(_ rig: inout Rig, _ change: (inout Settings) -> Void) async throws {
        try await rig.take(.settings(EngineSettings(.event(.utc, change))))
    }

    private func told(_ triggers: [Trigger]) -> [String] {
        triggers.map { "\($0.rule) \(($0.retracts?.due ?? $0.due).microseconds - Self.start)" }
    }

    @Test func `a stage that was due by the old delay stays sent`() async throws {
        var rig = try Rig(.event())
        try await rig.take([PlainEvent("u", at(0), "add_to_cart")])
        try await rig.take(.advance(to: at(2 * hour)))
        #expect(told(rig.triggers) == ["cart_abandoned \(hour)"])
        try await change(&rig) { $0.triggers.cartAbandoned.delay = 3 * Microseconds.hour }
        // A shallower stage leaves the cart as it is, which is therefore true as ever.
        #expect(try await rig.take([PlainEvent("u", at(30 * minute), "view_item")]) == [])
        let withdrawn = try await rig.take([PlainEvent("u", at(40 * minute), "purchase")])
        #expect(told(withdrawn) == ["retracted \(hour)"])
    }

    @Test(arguments: [10, 40] as [Int64])
    func `a purchase within the old delay withdraws what it makes untrue`(days: Int64) async throws {
        var rig = try Rig(.event())
        try await rig.take([PlainEvent("u", at(0), "purchase")])
        try await rig.take(.advance(to: at(30 * day)))
        #expect(told(rig.triggers) == ["churned \(25 * day)"])
        try await change(&rig) { $0.triggers.churned.delay = days * Microseconds.day }
        // Once more, so that it is not the last change alone that is remembered; and across a restart.
        try await rig.take(.advance(to: at(31 * day)))
        try await change(&rig) { $0.triggers.churned.delay = 1 + days * Microseconds.day }
        let snapshots = await rig.snapshots()
        var again = try Rig(
            rig.settings, shards: 2, key: HashKey(k0: 8, k1: 9), ledger: rig.ledger.snapshot(),
            partitions: snapshots)
        for record in rig.journal { try await again.apply(record.number, record.kind, record.payload) }
        let entry = JournalEntry.events(
            EventsEntry(
                batch: EventBatch([PlainEvent("u", at(5 * day), "purchase")]), clock: rig.ledger.clock,
                lateness: rig.ledger.settings.allowedLateness, wallNow: nil, receivedAt: 0, producer: "",
                producerNext: 0))
        let withdrawn = try await rig.take(entry)
        #expect(told(withdrawn).first == "retracted \(25 * day)")
        #expect(try await again.apply(UInt64(rig.journal.count), entry.kind, entry.encoded()) == withdrawn)
    }

    @Test func `a purchase before the old delay began withdraws nothing`() async throws {
        var rig = try Rig(.event())
        try await rig.take([PlainEvent("u", at(10 * day), "purchase")])
        try await rig.take(.advance(to: at(40 * day)))
        try await change(&rig) { $0.triggers.churned.delay = 35 * Microseconds.day }
        #expect(told(rig.triggers) == ["churned \(35 * day)"])
        #expect(try await rig.take([PlainEvent("u", at(5 * day), "purchase")]) == [])
    }

    @Test func `a stage past due by a shorter delay is undecided for ever, whatever comes late`() async throws
    {
        var rig = try Rig(.event { $0.triggers.cartAbandoned.delay = 3 * Microseconds.hour })
        try await rig.take([PlainEvent("u", at(0), "add_to_cart")])
        try await rig.take(.advance(to: at(2 * hour)))
        try await change(&rig) { $0.triggers.cartAbandoned.delay = Microseconds.hour }
        try await rig.take([PlainEvent("u", at(10 * minute), "view_item")])
        try await rig.take(.advance(to: at(9 * hour)))
        #expect(told(rig.triggers) == [])
    }
}

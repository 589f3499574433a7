import Core
import Engine
import Testing

@testable import EngineSupport

/// An event that counts twice, or one that does not count at all.
struct DedupeTests {
    private let start: Int64 = 1_711_800_000_000_000

    private func event(_ offset: Int64, _ id: String?, _ user: String = "u") -> PlainEvent {
        var event = PlainEvent(user, start + offset, "login")
        event.id = id
        return event
    }

    @Test func `the window is inclusive on both sides`() async throws {
        let window = Settings().dedupe.window
        for (offset, repeated) in [
            (0, true), (window, true), (window + 1, false), (-window, true), (-window - 1, false),
        ] {
            var rig = try Rig(.event())
            try await rig.take([event(0, "a")])
            try await rig.take([event(offset, "a")])
            #expect(rig.totals.duplicates == (repeated ? 1 : 0), "\(offset)")
            #expect(rig.totals.events == (repeated ? 1 : 2))
        }
    }

    @Test func `the same id of another user or none at all is no repeat`() async throws {
        var rig = try Rig(.event(), shards: 2)
        try await rig.take([event(0, "a"), event(0, "a", "v"), event(0, nil), event(0, nil), event(0, "b")])
        #expect(rig.totals.duplicates == 0)
        #expect(rig.totals.events == 5)
    }

    @Test func `a repeat changes nothing but the clock and the count of repeats`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "a")])
        try await rig.take([event(Microseconds.hour, "a")])
        let view = try #require(await rig.view("u"))
        #expect(view.eventTotal == 1)
        #expect(view.lastSeen.microseconds == start)
        #expect(rig.ledger.clock.now == start + Microseconds.hour)
    }

    @Test func `who has only repeats is no user`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "a"), event(0, "a")])
        #expect(rig.totals.users == 1)
    }

    @Test func `beyond the bound the oldest are forgotten, and a replay forgets the same`() async throws {
        let settings = Settings.event { $0.limits.dedupeIDs = 10 * Partitioning.count }
        func run(cut: Int, key: HashKey) async throws -> (Int64, Int64) {
            var rig = try Rig(settings, key: key)
            // One user, so one partition: it remembers ten.
            let events = (0..<40).map { event(Int64($0), "id-\($0 % 2 == 0 ? $0 / 2 : $0 % 13)") }
            for start in stride(from: 0, to: events.count, by: cut) {
                try await rig.take(Array(events[start..<min(events.count, start + cut)]))
            }
            return (rig.totals.duplicates, rig.totals.forgotten)
        }
        let first = try await run(cut: 1, key: HashKey(k0: 1, k1: 2))
        #expect(first.0 > 0)
        #expect(first.1 > 0)
        let second = try await run(cut: 40, key: HashKey(k0: 77, k1: 88))
        #expect(second == first)
    }

    @Test func `within the bound nothing is forgotten`() async throws {
        var rig = try Rig(.event { $0.limits.dedupeIDs = 10 * Partitioning.count })
        try await rig.take((0..<10).map { event(0, "id-\($0)") })
        try await rig.take((5..<10).map { event(0, "id-\($0)") })
        #expect(rig.totals.duplicates == 5)
        #expect(rig.totals.forgotten == 0)
    }
}

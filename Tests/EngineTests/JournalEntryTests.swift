import Core
import Engine
import Testing

@testable import EngineSupport

/// A journal that does not read back, or that brings the daemon down.
struct JournalEntryTests {
    private var entries: [JournalEntry] {
        var shape = LogShape(.brief())
        shape.events = 8
        var clock = LogClock()
        clock.now = 7
        clock.frontier = -5
        clock.watermark = -6
        var scheduled = EngineSettings(.event(.berlin))
        scheduled.refitEvery = Microseconds.day
        scheduled.refitAt = 3 * Microseconds.hour
        scheduled.funnelWindow = 40 * Microseconds.hour
        let batch = EventBatch(randomLog(shape, seed: 3))
        return [
            .events(
                EventsEntry(
                    batch: batch, clock: clock, lateness: 60, wallNow: nil, receivedAt: 99, producer: "웹-1",
                    producerNext: .max)),
            .events(
                EventsEntry(
                    batch: EventBatch(), clock: clock, lateness: 0, wallNow: .min, receivedAt: 0,
                    producer: "",
                    producerNext: 0)),
            .tick(now: .min), .advance(to: .max), .close(before: -1),
            .verdict(
                VerdictEntry(
                    name: "segments", version: 3, adopted: true, instant: 5, scheduled: true,
                    bytes: [1, 2, 3])),
            .verdict(
                VerdictEntry(
                    name: "", version: 0, adopted: false, instant: .min, scheduled: false, bytes: [])),
            .settings(EngineSettings(.event())), .settings(scheduled),
            .erase([
                ErasureMark(high: 1, low: .max, partition: 63), ErasureMark(high: 0, low: 0, partition: 0),
            ]),
            .erase([]), .erased(through: .max),
            .months(MonthsEntry(through: 3, now: 4, isDeclining: true, declines: [])),
            .months(
                MonthsEntry(
                    through: .max, now: .min, isDeclining: false,
                    declines: [
                        SalesDecline(
                            due: 1, drop: 0.5, from: "a", to: "", message: "매출",
                            why: [
                                Trigger.Reason(feature: "visits", value: 1),
                                Trigger.Reason(feature: "", value: 0, contribution: -2),
                            ])
                    ])),
        ]
    }

    private func decoded(_ kind: UInt8, _ payload: [UInt8]) throws -> JournalEntry {
        try payload.withUnsafeBytes { try JournalEntry(kind: kind, payload: $0) }
    }

    @Test func `every kind of entry reads back as it was written`() throws {
        for entry in entries {
            let again = try decoded(entry.kind, entry.encoded())
            #expect(again.kind == entry.kind)
            #expect(again.encoded() == entry.encoded())
            if case .events(let mine) = entry, case .events(let theirs) = again {
                #expect(theirs.clock == mine.clock)
                #expect(theirs.wallNow == mine.wallNow)
                #expect(theirs.producer == mine.producer)
                #expect(theirs.producerNext == mine.producerNext)
                #expect(theirs.batch.rows.map(\.time) == mine.batch.rows.map(\.time))
                #expect(
                    theirs.batch.rows.map { theirs.batch.user(of: $0) }
                        == mine.batch.rows.map(mine.batch.user))
            } else if case .settings(let mine) = entry, case .settings(let theirs) = again {
                #expect(theirs == mine)
            }
        }
    }

    @Test func `a shortened entry is refused`() throws {
        for entry in entries {
            let payload = entry.encoded()
            for length in payload.indices {
                #expect(throws: StateError.self) { try decoded(entry.kind, Array(payload[..<length])) }
            }
        }
    }

    @Test func `any bytes are refused or read`() throws {
        var random = Randomness(seed: 4)
        let entries = entries
        for round in 0..<3000 {
            var bytes: [UInt8]
            let entry = entries[round % entries.count]
            if round % 2 == 0 {
                bytes = entry.encoded()
                for _ in 0..<(1 + random.below(3)) {
                    bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
                }
            } else {
                bytes = (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            do { _ = try decoded(entry.kind, bytes) } catch is StateError {}
        }
        for kind in 9...255 as ClosedRange<UInt8> {
            #expect(throws: StateError.self) { try decoded(kind, [0, 0, 0, 0, 0, 0, 0, 0]) }
        }
    }
}

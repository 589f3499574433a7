import Core
import Engine
import Testing

/// Risk: a refit happens twice, never, or at another hour than the one configured.
struct RefitScheduleTests {
    private func instant(_ text: String) throws -> EventTime { try #require(InstantText.parse(text)) }

    @Test(arguments: [
        ("2024-03-09T02:59:59Z", "2024-03-09T03:00:00Z"), ("2024-03-09T03:00:00Z", "2024-03-10T03:00:00Z"),
        ("2024-12-31T23:59:59.999999Z", "2025-01-01T03:00:00Z"),
    ])
    func `daily is the next such hour, strictly after`(now: String, next: String) throws {
        let schedule = RefitSchedule(every: Microseconds.day, at: 3 * Microseconds.hour)
        #expect(schedule.next(after: try instant(now), in: .utc) == (try instant(next)))
    }

    @Test func `instants of any distance follow each other by it`() throws {
        for every in [Microseconds.minute, 7 * Microseconds.minute, 5 * Microseconds.hour] {
            let schedule = RefitSchedule(every: every, at: 30 * Microseconds.second)
            let now = try instant("2024-03-09T12:34:56Z")
            let next = schedule.next(after: now, in: .utc)
            #expect(next > now && next <= now + every)
        }
    }

    @Test func `a daily refit keeps its hour when the clocks change`() throws {
        // Five hours behind Greenwich, four from 2024-03-10 07:00 UTC on.
        let zone = Zone(
            name: "New York", starts: [.min, try instant("2024-03-10T07:00:00Z").microseconds],
            offsets: [-5 * Microseconds.hour, -4 * Microseconds.hour])
        let schedule = RefitSchedule(every: Microseconds.day, at: 12 * Microseconds.hour)
        let first = schedule.next(after: try instant("2024-03-09T00:00:00Z"), in: zone)
        #expect(first == (try instant("2024-03-09T17:00:00Z")))
        // On the day of the change, too, it is noon on the wall.
        let second = schedule.next(after: first, in: zone)
        #expect(second == (try instant("2024-03-10T16:00:00Z")))
        #expect(schedule.next(after: second, in: zone) == (try instant("2024-03-11T16:00:00Z")))
    }
}

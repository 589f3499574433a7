import Core
import Engine
import Testing

@testable import EngineSupport

/// A user who outgrows what most users need.
struct LargeUserTests {
    private let start: Int64 = 1_711_800_000_000_000

    private func take(_ rig: inout Rig, _ events: [PlainEvent]) async throws {
        for first in stride(from: 0, to: events.count, by: 20_000) {
            try await rig.take(Array(events[first..<min(events.count, first + 20_000)]))
        }
    }

    @Test func `a hundred thousand events of one user are counted`() async throws {
        var rig = try Rig(.event())
        let events = (0..<100_000).map { index -> PlainEvent in
            var event = PlainEvent("u", start + Int64(index) * Microseconds.minute, "login")
            event.dimensions[.media] = index % 3 == 0 ? "rare" : "frequent"
            return event
        }
        try await take(&rig, events)
        let view = try #require(await rig.view("u"))
        #expect(view.eventTotal == 100_000)
        #expect(view.shortSessions.count == 1)
        #expect(view.longSessions.totalMicroseconds == 99_999 * Microseconds.minute)
        #expect(view.main.first?.value == "frequent")
        #expect(view.rolling.last?.events == 100_000)
    }

    @Test func `five thousand purchase days are kept, in whatever order they come`() async throws {
        var rig = try Rig(.event())
        var random = Randomness(seed: 2)
        let days = (0..<5000).map { Int64($0 * 2) }.shuffled(using: &random)
        let events = days.map { day -> PlainEvent in
            var event = PlainEvent("u", start + day * Microseconds.day, "purchase")
            event.value = 1_000_000
            return event
        }
        try await take(&rig, events)
        let view = try #require(await rig.view("u"))
        let purchases = try #require(view.purchases)
        #expect(purchases.days == 5000)
        #expect(purchases.revenue == 5_000_000_000)
        #expect(purchases.intervalMeanDays == 2)
        #expect(purchases.intervalDeviationDays == 0)
        #expect(view.rfm?.monetaryValue == 1)
    }

    @Test func `names beyond the bound are other`() async throws {
        var rig = try Rig(.event())
        try await take(&rig, (0..<300).map { PlainEvent("u", start + Int64($0), "name-\($0)") })
        try await take(&rig, [PlainEvent("v", start, "name-255"), PlainEvent("v", start, "name-256")])
        let view = try #require(await rig.view("u"))
        #expect(view.events.count == 257)
        #expect(view.events.first?.name == "other")
        #expect(view.events.first?.value == 44)
        let other = try #require(await rig.view("v"))
        #expect(other.events.map(\.name).sorted() == ["name-255", "other"])
    }

    @Test func `money at the ends of its range is kept within 64 bits`() async throws {
        var rig = try Rig(.event())
        let most: Int64 = 1_000_000_000_000_000_000
        var events: [PlainEvent] = []
        for index in 0..<60 {
            var event = PlainEvent("u", start + Int64(index) * Microseconds.hour, "purchase")
            event.value = index < 24 ? most : -most
            var item = PlainItem(id: "i", category: "c")
            item.price = most
            item.quantity = [10_000_000, 1_000_000_000, most, 1][index % 4]
            event.items = [item]
            events.append(event)
        }
        try await take(&rig, events)
        let view = try #require(await rig.view("u"))
        #expect(view.purchases?.count == 60)
        #expect(view.amountBy.first?.value.first?.value == .max)
    }
}

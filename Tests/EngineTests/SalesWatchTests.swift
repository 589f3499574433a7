import Core
import Testing

@testable import Engine
@testable import EngineSupport

/// A decline that is told twice, or of a bad week, a season or a young shop, or not at all.
struct SalesWatchTests {
    private static let first: Int32 = CalendarDate(year: 2023, month: 1, day: 1).dayNumber

    private static func end(_ month: Int) -> Int64 { MonthNumber.start(of: 53 * 12 + month, .utc) }

    /// Revenue a day of each month from January 2023 on, in whole units; every day differs a little.
    private func days(_ months: [Int]) async throws -> DayTotals {
        var events: [PlainEvent] = []
        for (month, revenue) in months.enumerated() {
            let start = MonthNumber.firstDay(of: 53 * 12 + month)
            for day in start..<MonthNumber.firstDay(of: 53 * 12 + month + 1) where revenue > 0 {
                for part in 0..<3 {
                    let time = Int64(day) * Microseconds.day + Int64(part + 1) * Microseconds.hour
                    var event = PlainEvent("u\(day % 7)", time, "purchase")
                    event.value = Int64(revenue * 1_000_000 / 3 + Int(day % 5) * 100_000)
                    events.append(event)
                }
            }
        }
        var rig = try Rig(.event())
        try await rig.take(events)
        return await rig.shards[0].dayTotals()
    }

    private func watch(_ change: (inout Settings.SalesDecline) -> Void = { _ in }) -> SalesWatch {
        var settings = Settings.SalesDecline()
        settings.enabled = true
        change(&settings)
        return SalesWatch(settings, zone: .utc, language: "")
    }

    /// Months (1: January 2023) at whose end a decline is told, judged one by one.
    private func told(_ revenue: [Int], _ watch: SalesWatch) async throws -> [Int] {
        let days = try await days(revenue)
        var isDeclining = false
        var told: [Int] = []
        for month in 1...revenue.count {
            let end = Self.end(month)
            let entry = watch.judge(days, from: end, through: end, now: end, isDeclining: isDeclining)
            isDeclining = entry.isDeclining
            if !entry.declines.isEmpty { told.append(month) }
        }
        return told
    }

    @Test func `a drop of two months is told once, at the end of the second, and the next again`()
        async throws
    {
        let watch = watch()
        #expect(try await told([100, 100, 100, 60, 60, 60, 60, 60], watch) == [5])
        // It goes on, and is the same; after a stop it is another.
        #expect(try await told([100, 100, 70, 60, 50, 40, 30], watch) == [4])
        #expect(try await told([100, 100, 60, 60, 60, 60, 60, 30, 30], watch) == [4, 9])
        #expect(try await told([100, 100, 0, 0, 0, 0], watch) == [4])
    }

    @Test func `a bad month, a rise, a slow decline and a young shop are none`() async throws {
        let watch = watch()
        #expect(try await told([100, 100, 40, 100, 100, 100], watch) == [])
        #expect(try await told([60, 60, 100, 100, 100, 120], watch) == [])
        #expect(try await told([100, 97, 94, 91, 88, 85, 82], watch) == [])
        #expect(try await told([100, 40, 40], watch) == [])
        #expect(try await told([100, 100, 60, 60], self.watch { $0.leastPurchases = 1000 }) == [])
        #expect(try await told([100, 100, 60, 60], self.watch { $0.drop = 0.5 }) == [])
    }

    @Test func `what fell as much a year before is a season`() async throws {
        let watch = watch()
        let year = [100, 100, 100, 100, 100, 100, 100, 100, 150, 150, 100, 100]
        #expect(try await told(year + year, watch) == [12])
        let worse = Array(year[..<10]) + [70, 70]
        #expect(try await told(year + worse, watch) == [12, 24])
    }

    @Test func `several months at once are judged as one after the other`() async throws {
        let revenue = [100, 100, 60, 60, 60, 60, 30, 30, 30]
        let days = try await days(revenue)
        let entry = watch().judge(
            days, from: Self.end(1), through: Self.end(400), now: Self.end(400), isDeclining: false)
        // With the shop closed after September, that is the third.
        #expect(entry.declines.map(\.due) == [Self.end(4), Self.end(8), Self.end(11)])
        #expect(!entry.isDeclining)
        let decline = try #require(entry.declines.first)
        #expect((decline.from, decline.to) == ("2023-01/2023-02", "2023-03/2023-04"))
        #expect(abs(decline.drop - 0.4) < 0.01)
        let sum = decline.why.reduce(0) { $0 + ($1.contribution ?? 0) }
        #expect(abs(sum - Double(61 * 60 - 59 * 100)) < 30)
        #expect(decline.why.map(\.feature) == ["visits", "conversion", "order_value"])
        #expect(abs(decline.why.reduce(1) { $0 * $1.value } - 0.6 * 61 / 59) < 0.01)
    }

    @Test func `the record makes one trigger, of nobody, on any number of shards, and no other timer move`()
        async throws
    {
        let decline = SalesDecline(
            due: 7 * Microseconds.day, drop: 0.4, from: "a", to: "b", message: "m",
            why: [Trigger.Reason(feature: "visits", value: 0.5, contribution: -3)])
        for count in [1, 2, 5] {
            var rig = try Rig(.event(), shards: count)
            try await rig.take([PlainEvent("u", 7 * Microseconds.day - 1, "add_to_cart")])
            let entry = MonthsEntry(
                through: 7 * Microseconds.day, now: 8 * Microseconds.day, isDeclining: true,
                declines: [decline])
            let found = try await rig.take(.months(entry))
            #expect(found.map(\.rule) == ["sales_decline"])
            #expect(found.first?.user == [])
            #expect(found.first?.at == EventTime(microseconds: 8 * Microseconds.day))
            #expect(found.first?.score == 0.4)
            #expect(rig.ledger.isDeclining)
            let saved = try rig.ledger.snapshot().withUnsafeBytes { try Ledger(snapshot: $0) }
            #expect(saved.isDeclining)
            #expect(saved.monthsThrough == entry.through)
            #expect(saved.monthEnd == rig.ledger.monthEnd)
        }
    }

    @Test func `the end of a month is found in the zone, once`() async throws {
        var rig = try Rig(.event(.berlin) { $0.clock.allowedLateness = 0 })
        #expect(rig.ledger.monthEnd == nil)
        let april = 1_711_922_400_000_000 as Int64
        try await rig.take([PlainEvent("u", april - 10 * Microseconds.day, "login")])
        #expect(rig.ledger.monthEnd == april)
        let batch = EventBatch([
            PlainEvent("u", april - 1, "login"), PlainEvent("u", april, "login"),
            PlainEvent("u", april + 1, "login"),
        ])
        #expect(rig.ledger.monthRow(in: batch) == 1)
        #expect(rig.ledger.lastMonthEnd(upTo: april - 1) == nil)
        #expect(rig.ledger.lastMonthEnd(upTo: april) == april)
        try await rig.take(
            .months(MonthsEntry(through: april, now: april, isDeclining: false, declines: [])))
        #expect(rig.ledger.monthRow(in: batch) == nil)
        #expect(rig.ledger.lastMonthEnd(upTo: april) == nil)
    }
}

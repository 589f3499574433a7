import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// A value of other purchases than the buyer's, or one that depends on the order of arrival.
struct LifetimeValueTests {
    /// 2024-03-30T12:00:00Z.
    private static let start: Int64 = 1_711_800_000_000_000
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func bought(_ user: String, _ offset: Int64, _ value: Int64) -> PlainEvent {
        var event = PlainEvent(user, Self.start + offset, "purchase")
        event.value = value * 1_000_000
        return event
    }

    /// Sixty buyers over 200 days: every third buys once, the others every `n` days for about 10·n, half of
    /// these until a day of their own.
    private var log: [PlainEvent] {
        var events: [PlainEvent] = []
        for n in 0..<60 as Range<Int64> {
            let last = n % 3 == 0 ? n % 20 : (n % 2 == 0 ? 198 : 40 + 2 * n)
            for passed in stride(from: n % 20, through: last, by: 5 + Int(n)) {
                events.append(bought("user-\(n)", passed * day, 10 * n + passed % 7))
            }
        }
        events.sort { $0.time < $1.time }
        return events + [PlainEvent("visitor", Self.start + 199 * day, "login")]
    }

    private func columns(_ rig: Rig, decidedOnly: Bool) async -> SpendingColumns {
        var parts: [(partition: Int, columns: SpendingColumns)] = []
        for shard in rig.shards { parts += await shard.spendingColumns(decidedOnly: decidedOnly) }
        var all = SpendingColumns()
        for part in parts.sorted(by: { $0.partition < $1.partition }) { all.append(part.columns) }
        return all
    }

    private func model(_ columns: SpendingColumns) throws -> LifetimeValueModel {
        var config = LifetimeValueConfig()
        config.minimumBuyers = 50
        config.horizons = [7, 30]
        return try columns.days.withUnsafeBufferPointer { days in
            try columns.revenue.withUnsafeBufferPointer { revenue in
                try columns.offsets.withUnsafeBufferPointer { offsets in
                    try LifetimeValueModel.fit(
                        LifetimeValueColumns(
                            days: days, revenue: revenue, offsets: offsets, asOfDay: columns.asOfDay),
                        config: config, previous: nil
                    ).model
                }
            }
        }
    }

    private func adoption(_ bytes: [UInt8]) -> JournalEntry {
        .verdict(
            VerdictEntry(
                name: "clv", version: 1, adopted: true, instant: Self.start, scheduled: false, bytes: bytes))
    }

    @Test func `a value follows from the adopted model and the user's present purchases`() async throws {
        var rig = try Rig(.event(), shards: 2)
        try await rig.take(log)
        #expect(await rig.view("user-1")?.lifetimeValue == nil)
        let columns = await columns(rig, decidedOnly: false)
        #expect(columns.rows == 60)
        #expect(columns.days.count == log.count - 1)
        #expect(columns.revenue.reduce(0, +) == log.reduce(0) { $0 + ($1.value ?? 0) })
        let model = try model(columns)
        try await rig.take(adoption(model.bytes))
        #expect(await rig.view("visitor")?.lifetimeValue == nil)
        for n in 0..<60 {
            let view = try #require(await rig.view("user-\(n)"))
            let rfm = try #require(view.rfm)
            let value = try #require(view.lifetimeValue)
            #expect(value.main.days == 90 && value.further.map(\.days) == [7, 30])
            for shown in [value.main] + value.further {
                let expected = model.predict(
                    frequency: Double(rfm.frequency), recency: Double(rfm.recencyDays),
                    age: Double(rfm.ageDays), monetaryValue: rfm.monetaryValue,
                    horizonDays: Double(shown.days))
                #expect(shown.value == expected.value && shown.scaled == expected.scaled)
                #expect(shown.expectedPurchases == expected.expectedPurchases)
                #expect(value.probabilityAlive == expected.probabilityAlive)
            }
            let mean = try #require(model.meanBuyer)
            let usual = model.predict(
                frequency: mean.frequency, recency: mean.recency, age: mean.age,
                monetaryValue: mean.monetaryValue, horizonDays: 90
            ).value
            let moved = value.why.reduce(0) { $0 + ($1.contribution ?? 0) }
            #expect(abs(usual + moved - value.main.value) <= 1e-9 * (usual + value.main.value))
        }
        let before = try #require(await rig.view("user-1")?.lifetimeValue)
        try await rig.take([bought("user-1", 199 * day, 900)])
        let after = try #require(await rig.view("user-1")?.lifetimeValue)
        #expect(after.probabilityAlive > before.probabilityAlive && after.main.value > before.main.value)
        // And by the days that pass.
        try await rig.take(.advance(to: Self.start + 400 * day))
        let later = try #require(await rig.view("user-1")?.lifetimeValue)
        #expect(later.probabilityAlive < after.probabilityAlive && later.main.value < after.main.value)
        let restored = try Rig(
            rig.settings, shards: 3, key: HashKey(k0: 5, k1: 6), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        let again = try #require(await restored.view("user-1")?.lifetimeValue)
        #expect(again.main.value == later.main.value && again.probabilityAlive == later.probabilityAlive)
    }

    @Test func `a list shows the values of when it was opened`() async throws {
        var rig = try Rig(.event())
        try await rig.take(log)
        let names = rig.ledger.names
        await rig.shards[0].openList(1, names: names)
        try await rig.take(adoption(try model(await columns(rig, decidedOnly: false)).bytes))
        await rig.shards[0].openList(2, names: names)
        for (list, values) in [(1, 0), (2, 60)] as [(UInt64, Int)] {
            var found = 0
            while true {
                let users = await rig.shards[0].readList(list, 7)
                if users.isEmpty { break }
                found += users.filter { $0.lifetimeValue != nil }.count
            }
            #expect(found == values)
        }
    }

    /// Purchases around a scheduled instant, arriving in either order within two hours' lateness.
    @Test func `a scheduled refit sees whole days, the same whatever arrived first`() async throws {
        let settings = Settings.event { $0.clock.allowedLateness = 2 * Microseconds.hour }
        let around = [
            bought("user-3", 202 * day + 2 * hour, 70), bought("user-4", 202 * day + 3 * hour - 1, 20),
            bought("user-3", 202 * day + 4 * hour, 40), bought("new", 202 * day + 4 * hour, 1),
            bought("user-6", 201 * day, 33),
        ]
        let instant = Self.start + 202 * day + 3 * hour
        var seen: [SpendingColumns] = []
        for order in [[4, 0, 1, 2, 3], [4, 3, 2, 1, 0], [4, 2, 0, 3, 1]] {
            var rig = try Rig(settings)
            try await rig.take(log)
            for index in order { try await rig.take([around[index]]) }
            try await rig.take(.close(before: instant))
            seen.append(await columns(rig, decidedOnly: true))
        }
        for columns in seen {
            #expect(columns.days == seen[0].days && columns.revenue == seen[0].revenue)
            #expect(columns.offsets == seen[0].offsets && columns.asOfDay == seen[0].asOfDay)
        }
        let last = Zone.utc.day(of: EventTime(microseconds: Self.start + 201 * day))
        #expect(seen[0].asOfDay == last && seen[0].days.max() == last)
        #expect(seen[0].rows == 60)
    }

    @Test func `a model that does not read back stops the shard`() async throws {
        var rig = try Rig(.event())
        try await rig.take(log)
        await #expect(throws: StateError.self) { try await rig.take(adoption([1])) }
    }
}

import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// A buyer shown in the wrong cell, or boundaries that depend on the order of arrival.
struct TierTests {
    /// 2024-03-30T12:00:00Z.
    private static let start: Int64 = 1_711_800_000_000_000
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func bought(_ user: String, _ offset: Int64, _ value: Int64) -> PlainEvent {
        var event = PlainEvent(user, Self.start + offset, "purchase")
        event.value = value * 1_000_000
        return event
    }

    /// User `n` bought first on day n and, where n is odd, again two days later for 10·n.
    private var log: [PlainEvent] {
        (0..<60).flatMap { n -> [PlainEvent] in
            let first = bought("user-\(n)", Int64(n) * day, 5)
            return n % 2 == 0 ? [first] : [first, bought("user-\(n)", Int64(n + 2) * day, Int64(10 * n))]
        }.sorted { $0.time < $1.time } + [PlainEvent("visitor", Self.start + 61 * day, "login")]
    }

    private func adoption(_ model: TiersModel) -> JournalEntry {
        tiersVerdict(model, instant: Self.start)
    }

    @Test func `a cell follows from adopted boundaries and the user's present values`() async throws {
        var rig = try Rig(.event(), shards: 2)
        try await rig.take(log)
        #expect(await rig.view("user-1")?.rfmCell == nil)
        let columns = await tierColumns(rig, decidedOnly: false)
        #expect(columns.daysSinceLast.count == 60)
        let passed = (0..<60).map { (n: Int) -> Double in Double(n % 2 == 0 ? 61 - n : 59 - n) }
        #expect(columns.daysSinceLast.sorted() == passed.sorted())
        let money = (0..<60).map { (n: Int) -> Double in n % 2 == 0 ? 0 : Double(10 * n) }
        #expect(columns.monetaryValue.sorted() == money.sorted())
        let model = try tiersModel(columns)
        try await rig.take(adoption(model))
        #expect(await rig.view("visitor")?.rfmCell == nil)
        for n in 0..<60 {
            let view = try #require(await rig.view("user-\(n)"))
            let rfm = try #require(view.rfm)
            let expected = model.cell(
                daysSinceLast: Double(rfm.daysSinceLast), frequency: Double(rfm.frequency),
                monetaryValue: rfm.monetaryValue)
            #expect(view.rfmCell == expected.text)
            #expect(expected.frequency == (n % 2 == 0 ? 1 : 2))
        }
        #expect(await rig.view("user-0")?.rfmCell == "R1F1M1")
        // By their own doing, at once, while nobody else moves.
        try await rig.take([bought("user-0", 61 * day, 900)])
        #expect(await rig.view("user-0")?.rfmCell == "R3F2M2")
        #expect(await rig.view("user-58")?.rfmCell == "R3F1M1")
        // And by the days that pass.
        try await rig.take(.advance(to: Self.start + 100 * day))
        #expect(await rig.view("user-0")?.rfmCell == "R2F2M2")
        let restored = try Rig(
            rig.settings, shards: 3, key: HashKey(k0: 5, k1: 6), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        #expect(await restored.view("user-0")?.rfmCell == "R2F2M2")
    }

    @Test func `a list shows the cells of when it was opened`() async throws {
        var rig = try Rig(.event())
        try await rig.take(log)
        let names = rig.ledger.names
        await rig.shards[0].openList(1, names: names)
        try await rig.take(adoption(try tiersModel(await tierColumns(rig, decidedOnly: false))))
        await rig.shards[0].openList(2, names: names)
        for (list, cells) in [(1, 0), (2, 60)] as [(UInt64, Int)] {
            var found = 0
            while true {
                let users = await rig.shards[0].readList(list, 7)
                if users.isEmpty { break }
                found += users.filter { $0.rfmCell != nil }.count
            }
            #expect(found == cells)
        }
    }

    /// Purchases around a scheduled instant at 15:00, arriving in either order within two hours' lateness.
    @Test func `a scheduled refit sees the same whatever arrived first`() async throws {
        let settings = Settings.event { $0.clock.allowedLateness = 2 * Microseconds.hour }
        let around = [
            bought("user-3", 62 * day + 2 * hour, 70), bought("user-4", 62 * day + 3 * hour - 1, 20),
            bought("user-3", 62 * day + 4 * hour, 40), bought("new", 62 * day + 4 * hour, 1),
        ]
        let instant = Self.start + 62 * day + 3 * hour
        var seen: [TierColumns] = []
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            var rig = try Rig(settings)
            try await rig.take(log)
            for index in order { try await rig.take([around[index]]) }
            // With fewer of those that are not before it, too.
            try await rig.take(.close(before: instant))
            seen.append(await tierColumns(rig, decidedOnly: true))
        }
        var rig = try Rig(settings)
        try await rig.take(log)
        try await rig.take(Array(around[..<2]))
        try await rig.take(.close(before: instant))
        seen.append(await tierColumns(rig, decidedOnly: true))
        for columns in seen {
            #expect(columns.daysSinceLast == seen[0].daysSinceLast)
            #expect(columns.frequency == seen[0].frequency)
            #expect(columns.monetaryValue == seen[0].monetaryValue)
            #expect(columns.age == seen[0].age)
            #expect(columns.yearSpend == seen[0].yearSpend)
            #expect(columns.boughtInYear == seen[0].boughtInYear)
            #expect(columns.heldOut == seen[0].heldOut)
        }
        #expect(seen[0].heldOut.count == 60)
    }

    @Test func `boundaries that do not read back stop the shard`() async throws {
        var rig = try Rig(.event())
        try await rig.take(log)
        await #expect(throws: StateError.self) {
            try await rig.take(
                .verdict(
                    VerdictEntry(
                        name: "tiers", version: 1, adopted: true, instant: 0, scheduled: false, bytes: [1])))
        }
    }
}

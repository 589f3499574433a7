import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// What users bought, and what falls due of it: forgotten, counted twice, or dependent on how the log came.
struct ItemHistoryTests {
    private static let start: Int64 = 1_711_800_000_000_000  // 2024-03-30T12:00:00Z
    private static let day = Microseconds.day

    /// Purchases over months, in the order of time; some items again and again.
    private func log(_ seed: UInt64, users: Int = 20, purchases: Int = 400) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        var log: [PlainEvent] = []
        var time = Self.start
        for _ in 0..<purchases {
            time += Int64(random.below(Int(Self.day) / 2))
            var event = PlainEvent("user-\(random.below(users))", time, "purchase")
            event.items = (0..<1 + random.below(4)).map { _ in
                PlainItem(
                    id: "item-\(random.below(9))",
                    category: random.below(3) > 0 ? "c-\(random.below(3))" : nil,
                    price: random.below(4) > 0 ? Int64(1 + random.below(90)) * 1_000_000 : nil)
            }
            log.append(event)
        }
        return log
    }

    private func settings(
        _ zone: Zone = .utc, _ change: (inout Settings) -> Void = { _ in }
    ) -> Settings {
        .event(zone) {
            $0.triggers.replenishDue.enabled = true
            change(&$0)
        }
    }

    private func run(
        _ settings: Settings, _ log: [PlainEvent], cut: Int = 17, shards: Int = 2
    ) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        for start in stride(from: 0, to: log.count, by: cut) {
            try await rig.take(Array(log[start..<min(log.count, start + cut)]))
        }
        try await rig.take(.advance(to: (log.map(\.time).max() ?? 0) + 200 * Self.day))
        return rig
    }

    /// (user, due, items) of what fell due, by the words of the rule.
    private func plain(_ log: [PlainEvent], _ zone: Zone) -> Set<String> {
        struct Row {
            var times: [Int64] = []
            var days: Set<Int32> = []
        }
        var due: [String: Set<String>] = [:]
        var rows: [String: [String: Row]] = [:]
        func fire(before instant: Int64, _ user: String) {
            for (item, row) in rows[user] ?? [:] where row.days.count > 2 {
                let (first, last) = (row.days.min() ?? 0, row.days.max() ?? 0)
                let own = Int64(last - first) * Self.day / Int64(row.days.count - 1)
                let instantDue = (row.times.max() ?? 0) + own
                if instantDue < instant { due["\(user) \(instantDue)", default: []].insert(item) }
            }
        }
        for event in log {
            fire(before: event.time, event.user)
            for item in event.items {
                rows[event.user, default: [:]][item.id, default: Row()].times.append(event.time)
                rows[event.user, default: [:]][item.id, default: Row()].days.insert(
                    zone.day(of: EventTime(microseconds: event.time)))
            }
        }
        for user in rows.keys { fire(before: .max, user) }
        return Set(due.map { "\($0.key) \($0.value.sorted())" })
    }

    private func told(_ rig: Rig) -> [String] {
        rig.triggers.filter { $0.rule == "replenish_due" }.map {
            "\($0.userName) \($0.due.microseconds) \($0.items.map(\.itemID))"
        }
    }

    @Test(arguments: 1...4)
    func `an item falls due after its own interval unless it is bought before`(seed: UInt64) async throws {
        let settings = settings(seed % 2 == 0 ? .berlin : .utc)
        let log = log(seed)
        let rig = try await run(settings, log)
        let expected = plain(log, settings.clock.zone)
        #expect(expected.count > 30)
        #expect(Set(told(rig)) == expected)
        #expect(told(rig).count == expected.count)
        #expect(
            rig.triggers.allSatisfy {
                $0.rule != "replenish_due" || $0.items.allSatisfy { $0.by == "replenish" }
            })
    }

    /// Columns without the order of their rows.
    private func columns(_ rig: Rig) async -> [String] {
        var parts: [(partition: Int, columns: RecommendationColumns)] = []
        for shard in rig.shards { parts += await shard.recommendationColumns() }
        var all = RecommendationColumns()
        for part in parts.sorted(by: { $0.partition < $1.partition }) { all.append(part.columns) }
        let input = all.input
        func name(_ names: RecommendationsInput.Names, _ number: UInt32) -> String {
            String(
                decoding: names.text[Int(names.offsets[Int(number)])..<Int(names.offsets[Int(number) + 1])],
                as: UTF8.self)
        }
        var rows: [String] = []
        for user in 0..<input.count {
            let history = (Int(input.historyOffsets[user])..<Int(input.historyOffsets[user + 1])).map {
                "\(name(input.items, input.historyItems[$0])) \(input.historyCounts[$0])"
            }.sorted()
            let spent = (Int(input.amountOffsets[user])..<Int(input.amountOffsets[user + 1])).map {
                "\(name(input.categories, input.amountCategories[$0])) \(input.amounts[$0])"
            }.sorted()
            rows.append("\(input.hashes[user]): \(history) \(spent)")
        }
        for line in input.lineUsers.indices {
            let hash = input.hashes[Int(input.lineUsers[line])]
            rows.append("\(hash) \(input.lineDays[line]) \(name(input.items, input.lineItems[line]))")
        }
        return rows.sorted()
    }

    @Test(arguments: 1...3)
    func `history and lines are those of plain counting`(seed: UInt64) async throws {
        let settings = settings()
        let log = log(seed)
        let rig = try await run(settings, log)
        var (counts, lines): ([String: Int], Set<String>) = ([:], [])
        for event in log {
            let hash = StableHash.hash128(Array(event.user.utf8)).0
            for item in event.items {
                counts["\(hash) \(item.id)", default: 0] += 1
                lines.insert("\(hash) \(Zone.utc.day(of: EventTime(microseconds: event.time))) \(item.id)")
            }
        }
        let found = await columns(rig)
        #expect(Set(found.filter { !$0.contains(":") }) == lines)
        #expect(found.count { !$0.contains(":") } == lines.count)
        for (key, count) in counts {
            let parts = key.split(separator: " ")
            #expect(
                found.contains { $0.hasPrefix("\(parts[0]):") && $0.contains("\"\(parts[1]) \(count)\"") })
        }
    }

    @Test(arguments: 1...3)
    func `cuts, shards and the order within the lateness change nothing`(seed: UInt64) async throws {
        let settings = settings(.berlin) { $0.clock.allowedLateness = 2 * Microseconds.day }
        let log = log(seed)
        let whole = try await run(settings, log, cut: .max, shards: 1)
        let (expected, rows) = (told(whole), await columns(whole))
        #expect(!expected.isEmpty)
        var random = Randomness(seed: seed)
        for (cut, shards) in [(1, 3), (50, 2)] {
            let keys = log.map { $0.time + Int64(random.below(2 * Int(Self.day))) }
            let shuffled = log.indices.sorted { keys[$0] < keys[$1] }.map { log[$0] }
            let other = try await run(settings, shuffled, cut: cut, shards: shards)
            #expect(other.totals.late == 0)
            #expect(told(other).sorted() == expected.sorted())
            #expect(await columns(other) == rows)
        }
    }

    @Test(arguments: 1...3)
    func `going on from a snapshot gives the same`(seed: UInt64) async throws {
        let settings = settings { $0.clock.allowedLateness = Microseconds.day }
        let log = log(seed)
        var first = try Rig(settings, shards: 2)
        for start in stride(from: 0, to: 250, by: 10) { try await first.take(Array(log[start..<start + 10])) }
        var second = try Rig(
            settings, shards: 3, key: HashKey(k0: 8, k1: 9), ledger: first.ledger.snapshot(),
            partitions: await first.snapshots())
        for start in stride(from: 250, to: log.count, by: 10) {
            try await first.take(Array(log[start..<start + 10]))
        }
        try await first.take(.advance(to: (log.last?.time ?? 0) + 200 * Self.day))
        for record in first.journal.dropFirst(25) {
            try await second.apply(record.number, record.kind, record.payload)
        }
        #expect(!told(second).isEmpty)
        #expect(second.triggers == Array(first.triggers.suffix(second.triggers.count)))
        #expect(told(second) == Array(told(first).suffix(told(second).count)))
        #expect(await columns(second) == columns(first))
    }

    @Test func `a late purchase of the item withdraws what was told`() async throws {
        var rig = try Rig(settings())
        func bought(_ day: Int64, _ item: String) -> PlainEvent {
            var event = PlainEvent("a", Self.start + day * Self.day, "purchase")
            event.items = [PlainItem(id: item)]
            return event
        }
        for day in [0, 10, 20] {
            try await rig.take([bought(Int64(day), "tea"), bought(Int64(day), "salt-\(day)")])
        }
        try await rig.take([PlainEvent("b", Self.start + 40 * Self.day, "login")])
        #expect(told(rig) == ["a \(Self.start + 30 * Self.day) [\"tea\"]"])
        // Of another item nothing follows.
        try await rig.take([bought(25, "salt-0")])
        #expect(!rig.triggers.contains { $0.retracts?.rule == "replenish_due" })
        try await rig.take([bought(25, "tea")])
        let withdrawn = rig.triggers.filter { $0.retracts?.rule == "replenish_due" }
        #expect(withdrawn.map { $0.retracts?.due.microseconds } == [Self.start + 30 * Self.day])
        // What the late one makes due is past already and is not told.
        try await rig.take(.advance(to: Self.start + 90 * Self.day))
        #expect(told(rig).count == 1)
    }

    @Test func `an erased user's items are gone, and nothing of them falls due`() async throws {
        let settings = settings { $0.clock.allowedLateness = Microseconds.day }
        let log = log(5)
        var rig = try Rig(settings, shards: 2)
        try await rig.take(log)
        let gone = ["user-1", "user-2"]
        try await rig.take(.erase(gone.map { Rig.storeKey.erasureMark(of: Array($0.utf8)) }))
        let before = rig.triggers.count
        try await rig.take(.advance(to: (log.last?.time ?? 0) + 300 * Self.day))
        #expect(rig.triggers[before...].allSatisfy { !gone.contains($0.userName) })
        #expect(!told(rig).isEmpty)
        let hashes = gone.map { "\(StableHash.hash128(Array($0.utf8)).0)" }
        #expect(await columns(rig).allSatisfy { row in !hashes.contains { row.hasPrefix($0) } })
        var again = try Rig(settings, ledgerOf: rig, partitions: await rig.snapshots())
        try await again.take([PlainEvent("user-1", (log.last?.time ?? 0) + 301 * Self.day, "login")])
        #expect(await again.view("user-1")?.eventTotal == 1)
        for shard in again.shards { #expect(await shard.stateParts().allSatisfy { $0.bytes >= 0 }) }
    }

    @Test func `bounds hold: the items bought last, the lines that came last`() async throws {
        let settings = settings {
            $0.models.recommendations.itemsPerUser = 3
            $0.models.recommendations.lines = 4 * Partitioning.count
        }
        var rig = try Rig(settings)
        for number in 0..<8 {
            var event = PlainEvent("a", Self.start + Int64(number) * Self.day, "purchase")
            event.items = [PlainItem(id: "item-\(number)")]
            try await rig.take([event])
        }
        try await rig.take(.advance(to: Self.start + 30 * Self.day))
        let parts = await rig.shards[0].recommendationColumns().filter { $0.columns.rows > 0 }
        let input = try #require(parts.first).columns.input
        #expect(input.historyItems.count == 3)
        #expect(input.lineUsers.count == 4)
        #expect(parts.first?.columns.forgottenLines == 4)
        let names = (0..<input.items.count).map {
            String(
                decoding: input.items.text[Int(input.items.offsets[$0])..<Int(input.items.offsets[$0 + 1])],
                as: UTF8.self)
        }
        #expect(Set(input.historyItems.map { names[Int($0)] }) == ["item-5", "item-6", "item-7"])
    }
}

extension Rig {
    /// Goes on from another's snapshots.
    fileprivate init(_ settings: Settings, ledgerOf other: Rig, partitions: [Int: [UInt8]]) throws {
        try self.init(
            settings, shards: 1, key: HashKey(k0: 3, k1: 4), ledger: other.ledger.snapshot(),
            partitions: partitions)
    }
}

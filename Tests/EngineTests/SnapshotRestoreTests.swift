import Core
import Engine
import Testing

@testable import EngineSupport

/// State that a snapshot does not hold, or holds under the key of one process.
struct SnapshotRestoreTests {
    private func records(_ settings: Settings, seed: UInt64) -> [[PlainEvent]] {
        var shape = LogShape(settings)
        shape.users = 40
        shape.events = 800
        shape.late = 0.1
        shape.veryLate = 0.03
        let log = randomLog(shape, seed: seed)
        return stride(from: 0, to: log.count, by: 50).map { Array(log[$0..<min(log.count, $0 + 50)]) }
    }

    private func views(_ rig: Rig) async -> [String] {
        var views: [String] = []
        for number in 0..<40 { views.append(String(describing: await rig.view("user-\(number)"))) }
        return views
    }

    @Test(arguments: 1...3)
    func `going on from snapshots under another key gives the same`(seed: UInt64) async throws {
        let settings = Settings.brief(.berlin) { $0.limits.dedupeIDs = 64 * 8 }
        let records = records(settings, seed: seed)
        var whole = try Rig(settings, shards: 2)
        var saved: [(ledger: [UInt8], partitions: [Int: [UInt8]], triggers: Int)] = []
        for record in records {
            saved.append((whole.ledger.snapshot(), await whole.snapshots(), whole.triggers.count))
            try await whole.take(record)
        }
        let end = (whole.ledger.clock.now) + settings.triggers.winBack.delay
        try await whole.take(.advance(to: end))
        let expected = await views(whole)
        var random = Randomness(seed: seed)
        for _ in 0..<3 {
            let place = random.below(saved.count)
            var other = try Rig(
                settings, shards: 3, key: HashKey(k0: random.next(), k1: random.next()),
                ledger: saved[place].ledger, partitions: saved[place].partitions)
            for record in whole.journal.dropFirst(place) {
                try await other.apply(record.number, record.kind, record.payload)
            }
            #expect(other.triggers == Array(whole.triggers.dropFirst(saved[place].triggers)))
            #expect(await views(other) == expected)
            #expect(other.ledger.snapshot() == whole.ledger.snapshot())
            #expect(other.totals.nextDue == whole.totals.nextDue)
            #expect(other.totals.events == whole.totals.events)
        }
    }

    @Test(arguments: 1...3)
    func `partitions saved at different records replay from the lowest`(seed: UInt64) async throws {
        let settings = Settings.brief()
        let records = records(settings, seed: seed)
        var whole = try Rig(settings)
        var random = Randomness(seed: seed)
        let places = (0...Partitioning.count).map { _ in random.below(records.count) }
        var partitions: [Int: [UInt8]] = [:]
        var ledger: [UInt8] = []
        for (index, record) in records.enumerated() {
            let saved = await whole.snapshots()
            for number in 0..<Partitioning.count where places[number] == index {
                partitions[number] = saved[number]
            }
            if places[Partitioning.count] == index { ledger = whole.ledger.snapshot() }
            try await whole.take(record)
        }
        var other = try Rig(
            settings, shards: 2, key: HashKey(k0: 5, k1: 6), ledger: ledger, partitions: partitions)
        let lowest = places.min() ?? 0
        for record in whole.journal.dropFirst(lowest) {
            try await other.apply(record.number, record.kind, record.payload)
        }
        #expect(await views(other) == views(whole))
        #expect(other.ledger.snapshot() == whole.ledger.snapshot())
        #expect(other.totals.nextDue == whole.totals.nextDue)
        // Nothing that was not there before, and each at its place.
        let known = Set(whole.triggers.map(\.id))
        #expect(other.triggers.allSatisfy { known.contains($0.id) })
        #expect(Set(other.triggers.map(\.id)).count == other.triggers.count)
    }

    @Test func `a damaged ledger is refused or read`() async throws {
        var rig = try Rig(.brief(.berlin))
        for record in records(.brief(), seed: 9).prefix(2) { try await rig.take(record) }
        let whole = rig.ledger.snapshot()
        for length in stride(from: 0, to: whole.count, by: 3) {
            #expect(throws: StateError.self) { try ledger(Array(whole[..<length])) }
        }
        var random = Randomness(seed: 9)
        for index in whole.indices {
            var damaged = whole
            damaged[index] ^= UInt8(1 << random.below(8))
            do { _ = try ledger(damaged) } catch is StateError {}
        }
    }

    private func ledger(_ bytes: [UInt8]) throws -> Ledger {
        try bytes.withUnsafeBytes { try Ledger(snapshot: $0) }
    }

    @Test func `a damaged partition is refused or read`() async throws {
        let settings = Settings.brief()
        var rig = try Rig(settings)
        for record in records(settings, seed: 8).prefix(8) { try await rig.take(record) }
        let saved = await rig.snapshots()
        let number = Partitioning.partition(of: "user-1")
        let whole = try #require(saved[number])
        var random = Randomness(seed: 8)
        for length in Array(0..<300) + (0..<100).map({ _ in random.below(whole.count) }) {
            #expect(throws: StateError.self) { try shard(settings, number, Array(whole[..<length])) }
        }
        var refused = 0
        for round in 0..<1500 {
            // The head and the records are a small part of the bytes: they get half of the flips.
            let index = round % 2 == 0 ? random.below(min(2000, whole.count)) : random.below(whole.count)
            var damaged = whole
            damaged[index] ^= UInt8(1 << random.below(8))
            do {
                let shard = try shard(settings, number, damaged)
                for user in 0..<40 {
                    _ = await shard.user(Array("user-\(user)".utf8), names: rig.ledger.names)
                }
                _ = await shard.snapshot(number)
            } catch is StateError { refused += 1 }
        }
        #expect(refused > 0)
    }

    private func shard(_ settings: Settings, _ number: Int, _ bytes: [UInt8]) throws -> Shard {
        try Shard(
            index: number, of: Partitioning.count, settings: EngineSettings(settings),
            key: HashKey(k0: 3, k1: 4), storeKey: Rig.storeKey, snapshots: [number: bytes])
    }
}

extension Partitioning {
    fileprivate static func partition(of user: String) -> Int {
        Array(user.utf8).withUnsafeBytes { partition(of: $0) }
    }
}

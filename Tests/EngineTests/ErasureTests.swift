import Core
import Engine
import Testing

@testable import Models
@testable import EngineSupport

/// An erased user who is still there, comes back with what was, or takes something of others along.
struct ErasureTests {
    private func mark(_ user: String) -> ErasureMark { Rig.storeKey.erasureMark(of: Array(user.utf8)) }

    private func shape(_ settings: Settings, users: Int = 8, events: Int = 500) -> LogShape {
        var shape = LogShape(settings)
        shape.users = users
        shape.events = events
        shape.late = 0.1
        shape.veryLate = 0.03
        return shape
    }

    /// A log in records with erasures in between; users come again after theirs.
    private func run(
        _ rig: inout Rig, _ plain: inout PlainStore, seed: UInt64,
        erased: (String, Rig, PlainStore) async throws -> Void = { _, _, _ in }
    ) async throws {
        var random = Randomness(seed: seed)
        var log = randomLog(shape(rig.settings), seed: seed)[...]
        while !log.isEmpty {
            let record = Array(log.prefix(1 + random.below(12)))
            log = log.dropFirst(record.count)
            try await rig.take(record)
            for event in record { plain.take(event) }
            guard random.below(6) == 0 else { continue }
            let users = Set((0...random.below(3)).map { _ in "user-\(random.below(8))" }).sorted()
            try await rig.take(.erase(users.map(mark)))
            for user in users { plain.erase(user) }
            for user in users { try await erased(user, rig, plain) }
        }
    }

    @Test(arguments: 1...8)
    func `who comes again is new, and others are as they were`(seed: UInt64) async throws {
        let settings = Settings.brief(seed % 2 == 0 ? .berlin : .utc)
        var rig = try Rig(settings, shards: 2)
        var plain = PlainStore(settings)
        try await run(&rig, &plain, seed: seed) { user, rig, plain in
            #expect(await rig.view(user) == nil)
            #expect(rig.totals.users == Int64(plain.users.count))
        }
        for number in 0..<8 {
            let view = await rig.view("user-\(number)")
            guard plain.users.contains("user-\(number)") else {
                #expect(view == nil)
                continue
            }
            let shown = PlainView(try #require(view))
            #expect(shown.difference(from: plain.view("user-\(number)")) == nil, "seed \(seed)")
        }
        #expect(rig.totals.users == Int64(plain.users.count))
        #expect(rig.totals.events == Int64(plain.events))
    }

    @Test(arguments: 1...6)
    func `nothing fires of what was, and others' triggers are the same`(seed: UInt64) async throws {
        // Without late events nothing is withdrawn, so that the plain rules give all triggers.
        let settings = Settings.brief()
        var calm = shape(settings)
        calm.late = 0
        calm.veryLate = 0
        let log = randomLog(calm, seed: seed)
        var (rig, whole) = (try Rig(settings, shards: 2), try Rig(settings))
        var plain = PlainStore(settings)
        for event in log[..<250] {
            try await rig.take([event])
            try await whole.take([event])
            plain.take(event)
        }
        let gone = ["user-1", "user-2", "user-3"]
        try await rig.take(.erase(gone.map(mark)))
        try await whole.take(.erased(through: 0))
        let before = rig.triggers.count
        for user in gone { plain.erase(user) }
        for event in log[250...] {
            try await rig.take([event])
            try await whole.take([event])
            plain.take(event)
        }
        let end = rig.ledger.clock.now + 2 * settings.triggers.winBack.delay
        try await rig.take(.advance(to: end))
        try await whole.take(.advance(to: end))
        plain.advance(to: end)
        let others = rig.triggers.filter { !gone.contains($0.userName) }
        #expect(
            others.map(\.withoutRow)
                == whole.triggers.filter { !gone.contains($0.userName) }.map(\.withoutRow))
        for user in gone {
            let fired = rig.triggers[before...].filter { $0.userName == user }.map(\.plain)
            #expect(Set(fired) == plain.triggers(user), "\(user), seed \(seed)")
            #expect(Set(fired).count == fired.count)
        }
    }

    /// Everything that is shown, and everything that is still to come.
    private func expectSame(_ a: inout Rig, _ b: inout Rig) async throws {
        for number in 0..<8 {
            #expect(
                String(describing: await a.view("user-\(number)"))
                    == String(describing: await b.view("user-\(number)")))
        }
        #expect(a.totals.users == b.totals.users)
        #expect(a.totals.nextDue == b.totals.nextDue)
        let end = b.ledger.clock.now + 2 * b.settings.triggers.winBack.delay
        #expect(try await a.apply(end: end) == b.apply(end: end))
    }

    @Test(arguments: 1...4)
    func `a replay in which the events still stand ends in the same state`(seed: UInt64) async throws {
        let settings = Settings.brief()
        var rig = try Rig(settings, shards: 2)
        var plain = PlainStore(settings)
        try await run(&rig, &plain, seed: seed)
        var again = try Rig(settings, shards: 3, key: HashKey(k0: 77, k1: seed))
        for record in rig.journal { try await again.apply(record.number, record.kind, record.payload) }
        try await expectSame(&again, &rig)
        #expect(again.ledger.snapshot() == rig.ledger.snapshot())
        #expect(again.triggers == rig.triggers)
    }

    @Test(arguments: 1...4)
    func `going on from snapshots taken between erasures gives the same`(seed: UInt64) async throws {
        let settings = Settings.brief()
        var rig = try Rig(settings)
        var plain = PlainStore(settings)
        try await run(&rig, &plain, seed: seed)
        var random = Randomness(seed: seed)
        let cut = random.below(rig.journal.count)
        var first = try Rig(settings)
        for record in rig.journal[..<cut] {
            try await first.apply(record.number, record.kind, record.payload)
        }
        var second = try Rig(
            settings, shards: 2, key: HashKey(k0: 5, k1: 6), ledger: first.ledger.snapshot(),
            partitions: await first.snapshots())
        for record in rig.journal[cut...] {
            try await second.apply(record.number, record.kind, record.payload)
        }
        try await expectSame(&second, &rig)
        #expect(first.triggers + second.triggers == rig.triggers)
        #expect(second.totals.users == rig.totals.users)
    }

    @Test func `neither the record nor the state holds the id`() async throws {
        let settings = Settings.brief()
        let id = "customer-with-a-name-of-its-own"
        var rig = try Rig(settings)
        for event in randomLog(shape(settings, users: 2), seed: 3) {
            var event = event
            if event.user == "user-1" { event.user = id }
            try await rig.take([event])
        }
        let needle = Array(id.utf8)
        #expect(await rig.snapshots().values.contains { $0.contains(needle) })
        try await rig.take(.erase([mark(id)]))
        #expect(await rig.snapshots().values.allSatisfy { !$0.contains(needle) })
        #expect(!rig.ledger.snapshot().contains(needle))
        #expect(rig.journal.last?.payload.contains(needle) == false)
        #expect(await rig.view("user-0") != nil)
    }

    @Test func `who was erased is told with id and count, once`() async throws {
        let settings = Settings.event()
        var rig = try Rig(settings)
        try await rig.take((0..<5).map { PlainEvent("a", Int64($0) * Microseconds.hour, "login") })
        try await rig.take(.erase([mark("a"), mark("never seen")]))
        #expect(rig.erased == [ErasedUser(mark: mark("a"), id: Array("a".utf8), events: 5)])
        try await rig.take(.erase([mark("a")]))
        #expect(rig.erased == [])
        #expect(rig.totals.users == 0)
        #expect(rig.totals.events == 5)
    }

    @Test func `ids of zero bytes are not taken for erased ones`() async throws {
        var rig = try Rig(.event())
        let zeros = String(repeating: "\0", count: 6)
        try await rig.take([PlainEvent("abcdef", 0, "login")])
        try await rig.take(.erase([mark("abcdef")]))
        #expect(await rig.view(zeros) == nil)
        try await rig.take([PlainEvent(zeros, 1, "login"), PlainEvent(zeros, 2, "login")])
        #expect(await rig.view(zeros)?.eventTotal == 2)
        try await rig.take(.erase([mark(zeros)]))
        #expect(await rig.view(zeros) == nil)
        #expect(rig.totals.users == 0)
    }

    @Test func `an open list does not show who was erased after it was opened`() async throws {
        let settings = Settings.brief()
        var rig = try Rig(settings)
        for event in randomLog(shape(settings), seed: 5) { try await rig.take([event]) }
        let names = rig.ledger.names
        for shard in rig.shards { await shard.openList(1, names: names) }
        try await rig.take([PlainEvent("user-2", rig.ledger.clock.now, "login")])
        try await rig.take(.erase([mark("user-2"), mark("user-3")]))
        var listed: [String] = []
        for shard in rig.shards {
            while true {
                let users = await shard.readList(1, 2)
                if users.isEmpty { break }
                listed += users.map { String(decoding: $0.user, as: UTF8.self) }
            }
        }
        #expect(listed.sorted() == (0..<8).filter { $0 != 2 && $0 != 3 }.map { "user-\($0)" })
    }

    @Test func `what is pending is in the ledger until it is done, across snapshots`() async throws {
        var rig = try Rig(.event())
        try await rig.take([PlainEvent("a", 0, "login")])
        try await rig.take(.erase([mark("a")]))
        try await rig.take(.erase([mark("b"), mark("c")]))
        let saved = try rig.ledger.snapshot().withUnsafeBytes { try Ledger(snapshot: $0) }
        #expect(saved.erasures == rig.ledger.erasures)
        #expect(saved.erasures.batches.map(\.record) == [2, 3])
        #expect(saved.erasures.count == 3)
        try await rig.take(.erased(through: 2))
        #expect(rig.ledger.erasures.batches.map(\.marks) == [[mark("b"), mark("c")]])
        try await rig.take(.erased(through: 9))
        #expect(rig.ledger.erasures.isEmpty)
    }

    @Test(arguments: 1...4)
    func `segments count and sum their members, without the erased`(seed: UInt64) async throws {
        let settings = Settings.brief()
        var rig = try Rig(settings, shards: 2)
        let log = randomLog(shape(settings, users: 20), seed: seed)
        for event in log[..<300] { try await rig.take([event]) }
        let verdict = VerdictEntry(
            name: "segments", version: 1, adopted: true, instant: rig.ledger.clock.now, scheduled: false,
            bytes: Self.segments.bytes)
        try await rig.take(.verdict(verdict))
        try await rig.take(.erase((0..<6).map { mark("user-\($0)") }))
        for event in log[300...] { try await rig.take([event]) }
        try await rig.take(.erase([mark("user-7"), mark("user-0")]))
        try await rig.take(.advance(to: rig.ledger.clock.now + Microseconds.day))
        var (users, purchases): ([Int: Int64], [Int: Double]) = ([:], [:])
        for number in 0..<20 {
            guard let view = await rig.view("user-\(number)"), let segment = view.segment else { continue }
            users[segment.id, default: 0] += 1
            purchases[segment.id, default: 0] +=
                Double(view.events.first { $0.name == "purchase" }?.value ?? 0)
        }
        var (told, summed): ([Int: Int64], [Int: Double]) = ([:], [:])
        for shard in rig.shards {
            for segment in await shard.segmentTotals().segments where segment.users != 0 {
                told[segment.id, default: 0] += segment.users
                summed[segment.id, default: 0] += segment.sums[0]
            }
        }
        #expect(told == users)
        #expect(summed == purchases)
    }

    /// Two groups by the number of purchases.
    private static let segments = SegmentsModel(
        features: ["purchase"], counted: [true],
        standardisation: Standardisation(mean: [0], scale: [1]), outlierUpper: [.infinity],
        segments: [
            SegmentsModel.Segment(id: 0, name: "few", users: 1, centroid: [0]),
            SegmentsModel.Segment(id: 1, name: "many", users: 1, centroid: [4]),
        ], outliers: 0, inertia: 0, nextID: 2)
}

extension Rig {
    /// Moves now to an end, whatever the number of records so far.
    fileprivate mutating func apply(end: Int64) async throws -> [Trigger] {
        try await apply(1_000_000, 3, JournalEntry.advance(to: end).encoded())
    }
}

extension [UInt8] {
    fileprivate func contains(_ needle: [UInt8]) -> Bool {
        guard count >= needle.count else { return false }
        return (0...(count - needle.count)).contains { self[$0..<$0 + needle.count].elementsEqual(needle) }
    }
}

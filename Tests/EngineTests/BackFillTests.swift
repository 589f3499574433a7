import Core
import Engine
import Testing

@testable import EngineSupport

/// A log of long ago under the wall clock: what it made due is recorded as stale, each once and only where
/// the whole log says so, and nothing of it is sent.
struct BackFillTests {
    private static let start: Int64 = 1_711_800_000_000_000
    private let second = Microseconds.second
    private let minute = Microseconds.minute
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func at(_ offset: Int64) -> Int64 { Self.start + offset }

    private static func wall(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
        var settings = Settings()
        settings.clock.mode = .wall
        settings.clock.allowedLateness = 10 * Microseconds.second
        change(&settings)
        return settings
    }

    private static func briefWall(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
        Settings.brief(.berlin) { settings in
            settings.clock.mode = .wall
            change(&settings)
        }
    }

    private struct Recorded: Hashable, CustomStringConvertible {
        var user: String
        var trigger: PlainTrigger
        var description: String { "\(user): \(trigger)" }
    }

    private func recorded(_ triggers: [Trigger]) throws -> Set<Recorded> {
        var found: Set<Recorded> = []
        for trigger in triggers {
            #expect(trigger.group == .stale)
            #expect(trigger.retracts == nil)
            #expect(trigger.due < trigger.at)
            #expect(found.insert(Recorded(user: trigger.userName, trigger: trigger.plain)).inserted)
        }
        return found
    }

    /// What the plain calculation calls for and is older than `triggers.max_age`.
    private func expected(_ plain: PlainStore, _ settings: Settings) -> Set<Recorded> {
        var expected: Set<Recorded> = []
        let bound = (plain.now ?? 0) - settings.triggers.maxAge
        for user in plain.users {
            for trigger in plain.triggers(user) where trigger.due < bound {
                expected.insert(Recorded(user: user, trigger: trigger))
            }
        }
        return expected
    }

    /// Feeds a log in records of random sizes a second of the wall apart, then lets the clock go on.
    private func fill(
        _ rig: inout Rig, _ log: [PlainEvent], seed: UInt64, from wall: Int64, plain: inout PlainStore
    ) async throws {
        var random = Randomness(seed: seed)
        var rest = log[...]
        var now = wall
        while !rest.isEmpty {
            let record = rest.prefix(1 + random.below(40))
            rest = rest.dropFirst(record.count)
            for event in record { plain.take(event, wall: now) }
            try await rig.take(Array(record), wall: now)
            now += second
        }
        for _ in 0..<3 {
            now += 10 * second
            plain.reach(now)
            try await rig.take(.tick(now: now))
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `a log in order of time is recorded as the plain calculation has it`(seed: UInt64) async throws {
        let settings = Self.briefWall()
        var shape = LogShape(settings)
        shape.users = 20
        shape.events = 900
        let log = randomLog(shape, seed: seed)
        let wall = (log.map(\.time).max() ?? 0) + 3 * day
        var rig = try Rig(settings, shards: 2)
        var plain = PlainStore(settings)
        try await fill(&rig, log, seed: seed, from: wall, plain: &plain)
        let found = try recorded(rig.triggers)
        #expect(found == expected(plain, settings))
        #expect(found.count > 100)
        #expect(rig.totals.late == Int64(plain.events))
        // However it is cut, on however many shards.
        var other = try Rig(settings, shards: 3, key: HashKey(k0: 7, k1: seed))
        var again = PlainStore(settings)
        try await fill(&other, log, seed: seed + 100, from: wall, plain: &again)
        #expect(try recorded(other.triggers) == found)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a log user by user is recorded as the plain calculation has it`(seed: UInt64) async throws {
        let settings = Self.briefWall()
        var shape = LogShape(settings)
        shape.events = 900
        let log = randomLog(shape, seed: seed).sorted {
            $0.user != $1.user ? $0.user < $1.user : $0.time < $1.time
        }
        var rig = try Rig(settings)
        var plain = PlainStore(settings)
        try await fill(&rig, log, seed: seed, from: at(2000 * day), plain: &plain)
        #expect(try recorded(rig.triggers) == expected(plain, settings))
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `the past of those who came meanwhile is recorded too`(seed: UInt64) async throws {
        let settings = Self.briefWall()
        var shape = LogShape(settings)
        shape.events = 900
        shape.ids = 0
        let log = randomLog(shape, seed: seed)
        let end = log.map(\.time).max() ?? 0
        var rig = try Rig(settings)
        var plain = PlainStore(settings)
        // They are here today, before their past is filled in and while it is.
        let wall = end + 20 * day
        for user in 0..<shape.users {
            let event = PlainEvent("user-\(user)", wall, "purchase")
            plain.take(event, wall: wall)
            try await rig.take([event], wall: wall)
        }
        try await fill(&rig, log, seed: seed, from: wall + minute, plain: &plain)
        let stale = rig.triggers.filter { $0.group == .stale }
        #expect(try recorded(stale) == expected(plain, settings))
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `going on from snapshots gives the same`(seed: UInt64) async throws {
        let settings = Self.briefWall()
        var shape = LogShape(settings)
        shape.events = 400
        let log = randomLog(shape, seed: seed)
        var whole = try Rig(settings, shards: 2)
        var saved: [(ledger: [UInt8], partitions: [Int: [UInt8]], triggers: Int)] = []
        var now = at(3000 * day)
        func save() async {
            saved.append((whole.ledger.snapshot(), await whole.snapshots(), whole.triggers.count))
        }
        for begin in stride(from: 0, to: log.count, by: 40) {
            await save()
            try await whole.take(Array(log[begin..<begin + 40]), wall: now)
            now += second
        }
        for _ in 0..<3 {
            now += 10 * second
            await save()
            try await whole.take(.tick(now: now))
        }
        for (place, point) in saved.enumerated() {
            var other = try Rig(
                settings, shards: 3, key: HashKey(k0: seed, k1: UInt64(place)), ledger: point.ledger,
                partitions: point.partitions)
            for record in whole.journal.dropFirst(place) {
                try await other.apply(record.number, record.kind, record.payload)
            }
            #expect(other.triggers == Array(whole.triggers.dropFirst(point.triggers)))
            #expect(other.totals.nextDue == whole.totals.nextDue)
        }
    }

    /// Events of one user by offset from the start, a record each, then a minute of rest.
    private func record(
        _ rig: inout Rig, _ events: [(Int64, String)], wall: Int64
    ) async throws -> [Trigger] {
        let before = rig.triggers.count
        for (index, event) in events.enumerated() {
            try await rig.take(
                [PlainEvent("u", at(event.0), event.1)], wall: wall + Int64(index) * 100_000)
        }
        try await rig.take(.tick(now: wall + minute))
        return Array(rig.triggers[before...])
    }

    @Test func `a purchase in the next record keeps the cart from being recorded`() async throws {
        var rig = try Rig(Self.wall())
        let found = try await record(
            &rig, [(0, "add_to_cart"), (10 * minute, "purchase")], wall: at(20 * day))
        #expect(found == [])
    }

    @Test func `a cart without one is recorded when the back-fill has come to rest`() async throws {
        var rig = try Rig(Self.wall())
        try await rig.take([PlainEvent("u", at(0), "add_to_cart")], wall: at(10 * day))
        try await rig.take(.tick(now: at(10 * day) + 9 * second))
        #expect(rig.triggers == [])
        #expect(rig.totals.nextDue < at(10 * day))
        // Anybody's line of long ago says that it goes on.
        try await rig.take([PlainEvent("other", at(1), "login")], wall: at(10 * day) + 9 * second)
        try await rig.take(.tick(now: at(10 * day) + 18 * second))
        #expect(rig.triggers == [])
        try await rig.take(.tick(now: at(10 * day) + 19 * second))
        let trigger = try #require(rig.triggers.first)
        #expect(rig.triggers.count == 1)
        #expect(trigger.plain == PlainTrigger(rule: "cart_abandoned", due: at(hour)))
        #expect(trigger.group == .stale)
        #expect(trigger.at.microseconds == at(10 * day) + 19 * second)
        let known = TriggerID(
            rule: "cart_abandoned", user: Array("u".utf8), due: EventTime(microseconds: at(hour)),
            occurrence: 0)
        #expect(trigger.id == known)
    }

    @Test func `where old lines never cease they are settled max_age after the first`() async throws {
        let settings = Self.wall { $0.triggers.maxAge = 2 * Microseconds.minute }
        var rig = try Rig(settings)
        let wall = at(10 * day)
        try await rig.take([PlainEvent("u", at(0), "add_to_cart")], wall: wall)
        for step in 1...24 as ClosedRange<Int64> {
            #expect(rig.triggers == [])
            try await rig.take([PlainEvent("other", at(step), "refund")], wall: wall + step * 5 * second)
        }
        #expect(rig.triggers.map(\.plain) == [PlainTrigger(rule: "cart_abandoned", due: at(hour))])
    }

    @Test func `what is past due for less than max_age is neither sent nor recorded`() async throws {
        var rig = try Rig(Self.wall())
        let found = try await record(&rig, [(0, "add_to_cart")], wall: at(7 * hour - minute))
        #expect(found == [])
        let older = try await record(&rig, [(-hour, "add_to_cart")], wall: at(7 * hour - minute))
        // One came after it within the delay.
        #expect(older == [])
    }

    @Test func `what is due yet is sent when it is`() async throws {
        var rig = try Rig(Self.wall())
        let found = try await record(&rig, [(0, "purchase")], wall: at(20 * day))
        #expect(found == [])
        try await rig.take(.tick(now: at(26 * day)))
        #expect(rig.triggers.map(\.plain) == [PlainTrigger(rule: "churned", due: at(25 * day))])
    }

    @Test func `only what was sent is withdrawn`() async throws {
        var rig = try Rig(Self.wall())
        // A cart is left in time and sent; another of a day before is filled in, and recorded.
        try await rig.take([PlainEvent("u", at(0), "add_to_cart")], wall: at(0))
        try await rig.take(.tick(now: at(2 * hour)))
        #expect(rig.triggers.map(\.group) == [.treated])
        let found = try await record(&rig, [(-day, "add_to_cart")], wall: at(3 * hour))
        #expect(found.map(\.plain) == [PlainTrigger(rule: "cart_abandoned", due: at(hour - day))])
        // Then purchases that make both of them untrue.
        let purchases = try await record(
            &rig, [(minute - day, "purchase"), (minute, "purchase")], wall: at(4 * hour))
        let withdrawn = purchases.compactMap(\.retracts)
        #expect(withdrawn.map(\.due.microseconds) == [at(hour)])
    }

    @Test func `the same log filled in again is recorded once`() async throws {
        var rig = try Rig(Self.wall())
        let log: [(Int64, String)] = [(0, "sign_up"), (minute, "add_to_cart"), (5 * day, "login")]
        let first = try await record(&rig, log, wall: at(40 * day))
        #expect(
            Set(first.map(\.plain)) == [
                PlainTrigger(rule: "welcome", due: at(0)),
                PlainTrigger(rule: "cart_abandoned", due: at(minute + hour)),
                PlainTrigger(rule: "onboarding_stalled", due: at(3 * day)),
                PlainTrigger(rule: "dormant", due: at(19 * day)),
            ])
        let second = try await record(&rig, log, wall: at(41 * day))
        #expect(second == [])
    }

    @Test func `an erased user's past is not recorded`() async throws {
        var rig = try Rig(Self.wall())
        try await rig.take(
            [PlainEvent("u", at(0), "add_to_cart"), PlainEvent("v", at(0), "add_to_cart")],
            wall: at(10 * day))
        try await rig.take(.erase([Rig.storeKey.erasureMark(of: Array("u".utf8))]))
        try await rig.take(.tick(now: at(10 * day) + minute))
        #expect(rig.triggers.map(\.userName) == ["v"])
    }

    @Test func `under the event clock nothing is recorded for a late line`() async throws {
        var rig = try Rig(Self.wall { $0.clock.mode = .event })
        try await rig.take([PlainEvent("v", at(30 * day), "custom")])
        try await rig.take([PlainEvent("u", at(0), "add_to_cart")])
        try await rig.take(.advance(to: at(31 * day)))
        #expect(rig.triggers == [])
    }
}

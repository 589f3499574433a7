import Core
import Engine
import Testing

@testable import EngineSupport

/// A declared rule that fires for others, or at other times, than its words say.
struct DeclaredRuleTests {
    private let minute = Microseconds.minute

    private func log(_ settings: Settings, seed: UInt64, users: Int = 12, events: Int = 600) -> [PlainEvent] {
        var shape = LogShape(settings)
        shape.users = users
        shape.events = events
        shape.ids = 0
        return randomLog(shape, seed: seed)
    }

    private func fired(_ rig: Rig, _ rule: String) -> Set<String> {
        Set(rig.triggers.filter { $0.rule == rule }.map { "\($0.userName) \($0.due.microseconds)" })
    }

    @Test(arguments: 1...6)
    func `events, delays, cooldowns and absences fire as a plain walk says`(seed: UInt64) async throws {
        let settings = Settings.brief().declaring(
            .made("seen", .event("view_item")),
            .made("seen_once", .event("view_item")) { $0.cooldown = 20 * minute },
            .made("seen_delayed", .event("view_item"), delay: 3 * minute),
            .made("custom_later", .event("custom-1"), delay: minute),
            .made("no_purchase", .absence(of: "purchase", after: "add_to_cart"), delay: 4 * minute),
            .made("no_return", .absence(of: "login", after: "login"), delay: 10 * minute))
        let log = log(settings, seed: seed)
        var rig = try Rig(settings, shards: 2)
        for start in stride(from: 0, to: log.count, by: 37) {
            try await rig.take(Array(log[start..<min(start + 37, log.count)]))
        }
        let end = rig.ledger.clock.now + 3600 * Microseconds.second
        try await rig.take(.advance(to: end))
        let plain = PlainRules(log, end: end)
        #expect(fired(rig, "seen") == plain.event("view_item", delay: 0))
        #expect(fired(rig, "seen_once") == plain.event("view_item", delay: 0, cooldown: 20 * minute))
        #expect(fired(rig, "seen_delayed") == plain.event("view_item", delay: 3 * minute))
        #expect(fired(rig, "custom_later") == plain.event("custom-1", delay: minute))
        let absent = plain.absence(of: "purchase", after: "add_to_cart", delay: 4 * minute)
        #expect(fired(rig, "no_purchase") == absent)
        #expect(fired(rig, "no_return") == plain.absence(of: "login", after: "login", delay: 10 * minute))
        #expect(!absent.isEmpty)
        #expect(Set(rig.triggers.map(\.id)).count == rig.triggers.count)
    }

    @Test(arguments: 1...4)
    func `built-in rules are what they are without any declaration`(seed: UInt64) async throws {
        let bare = Settings.brief()
        let settings = bare.declaring(
            .made("seen", .event("view_item")),
            .made("gone", .absence(of: "purchase", after: "view_item"), delay: minute),
            .made("daily", .daily(at: 9 * Microseconds.hour, weekdays: 0x7F)))
        let log = log(settings, seed: seed)
        var plain = try Rig(bare)
        var rig = try Rig(settings, shards: 3)
        try await plain.take(log)
        try await rig.take(log)
        let own: Set<String> = ["seen", "gone", "daily"]
        #expect(rig.triggers.filter { !own.contains($0.rule) } == plain.triggers)
    }

    @Test(arguments: 1...4)
    func `any cut, any shards and any restart give the same`(seed: UInt64) async throws {
        let settings = Settings.brief(.berlin).declaring(
            .made("seen", .event("view_item"), when: "purchase.count >= 1 or rolling.1d.events > 6"),
            .made("seen_delayed", .event("custom-0"), delay: 2 * minute, when: "events.custom-0 > 1") {
                $0.when = "event_total > 3"
                $0.priority = 3
                $0.exclusive = "one"
            },
            .made("gone", .absence(of: "purchase", after: "view_item"), delay: 2 * minute) {
                $0.exclusive = "one"
                $0.holdout = 0.3
                $0.channel = "push"
            },
            .made("rich", .crossed("purchase.revenue", isAbove: true, bound: 1000, clear: 1, daily: nil)),
            .made("morning", .daily(at: 9 * Microseconds.hour, weekdays: 0x7F), when: "converted")
        ) { arbitration in
            arbitration.dayCap = 10
            arbitration.weekCap = 40
            arbitration.channelCaps = [.init(channel: "push", day: 3, week: nil)]
            arbitration.quiet = .init(from: 14 * Microseconds.hour, to: 15 * Microseconds.hour)
            arbitration.exclusive = [.init(name: "one", within: 10 * minute)]
            arbitration.controlGroup = 0.1
        }
        var shape = LogShape(settings)
        shape.users = 20
        shape.events = 700
        shape.late = 0.1
        shape.veryLate = 0.02
        let log = randomLog(shape, seed: seed)
        let end = (log.map(\.time).max() ?? 0) + settings.triggers.winBack.delay
        func run(cut: Int, shards: Int) async throws -> Rig {
            var rig = try Rig(settings, shards: shards)
            for start in stride(from: 0, to: log.count, by: cut) {
                try await rig.take(Array(log[start..<min(start + cut, log.count)]))
            }
            try await rig.take(.advance(to: end))
            return rig
        }
        let whole = try await run(cut: log.count, shards: 1)
        let expected = whole.triggers.map(\.withoutRow)
        #expect(Set(whole.triggers.map(\.id)).count == whole.triggers.count)
        for rule in ["seen", "gone"] { #expect(expected.contains { $0.rule == rule }, "\(rule)") }
        for (cut, shards) in [(1, 1), (13, 2), (64, 5)] {
            #expect(try await run(cut: cut, shards: shards).triggers.map(\.withoutRow) == expected)
        }
        try await goOn(settings, log, seed: seed, end: end)
    }

    /// From snapshots taken anywhere the rest is the same.
    private func goOn(_ settings: Settings, _ log: [PlainEvent], seed: UInt64, end: Int64) async throws {
        var whole = try Rig(settings, shards: 2)
        var saved: [(ledger: [UInt8], partitions: [Int: [UInt8]], triggers: Int)] = []
        for start in stride(from: 0, to: log.count, by: 50) {
            saved.append((whole.ledger.snapshot(), await whole.snapshots(), whole.triggers.count))
            try await whole.take(Array(log[start..<min(start + 50, log.count)]))
        }
        try await whole.take(.advance(to: end))
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
            for user in Set(log.map(\.user)) {
                #expect(await decisions(other, user) == decisions(whole, user))
            }
        }
    }

    private func decisions(_ rig: Rig, _ user: String) async -> [DecisionView] {
        let id = Array(user.utf8)
        let number = id.withUnsafeBytes { Partitioning.partition(of: $0) }
        return await rig.shards[number % rig.shards.count].decisions(of: id)
    }

    @Test func `a condition sees nothing of what comes after, in whatever order lines come`() async throws {
        let second = Microseconds.second
        let settings = Settings.brief().declaring(
            .made("third", .event("view_item"), when: #"events.view_item >= 3 and event_total == 3"#),
            .made("rich", .event("purchase"), when: "purchase.revenue > 100 and purchase.count == 2"),
            .made("fresh", .event("purchase"), when: "purchase.count == 1 and rolling.1d.purchases == 1"))
        let start: Int64 = 1_711_800_000_000_000
        var log = (0..<5).map { PlainEvent("a", start + Int64($0) * second, "view_item") }
        for number in 0..<3 {
            var purchase = PlainEvent("b", start + Int64(number) * second, "purchase")
            purchase.value = 60_000_000
            log.append(purchase)
        }
        var random = Randomness(seed: 3)
        for _ in 0..<6 {
            var rig = try Rig(settings)
            try await rig.take(log)
            try await rig.take(.advance(to: start + minute))
            let own = rig.triggers.filter { ["third", "rich", "fresh"].contains($0.rule) }
            #expect(own.map(\.rule) == ["fresh", "rich", "third"])
            #expect(own.map { ($0.due.microseconds - start) / second } == [0, 1, 2])
            for index in log.indices.dropLast() { log.swapAt(index, index + random.below(log.count - index)) }
        }
    }

    @Test func `a late event withdraws the absence it makes untrue`() async throws {
        let settings = Settings.brief().declaring(
            .made("gone", .absence(of: "login", after: "custom-0"), delay: 2 * minute))
        let start: Int64 = 1_711_800_000_000_000
        var rig = try Rig(settings)
        try await rig.take([PlainEvent("a", start, "custom-0"), PlainEvent("b", start, "custom-0")])
        let sent = try await rig.take([PlainEvent("c", start + 5 * minute, "login")])
        #expect(sent.filter { $0.rule == "gone" }.map(\.userName) == ["a", "b"])
        let late = try await rig.take([
            PlainEvent("a", start + minute, "login"), PlainEvent("b", start + 3 * minute, "login"),
        ])
        #expect(late.filter { $0.rule == "retracted" }.map(\.userName) == ["a"])
        #expect(late.first?.retracts?.rule == "gone")
        #expect(late.first?.retracts?.due.microseconds == start + 2 * minute)
    }

    @Test func `a bound is told once until the number was back beyond the other`() async throws {
        let settings = Settings.brief().declaring(
            .made(
                "quiet", .crossed("rolling.1d.events", isAbove: true, bound: 3, clear: 2, daily: 0)))
        let start: Int64 = 1_711_843_200_000_000  // midnight
        var rig = try Rig(settings)
        func visit(_ day: Int64, _ events: Int) async throws {
            let begin = start + day * Microseconds.day + 12 * Microseconds.hour
            try await rig.take((0..<events).map { PlainEvent("a", begin + Int64($0), "login") })
            try await rig.take(.advance(to: begin + Microseconds.hour))
        }
        for (day, events) in [4, 3, 1, 5].enumerated() { try await visit(Int64(day), events) }
        let days = rig.triggers.filter { $0.rule == "quiet" }.map {
            ($0.due.microseconds - start) / Microseconds.day
        }
        // The first day is beyond; at midnight the window is empty and it is back, so that the second tells
        // again, and the last.
        #expect(days == [0, 1, 3])
    }

    @Test func `an erased user is told nothing, and nothing of them is kept`() async throws {
        let settings = Settings.brief().declaring(
            .made("later", .event("login"), delay: 10 * minute))
        let start: Int64 = 1_711_800_000_000_000
        var rig = try Rig(settings)
        try await rig.take([PlainEvent("a", start, "login"), PlainEvent("b", start, "login")])
        try await rig.take(.erase([Rig.storeKey.erasureMark(of: Array("a".utf8))]))
        try await rig.take(.advance(to: start + 60 * minute))
        #expect(rig.triggers.filter { $0.rule == "later" }.map(\.userName) == ["b"])
        #expect(await decisions(rig, "a").isEmpty)
    }

    @Test func `rules change between two records, and what waits for a rule that stays goes on`() async throws
    {
        let later = RuleDeclaration.made("later", .event("login"), delay: 10 * minute)
        let gone = RuleDeclaration.made("gone", .event("login"), delay: 10 * minute)
        let settings = Settings.brief().declaring(gone, later)
        let start: Int64 = 1_711_800_000_000_000
        var rig = try Rig(settings)
        try await rig.take([PlainEvent("a", start, "login")])
        let changed = Settings.brief().declaring(later, .made("aaa", .event("view_item")))
        try await rig.take(.settings(EngineSettings(changed)))
        try await rig.take([PlainEvent("a", start + minute, "view_item")])
        try await rig.take(.advance(to: start + 60 * minute))
        let own = rig.triggers.filter { ["later", "gone", "aaa"].contains($0.rule) }
        #expect(own.map(\.rule) == ["aaa", "later"])
    }
}

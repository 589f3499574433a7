import Core
import Engine
import Foundation
import Models
import Testing

@testable import EngineSupport

/// An item that falls due by the forecast on a day that the kept purchases do not say, or otherwise after a restart.
struct ReplenishForecastTests {
    private static let start: Int64 = 1_711_800_000_000_000  // 2024-03-30T12:00:00Z
    private static let day = Microseconds.day

    private func settings(
        _ zone: Zone = .utc, kept: Int = 40, _ change: (inout Settings) -> Void = { _ in }
    ) -> Settings {
        .event(zone) {
            $0.clock.allowedLateness = 0
            $0.triggers.replenishDue.enabled = true
            $0.triggers.replenishFrom = "forecast"
            $0.limits.recentPurchases = kept
            change(&$0)
        }
    }

    private func bought(_ user: String, _ day: Int, _ item: String, _ pieces: Int64 = 1) -> PlainEvent {
        var event = PlainEvent(user, Self.start + Int64(day) * Self.day, "purchase")
        event.items = [PlainItem(id: item, quantity: pieces * 1_000_000)]
        return event
    }

    /// Three pieces each seventh day, one on the fourth of each week, through a day.
    private func weekly(_ user: String, through last: Int) -> [PlainEvent] {
        (0...last).compactMap { day in
            switch day % 7 {
            case 0: bought(user, day, "tea", 3)
            case 3: bought(user, day, "tea", 1)
            default: nil
            }
        }
    }

    /// "user day: item by days pieces, …" of what fell due, days from the start.
    private func told(_ rig: Rig, from day: Int = 0) -> [String] {
        rig.triggers.filter {
            $0.rule == "replenish_due" && $0.due.microseconds >= Self.start + Int64(day) * Self.day
        }.map { trigger in
            let items = trigger.items.map { item in
                "\(item.itemID) \(item.by) \(item.score) \(item.quantity.map { "\($0)" } ?? "-")"
            }
            let due = Double(trigger.due.microseconds - Self.start) / Double(Self.day)
            return "\(trigger.userName) \(due): \(items.joined(separator: ", "))"
        }.sorted()
    }

    private func run(_ settings: Settings, _ log: [PlainEvent], cut: Int = 9) async throws -> Rig {
        var rig = try Rig(settings, shards: 2)
        for start in stride(from: 0, to: log.count, by: cut) {
            try await rig.take(Array(log[start..<min(log.count, start + cut)]))
        }
        return rig
    }

    private var log: [PlainEvent] {
        let tenth = stride(from: 0, through: 60, by: 10).map { bought("c", $0, "salt") }
        return (weekly("a", through: 63) + weekly("b", through: 59) + tenth).sorted { $0.time < $1.time }
    }

    @Test func `the day of the week with most pieces is due, and else the interval decides`() async throws {
        var rig = try await run(settings(), log)
        // Of who bought on with the week nothing falls due once there is enough to forecast from.
        #expect(told(rig, from: 28) == [])
        try await rig.take(.advance(to: Self.start + 100 * Self.day))
        #expect(
            told(rig, from: 28) == [
                "a 70.0: tea forecast 7.0 3.0", "b 63.0: tea forecast 4.0 3.0",
                "c 70.0: salt replenish 10.0 -",
            ])
    }

    @Test func `by the interval the same purchases are due otherwise`() async throws {
        var rig = try await run(settings { $0.triggers.replenishFrom = "interval" }, log)
        try await rig.take(.advance(to: Self.start + 100 * Self.day))
        #expect(told(rig, from: 63) == ["a 66.5: tea replenish 3.5 -", "c 70.0: salt replenish 10.0 -"])
        #expect(rig.triggers.allSatisfy { $0.items.allSatisfy { $0.quantity == nil } })
    }

    @Test func `what was foretold outlives a restart and a change of the setting`() async throws {
        var before = try await run(settings(), log)
        // The last purchases are decided under what was set when they came.
        try await before.take(.advance(to: Self.start + 63 * Self.day + Self.day / 24))
        var rig = try await Rig(
            settings(), shards: 1, key: before.key, ledger: before.ledger.snapshot(),
            partitions: before.snapshots())
        // The next purchase goes by what is set then.
        let changed = settings { $0.triggers.replenishFrom = "interval" }
        try await rig.take(.settings(EngineSettings(changed)))
        try await rig.take([bought("b", 61, "tea")])
        try await rig.take(.advance(to: Self.start + 100 * Self.day))
        let all = told(rig, from: 28)
        #expect(all.contains("a 70.0: tea forecast 7.0 3.0"))
        let last = all.filter { $0.hasPrefix("b ") }
        #expect(last.allSatisfy { $0.contains("replenish") && !$0.contains("63.0:") })
        #expect(all.count == 3)
    }

    @Test func `a message says how many`() async throws {
        var overlay = RuleDeclaration(name: "replenish_due")
        overlay.template = [.init(language: "", text: "{items.0.quantity|some} of {items.0.id}")]
        let declared = overlay
        var rig = try await run(settings { $0.triggers.declared = [declared] }, log)
        try await rig.take(.advance(to: Self.start + 100 * Self.day))
        let messages = rig.triggers.filter {
            $0.rule == "replenish_due" && $0.due.microseconds >= Self.start + 60 * Self.day
        }.map { $0.message ?? "" }
        #expect(messages.sorted() == ["3 of tea", "3 of tea", "some of salt"])
    }

    // MARK: Against the words of the rule

    /// Each user buys on a weekday of their own, and now and then on others.
    private func habits(_ seed: UInt64) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        var log: [PlainEvent] = []
        for user in 0..<12 {
            for day in 0..<120 {
                let isOwn = day % 7 == user % 7
                guard random.below(100) < (isOwn ? 90 : 6) else { continue }
                let noon = Self.start + Int64(day) * Self.day
                var event = PlainEvent(
                    "user-\(user)", noon + Int64(random.below(36_000_000)) * 1000 + Int64(user), "purchase")
                if isOwn {
                    let halves = Int64(1 + random.below(3))
                    event.items.append(PlainItem(id: "item-0", quantity: halves * 500_000))
                }
                for _ in 0..<random.below(3) {
                    event.items.append(PlainItem(id: "item-\(random.below(3))"))
                }
                if event.items.isEmpty { continue }
                log.append(event)
            }
        }
        return log.sorted { $0.time < $1.time }
    }

    private func due(
        _ user: [PlainEvent], _ item: String, kept: Int, _ zone: Zone
    ) -> (instant: Int64, pieces: Double?)? {
        func day(_ event: PlainEvent) -> Int32 { zone.day(of: EventTime(microseconds: event.time)) }
        let own = user.filter { $0.items.contains { $0.id == item } }
        let days = Set(own.map(day))
        guard let last = own.last, let first = days.min(), let end = days.max(), days.count > 2 else {
            return nil
        }
        // What is kept is of the whole user; from it what is of the item.
        var pieces = [Double](repeating: 0, count: Int(end - first) + 1)
        var reach: Int32?
        for event in user.suffix(kept) {
            let quantity = event.items.filter { $0.id == item }.reduce(0) { $0 + $1.quantity }
            if quantity == 0 { continue }
            if reach == nil { reach = day(event) }
            pieces[Int(day(event) - first)] += Double(quantity) / 1e6
        }
        if let reach, let peak = PeakForecast(Array(pieces[Int(reach - first)...]), horizon: 12) {
            let toThreeDigits = Double(String(format: "%.2e", peak.quantity))
            return (last.time + Int64(peak.ahead) * Self.day, toThreeDigits)
        }
        return (last.time + Int64(end - first) * Self.day / Int64(days.count - 1), nil)
    }

    private func plain(_ log: [PlainEvent], kept: Int, _ zone: Zone) -> Set<String> {
        var found: [String: Set<String>] = [:]
        var users: [String: [PlainEvent]] = [:]
        // Said at each purchase of the item, and nothing else changes it.
        var said: [String: [String: (instant: Int64, pieces: Double?)]] = [:]
        func fire(_ user: String, before instant: Int64) {
            for (item, due) in said[user] ?? [:] where due.instant < instant {
                let pieces = due.pieces.map { "\($0)" } ?? "-"
                found["\(user) \(due.instant)", default: []].insert("\(item) \(pieces)")
            }
        }
        for event in log {
            fire(event.user, before: event.time)
            users[event.user, default: []].append(event)
            for item in Set(event.items.map(\.id)) {
                said[event.user, default: [:]][item] = due(users[event.user] ?? [], item, kept: kept, zone)
            }
        }
        for user in users.keys { fire(user, before: .max) }
        return Set(found.map { "\($0.key) \($0.value.sorted())" })
    }

    @Test(arguments: 1...4)
    func `what falls due is what the kept purchases foretell, however the log is cut`(
        seed: UInt64
    ) async throws {
        let kept = seed % 2 == 0 ? 12 : 30
        let settings = settings(seed > 2 ? .berlin : .utc, kept: kept)
        let log = habits(seed)
        let expected = plain(log, kept: kept, settings.clock.zone)
        #expect(expected.contains { $0.contains("-\"") } && expected.contains { !$0.contains("-\"") })
        for cut in [1, 17, log.count] {
            var rig = try await run(settings, log, cut: cut)
            try await rig.take(.advance(to: (log.last?.time ?? 0) + 200 * Self.day))
            let found = rig.triggers.filter { $0.rule == "replenish_due" }.map { trigger in
                let items = trigger.items.map { "\($0.itemID) \($0.quantity.map { "\($0)" } ?? "-")" }
                return "\(trigger.userName) \(trigger.due.microseconds) \(items)"
            }
            #expect(Set(found) == expected, "records of \(cut)")
            #expect(found.count == expected.count)
        }
    }
}

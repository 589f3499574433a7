import Core
import Models
import Testing

@testable import Engine
@testable import EngineSupport

/// What came of a trigger, counted twice, too early, too late, or under another's name.
struct FollowUpTests {
    private static let window = 40 * Microseconds.minute

    private func settings(_ zone: Zone = .utc, _ change: (inout Settings) -> Void = { _ in }) -> Settings {
        Settings.brief(zone) { settings in
            settings.triggers.outcomeWindow = Self.window
            change(&settings)
        }
    }

    private func log(
        _ settings: Settings, seed: UInt64, users: Int = 30, late: Double = 0
    ) -> [PlainEvent] {
        var shape = LogShape(settings)
        shape.users = users
        shape.events = 1200
        shape.ids = 0
        shape.late = late
        return randomLog(shape, seed: seed)
    }

    private func run(
        _ settings: Settings, _ log: [PlainEvent], cut: Int, shards: Int
    ) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        for start in stride(from: 0, to: log.count, by: cut) {
            try await rig.take(Array(log[start..<min(log.count, start + cut)]))
        }
        return rig
    }

    /// The sums of all partitions, in their order.
    private func sums(_ rig: Rig) async -> [FollowUpKey: FollowUpSums] {
        var reports: [(partition: Int, report: FollowUpReport)] = []
        for shard in rig.shards { reports += await shard.followUps() }
        var sums: [FollowUpKey: FollowUpSums] = [:]
        for (_, report) in reports.sorted(by: { $0.partition < $1.partition }) {
            for (key, value) in report.sums { sums[key, default: FollowUpSums()].add(value) }
        }
        return sums
    }

    /// The same from the log and the triggers alone: `at` is after everything that had arrived by then.
    private func plain(_ rig: Rig, _ log: [PlainEvent]) -> [String: FollowUpSums] {
        let (zone, lateness) = (rig.settings.clock.zone, rig.settings.clock.allowedLateness)
        var nows: [Int64] = []
        for event in log { nows.append(max(nows.last ?? .min, event.time)) }
        let frontier = (nows.last ?? 0) - lateness
        var sums: [String: FollowUpSums] = [:]
        for trigger in rig.triggers where !["retracted", "bot_suspected"].contains(trigger.rule) {
            let at = trigger.at.microseconds
            guard at + Self.window < frontier else { continue }
            let arrived = nows.firstIndex { $0 - lateness > trigger.due.microseconds } ?? log.count
            let own = log.enumerated().filter { $0.element.user == trigger.userName }
            let within = own.filter { $0.element.time > at && $0.element.time <= at + Self.window }
            let bought = within.filter { $0.element.name == "purchase" }
            let today = zone.day(of: trigger.at)
            let before = own.filter { index, event in
                event.name == "purchase" && index < arrived
                    && zone.day(of: EventTime(microseconds: event.time)) == today
            }
            var one = FollowUpSums()
            one.bought = bought.isEmpty ? 0 : 1
            one.returned = within.isEmpty ? 0 : 1
            one.revenue.add(
                Double(bought.reduce(0) { $0 + worth($1.element) }) / 1e6,
                before: Double(before.reduce(0) { $0 + worth($1.element) }) / 1e6)
            sums[trigger.rule, default: FollowUpSums()].add(one)
        }
        return sums
    }

    /// What a decoder has put into the row.
    private func worth(_ event: PlainEvent) -> Int64 { event.value ?? 0 }

    @Test(arguments: 1...4)
    func `every trigger's outcome is that of the plain log`(seed: UInt64) async throws {
        let settings = settings(seed == 1 ? .berlin : .utc)
        // So few that a purchase within the window of a trigger is nothing rare.
        let log = log(settings, seed: seed, users: 12)
        let rig = try await run(settings, log, cut: 37, shards: 2)
        var found: [String: FollowUpSums] = [:]
        for (key, sums) in await sums(rig) where key.kind == .month {
            #expect(key.group == 0)
            found[BuiltInRule.names[Int(key.rule)], default: FollowUpSums()].add(sums)
        }
        let expected = plain(rig, log)
        #expect(Set(found.keys) == Set(expected.keys))
        #expect(expected.values.reduce(0) { $0 + $1.bought } > 20)
        for (rule, sums) in expected {
            #expect(found[rule]?.bought == sums.bought, "\(rule)")
            #expect(found[rule]?.returned == sums.returned, "\(rule)")
            #expect(found[rule]?.revenue.count == sums.revenue.count, "\(rule)")
            for (a, b) in zip(found[rule]?.revenue.values ?? [], sums.revenue.values) {
                #expect(abs(a - b) <= 1e-9 * max(1, abs(b)), "\(rule)")
            }
        }
    }

    @Test(arguments: 1...3)
    func `records, shards and restarts change nothing`(seed: UInt64) async throws {
        let settings = settings()
        let log = log(settings, seed: seed, late: 0.1)
        let one = await sums(try await run(settings, log, cut: 1200, shards: 1))
        #expect(!one.isEmpty)
        #expect(await sums(try await run(settings, log, cut: 41, shards: 3)) == one)
        var random = Randomness(seed: seed)
        let place = random.below(log.count)
        var before = try await run(settings, Array(log[..<place]), cut: 50, shards: 2)
        var after = try Rig(
            settings, shards: 3, key: HashKey(k0: random.next(), k1: random.next()),
            ledger: before.ledger.snapshot(), partitions: await before.snapshots())
        try await before.take(Array(log[place...]))
        let last = try #require(before.journal.last)
        try await after.apply(last.number, last.kind, last.payload)
        #expect(await sums(after) == sums(before))
    }

    @Test func `sums by segment and by month hold the same triggers`() async throws {
        let settings = settings()
        let found = await sums(try await run(settings, log(settings, seed: 5), cut: 100, shards: 1))
        for rule in Set(found.keys.map(\.rule)) {
            func count(_ kind: FollowUpKey.Kind) -> Int64 {
                found.filter { $0.key.rule == rule && $0.key.kind == kind }.reduce(0) {
                    $0 + $1.value.revenue.count
                }
            }
            #expect(count(.month) == count(.segment))
        }
    }

    @Test func `without a window nothing is kept, and beyond the limit nothing more`() async throws {
        let off = settings { $0.triggers.outcomeWindow = nil }
        let none = try await run(off, log(off, seed: 2), cut: 100, shards: 1)
        #expect(await none.shards[0].followUps().allSatisfy { $0.report.open == 0 && $0.report.sums.isEmpty })
        let narrow = settings { $0.limits.outcomes = 64 }
        let few = try await run(narrow, log(narrow, seed: 2), cut: 100, shards: 1)
        let reports = await few.shards[0].followUps().map(\.report)
        #expect(reports.allSatisfy { $0.open <= 1 })
        let followed = reports.reduce(0) { sum, report in
            sum + Int64(report.open)
                + report.sums.filter { $0.key.kind == .month }.reduce(0) { $0 + $1.sums.revenue.count }
        }
        let fired = few.triggers.filter { $0.rule != "retracted" }.count
        #expect(followed + reports.reduce(0) { $0 + $1.unfollowed } == Int64(fired))
        #expect(reports.reduce(0) { $0 + $1.unfollowed } > 0)
    }

    private func followUps() -> FollowUps {
        var settings = OutcomeSettings()
        settings.followUp = 100
        settings.followUps = 1000
        return FollowUps(settings)
    }

    private func fired(_ slot: UInt32, at: Int64, group: UInt8 = 0, rule: UInt16 = 2) -> FollowUp {
        FollowUp(at: at, until: at + 100, before: 3_000_000, slot: slot, rule: rule, segment: 4, group: group)
    }

    @Test func `both ends of a window hold, and groups stay apart`() {
        var followUps = followUps()
        followUps.follow(fired(7, at: 10))
        followUps.follow(fired(7, at: 20, group: 1))
        followUps.follow(fired(8, at: 20))
        var waiting = (6...8).map { followUps.isWaiting($0) }
        #expect(waiting == [false, true, true])
        // At the very instant it is not after it; at the very end it still is.
        followUps.happened(7, at: 10, value: 5_000_000)
        followUps.happened(7, at: 110, value: 2_000_000)
        followUps.happened(7, at: 120, value: nil)
        followUps.happened(8, at: 121, value: 9_000_000)
        followUps.close(before: 110, .utc)
        var open = [followUps.openCount]
        followUps.close(before: 111, .utc)
        open.append(followUps.openCount)
        #expect(open == [3, 2])
        waiting = (6...8).map { followUps.isWaiting($0) }
        #expect(waiting == [false, true, true])
        followUps.close(before: 1000, .utc)
        waiting = (6...8).map { followUps.isWaiting($0) }
        #expect(waiting == [false, false, false])
        let months = followUps.sums.filter { $0.key.kind == .month }
        #expect(months.map(\.key.group) == [0, 1])
        #expect(months.map(\.key.value) == [1970 * 12, 1970 * 12])
        #expect(months.map(\.sums.revenue.count) == [2, 1])
        #expect(months.map(\.sums.bought) == [1, 1])
        #expect(months.map(\.sums.returned) == [1, 1])
        #expect(months.map(\.sums.revenue.sum) == [2, 2])
        #expect(months.map(\.sums.revenue.before) == [6, 3])
    }

    @Test func `an erased user's are forgotten, those of others and the sums stay`() throws {
        var followUps = followUps()
        for round in 0..<200 as Range<Int64> {
            followUps.follow(fired(UInt32(round % 5), at: round))
        }
        followUps.close(before: 151, .utc)
        followUps.erase([3])
        let waiting = (3...4).map { followUps.isWaiting($0) }
        #expect(waiting == [false, true])
        followUps.happened(4, at: 199, value: 1_000_000)
        var out = ByteWriter()
        followUps.write(to: &out)
        var settings = OutcomeSettings()
        settings.followUp = 100
        settings.followUps = 1000
        let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: out.bytes.count, alignment: 8)
        defer { raw.deallocate() }
        raw.copyBytes(from: out.bytes)
        var input = ByteReader(UnsafeRawBufferPointer(raw))
        var restored = try FollowUps(from: &input, settings, users: 5)
        var again = ByteWriter()
        restored.write(to: &again)
        #expect(again.bytes == out.bytes)
        restored.close(before: 10_000, .utc)
        followUps.close(before: 10_000, .utc)
        let sums = followUps.sums.filter { $0.key.kind == .month }.map(\.sums)
        let restoredSums = restored.sums.filter { $0.key.kind == .month }.map(\.sums)
        #expect(restoredSums == sums)
        // 51 had ended, a fifth of the other 149 was the erased user's.
        #expect(sums.map(\.revenue.count) == [51 + 149 - 30])
        // Fired at 99, 104, … 194.
        #expect(sums.map(\.bought) == [20])
        #expect(throws: StateError.self) {
            var input = ByteReader(UnsafeRawBufferPointer(raw))
            _ = try FollowUps(from: &input, settings, users: 4)
        }
    }

    @Test func `users are found among many, whatever has ended before`() {
        var followUps = followUps()
        // By user: when each was fired, and what was bought within its window.
        var plain: [(at: Int64, slot: UInt32, bought: Bool)] = []
        var chance = Randomness(seed: 4)
        for instant in 0..<4000 as Range<Int64> {
            let slot = UInt32(chance.next() % 300)
            if chance.next() % 4 == 0 {
                for index in plain.indices
                where plain[index].slot == slot && plain[index].at < instant
                    && instant <= plain[index].at + 100
                {
                    plain[index].bought = true
                }
                if followUps.isWaiting(Int(slot)) { followUps.happened(Int(slot), at: instant, value: 1) }
            }
            followUps.follow(fired(slot, at: instant))
            plain.append((instant, slot, false))
            followUps.close(before: instant, .utc)
            let open = (followUps.openCount, plain.count { $0.at + 100 >= instant })
            #expect(open.0 == open.1)
        }
        followUps.close(before: .max, .utc)
        let bought = followUps.sums.filter { $0.key.kind == .month }.map(\.sums.bought)
        #expect(bought == [Int64(plain.count { $0.bought })])
    }
}

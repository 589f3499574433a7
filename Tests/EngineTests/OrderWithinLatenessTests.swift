import Core
import Engine
import Testing

@testable import EngineSupport

/// State or triggers that depend on the order of arrival within the allowed lateness.
struct OrderWithinLatenessTests {
    /// The same events, each delayed by less than the allowed lateness; those of one user and one instant
    /// keep their order, for arrival is what tells them apart.
    private func permuted(_ log: [PlainEvent], _ lateness: Int64, seed: UInt64) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        let keys = log.map { $0.time + Int64(random.uniform() * Double(lateness + 1)) }
        let order = log.indices.sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
        var places: [String: [Int]] = [:]
        for (place, index) in order.enumerated() {
            places["\(log[index].time) \(log[index].user)", default: []].append(place)
        }
        var result = order.map { log[$0] }
        var next: [String: Int] = [:]
        for event in log {
            let group = "\(event.time) \(event.user)"
            result[places[group]![next[group, default: 0]]] = event
            next[group, default: 0] += 1
        }
        return result
    }

    private func run(_ settings: Settings, _ log: [PlainEvent], cut: Int) async throws -> Rig {
        var rig = try Rig(settings, shards: 2)
        var rest = log[...]
        while !rest.isEmpty {
            try await rig.take(Array(rest.prefix(cut)))
            rest = rest.dropFirst(cut)
        }
        let end = (log.map(\.time).max() ?? 0) + settings.triggers.winBack.delay
        try await rig.take(.advance(to: end))
        return rig
    }

    /// In the order of time, with exact copies in place of repeats that differ.
    private func sortedLog(_ settings: Settings, seed: UInt64) -> [PlainEvent] {
        var shape = LogShape(settings)
        shape.jitter = 0
        shape.ids = 0
        shape.events = 500
        var log = randomLog(shape, seed: seed)
        for index in stride(from: 0, to: log.count - 1, by: 17) {
            log[index].id = "copied-\(index)"
            log.insert(log[index], at: index + 1)
        }
        return log
    }

    @Test(arguments: 1...8)
    func `any order within the allowed lateness gives the same views and triggers`(seed: UInt64) async throws
    {
        let settings = Settings.brief(seed % 2 == 0 ? .berlin : .utc) {
            $0.clock.allowedLateness = [10, 120, 900][Int(seed) % 3] * Microseconds.second
        }
        let log = sortedLog(settings, seed: seed)
        let sorted = try await run(settings, log, cut: 20)
        #expect(sorted.triggers.contains { $0.rule == "cart_abandoned" })
        for round in 1...3 as ClosedRange<UInt64> {
            let shuffled = permuted(log, settings.clock.allowedLateness, seed: 100 * seed + round)
            let other = try await run(settings, shuffled, cut: 13)
            #expect(other.totals.late == 0)
            #expect(Set(other.triggers.map(\.id)) == Set(sorted.triggers.map(\.id)))
            #expect(other.triggers.count == sorted.triggers.count)
            for user in Set(log.map(\.user)) {
                let mine = PlainView(try #require(await sorted.view(user)))
                let theirs = PlainView(try #require(await other.view(user)))
                #expect(mine.difference(from: theirs) == nil, "\(user)")
            }
        }
    }

    @Test(arguments: 1...8)
    func `triggers are those of a plain walk through the sorted events`(seed: UInt64) async throws {
        let settings =
            seed % 2 == 0 ? Settings.brief { $0.triggers.welcome.delay = 5_000_000 } : .event(.berlin)
        let log = permuted(sortedLog(settings, seed: seed), settings.clock.allowedLateness, seed: seed)
        var rig = try Rig(settings)
        var plain = PlainStore(settings)
        for start in stride(from: 0, to: log.count, by: 10) {
            let record = Array(log[start..<min(log.count, start + 10)])
            try await rig.take(record)
            for event in record { plain.take(event) }
            if start % 100 == 0 { expectEqual(rig, plain) }
        }
        let end = (plain.now ?? 0) + settings.triggers.dormant.delay
        try await rig.take(.advance(to: end))
        plain.advance(to: end)
        expectEqual(rig, plain)
        try await rig.take(.advance(to: end + settings.triggers.winBack.delay))
        plain.advance(to: end + settings.triggers.winBack.delay)
        expectEqual(rig, plain)
    }

    private func expectEqual(_ rig: Rig, _ plain: PlainStore) {
        let fired = Dictionary(grouping: rig.triggers, by: \.userName)
        for user in plain.users {
            let mine = (fired[user] ?? []).map(\.plain)
            let theirs = plain.triggers(user)
            #expect(Set(mine).count == mine.count, "\(user)")
            #expect(Set(mine).subtracting(theirs) == [], "fired and should not, \(user)")
            #expect(theirs.subtracting(mine) == [], "should have fired, \(user)")
        }
    }
}

import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// A grade of money that was not spent under its condition, or of less than was.
struct GradeConditionTests {
    /// 2024-03-30T12:00:00Z.
    private static let start: Int64 = 1_711_800_000_000_000
    private let minute = Microseconds.minute
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private static let online = Settings.GradeCondition(dimension: .channel, values: ["online", "app"])

    private func settings(
        _ condition: Settings.GradeCondition? = online, _ change: (inout Settings) -> Void = { _ in }
    ) -> Settings {
        .event {
            $0.models.tiers.gradeCondition = condition
            change(&$0)
        }
    }

    private func bought(_ user: String, _ offset: Int64, _ value: Int64, _ channel: String?) -> PlainEvent {
        var event = PlainEvent(user, Self.start + offset, "purchase")
        event.value = value * 1_000_000
        if let channel { event.dimensions[.channel] = channel }
        return event
    }

    /// Purchases of two years by channels, in the order of time.
    private func log(seed: UInt64, users: Int = 40) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        let channels = ["online", "app", "store", "online2", nil]
        return (0..<users * 12).map { _ in
            bought(
                "user-\(random.below(users))",
                Int64(random.below(700)) * day + Int64(random.below(20)) * hour, Int64(random.below(300)),
                channels[random.below(channels.count)])
        }.sorted { $0.time < $1.time }
    }

    /// Spent under the condition on the last 365 days; nil where that is nothing.
    private func spend(_ log: [PlainEvent], _ user: String, asOf now: Int64) -> Double? {
        let today = now.flooredDivision(by: day).quotient
        let sum = log.filter { event in
            let on = event.time.flooredDivision(by: day).quotient
            return event.user == user && event.name == "purchase" && on > today - 365 && on <= today
                && ["online", "app"].contains(event.dimensions[.channel])
        }.reduce(0) { $0 + ($1.value ?? 0) }
        return sum > 0 ? Double(sum) / 1e6 : nil
    }

    private func spends(_ rig: Rig) async -> [Double] {
        let columns = await tierColumns(rig, decidedOnly: false)
        return zip(columns.yearSpend, columns.boughtInYear).filter { $0.1 != 0 }.map(\.0).sorted()
    }

    private func grade(_ rig: Rig, _ user: String) async -> String? { await rig.view(user)?.grade }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `grades are of what was spent under the condition, in whatever order it came`(
        seed: UInt64
    ) async throws {
        let log = log(seed: seed)
        let users = Set(log.map(\.user)).sorted()
        let end = Self.start + 710 * day
        var random = Randomness(seed: seed)
        for isMixed in [false, true] {
            // Mixed, nearly all come late, and on days before those that are known.
            let keys = log.map { _ in random.next() }
            let order = isMixed ? zip(keys, log).sorted { $0.0 < $1.0 }.map(\.1) : log
            var rig = try Rig(settings(), shards: 3)
            for event in order { try await rig.take([event]) }
            try await rig.take([PlainEvent("visitor", end, "login")])
            let expected = users.compactMap { spend(log, $0, asOf: end) }
            #expect(await spends(rig) == expected.sorted())
            let model = try tiersModel(await tierColumns(rig, decidedOnly: false))
            let grades = try #require(model.grades)
            try await rig.take(tiersVerdict(model, instant: end))
            func expectGrades(_ rig: Rig, _ log: [PlainEvent]) async {
                for user in users {
                    let wanted = spend(log, user, asOf: end).map { GradeRule.names[grades.grade($0) - 1] }
                    #expect(await grade(rig, user) == wanted, "\(user)")
                }
            }
            await expectGrades(rig, log)
            var restored = try Rig(
                rig.settings, shards: 2, key: HashKey(k0: 7, k1: 8), ledger: rig.ledger.snapshot(),
                partitions: await rig.snapshots())
            await expectGrades(restored, log)
            let more = users.map { bought($0, Int64(random.below(700)) * day, 1000, "app") }
            for event in more { try await restored.take([event]) }
            try await restored.take(tiersVerdict(model, version: 2, instant: end))
            await expectGrades(restored, log + more)
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `what is not decided does not show`(seed: UInt64) async throws {
        let settings = settings { $0.clock.allowedLateness = 2 * Microseconds.hour }
        let log = log(seed: seed)
        let end = Self.start + 710 * day
        var random = Randomness(seed: seed)
        let tail = (0..<120).map { step in
            bought(
                "user-\(random.below(40))", 710 * day + Int64(step) * 7 * minute, Int64(random.below(500)),
                ["online", "store", nil][random.below(3)])
        }
        let model = try await {
            var rig = try Rig(settings)
            try await rig.take(log)
            return try tiersModel(await tierColumns(rig, decidedOnly: false))
        }()
        let instant = end + 8 * hour
        var seen: [[String?]] = []
        for round in 0..<3 {
            var rig = try Rig(settings, shards: round + 1)
            try await rig.take(log)
            try await rig.take(tiersVerdict(model, instant: end))
            // Each is up to two hours out of its place.
            let keys = tail.map { round == 0 ? $0.time : $0.time + Int64(random.below(110)) * minute }
            let order = zip(keys, tail).sorted { ($0.0, $0.1.time) < ($1.0, $1.1.time) }.map(\.1)
            var newest = end
            var shown: [String?] = []
            for event in order {
                newest = max(newest, event.time)
                if shown.isEmpty, newest - 2 * hour >= instant {
                    try await rig.take(.close(before: instant))
                    try await rig.take(tiersVerdict(model, version: 2, instant: instant, scheduled: true))
                    for user in 0..<40 { shown.append(await grade(rig, "user-\(user)")) }
                }
                try await rig.take([event])
            }
            try #require(!shown.isEmpty)
            try await rig.take(.advance(to: end + 3 * day))
            for user in 0..<40 { shown.append(await grade(rig, "user-\(user)")) }
            seen.append(shown)
        }
        #expect(seen[1] == seen[0] && seen[2] == seen[0])
    }

    @Test func `a changed condition holds for what is bought from then on`() async throws {
        var rig = try Rig(settings(nil))
        func change(_ condition: Settings.GradeCondition?) async throws {
            try await rig.take(.settings(EngineSettings(settings(condition))))
        }
        try await rig.take([bought("u", 0, 100, "online"), bought("u", day, 0, nil)])
        #expect(await spends(rig) == [100])
        try await change(Self.online)
        #expect(await spends(rig) == [])
        try await rig.take([
            bought("u", 2 * day, 30, "app"), bought("u", 2 * day, 20, "store"), bought("u", 0, 5, "online"),
        ])
        #expect(await spends(rig) == [35])
        try await change(.init(dimension: .store, values: ["S1"]))
        var inStore = bought("u", 3 * day, 7, "online")
        inStore.dimensions[.store] = "S1"
        try await rig.take([inStore])
        #expect(await spends(rig) == [42])
        try await change(nil)
        try await rig.take([bought("u", 4 * day, 1000, "online")])
        #expect(await spends(rig) == [1162])
        try await change(Self.online)
        #expect(await spends(rig) == [42])
    }

    @Test func `an erased one leaves nothing of it`() async throws {
        var rig = try Rig(settings())
        try await rig.take([bought("u", 0, 100, "online"), bought("v", 0, 7, "app")])
        try await rig.take(.erase([Rig.storeKey.erasureMark(of: Array("u".utf8))]))
        #expect(await spends(rig) == [7])
        try await rig.take([bought("u", day, 3, "store")])
        #expect(await spends(rig) == [7])
        try await rig.take([bought("u", day, 4, "online")])
        #expect(await spends(rig) == [4, 7])
    }

    @Test func `a condition is saved with the settings`() throws {
        for condition in [nil, Self.online] {
            let saved = EngineSettings(settings(condition))
            var out = ByteWriter()
            saved.write(to: &out)
            let read = try out.bytes.withUnsafeBytes { raw in
                var input = ByteReader(raw)
                let read = try EngineSettings(from: &input)
                #expect(input.remaining == 0)
                return read
            }
            #expect(read == saved)
        }
    }
}

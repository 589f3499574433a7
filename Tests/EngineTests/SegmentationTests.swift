import Core
import Engine
import Testing

@testable import EngineSupport
@testable import Models

/// A segmentation beside the first that scores the wrong users, sees the wrong features, changes the first
/// one's triggers, or depends on how the log was cut.
struct SegmentationTests {
    private static let day = Microseconds.day
    private static let settings = Settings.brief { $0.sessions.shortGap = 20 * Microseconds.minute }

    /// Purchases carry a method of payment, items, and say who buys.
    private func log(_ events: Int, seed: UInt64) -> [PlainEvent] {
        var shape = LogShape(Self.settings)
        shape.users = 24
        shape.events = events
        shape.ids = 0
        var random = Randomness(seed: seed &* 31)
        return randomLog(shape, seed: seed).map { event in
            var event = event
            event.dimensions = [:]
            event.items = []
            if event.name == "purchase" {
                event.value = Int64(1 + random.below(90)) * 1_000_000
                event.dimensions[.paymentMethod] = random.below(2) == 0 ? "card" : "cash"
                event.items = (0..<random.below(4)).map { PlainItem(id: "item-\($0)") }
            }
            let number = Int(event.user.dropFirst(5)) ?? 0
            event.dimensions[.gender] = ["F", "M", "x"][number % 3]
            event.dimensions[.ageBand] = ["20s", "40s", "65+"][number % 3]
            return event
        }
    }

    private static let features = [
        "frequency", "purchase_span_d", "revenue", "monetary_value", "days_since_last", "T_d", "item_lines",
        "method_line_mean:card", "other_line_mean:card", "method_lines:card", "method_count:card",
        "method_amount:card", "gender", "age", "purchase", "day_mean",
    ]

    /// The features of a buyer, from the events alone; nil for who has not bought.
    private func plain(_ events: [PlainEvent], user: String, now: Int64) -> [Double]? {
        let own = events.filter { $0.user == user && $0.name == "purchase" }
        guard !own.isEmpty else { return nil }
        func day(_ time: Int64) -> Int64 { time / Self.day }
        func money(_ events: [PlainEvent]) -> Double {
            Double(events.reduce(0) { $0 + ($1.value ?? 0) }) / 1e6
        }
        func lines(_ events: [PlainEvent]) -> Double {
            Double(events.reduce(0) { $0 + max(1, $1.items.count) })
        }
        let days = Set(own.map { day($0.time) }).sorted()
        let repeats = own.filter { day($0.time) != days[0] }
        let card = own.filter { $0.dimensions[.paymentMethod] == "card" }
        let cash = own.filter { $0.dimensions[.paymentMethod] == "cash" }
        let number = Int(user.dropFirst(5)) ?? 0
        return [
            Double(days.count - 1), Double(days[days.count - 1] - days[0]), money(own),
            days.count > 1 ? money(repeats) / Double(days.count - 1) : 0,
            Double(day(now) - days[days.count - 1]), Double(day(now) - days[0]), lines(own),
            card.isEmpty ? 0 : money(card) / lines(card), cash.isEmpty ? 0 : money(cash) / lines(cash),
            lines(card), Double(card.count), money(card), [1, 0, 0.5][number % 3], [25, 45, 65][number % 3],
            Double(own.count), money(own) / Double(days.count),
        ]
    }

    private func columns(_ rig: Rig, _ names: [String]) async -> SegmentColumns {
        let features = names.compactMap { UserFeature($0) }
        var parts: [(partition: Int, columns: SegmentColumns)] = []
        for shard in rig.shards { parts += await shard.segmentationColumns(features, decidedOnly: false) }
        var all = SegmentColumns(features: names.count)
        for part in parts.sorted(by: { $0.partition < $1.partition }) { all.append(part.columns) }
        return all
    }

    @Test(arguments: 1...4)
    func `features are those of a plain count of the events, a row for each buyer`(
        seed: UInt64
    ) async throws {
        let log = log(500, seed: seed)
        var rig = try Rig(Self.settings, shards: 2)
        try await rig.take(log)
        let columns = await columns(rig, Self.features)
        let users = Set(log.map(\.user)).sorted()
        let wanted = users.compactMap { plain(log, user: $0, now: rig.ledger.clock.now) }
        #expect(columns.rows == wanted.count)
        let rows = (0..<columns.rows).map { row in columns.features.map { $0[row] } }
        func isBefore(_ a: [Double], _ b: [Double]) -> Bool { a.lexicographicallyPrecedes(b) }
        for (own, expected) in zip(rows.sorted(by: isBefore), wanted.sorted(by: isBefore)) {
            for (index, value) in expected.enumerated() {
                #expect(abs(own[index] - value) <= 1e-9 * max(1, abs(value)), "\(Self.features[index])")
            }
        }
    }

    /// Groups by revenue and lines paid by card; members of the first two should come to the third.
    private static func model(_ centroids: [[Double]] = [[0, 0], [150, 3], [400, 8]]) -> SegmentsModel {
        SegmentsModel(
            features: ["revenue", "method_lines:card"], counted: [false, false], transform: .raw,
            standardisation: .none(features: 2), outlierUpper: [.infinity, .infinity],
            segments: centroids.enumerated().map { index, centroid in
                SegmentsModel.Segment(
                    id: UInt16(index), name: ["value", "supporter", "star"][index], users: 1,
                    centroid: centroid, target: 2)
            }, outliers: 0, inertia: 0, nextID: 3)
    }

    private static let first = SegmentsModel(
        features: ["purchase"], counted: [true],
        standardisation: Standardisation(mean: [0], scale: [1]), outlierUpper: [.infinity],
        segments: [
            SegmentsModel.Segment(id: 0, name: "few", users: 1, centroid: [0]),
            SegmentsModel.Segment(id: 1, name: "many", users: 1, centroid: [4]),
        ], outliers: 0, inertia: 0, nextID: 2)

    private func adoption(
        _ name: String, _ model: SegmentsModel, _ rig: Rig, version: Int = 1
    ) -> JournalEntry {
        .verdict(
            VerdictEntry(
                name: name, version: version, adopted: true, instant: rig.ledger.clock.now, scheduled: false,
                bytes: model.bytes))
    }

    private func totals(_ rig: Rig) async -> SegmentationTotals {
        var totals = SegmentationTotals()
        for shard in rig.shards { totals.add(await shard.segmentTotals(by: "payments")) }
        return totals
    }

    @Test(arguments: 1...3)
    func `buyers alone are scored, counted and told how far the star is`(seed: UInt64) async throws {
        let log = log(400, seed: seed)
        var rig = try Rig(Self.settings, shards: 2)
        try await rig.take(log)
        try await rig.take(adoption("payments", Self.model(), rig))
        var users: [Int: Int64] = [:]
        var revenue: [Int: Double] = [:]
        for user in Set(log.map(\.user)) {
            let view = try #require(await rig.view(user))
            guard let features = plain(log, user: user, now: rig.ledger.clock.now) else {
                #expect(view.memberships.isEmpty)
                continue
            }
            let point = [features[2], features[9]]
            let distances = Self.model().segments.map { segment in
                zip(point, segment.centroid).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            }
            let nearest = try #require(distances.indices.min { distances[$0] < distances[$1] })
            let membership = try #require(view.memberships.first)
            #expect(membership.segmentation == "payments" && membership.segment.id == nearest)
            #expect(membership.segment.name == Self.model().segments[nearest].name)
            #expect(membership.target?.name == "star")
            #expect(abs((membership.distance ?? .nan) - distances[2]) < 1e-9 * max(1, distances[2]))
            users[nearest, default: 0] += 1
            revenue[nearest, default: 0] += features[2]
        }
        let totals = await totals(rig)
        #expect(totals.version == 1 && totals.features == Self.model().features)
        for group in totals.groups {
            #expect(group.users == users[group.id] ?? 0 && group.summed == group.users)
            #expect(group.converted == group.users)
            #expect(abs(Double(group.sums[0]) / 1e6 - (revenue[group.id] ?? 0)) < 1e-6)
        }
    }

    private struct End: Equatable {
        var triggers: [TriggerID]
        var members: [String: String]
        var users: [Int: Int64]
    }

    private func run(
        _ log: [PlainEvent], cut: Int, shards: Int, beside: Bool = true, restart: Bool = false
    ) async throws -> (end: End, triggers: [Trigger]) {
        var rig = try Rig(Self.settings, shards: shards)
        let half = log.count / 2
        for (part, range) in [0..<half, half..<log.count].enumerated() {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: cut) {
                try await rig.take(Array(log[start..<min(start + cut, range.upperBound)]))
            }
            if part == 0 {
                try await rig.take(adoption("segments", Self.first, rig))
                if beside { try await rig.take(adoption("payments", Self.model(), rig)) }
            }
        }
        if beside {
            let next = Self.model([[0, 0], [90, 2], [300, 6]])
            try await rig.take(adoption("payments", next, rig, version: 2))
        }
        if restart {
            rig = try Rig(
                Self.settings, shards: shards, key: rig.key, ledger: rig.ledger.snapshot(),
                partitions: await rig.snapshots())
        }
        let end = JournalEntry.advance(to: rig.ledger.clock.now + 3 * Self.day)
        try await rig.apply(1_000_000, end.kind, end.encoded())
        var members: [String: String] = [:]
        for user in Set(log.map(\.user)) {
            members[user] = await rig.view(user)?.memberships.first?.segment.name
        }
        let users = Dictionary(
            uniqueKeysWithValues: await totals(rig).groups.map { ($0.id, $0.users) })
        return (End(triggers: rig.triggers.map(\.id), members: members, users: users), rig.triggers)
    }

    @Test(arguments: 1...4)
    func `cuts, shards and restarts change nothing`(seed: UInt64) async throws {
        let log = log(600, seed: seed)
        let whole = try await run(log, cut: 600, shards: 1)
        let moves = whole.triggers.filter { $0.rule == "segment_moved" }.map { $0.model ?? "" }
        #expect(moves.contains { $0.hasPrefix("payments@") }, "\(moves)")
        for (cut, shards) in [(1, 1), (7, 2), (100, 4)] {
            let other = try await run(log, cut: cut, shards: shards)
            #expect(Set(other.end.triggers) == Set(whole.end.triggers))
            #expect(other.end.members == whole.end.members && other.end.users == whole.end.users)
        }
        let restarted = try await run(log, cut: 50, shards: 2, restart: true)
        #expect(restarted.end.members == whole.end.members && restarted.end.users == whole.end.users)
        var counted: [String: Int64] = [:]
        for name in whole.end.members.values { counted[name, default: 0] += 1 }
        #expect(counted.values.sorted() == whole.end.users.values.filter { $0 > 0 }.sorted())
    }

    @Test(arguments: 1...4)
    func `the first segmentation's triggers keep their ids beside another`(seed: UInt64) async throws {
        let log = log(600, seed: seed)
        let alone = try await run(log, cut: 20, shards: 2, beside: false)
        let beside = try await run(log, cut: 20, shards: 2)
        let added = beside.triggers.filter { $0.model?.hasPrefix("payments@") ?? false }
        #expect(!added.isEmpty && added.allSatisfy { $0.rule == "segment_moved" && $0.from != $0.to })
        let ids = Set(added.map(\.id))
        #expect(ids.count == added.count)
        #expect(beside.triggers.filter { !ids.contains($0.id) }.map(\.id) == alone.triggers.map(\.id))
    }

    @Test func `lists are of the segmentation that is asked about, and the erased are in none`() async throws
    {
        let log = log(400, seed: 9)
        var rig = try Rig(Self.settings, shards: 1)
        try await rig.take(log)
        try await rig.take(adoption("payments", Self.model(), rig))
        let gone = try #require(log.first { $0.name == "purchase" }?.user)
        let before = await totals(rig).groups.reduce(0) { $0 + $1.users }
        try await rig.take(.erase([Rig.storeKey.erasureMark(of: Array(gone.utf8))]))
        let totals = await totals(rig)
        #expect(totals.groups.reduce(0) { $0 + $1.users } == before - 1)
        let names = rig.ledger.names
        for group in totals.groups {
            await rig.shards[0].openList(
                1, names: names, filter: UserFilter(segment: group.name, segmentation: "payments"))
            var users: [UserView] = []
            while true {
                let page = await rig.shards[0].readList(1, 5)
                if page.isEmpty { break }
                users += page
            }
            await rig.shards[0].closeList(1)
            #expect(Int64(users.count) == group.users)
            #expect(users.allSatisfy { $0.memberships.first?.segment.name == group.name })
            #expect(!users.contains { $0.user == Array(gone.utf8) })
        }
    }

    @Test func `conditions and words name segmentations of one's own`() async throws {
        let settings = Self.settings.declaring(
            .made("among", .event("login"), when: "segments.loyalty.name in ['star', 'nobody']") {
                let text = "{segments.loyalty.name|-} {segments.payments.name|-} {segments.other.name|-}"
                $0.template = [.init(language: "", text: text)]
            }, .made("apart", .event("login"), when: "segments.loyalty.name != 'star'"),
            .made("of_none", .event("login"), when: "not has(segments.loyalty.name)"))
        var rig = try Rig(settings)
        let start: Int64 = 1_711_800_000_000_000
        var rich = PlainEvent("rich", start, "purchase")
        rich.value = 400_000_000
        var poor = PlainEvent("poor", start, "purchase")
        poor.value = 1_000_000
        try await rig.take([rich, poor])
        func logins(_ rig: inout Rig, after minutes: Int64) async throws -> [String] {
            let time = start + minutes * Microseconds.minute
            let events = ["poor", "rich", "visitor"].map { PlainEvent($0, time, "login") }
            let found = try await rig.take(events) + rig.take(.advance(to: time + Microseconds.minute))
            return found.filter { ["among", "apart", "of_none"].contains($0.rule) }.map { trigger in
                [trigger.rule, trigger.userName, trigger.message ?? ""].joined(separator: " ")
            }.sorted()
        }
        let before = try await logins(&rig, after: 1)
        #expect(before == ["of_none poor ", "of_none rich ", "of_none visitor "])
        try await rig.take(adoption("loyalty", Self.model(), rig))
        let wanted = ["among rich star - -", "apart poor ", "of_none visitor "]
        #expect(try await logins(&rig, after: 5) == wanted)
        // Another that comes into use beside it does not take its place.
        try await rig.take(adoption("second", Self.model([[400, 0], [150, 3], [1, 8]]), rig))
        #expect(try await logins(&rig, after: 10) == wanted)
        var restored = try Rig(
            settings, shards: 2, key: HashKey(k0: 7, k1: 8), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        #expect(try await logins(&restored, after: 15) == wanted)
        try await restored.take(adoption("payments", Self.model(), restored))
        let named = ["among rich star star -", "apart poor ", "of_none visitor "]
        #expect(try await logins(&restored, after: 20) == named)
    }

    @Test func `bytes that are no model of this kind are an error, not a state`() async throws {
        var rig = try Rig(Self.settings)
        try await rig.take(log(20, seed: 1))
        await #expect(throws: StateError.self) {
            try await rig.take(
                .verdict(
                    VerdictEntry(
                        name: "payments", version: 1, adopted: true, instant: 0, scheduled: false,
                        bytes: [1])))
        }
        let model = SegmentsModel(
            features: ["shoe_size"], counted: [false], standardisation: .none(features: 1),
            outlierUpper: [.infinity],
            segments: [SegmentsModel.Segment(id: 0, name: "all", users: 1, centroid: [0])], outliers: 0,
            inertia: 0, nextID: 1)
        var other = try Rig(Self.settings)
        await #expect(throws: StateError.self) { try await other.take(adoption("value", model, other)) }
    }
}

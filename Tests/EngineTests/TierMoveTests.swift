import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// A tier that moves when nobody did anything, a move that is not told, or sums that drift from the users.
struct TierMoveTests {
    /// 2024-03-30T12:00:00Z.
    private static let start: Int64 = 1_711_800_000_000_000
    private let minute = Microseconds.minute
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func bought(_ user: String, _ offset: Int64, _ value: Int64) -> PlainEvent {
        var event = PlainEvent(user, Self.start + offset, "purchase")
        event.value = value * 1_000_000
        return event
    }

    /// Buyers of all kinds over two years: some often, some for much, some long ago.
    private func log(_ users: Int = 80, seed: UInt64 = 1) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        var log: [PlainEvent] = []
        for number in 0..<users {
            var offset = Int64(random.below(400)) * day
            for _ in 0...random.below(6) {
                log.append(bought("user-\(number)", offset, Int64(1 + random.below(300))))
                offset += Int64(1 + random.below(90)) * day + Int64(random.below(1000)) * minute
            }
        }
        return log.sorted { $0.time < $1.time }
    }

    /// The contract's words of one buyer, taken literally.
    private func plainValues(_ log: [PlainEvent], _ user: String, asOf now: Int64) -> TierValues? {
        let today = now.flooredDivision(by: day).quotient
        var byDay: [Int64: Int64] = [:]
        for event in log where event.user == user && event.name == "purchase" {
            byDay[event.time.flooredDivision(by: day).quotient, default: 0] += event.value ?? 0
        }
        let days = byDay.keys.sorted()
        guard let first = days.first, let last = days.last else { return nil }
        let repeats = days.dropFirst().reduce(0) { $0 + (byDay[$1] ?? 0) }
        let year = days.filter { $0 > today - 365 }
        return TierValues(
            daysSinceLast: Double(today - last), frequency: Double(days.count - 1),
            monetaryValue: days.count == 1 ? 0 : Double(repeats) / 1e6 / Double(days.count - 1),
            age: Double(today - first),
            yearSpend: year.isEmpty ? nil : Double(year.reduce(0) { $0 + (byDay[$1] ?? 0) }) / 1e6)
    }

    private func expectTiers(_ rig: Rig, _ log: [PlainEvent], _ model: TiersModel, asOf now: Int64)
        async throws
    {
        let rule = try #require(model.rule)
        for user in Set(log.map(\.user)) {
            let view = try #require(await rig.view(user))
            guard let values = plainValues(log, user, asOf: now) else {
                #expect(view.tier == nil && view.grade == nil)
                continue
            }
            let levels = rule.levels(values)
            #expect(view.tier?.name == TierRule.names[rule.tier(levels) - 1], "\(user)")
            #expect(view.tier?.score == rule.score(levels), "\(user)")
            let grade = values.yearSpend.flatMap { spend in
                model.grades.map { GradeRule.names[$0.grade(spend) - 1] }
            }
            #expect(view.grade == grade, "\(user)")
        }
    }

    /// Sums over the users' pages.
    private func expectSums(_ rig: Rig, users: [String]) async throws {
        var tiers: [String: (users: Int64, revenue: Int64)] = [:]
        var grades: [String: (users: Int64, revenue: Int64)] = [:]
        for user in users {
            guard let view = await rig.view(user), let purchases = view.purchases else { continue }
            if let tier = view.tier?.name {
                let known = tiers[tier] ?? (0, 0)
                tiers[tier] = (known.users + 1, known.revenue + purchases.revenue)
            }
            if let grade = view.grade {
                let known = grades[grade] ?? (0, 0)
                grades[grade] = (known.users + 1, known.revenue + purchases.revenue)
            }
        }
        var members = (
            tiers: [TierMembers](repeating: TierMembers(), count: 5),
            grades: [TierMembers](repeating: TierMembers(), count: 4)
        )
        for shard in rig.shards {
            let part = await shard.tierMembers()
            for index in part.tiers.indices {
                members.tiers[index].users += part.tiers[index].users
                members.tiers[index].revenue += part.tiers[index].revenue
            }
            for index in part.grades.indices {
                members.grades[index].users += part.grades[index].users
                members.grades[index].revenue += part.grades[index].revenue
            }
        }
        for (name, member) in zip(TierRule.names, members.tiers) {
            #expect(member.users == tiers[name]?.users ?? 0, "\(name)")
            #expect(member.revenue == Int128(tiers[name]?.revenue ?? 0), "\(name)")
        }
        for (name, member) in zip(GradeRule.names, members.grades) {
            #expect(member.users == grades[name]?.users ?? 0, "\(name)")
            #expect(member.revenue == Int128(grades[name]?.revenue ?? 0), "\(name)")
        }
    }

    @Test func `a sweep gives every buyer tier and grade by the contract's words`() async throws {
        let log = log()
        let end = (log.last?.time ?? 0) + 3 * day
        var rig = try Rig(.event(), shards: 3)
        try await rig.take(log + [PlainEvent("visitor", end, "login")])
        let model = try tiersModel(await tierColumns(rig, decidedOnly: false))
        try await rig.take(tiersVerdict(model, instant: end))
        try await expectTiers(rig, log, model, asOf: end)
        #expect(await rig.view("visitor")?.tier == nil)
        #expect(rig.triggers.allSatisfy { $0.type != "tier_changed" })
        try await expectSums(rig, users: log.map(\.user).unique)
        // Days pass and nobody does anything: tiers stay until the next sweep.
        let before = await rig.view("user-1")?.tier
        try await rig.take(.advance(to: end + 300 * day))
        #expect(await rig.view("user-1")?.tier?.score == before?.score)
        try await rig.take(tiersVerdict(model, version: 2, instant: end + 300 * day))
        try await expectTiers(rig, log, model, asOf: end + 300 * day)
        try await expectSums(rig, users: log.map(\.user).unique)
        let moves = rig.triggers.filter { $0.type == "tier_changed" }
        #expect(!moves.isEmpty)
        for move in moves {
            #expect(move.from != move.to)
            #expect(move.tier == move.to)
            #expect(await rig.view(move.userName)?.tier?.name == move.to)
            #expect(await rig.view(move.userName)?.tier?.score == move.score)
            #expect(move.model == "tiers@2")
            #expect(move.due.microseconds == end + 300 * day)
        }
    }

    @Test func `a buyer moves at the close of the session, and the move is told`() async throws {
        let log = log()
        let end = (log.last?.time ?? 0) + 3 * day
        var rig = try Rig(.event(), shards: 2)
        try await rig.take(log + [PlainEvent("visitor", end, "login")])
        let model = try tiersModel(await tierColumns(rig, decidedOnly: false))
        try await rig.take(tiersVerdict(model, instant: end))
        let rule = try #require(model.rule)
        // Somebody not among the best who becomes so by buying for much.
        var mover: (user: String, from: String, to: String)?
        var grown = log
        let purchase = { (user: String) in
            [1, 2].map { self.bought(user, end - Self.start + Int64($0) * self.minute, 100_000) }
        }
        for user in log.map(\.user).unique.sorted() where mover == nil {
            let from = try #require(await rig.view(user)?.tier?.name)
            let values = try #require(plainValues(log + purchase(user), user, asOf: end + 32 * minute))
            let to = TierRule.names[rule.tier(rule.levels(values)) - 1]
            if from != to { mover = (user, from, to) }
        }
        let chosen = try #require(mover)
        grown += purchase(chosen.user)
        let close = end + 2 * minute + 30 * minute
        try await rig.take(purchase(chosen.user))
        try await rig.take(.advance(to: close - 1))
        #expect(await rig.view(chosen.user)?.tier?.name == chosen.from)
        try await expectSums(rig, users: log.map(\.user).unique)
        let fired = try await rig.take(.advance(to: close))
        let move = try #require(fired.first { $0.type == "tier_changed" })
        #expect(fired.count { $0.type == "tier_changed" } == 1)
        #expect(move.userName == chosen.user)
        #expect(move.from == chosen.from)
        #expect(move.to == chosen.to)
        #expect(move.due.microseconds == close)
        #expect(await rig.view(chosen.user)?.tier?.name == chosen.to)
        try await expectSums(rig, users: log.map(\.user).unique)
        // A new buyer gets a tier then, too, and no move is told of who had none.
        try await rig.take([bought("newcomer", close - Self.start + hour, 5)])
        #expect(await rig.view("newcomer")?.tier == nil)
        let later = try await rig.take(.advance(to: close + 2 * hour))
        #expect(await rig.view("newcomer")?.tier != nil)
        #expect(later.allSatisfy { $0.type != "tier_changed" })
        // Whoever is told of shows the tier.
        let told = try await rig.take(.advance(to: close + 26 * day))
        #expect(told.first { $0.rule == "churned" && $0.userName == chosen.user }?.tier == chosen.to)
    }

    /// Purchases within two hours' lateness in any order, sessions that close among them.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `the order of arrival within the lateness does not show`(seed: UInt64) async throws {
        let settings = Settings.event {
            $0.clock.allowedLateness = 2 * Microseconds.hour
        }
        let log = log(60, seed: seed)
        let end = (log.last?.time ?? 0) + 3 * day
        var random = Randomness(seed: seed)
        var tail: [PlainEvent] = []
        for step in 0..<150 {
            let offset = end - Self.start + Int64(step) * 7 * minute
            if random.below(3) == 0 {
                tail.append(PlainEvent("user-\(random.below(60))", Self.start + offset, "login"))
            } else {
                tail.append(bought("user-\(random.below(60))", offset, Int64(random.below(2000))))
            }
        }
        let model = try await {
            var rig = try Rig(settings)
            try await rig.take(log)
            return try tiersModel(await tierColumns(rig, decidedOnly: false))
        }()
        let instant = end + 9 * hour
        var outcomes: [[Trigger]] = []
        var views: [[String]] = []
        for round in 0..<3 {
            var rig = try Rig(settings, shards: round + 1)
            try await rig.take(log)
            try await rig.take(tiersVerdict(model, instant: end))
            var order = tail
            if round > 0 {
                // Each is up to two hours out of its place.
                let keys = order.map { $0.time + Int64(random.below(110)) * minute }
                order = zip(keys, order).sorted { ($0.0, $0.1.time) < ($1.0, $1.1.time) }.map(\.1)
            }
            var isAdopted = false
            var newest = end
            for event in order {
                newest = max(newest, event.time)
                if !isAdopted, newest - 2 * hour >= instant {
                    isAdopted = true
                    try await rig.take(.close(before: instant))
                    try await rig.take(
                        tiersVerdict(model, version: 2, instant: instant, scheduled: true))
                }
                try await rig.take([event])
            }
            #expect(isAdopted)
            try await rig.take(.advance(to: end + 3 * day))
            outcomes.append(rig.triggers.filter { $0.type == "tier_changed" })
            var shown: [String] = []
            for user in 0..<60 {
                let view = try #require(await rig.view("user-\(user)"))
                shown.append(
                    "\(view.tier?.name ?? "") \(view.tier?.score ?? 0) \(view.grade ?? "") "
                        + "\(view.tierBest ?? "")")
            }
            views.append(shown)
        }
        #expect(!outcomes[0].isEmpty)
        for round in 1...2 {
            // `at` is when the event that moved the watermark came.
            #expect(
                Set(outcomes[round].map { "\($0.id.text) \($0.from ?? "") \($0.to ?? "") \($0.score ?? 0)" })
                    == Set(
                        outcomes[0].map { "\($0.id.text) \($0.from ?? "") \($0.to ?? "") \($0.score ?? 0)" }))
            #expect(views[round] == views[0])
        }
    }

    @Test func `going on from snapshots gives the same`() async throws {
        let log = log(60, seed: 9)
        let cut = log.count / 2
        var whole = try Rig(.event(), shards: 2)
        try await whole.take(Array(log[..<cut]))
        let model = try tiersModel(await tierColumns(whole, decidedOnly: false))
        try await whole.take(tiersVerdict(model, instant: whole.ledger.clock.now))
        var saved: [(ledger: [UInt8], partitions: [Int: [UInt8]], triggers: Int, records: Int)] = []
        for (index, event) in log[cut...].enumerated() {
            if index % 9 == 0 {
                saved.append(
                    (
                        whole.ledger.snapshot(), await whole.snapshots(), whole.triggers.count,
                        whole.journal.count
                    ))
            }
            try await whole.take([event])
        }
        try await whole.take(.advance(to: whole.ledger.clock.now + day))
        #expect(whole.triggers.contains { $0.type == "tier_changed" })
        for (number, point) in saved.enumerated() {
            var other = try Rig(
                .event(), shards: 3, key: HashKey(k0: 3, k1: UInt64(number)), ledger: point.ledger,
                partitions: point.partitions)
            for record in whole.journal.dropFirst(point.records) {
                try await other.apply(record.number, record.kind, record.payload)
            }
            #expect(other.triggers == Array(whole.triggers.dropFirst(point.triggers)))
            try await expectSums(other, users: log.map(\.user).unique)
            for user in log.map(\.user).unique {
                let shown = String(describing: await other.view(user))
                #expect(shown == String(describing: await whole.view(user)))
            }
        }
    }

    @Test func `a list holds the members of a tier and of a grade, and an erased one is no member`()
        async throws
    {
        let log = log()
        let end = (log.last?.time ?? 0) + 3 * day
        var rig = try Rig(.event(), shards: 2)
        try await rig.take(log)
        let model = try tiersModel(await tierColumns(rig, decidedOnly: false))
        try await rig.take(tiersVerdict(model, instant: end))
        try await rig.take(.erase([Rig.storeKey.erasureMark(of: Array("user-7".utf8))]))
        try await expectSums(rig, users: log.map(\.user).unique)
        var views: [UserView] = []
        for user in log.map(\.user).unique {
            if let view = await rig.view(user) { views.append(view) }
        }
        let filters =
            TierRule.names.map { UserFilter(tier: $0) } + GradeRule.names.map { UserFilter(grade: $0) }
            + [UserFilter(tier: "VIP", grade: "VIP"), UserFilter(segment: "loyal")]
        for (number, filter) in filters.enumerated() {
            var listed: Set<String> = []
            for shard in rig.shards {
                await shard.openList(UInt64(number), names: rig.ledger.names, filter: filter)
                while true {
                    let users = await shard.readList(UInt64(number), 7)
                    if users.isEmpty { break }
                    for user in users { listed.insert(String(decoding: user.user, as: UTF8.self)) }
                }
            }
            let expected = views.filter {
                (filter.tier == nil || $0.tier?.name == filter.tier)
                    && (filter.grade == nil || $0.grade == filter.grade) && filter.segment == nil
            }
            #expect(listed == Set(expected.map { String(decoding: $0.user, as: UTF8.self) }))
        }
    }

    @Test func `the best tier stays`() async throws {
        let log = log()
        var rig = try Rig(.event())
        try await rig.take(log)
        let end = rig.ledger.clock.now
        var config = TiersConfig()
        // By the days since the last purchase alone: everybody falls with time.
        config.weights = [1, 0, 0, 0, 0]
        config.cuts = [1, 2, 2.5, 3]
        let model = try tiersModel(await tierColumns(rig, decidedOnly: false), config: config)
        try await rig.take(tiersVerdict(model, instant: end))
        let users = log.map(\.user).unique
        var best: [String: String] = [:]
        for user in users { best[user] = try #require(await rig.view(user)?.tier?.name) }
        #expect(Set(best.values) == ["VIP", "Gold", "Bronze", "At Risk"])
        try await rig.take(.advance(to: end + 2000 * day))
        try await rig.take(tiersVerdict(model, version: 2, instant: end + 2000 * day))
        for user in users {
            #expect(await rig.view(user)?.tier?.name == "At Risk")
            #expect(await rig.view(user)?.tierBest == best[user])
        }
    }

    @Test func `settings saved before there was a rule give it as shipped`() throws {
        var settings = EngineSettings(.event { $0.triggers.replenishDue.enabled = true })
        let whole = settings
        settings.rules.removeLast(settings.rules.count - 13)
        var out = ByteWriter()
        settings.write(to: &out)
        let restored = try out.bytes.withUnsafeBytes { raw in
            var input = ByteReader(raw)
            return try EngineSettings(from: &input)
        }
        #expect(restored == whole)
    }
}

extension [String] {
    fileprivate var unique: [String] { Set(self).sorted() }
}

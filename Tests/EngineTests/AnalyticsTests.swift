import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// Aggregates that part from what the users themselves say, or depend on how the events came.
struct AnalyticsTests {
    private func log(_ settings: Settings, seed: UInt64) -> [PlainEvent] {
        var shape = LogShape(settings)
        shape.users = 30
        shape.events = 700
        shape.late = 0.15
        shape.veryLate = 0.05
        return randomLog(shape, seed: seed)
    }

    private func run(
        _ settings: Settings, _ log: [PlainEvent], cut: Int = 50, shards: Int = 2
    ) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        for start in stride(from: 0, to: log.count, by: cut) {
            try await rig.take(Array(log[start..<min(log.count, start + cut)]))
        }
        try await rig.take(.advance(to: rig.ledger.clock.now + Microseconds.day))
        return rig
    }

    @Test(arguments: 1...4)
    func `any cut, any shards and a restart give the same bytes`(seed: UInt64) async throws {
        let settings = Settings.brief(seed % 2 == 0 ? .berlin : .santiago)
        let log = log(settings, seed: seed)
        let whole = try await run(settings, log, cut: 700, shards: 1)
        let expected = await answers(whole)
        for (cut, shards) in [(1, 3), (7, 2), (90, 5)] {
            let other = try await run(settings, log, cut: cut, shards: shards)
            #expect(await answers(other) == expected, "records of \(cut), \(shards) shards")
        }
        let restored = try Rig(
            settings, shards: 4, key: HashKey(k0: 8, k1: 9), ledger: whole.ledger.snapshot(),
            partitions: await whole.snapshots())
        #expect(await answers(restored) == expected)
    }

    @Test(arguments: 1...4)
    func `tables of users add up what every user says, and without the erased`(seed: UInt64) async throws {
        var rig = try await run(.brief(.berlin), log(.brief(.berlin), seed: seed))
        try await expectMembers(rig, users: 30)
        let gone = (0..<10).map { Rig.storeKey.erasureMark(of: Array("user-\($0)".utf8)) }
        try await rig.take(.erase(gone))
        try await expectMembers(rig, users: 20)
        // Who comes again is counted again.
        let again = (0..<30).map { PlainEvent("user-\($0)", rig.ledger.clock.now, "purchase") }
        try await rig.take(again)
        try await expectMembers(rig, users: 30)
        let rest = (0..<30).map { Rig.storeKey.erasureMark(of: Array("user-\($0)".utf8)) }
        try await rig.take(.erase(rest))
        let values = await gathered(rig) { $0.valueTotals() }
        for dimension in ValueTotals.dimensions {
            for (value, totals) in values[dimension] {
                var empty = MemberTotals()
                empty.occurrences = totals.occurrences
                #expect(totals == empty, "\(dimension.text) \(value)")
            }
        }
        #expect(await gathered(rig) { $0.cohortTotals() }.cells.values.allSatisfy { $0 == CohortCell() })
        for pairs in [await gathered(rig) { $0.mediaByDevice() }, await gathered(rig) { $0.ageByGender() }] {
            #expect(pairs.values.values.allSatisfy { $0 == MemberTotals() })
        }
    }

    /// Users by main value, pairs, buyers and cohorts against the users' own answers.
    private func expectMembers(_ rig: Rig, users: Int) async throws {
        var views: [UserView] = []
        for number in 0..<30 { if let view = await rig.view("user-\(number)") { views.append(view) } }
        #expect(views.count == users)
        let values = await gathered(rig) { $0.valueTotals() }
        for dimension in ValueTotals.dimensions {
            let wanted = members(views) { $0.value(of: dimension) }
            let own = values[dimension].mapValues { totals in
                var totals = totals
                totals.occurrences = 0
                return totals
            }.filter { $0.value.users > 0 }
            #expect(own == wanted, "\(dimension.text)")
        }
        let pairs = await gathered(rig) { $0.mediaByDevice() }.values.filter { $0.value.users > 0 }
        let wanted = members(views, withSessions: true) { view -> PairTotals.Key? in
            let key = PairTotals.Key(first: view.value(of: .media), second: view.value(of: .device))
            return key.first == nil && key.second == nil ? nil : key
        }
        #expect(pairs == wanted)
        let store = await gathered(rig) { $0.storeTotals() }
        #expect(store.users == Int64(users) && store.buyers == Int64(views.count { $0.converted }))
        let cohorts = await gathered(rig) { $0.cohortTotals() }
        let purchases = views.reduce(0) { $0 + ($1.purchases?.count ?? 0) }
        #expect(cohorts.cells.values.reduce(0) { $0 + $1.purchases } == purchases)
        let revenue = views.reduce(Int128(0)) { $0 + Int128($1.purchases?.revenue ?? 0) }
        #expect(cohorts.cells.values.reduce(Int128(0)) { $0 + $1.revenue } == revenue)
        let first = cohorts.cells.filter { $0.key.cohort == $0.key.month }
        #expect(first.values.reduce(0) { $0 + $1.buyers } == store.buyers)
    }

    private func members<Part: Hashable>(
        _ views: [UserView], withSessions: Bool = false, _ part: (UserView) -> Part?
    ) -> [Part: MemberTotals] {
        var groups: [Part: MemberTotals] = [:]
        for view in views {
            guard let part = part(view) else { continue }
            groups[part, default: MemberTotals()].users += 1
            groups[part, default: MemberTotals()].converted += view.converted ? 1 : 0
            groups[part, default: MemberTotals()].purchases += view.purchases?.count ?? 0
            groups[part, default: MemberTotals()].revenue += Int128(view.purchases?.revenue ?? 0)
            if withSessions {
                groups[part, default: MemberTotals()].occurrences += view.shortSessions.count
            }
        }
        return groups
    }

    @Test(arguments: 1...4)
    func `days and hours hold every event once, at its own wall time`(seed: UInt64) async throws {
        let settings = Settings.brief(.santiago)
        let log = log(settings, seed: seed)
        let rig = try await run(settings, log)
        let days = await gathered(rig) { $0.dayTotals() }
        let hours = await gathered(rig) { $0.hourTotals() }
        let events = rig.totals.events
        #expect(days.counts.reduce(0) { $0 + $1.reduce(0, +) } == events)
        #expect(hours.counts.reduce(0) { $0 + $1.reduce(0, +) } == events)
        var sessions: Int64 = 0
        var revenue: Int64 = 0
        for number in 0..<30 {
            let view = await rig.view("user-\(number)")
            sessions += view?.shortSessions.count ?? 0
            revenue += view?.purchases?.revenue ?? 0
        }
        #expect(days.totalSums.sessions == sessions)
        #expect(days.totalSums.revenue == Int128(revenue))
        #expect(hours.revenue.reduce(0, +) == Int128(revenue))
        // Without repeats every event of the log is one.
        var plain = LogShape(settings)
        plain.ids = 0
        let own = randomLog(plain, seed: seed)
        let other = try await run(settings, own)
        let counted = await gathered(other) { $0.dayTotals() }
        for row in counted.sums.indices {
            let day = counted.first + Int32(row)
            let wanted = own.count { settings.clock.zone.day(of: EventTime(microseconds: $0.time)) == day }
            #expect(counted.counts[row].reduce(0, +) == Int64(wanted))
        }
    }

    @Test func `what is older than three years is one row, however it came there`() async throws {
        let settings = Settings.event()
        let start: Int64 = 1_400_000_000_000_000
        let bought = (0..<200).map { n -> PlainEvent in
            var event = PlainEvent("user-\(n % 9)", start + Int64(n) * 20 * Microseconds.day, "purchase")
            event.value = 1_000_000
            return event
        }
        let inOrder = try await run(settings, bought, cut: 1)
        var late = bought
        late.swapAt(0, 199)
        for rig in [inOrder, try await run(settings, late, cut: 3)] {
            let days = await gathered(rig) { $0.dayTotals() }
            #expect(days.sums.count <= 1096 && days.olderSums.revenue > 0)
            let held = days.sums.reduce(Int128(0)) { $0 + $1.revenue }
            #expect(held + days.olderSums.revenue == 200_000_000)
            #expect(days.total(of: Int(EventNames.purchase)) == 200)
            let oldest = days.today - 1095
            let wanted = bought.count {
                settings.clock.zone.day(of: EventTime(microseconds: $0.time)) >= oldest
            }
            #expect(held == Int128(wanted) * 1_000_000)
        }
    }

    /// Views, carts, checkouts and purchases of one user, hours apart.
    private func stages(_ user: String, _ steps: [(Int64, String)]) -> [PlainEvent] {
        steps.map { PlainEvent(user, 1_711_800_000_000_000 + $0.0 * Microseconds.hour, $0.1) }
    }

    @Test func `a journey goes in order, within a day, and a late stage takes its place in it`() async throws
    {
        var settings = Settings.event()
        settings.clock.allowedLateness = 0
        let whole = stages(
            "a", [(0, "view_item"), (1, "add_to_cart"), (2, "begin_checkout"), (3, "purchase")])
        let late = stages(
            "b", [(0, "view_item"), (2, "begin_checkout"), (3, "purchase"), (1, "add_to_cart")])
        let slow = stages(
            "c", [(0, "view_item"), (25, "add_to_cart"), (26, "view_item"), (27, "add_to_cart")])
        let exact = stages("d", [(0, "view_item"), (24, "add_to_cart")])
        for (events, reached) in [
            (whole, [1, 1, 1, 1]), (late, [1, 1, 1, 1]), (slow, [2, 1, 0, 0]), (exact, [1, 1, 0, 0]),
            (stages("e", [(0, "add_to_cart"), (1, "purchase")]), [0, 0, 0, 0]),
        ] {
            let rig = try await run(settings, events, cut: 1)
            let totals = await gathered(rig) { $0.journeyTotals(by: nil) }
            #expect((0..<4).map { Int(totals.all.never[$0]) } == reached)
            #expect(totals.all.again == .zero)
        }
        let second = stages("a", [(40, "view_item"), (41, "add_to_cart")])
        let rig = try await run(settings, whole + second, cut: 2)
        let totals = await gathered(rig) { $0.journeyTotals(by: nil) }
        #expect(totals.all.again == SIMD4(1, 1, 0, 0) && totals.all.never == SIMD4(1, 1, 1, 1))
    }

    /// The steps made by events in the order of their times, by the words of the funnel.
    private func plainJourneys(_ events: [PlainEvent]) -> [Int] {
        let names = ["view_item", "add_to_cart", "begin_checkout", "purchase"]
        var reached = [0, 0, 0, 0]
        for (_, own) in Dictionary(grouping: events.enumerated(), by: { $0.element.user }) {
            var depth = 0
            var start: Int64 = 0
            let ordered = own.sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            for (_, event) in ordered {
                guard let step = names.firstIndex(of: event.name) else { continue }
                if depth > 0, depth < 4, event.time - start <= Microseconds.day {
                    if step == depth {
                        depth += 1
                        reached[step] += 1
                    }
                } else if step == 0 {
                    (depth, start) = (1, event.time)
                    reached[0] += 1
                } else {
                    depth = 0
                }
            }
        }
        return reached
    }

    @Test(arguments: 1...6)
    func `late stages in any order give the journeys of the right order`(seed: UInt64) async throws {
        var random = Randomness(seed: seed)
        let names = ["view_item", "view_item", "add_to_cart", "begin_checkout", "purchase", "login"]
        var events: [PlainEvent] = []
        for number in 0..<8 {
            var time: Int64 = 1_711_800_000_000_000
            for _ in 0..<80 {
                time += Int64(random.below(1 + random.below(30))) * Microseconds.hour + Int64(random.below(3))
                events.append(PlainEvent("user-\(number)", time, names[random.below(names.count)]))
            }
        }
        events.sort { $0.time < $1.time }
        // What comes late does so within what sessions are kept, two days.
        let arrived = events.enumerated().map { index, event in
            (event.time + (random.below(4) == 0 ? Int64(random.below(45)) * Microseconds.hour : 0), index)
        }.sorted { $0 < $1 }.map { events[$0.1] }
        var settings = Settings.event()
        settings.clock.allowedLateness = Int64(random.below(2)) * Microseconds.minute
        let rig = try await run(settings, arrived, cut: 1 + random.below(9))
        let totals = await gathered(rig) { $0.journeyTotals(by: nil) }.all
        let both = totals.never &+ totals.again
        #expect((0..<4).map { Int(both[$0]) } == plainJourneys(arrived))
        #expect((0..<4).allSatisfy { totals.never[$0] >= 0 && totals.again[$0] >= 0 })
    }

    @Test func `a journey that is not over moves with its user's main value`() async throws {
        var settings = Settings.event()
        settings.clock.allowedLateness = 0
        var events = stages("a", [(0, "view_item"), (1, "add_to_cart"), (2, "login"), (3, "login")])
        for (index, medium) in ["one", "one", "two", "two"].enumerated() {
            events[index].dimensions[.media] = medium
        }
        events += stages("a", [(4, "login"), (5, "begin_checkout")])
        events[4].dimensions[.media] = "two"
        let rig = try await run(settings, events, cut: 1)
        let totals = await gathered(rig) { $0.journeyTotals(by: .media) }
        #expect(totals.values["one"] == JourneyCell())
        #expect(totals.values["two"]?.never == SIMD4(1, 1, 1, 0))
    }

    @Test func `a full table of purchases sums up what is new, and lets the oldest months go`() async throws {
        let start: Int64 = 1_711_800_000_000_000
        func bought(_ category: Int, _ time: Int64) -> PlainEvent {
            var event = PlainEvent("one", time, "purchase")
            var item = PlainItem(id: "item")
            item.category = "category-\(category)"
            item.price = 1_000_000
            event.items = [item]
            return event
        }
        let many = (0..<4000).map { bought($0, start + Int64($0)) }
        var rig = try await run(.event(), many, cut: 500, shards: 1)
        let kinds: Set<FactKind> = [.category, .categoryGrade]
        var facts = await gathered(rig) { $0.factTotals(kinds) }
        let store = await gathered(rig) { $0.storeTotals() }
        #expect(store.dropped == 0)
        var lines = facts.sums(.category) { $0.value }
        #expect(lines.count > 1000 && lines.count < 2500)
        #expect(lines.values.reduce(0) { $0 + $1.count } == 4000)
        #expect((lines["(other)"]?.count ?? 0) == 4001 - Int64(lines.count))
        #expect(lines["category-3"]?.revenue == 1_000_000)
        // Four years later their months are not kept, and there is room for what is new.
        let later = start + 4 * 366 * Microseconds.day
        try await rig.take((5000..<5100).map { bought($0, later + Int64($0)) })
        facts = await gathered(rig) { $0.factTotals(kinds) }
        lines = facts.sums(.category) { $0.value }
        #expect(lines.count == 100 && lines["(other)"] == nil)
        #expect(facts.sums(.categoryGrade) { $0.grade }[0]?.count == 4100)
    }

    // MARK: Asking

    private func gathered<Totals: AnalyticsTotals>(
        _ rig: Rig, _ question: @Sendable (isolated Shard) -> Totals
    ) async -> Totals {
        var totals = Totals()
        for shard in rig.shards { totals.add(await question(shard)) }
        return totals
    }

    /// The bytes of every answer.
    private func answers(_ rig: Rig) async -> [String] {
        let frame = AnalyticsFrame(
            asOf: EventTime(microseconds: rig.ledger.clock.now), zone: rig.settings.clock.zone.name)
        let members = await gathered(rig) { $0.members(withPairs: true) }
        let season = await gathered(rig) { $0.seasonality(by: "category") }
        let facts = await gathered(rig) {
            $0.factTotals(PromotionsView.kinds.union(CategoriesView.kinds).union([.search]))
        }
        let parts = await gathered(rig) {
            $0.segmentParts(
                PersonasView.kinds.union(CategoriesView.kinds).union(TransitionsView.kinds), withMoves: true)
        }
        var answers: [JSONValue] = [
            OverviewView.answer(
                await gathered(rig) { $0.overview() }, names: rig.ledger.names, days: 10_000, frame),
            SeasonalityView.answer(season, event: nil, by: "category", frame),
            CohortsView.answer(await gathered(rig) { $0.cohortTotals() }, frame),
            FunnelView.answer(
                await gathered(rig) { $0.journeyTotals(by: .device) }, by: .device,
                window: Microseconds.day, frame),
            SalesView.answer(await gathered(rig) { $0.sales() }, frame),
            GradesView.answer(await gathered(rig) { $0.grades() }, frame),
            AgeGenderView.answer(await gathered(rig) { $0.ageByGender() }, frame),
            PromotionsView.answer(facts, frame), SearchView.answer(facts, frame),
            TransitionsView.answer(parts, frame), CategoriesView.answer(parts, frame),
            CouponsView.answer(parts, frame), PersonasView.answer(parts, frame),
        ]
        for dimension in ValueTotals.dimensions {
            answers.append(MembersView(dimension, rig.settings.analytics).answer(members, frame))
        }
        return answers.map { answer in
            var json = JSONWriter()
            json.value(answer)
            return json.text
        }
    }
}

extension UserView {
    fileprivate func value(of dimension: Dimension) -> String? {
        (main + profile).first { $0.name == dimension.text }?.value
    }
}

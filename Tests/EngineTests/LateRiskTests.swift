import Core
import Engine
import Testing

@testable import EngineSupport
@testable import Models

/// A risk that was told of a wrong last purchase and stands, or one that is withdrawn though it was right.
struct LateRiskTests {
    /// 2024-03-30T12:00:00Z.
    private static let start: Int64 = 1_711_800_000_000_000
    private let hour = Microseconds.hour
    private let minute = Microseconds.minute

    private func at(day: Double) -> Int64 { Self.start + Int64(day * Double(Microseconds.day)) }

    /// By days since the last purchase alone: a half at five of them, more than 0.7 from six on.
    private func verdict(
        _ version: Int, at instant: Int64, coefficient: Double = 1, intercept: Double = -5
    ) -> JournalEntry {
        let model = ChurnModel(
            scorer: OutcomeScorer(
                features: ["days_since_last"],
                learner: .linear(
                    Preprocessing(logarithm: false, mean: [0], scale: [1]), coefficients: [coefficient],
                    intercept: intercept)))
        return .verdict(
            VerdictEntry(
                name: "churn", version: version, adopted: true, instant: instant, scheduled: true,
                bytes: model.bytes))
    }

    private func withdrawn(_ triggers: [Trigger]) -> [TriggerID] {
        triggers.compactMap { trigger in
            trigger.retracts.flatMap { $0.rule == "churn_risk" ? $0.id(of: trigger.user) : nil }
        }
    }

    /// One who bought once and was told of ten days later, after a refit.
    private func told(_ settings: Settings = .event()) async throws -> (rig: Rig, risk: Trigger) {
        var rig = try Rig(settings)
        try await rig.take([PlainEvent("u", at(day: 0), "purchase")])
        try await rig.take(.advance(to: at(day: 10)))
        let found = try await rig.take(verdict(3, at: at(day: 10))).filter { $0.rule == "churn_risk" }
        try #require(found.count == 1)
        #expect(found[0].occurrence == 3)
        return (rig, found[0])
    }

    @Test func `a late purchase withdraws a risk, and another is told when it is there again`() async throws {
        var (rig, risk) = try await told()
        let late = try await rig.take([PlainEvent("u", at(day: 8), "purchase")])
        #expect(withdrawn(late) == [risk.id])
        // The session that closes then finds none, two days after the purchase.
        #expect(try await rig.take(.advance(to: at(day: 11))).isEmpty)
        // At midnight, seven days after the day of the purchase; the session closes half an hour later.
        try await rig.take([PlainEvent("u", at(day: 14.5), "login")])
        let again = try await rig.take(.advance(to: at(day: 16))).filter { $0.rule == "churn_risk" }
        #expect(again.map(\.due.microseconds) == [at(day: 14.5) + 30 * minute])
        #expect(again.map(\.occurrence) == [0])
        let later = try await rig.take([PlainEvent("u", at(day: 12), "purchase")])
        #expect(withdrawn(later) == again.map(\.id))
    }

    @Test func `what is no purchase, no later than the last one or past due withdraws nothing`() async throws
    {
        var rig = try Rig(.event())
        for day in [0.0, 3] { try await rig.take([PlainEvent("u", at(day: day), "purchase")]) }
        try await rig.take(.advance(to: at(day: 10)))
        let risks = try await rig.take(verdict(1, at: at(day: 10))).filter { $0.rule == "churn_risk" }
        #expect(risks.count == 1)
        try await rig.take(.advance(to: at(day: 12)))
        for (day, name) in [(2, "purchase"), (3, "purchase"), (8, "login"), (9, "refund"), (11, "purchase")] {
            let late = try await rig.take([PlainEvent("u", at(day: Double(day)), name)])
            #expect(withdrawn(late) == [], "\(name) on day \(day)")
        }
        let purchase = try await rig.take([PlainEvent("u", at(day: 3) + 1, "purchase")])
        #expect(withdrawn(purchase) == risks.map(\.id))
    }

    @Test func `of two risks a late purchase withdraws the one that it makes untrue`() async throws {
        var (rig, first) = try await told()
        try await rig.take([PlainEvent("u", at(day: 12), "purchase")])
        try await rig.take([PlainEvent("u", at(day: 20), "login")])
        let second = try await rig.take(.advance(to: at(day: 22))).filter { $0.rule == "churn_risk" }
        #expect(second.map(\.due.microseconds) == [at(day: 20) + 30 * minute])
        let early = try await rig.take([PlainEvent("u", at(day: 8), "purchase")])
        #expect(withdrawn(early) == [first.id])
        // The second stands, and is not told twice.
        #expect(try await rig.take(verdict(4, at: at(day: 22))).isEmpty)
        let late = try await rig.take([PlainEvent("u", at(day: 15), "purchase")])
        #expect(withdrawn(late) == second.map(\.id))
        let third = try await rig.take(verdict(5, at: at(day: 22)))
        #expect(third.map(\.rule) == ["churn_risk"])
    }

    @Test func `what is remembered of a risk is saved`() async throws {
        let (rig, risk) = try await told()
        var restored = try Rig(
            rig.settings, shards: 2, key: HashKey(k0: 5, k1: 6), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        let late = try await restored.take([PlainEvent("u", at(day: 8), "purchase")])
        #expect(withdrawn(late) == [risk.id])
    }

    @Test func `many risks are remembered within the bound, the newest of them`() async throws {
        var (rig, _) = try await told()
        var last: Trigger?
        for version in 4..<84 {
            // It falls with one model and is found again with the next.
            try await rig.take(verdict(version, at: at(day: 10), intercept: version % 2 == 0 ? -50 : -5))
            last = rig.triggers.last
        }
        let late = try await rig.take([PlainEvent("u", at(day: 8), "purchase")])
        let ids = withdrawn(late)
        let newest = try #require(last)
        #expect(ids.count == 32)
        #expect(Set(ids).count == 32 && ids.contains(newest.id))
        #expect(Set(late.map(\.id)).count == late.count)
        let known = Set(rig.triggers.filter { $0.rule == "churn_risk" }.map(\.id))
        #expect(known.isSuperset(of: ids))
    }

    @Test func `a risk that waits for the morning is not told after a purchase, late or not`() async throws {
        var settings = Settings.event { $0.clock.allowedLateness = 0 }
        // From 10:00 to 14:00: day 10 begins its waiting at noon.
        settings.triggers.arbitration.quiet = .init(from: 10 * hour, to: 14 * hour)
        for (time, counts) in [(at(day: 8), 0), (at(day: 10) + hour, 0), (at(day: -1), 1)] {
            var rig = try Rig(settings)
            try await rig.take([PlainEvent("u", at(day: 0), "purchase")])
            try await rig.take(.advance(to: at(day: 10)))
            #expect(try await rig.take(verdict(1, at: at(day: 10))).isEmpty)
            try await rig.take([PlainEvent("u", time, "purchase")])
            try await rig.take(.advance(to: at(day: 10.5)))
            let told = rig.triggers.filter { $0.rule == "churn_risk" }
            #expect(told.count == counts, "a purchase at \(time)")
            #expect(withdrawn(rig.triggers) == [])
        }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `a risk stands as long as the last purchase was the last, wherever records are cut`(
        seed: UInt64
    ) async throws {
        let settings = Settings.brief {
            $0.limits.recentPurchases = 255
            $0.triggers.browseAbandoned.enabled = false
            $0.triggers.cartAbandoned.enabled = false
            $0.triggers.checkoutAbandoned.enabled = false
            $0.triggers.dormant.enabled = false
            $0.triggers.onboardingStalled.enabled = false
            $0.triggers.churned.enabled = false
            $0.triggers.winBack.enabled = false
        }
        var shape = LogShape(settings)
        shape.late = 0.4
        shape.veryLate = 0.1
        shape.ids = 0
        shape.users = 4
        shape.events = 600
        let log = randomLog(shape, seed: seed)
        // All risks fall and all who have bought are at risk again, every so often.
        let blocks = stride(from: 0, to: log.count, by: 25).map { Array(log[$0..<min(log.count, $0 + 25)]) }
        var newest = Int64.min
        let instants = blocks.map { block in
            newest = max(newest, block.map(\.time).max() ?? newest)
            return newest
        }
        func refit(_ rig: inout Rig, _ block: Int) async throws -> [Trigger] {
            let instant = instants[block]
            var found = try await rig.take(.close(before: instant))
            for (step, intercept) in [-50.0, 2].enumerated() {
                found += try await rig.take(
                    verdict(2 * block + step + 1, at: instant, coefficient: 0, intercept: intercept))
            }
            return found
        }
        var rig = try Rig(settings)
        var purchases: [String: [Int64]] = [:]
        func last(_ user: String, before instant: Int64) -> Int64? {
            purchases[user, default: []].filter { $0 <= instant }.max()
        }
        var standing: [TriggerID: (user: String, due: Int64, last: Int64?)] = [:]
        func note(_ found: [Trigger]) {
            for trigger in found where trigger.rule == "churn_risk" {
                let due = trigger.due.microseconds
                standing[trigger.id] = (trigger.userName, due, last(trigger.userName, before: due))
            }
        }
        var count = 0
        for (number, block) in blocks.enumerated() {
            for event in block {
                let found = try await rig.take([event])
                note(found)
                if event.name == "purchase" { purchases[event.user, default: []].append(event.time) }
                for id in withdrawn(found) {
                    count += 1
                    let removed = standing.removeValue(forKey: id)
                    let known = try #require(removed, "withdrew what does not stand")
                    #expect(known.user == event.user && last(known.user, before: known.due) != known.last)
                }
                for risk in standing.values where risk.user == event.user {
                    #expect(last(risk.user, before: risk.due) == risk.last, "stands though untrue, \(event)")
                }
            }
            let found = try await refit(&rig, number)
            note(found)
            #expect(withdrawn(found) == [])
        }
        #expect(count > 0)
        let expected = rig.triggers.map(\.withoutRow)
        for (cut, shards) in [(7, 2), (25, 3)] {
            var other = try Rig(settings, shards: shards)
            for (number, block) in blocks.enumerated() {
                for start in stride(from: 0, to: block.count, by: cut) {
                    try await other.take(Array(block[start..<min(block.count, start + cut)]))
                }
                _ = try await refit(&other, number)
            }
            #expect(other.triggers.map(\.withoutRow) == expected, "records of \(cut)")
        }
    }
}

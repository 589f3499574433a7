import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// Predictions of what comes that do not follow from what is known, and triggers that flap or depend on the
/// order of arrival.
struct OutcomeModelTests {
    private let day = Microseconds.day

    private func settings(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
        .event(.berlin) {
            $0.clock.allowedLateness = 7200 * Microseconds.second
            $0.models.churn.anchorEvery = day
            $0.models.churn.horizon = 2 * day
            $0.models.churn.anchors = 200
            $0.models.churn.rows = 1 << 22
            $0.models.highIntent.window = 3 * Microseconds.day
            change(&$0)
        }
    }

    private func log(_ settings: Settings, seed: UInt64) -> [PlainEvent] {
        var shape = LogShape(settings)
        shape.jitter = 0
        shape.ids = 0
        shape.users = 25
        shape.events = 900
        return randomLog(shape, seed: seed)
    }

    private func run(_ settings: Settings, _ log: [PlainEvent], shards: Int = 1) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        for start in stride(from: 0, to: log.count, by: 30) {
            try await rig.take(Array(log[start..<min(log.count, start + 30)]))
        }
        return rig
    }

    /// A plain logistic regression, however good it is.
    private func fitted<Model: OutcomeModel>(_ rows: OutcomeRows, _ config: OutcomeConfig) throws -> Model {
        var config = config
        config.learners = [.logistic]
        config.resamplings = [.none]
        config.trials = 0
        // Calibrated, what is learnt from chance alone would be the same for everybody.
        config.calibrations = [.none]
        config.minimumRows = 1
        config.minimumOutcomes = 2
        return try rows.withColumns { try Model.fit($0, config: config, previous: nil, seed: 1).model }
    }

    private func churn(_ rig: Rig) async throws -> ChurnModel {
        let horizon = try #require(rig.settings.models.churn.horizon)
        return try fitted(await rig.churnRows(), ChurnModel.config(horizon: horizon))
    }

    private func highIntent(_ rig: Rig) async throws -> HighIntentModel {
        try fitted(
            await rig.intentRows(), HighIntentModel.config(window: rig.settings.models.highIntent.window))
    }

    private func verdict<Model: OutcomeModel>(
        _ model: Model, version: Int = 1, at instant: Int64 = 0
    ) -> JournalEntry {
        .verdict(
            VerdictEntry(
                name: Model.name, version: version, adopted: true, instant: instant, scheduled: true,
                bytes: model.bytes))
    }

    private func expected<Model: OutcomeModel>(_ model: Model, _ features: [String: Double]) -> Double {
        model.scorer.score(model.scorer.features.map { Float(features[$0]!) })
    }

    @Test func `a page shows the probability of what is known by now, and what moved it`() async throws {
        let settings = settings()
        let log = log(settings, seed: 1)
        var rig = try await run(settings, log)
        var plain = PlainStore(settings)
        for event in log { plain.take(event) }
        let model = try await churn(rig)
        let carts = try await highIntent(rig)
        #expect(await rig.view("user-1")?.churn == nil)
        try await rig.take(verdict(model))
        try await rig.take(verdict(carts))
        var (shown, pending) = (0, 0)
        for user in plain.users {
            let view = try #require(await rig.view(user))
            let events = plain.sorted(user).map(\.event)
            let bought = events.contains { $0.name == "purchase" }
            #expect((view.churn != nil) == bought, "\(user)")
            if let churn = view.churn {
                shown += 1
                let p = expected(model, plain.churnFeatures(events, plain.now!))
                #expect(abs(churn.p - p) <= 1e-6, "\(user)")
                #expect((0...1).contains(churn.p))
                #expect(!churn.why.isEmpty && churn.why.count <= 5)
                #expect(churn.why.allSatisfy { $0.contribution != nil })
            }
            if let cart = view.cartConversion {
                pending += 1
                let decided = events.filter { $0.time < plain.frontier }
                let last = try #require(pendingCart(decided, settings))
                let p = expected(carts, plain.intentFeatures(Array(decided[...last])))
                #expect(abs(cart.p - p) <= 1e-6, "\(user)")
            }
        }
        #expect(shown > 5)
        // A cart that was left shows nothing any more, and a new one does.
        try await rig.take(.advance(to: plain.now! + day))
        for user in plain.users { #expect(await rig.view(user)?.cartConversion == nil) }
        try await rig.take([PlainEvent("user-1", plain.now! + day + 1, "add_to_cart")])
        try await rig.take(.advance(to: plain.now! + day + 1))
        #expect(await rig.view("user-1")?.cartConversion != nil)
        let restored = try Rig(
            settings, shards: 2, key: HashKey(k0: 5, k1: 6), ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        for user in plain.users {
            #expect(await restored.view(user)?.churn == rig.view(user)?.churn)
            #expect(await restored.view(user)?.cartConversion == rig.view(user)?.cartConversion)
        }
    }

    /// The cart or checkout that is pending after a user's events, none being due.
    private func pendingCart(_ events: [PlainEvent], _ settings: Settings) -> Int? {
        let depths = ["view_item": 0, "add_to_cart": 1, "begin_checkout": 2]
        let triggers = settings.triggers
        let delays = [triggers.browseAbandoned, triggers.cartAbandoned, triggers.checkoutAbandoned].map(
            \.delay)
        var pending: (depth: Int, index: Int)?
        for (index, event) in events.enumerated() {
            if let waiting = pending, events[waiting.index].time + delays[waiting.depth] < event.time {
                pending = nil
            }
            if event.name == "purchase" { pending = nil }
            if let depth = depths[event.name], depth >= pending?.depth ?? 0 { pending = (depth, index) }
        }
        return pending.flatMap { $0.depth > 0 ? $0.index : nil }
    }

    @Test func `a risk is told once and again only after it fell`() async throws {
        var settings = settings()
        settings.models.enabled = ["churn"]
        let log = log(settings, seed: 2)
        let model = try await churn(run(settings, log))
        var plain = PlainStore(settings)
        for event in log { plain.take(event) }
        let end = log.last!.time + day
        plain.advance(to: end)
        let buyers = plain.users.filter { user in
            plain.sorted(user).contains { $0.event.name == "purchase" }
        }
        let scores = Dictionary(
            uniqueKeysWithValues: buyers.map { user in
                (user, expected(model, plain.churnFeatures(plain.sorted(user).map(\.event), end + 1)))
            })
        let middle = scores.values.sorted()[scores.count / 2]
        settings.triggers.churnRiskThreshold = middle
        settings.triggers.churnRiskClear = middle - 1e-9
        var rig = try await run(settings, log)
        try await rig.take(.advance(to: end))
        let risks = try await rig.take(verdict(model, at: end))
        let near = scores.filter { abs($0.value - middle) < 1e-6 }
        let high = scores.filter { $0.value >= middle + 1e-6 }
        #expect(Set(risks.map(\.userName)).subtracting(near.keys) == Set(high.keys))
        for risk in risks {
            #expect(risk.rule == "churn_risk" && risk.model == "churn@1")
            #expect(abs((risk.score ?? 0) - scores[risk.userName]!) < 1e-6)
            #expect(risk.why.contains { $0.contribution != nil })
        }
        // Who has been told of is not told of again.
        #expect(try await rig.take(verdict(model, version: 2, at: end)) == [])
        // Unless the risk has fallen in between.
        settings.triggers.churnRiskThreshold = 1
        settings.triggers.churnRiskClear = 1
        try await rig.take(.settings(EngineSettings(settings)))
        #expect(try await rig.take(verdict(model, version: 3, at: end)).isEmpty)
        settings.triggers.churnRiskThreshold = middle
        settings.triggers.churnRiskClear = middle - 1e-9
        try await rig.take(.settings(EngineSettings(settings)))
        let again = try await rig.take(verdict(model, version: 4, at: end))
        #expect(Set(again.map(\.userName)) == Set(risks.map(\.userName)))
        #expect(Set(again.map(\.id)).isDisjoint(with: risks.map(\.id)))
        settings.triggers.churnRisk.enabled = false
        settings.triggers.churnRiskThreshold = 0
        settings.triggers.churnRiskClear = 0
        try await rig.take(.settings(EngineSettings(settings)))
        #expect(try await rig.take(verdict(model, version: 5, at: end)) == [])
    }

    @Test(arguments: 1...4)
    func `any order within the lateness gives the same risks and intents`(seed: UInt64) async throws {
        let settings = settings {
            $0.triggers.churnRiskThreshold = 0.5
            $0.triggers.churnRiskClear = 0.45
            $0.triggers.highIntentThreshold = 0.03
            $0.models.segments.minimumUsers = 2
        }
        let log = log(settings, seed: seed)
        let trained = try await run(settings, log)
        let (risk, intent) = (try await churn(trained), try await highIntent(trained))
        let instant = log[log.count / 2].time
        var seen: [Set<TriggerID>] = []
        for round in 0...3 as ClosedRange<UInt64> {
            let order =
                round == 0 ? log : shuffledWithinLateness(log, settings, seed: 10 * seed + round)
            let last = order.lastIndex { $0.time < instant }!
            var rig = try Rig(settings, shards: 1 + Int(round % 2))
            try await rig.take(Array(order[...last]))
            try await rig.take(.close(before: instant))
            try await rig.take(verdict(risk, at: instant))
            try await rig.take(verdict(intent, at: instant))
            let cut = [1, 7, 40, 300][Int(round)]
            for start in stride(from: last + 1, to: order.count, by: cut) {
                try await rig.take(Array(order[start..<min(order.count, start + cut)]))
            }
            try await rig.take(.advance(to: log.last!.time + 3 * day))
            #expect(rig.totals.late == 0)
            for rule in ["churn_risk", "high_intent"] {
                #expect(rig.triggers.contains { $0.rule == rule && !$0.why.isEmpty }, "\(rule)")
            }
            #expect(Set(rig.triggers.map(\.id)).count == rig.triggers.count)
            seen.append(Set(rig.triggers.map(\.id)))
        }
        for other in seen { #expect(other == seen[0]) }
    }

    @Test func `a high intent is told once in a session`() async throws {
        let settings = settings { $0.triggers.highIntentThreshold = 0 }
        let log = log(settings, seed: 3)
        var rig = try await run(settings, log)
        let model = try await highIntent(rig)
        try await rig.take(verdict(model))
        let start = log.last!.time + 2 * day
        let minute = Microseconds.minute
        let times = [0, 1, 20, 90, 91] as [Int64]
        try await rig.take(
            times.map { PlainEvent("new", start + $0 * minute, "add_to_cart") }
                + [PlainEvent("new", start + 92 * minute, "begin_checkout")])
        let told = try await rig.take(.advance(to: start + day)).filter { $0.rule == "high_intent" }
        #expect(told.map(\.due.microseconds) == [start, start + 90 * minute])
        for trigger in told {
            #expect(trigger.model == "high_intent@1" && (0...1).contains(trigger.score ?? -1))
        }
    }

    @Test func `without these models nothing is told`() async throws {
        var off = settings { $0.triggers.churnRiskThreshold = 0 }
        let log = log(off, seed: 4)
        var kept = try await run(off, log)
        off.models.enabled = []
        var without = try await run(off, log)
        let end = log.last!.time + 30 * day
        try await kept.take(.advance(to: end))
        try await without.take(.advance(to: end))
        #expect(kept.triggers == without.triggers)
    }

    @Test func `a model that does not read back, or looks at what is not known, stops the shard`()
        async throws
    {
        let settings = settings()
        var rig = try await run(settings, log(settings, seed: 5))
        let model = try await highIntent(rig)
        await #expect(throws: StateError.self) {
            try await rig.take(verdict(ChurnModel(scorer: model.scorer)))
        }
    }
}

extension OutcomeRows {
    func withColumns<Result>(_ body: (OutcomeColumns) throws -> Result) rethrows -> Result {
        let flat = features.flatMap { $0 }
        return try flat.withUnsafeBufferPointer { values in
            try anchor.withUnsafeBufferPointer { anchor in
                try label.withUnsafeBufferPointer { label in
                    try heldOut.withUnsafeBufferPointer { held in
                        try body(
                            OutcomeColumns(
                                names: names,
                                features: names.indices.map {
                                    UnsafeBufferPointer(rebasing: values[$0 * rows..<($0 + 1) * rows])
                                }, lead: lead, anchor: anchor, label: label, heldOut: held))
                    }
                }
            }
        }
    }
}

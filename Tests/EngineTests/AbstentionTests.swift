import Core
import Engine
import Testing

@testable import EngineSupport

/// A rule that is silent because its model knows too little, and nobody is told why.
struct AbstentionTests {
    private let start: Int64 = 1_711_843_200_000_000

    private func decisions(_ when: String, name: String = "seen", _ log: [PlainEvent]) async throws
        -> [String]
    {
        var settings = Settings.event { $0.clock.allowedLateness = 0 }
        settings.triggers.declared = [.made(name, .event("view_item"), when: when)]
        var rig = try Rig(settings)
        try await rig.take(log)
        try await rig.take(.advance(to: start + Microseconds.day))
        return await rig.shards[0].decisions(of: Array("u".utf8)).filter { $0.rule == name }.map(\.decision)
    }

    private var seen: [PlainEvent] { [PlainEvent("u", start, "view_item")] }
    private var bought: [PlainEvent] { [PlainEvent("u", start - 5, "purchase")] + seen }

    @Test(arguments: [
        "predictions.churn > 0.5", "predictions.churn < 0.5", "not predictions.churn > 0.5",
        "tier.name == \"Gold\"", "segment.name in [\"loyal\"]", "predictions.clv.value > purchase.revenue",
        "predictions.repurchase.in_d <= 3 and event_total >= 1",
    ])
    func `a test of what no model says is too little data`(when: String) async throws {
        let expected = when.hasPrefix("not") ? ["sent"] : ["too_little_data"]
        #expect(try await decisions(when, seen) == expected)
        #expect(try await decisions(when, bought) == expected)
    }

    @Test(arguments: [
        "predictions.churn > 0.5 and event_total >= 5", "has(predictions.churn)", "purchase.count >= 1",
    ])
    func `what fails for another reason is not`(when: String) async throws {
        #expect(try await decisions(when, seen).isEmpty)
    }

    @Test func `what holds whatever the model says is sent`() async throws {
        #expect(try await decisions("event_total >= 1 or tier.score > 2", seen) == ["sent"])
        #expect(try await decisions("tier.score > 2 or event_total >= 1", seen) == ["sent"])
    }

    @Test func `it is counted, and makes no decision about a trigger go`() async throws {
        var settings = Settings.event { $0.clock.allowedLateness = 0 }
        settings.triggers.decisions = 8 * Partitioning.count
        settings.triggers.declared = [
            .made("bought", .event("purchase")), .made("seen", .event("view_item"), when: "tier.score > 1"),
        ]
        var rig = try Rig(settings)
        var log = [PlainEvent("u", start, "purchase")]
        for index in 1...50 { log.append(PlainEvent("u", start + Int64(index), "view_item")) }
        try await rig.take(log)
        try await rig.take(.advance(to: start + 100))
        let found = await rig.shards[0].decisions(of: Array("u".utf8)).map(\.decision)
        #expect(found == ["sent", "too_little_data", "too_little_data"])
        let counts = await rig.shards[0].decisionCounts()
        #expect(counts.first { $0.name == "too_little_data" }?.value == 50)
        let abstaining = await rig.shards[0].abstaining(of: Array("u".utf8))
        #expect(abstaining.contains("seen") && abstaining.contains("repurchase_due"))
        #expect(!abstaining.contains("bought"))
    }
}

import Core
import Engine
import Testing

@testable import EngineSupport

/// What an event behind the watermark fires, withdraws and joins.
struct LateEventTests {
    private static let start: Int64 = 1_711_800_000_000_000
    private let minute = Microseconds.minute
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func at(_ offset: Int64) -> Int64 { Self.start + offset }

    /// Triggers after events of one user (one record each, by offset from the start) and an `$advance`
    /// before each: (advance to, events then).
    private func run(
        _ settings: Settings, _ steps: [(advance: Int64?, events: [(Int64, String)])]
    ) async throws -> (sent: [PlainTrigger], retracted: [PlainTrigger]) {
        var rig = try Rig(settings)
        for step in steps {
            if let instant = step.advance { try await rig.take(.advance(to: at(instant))) }
            for (offset, name) in step.events { try await rig.take([PlainEvent("u", at(offset), name)]) }
        }
        var named: [TriggerID: PlainTrigger] = [:]
        var sent: [PlainTrigger] = []
        var retracted: [PlainTrigger] = []
        for trigger in rig.triggers {
            if let retraction = trigger.retracts {
                let original = try #require(
                    named[retraction.id(of: trigger.user)], "nothing of this id was sent")
                #expect(original.due == retraction.due.microseconds)
                retracted.append(original)
            } else {
                named[trigger.id] = trigger.plain
                sent.append(trigger.plain)
            }
        }
        return (sent, retracted)
    }

    private func trigger(_ rule: String, _ offset: Int64) -> PlainTrigger {
        PlainTrigger(rule: rule, due: at(offset))
    }

    @Test func `a late purchase withdraws the abandoned cart and nothing else`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(0, "view_item"), (5, "add_to_cart")]), (3 * hour, [(hour, "purchase")]),
        ])
        #expect(sent == [trigger("cart_abandoned", 5 + hour)])
        #expect(retracted == [trigger("cart_abandoned", 5 + hour)])
    }

    private func run(
        _ list: [(advance: Int64?, events: [(Int64, String)])]
    ) async throws -> (sent: [PlainTrigger], retracted: [PlainTrigger]) { try await run(.event(), list) }

    @Test func `a late purchase after the due time withdraws nothing`() async throws {
        let (_, retracted) = try await run([
            (nil, [(0, "add_to_cart")]), (3 * hour, [(hour + 1, "purchase")]),
        ])
        #expect(retracted == [])
    }

    @Test func `a late deeper stage takes the place of a shallower one that was sent`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(0, "add_to_cart")]), (hour + 5 * minute, [(50 * minute, "begin_checkout")]),
            (2 * hour, []),
        ])
        #expect(sent == [trigger("cart_abandoned", hour), trigger("checkout_abandoned", 80 * minute)])
        #expect(retracted == [trigger("cart_abandoned", hour)])
    }

    @Test func `a late stage that is past due does not fire`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(0, "login")]), (5 * hour, [(hour, "add_to_cart")]), (6 * hour, []),
        ])
        #expect(sent == [])
        #expect(retracted == [])
    }

    @Test func `a late stage that is due yet fires`() async throws {
        let (sent, _) = try await run([
            (nil, [(0, "login")]), (5 * hour, [(hour, "view_item")]), (26 * hour, []),
        ])
        #expect(sent == [trigger("browse_abandoned", 25 * hour)])
    }

    @Test func `a late stage is due yet though it is older than what sessions keep`() async throws {
        let settings = Settings.event { $0.triggers.browseAbandoned.delay = 5 * Microseconds.day }
        let (sent, _) = try await run(
            settings,
            [(nil, [(0, "login")]), (4 * day, [(day, "view_item")]), (6 * day + 1, [])])
        #expect(sent == [trigger("browse_abandoned", 6 * day)])
    }

    @Test func `late purchases withdraw churned and win_back and count on from their own time`() async throws
    {
        let (sent, retracted) = try await run([
            (nil, [(0, "purchase")]), (61 * day, [(20 * day, "purchase")]), (90 * day, []),
        ])
        #expect(
            sent == [
                trigger("churned", 25 * day), trigger("win_back", 60 * day), trigger("win_back", 80 * day),
            ])
        #expect(retracted == [trigger("churned", 25 * day), trigger("win_back", 60 * day)])
    }

    @Test func `any late event withdraws dormant`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(0, "login")]), (14 * day, [(10 * day, "custom")]), (30 * day, []),
        ])
        #expect(sent == [trigger("dormant", 14 * day), trigger("dormant", 24 * day)])
        #expect(retracted == [trigger("dormant", 14 * day)])
    }

    @Test func `a late event at the very time of the last one leaves dormant as it is`() async throws {
        let (_, retracted) = try await run([(nil, [(0, "login")]), (20 * day, [(0, "custom")])])
        #expect(retracted == [])
    }

    @Test func `a late purchase withdraws onboarding_stalled`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(0, "sign_up")]), (4 * day, [(3 * day, "purchase")]),
        ])
        #expect(sent == [trigger("welcome", 0), trigger("onboarding_stalled", 3 * day)])
        #expect(retracted == [trigger("onboarding_stalled", 3 * day)])
    }

    @Test func `a late sign-up before a known one leaves the known one's delay`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(2 * day, "sign_up")]), (2 * day, [(day, "sign_up")]), (9 * day, []),
        ])
        #expect(sent == [trigger("welcome", 2 * day), trigger("onboarding_stalled", 5 * day)])
        #expect(retracted == [])
    }

    @Test func `a late sign-up begins the delay again`() async throws {
        let (sent, retracted) = try await run([
            (nil, [(0, "sign_up")]), (3 * day, [(day, "sign_up")]), (9 * day, []),
        ])
        #expect(
            sent == [
                trigger("welcome", 0), trigger("onboarding_stalled", 3 * day),
                trigger("onboarding_stalled", 4 * day),
            ])
        #expect(retracted == [trigger("onboarding_stalled", 3 * day)])
    }

    @Test func `a late sign-up is welcomed when that is due yet, though a purchase followed it`() async throws
    {
        let settings = Settings.event { $0.triggers.welcome.delay = 2 * Microseconds.hour }
        let (sent, _) = try await run(
            settings, [(nil, [(hour, "purchase")]), (hour, [(0, "sign_up")]), (3 * hour, [])])
        #expect(sent == [trigger("welcome", 2 * hour)])
    }

    @Test func `a late sign-up at the instant of a purchase came after it`() async throws {
        let (sent, _) = try await run([
            (nil, [(0, "purchase")]), (hour, [(0, "sign_up")]), (4 * day, []),
        ])
        #expect(sent == [trigger("onboarding_stalled", 3 * day)])
    }

    @Test func `very late stages withdraw what they replace`() async throws {
        let settings = Settings.event()
        let (_, retracted) = try await run(
            settings, [(nil, [(0, "add_to_cart")]), (10 * day, [(minute, "begin_checkout")])])
        #expect(retracted == [trigger("cart_abandoned", hour)])
    }

    @Test func `nothing joins a session of its own`() async throws {
        var rig = try Rig(.event())
        let keep = Settings.event().sessions.keepMicroseconds
        try await rig.take([PlainEvent("u", at(0), "login"), PlainEvent("other", at(9 * day), "login")])
        try await rig.take([PlainEvent("u", at(9 * day) - keep - minute, "login")])
        try await rig.take([PlainEvent("u", at(9 * day) - keep + minute, "login")])
        let view = try #require(await rig.view("u"))
        #expect(view.shortSessions.count == 3)
        #expect(view.shortSessions.totalMicroseconds == 0)
        #expect(view.longSessions.count == 3)
    }

    @Test(arguments: [0.0, 0.1], 1...10 as ClosedRange<UInt64>)
    func `what is sent and not withdrawn is true at any moment`(veryLate: Double, seed: UInt64) async throws {
        let settings = Settings.brief { if seed % 2 == 0 { $0.triggers.welcome.delay = 90_000_000 } }
        var shape = LogShape(settings)
        shape.late = 0.25
        shape.veryLate = veryLate
        shape.users = 4
        shape.events = 600
        var rig = try Rig(settings)
        var plain = PlainStore(settings)
        var sent: [TriggerID: (user: String, trigger: PlainTrigger)] = [:]
        var retracted: Set<TriggerID> = []
        var lateUntil: [String: Int64] = [:]
        for (index, event) in randomLog(shape, seed: seed).enumerated() {
            let before = plain.frontier
            let fired = try await rig.take([event])
            plain.take(event)
            if event.time < plain.frontier { lateUntil[event.user] = plain.frontier }
            var withdrawn: [PlainTrigger] = []
            for trigger in fired {
                if let retraction = trigger.retracts {
                    let original = try #require(
                        sent[retraction.id(of: trigger.user)], "withdrew what was never sent")
                    #expect(retracted.insert(retraction.id(of: trigger.user)).inserted, "withdrew twice")
                    #expect(original.user == event.user)
                    withdrawn.append(original.trigger)
                } else {
                    #expect(sent[trigger.id] == nil, "sent twice: \(trigger.plain)")
                    #expect(before <= trigger.due.microseconds && trigger.due.microseconds < plain.frontier)
                    sent[trigger.id] = (trigger.userName, trigger.plain)
                }
            }
            for user in Set(fired.map(\.userName) + [event.user]) {
                let truth = plain.triggers(user)
                let standing = Set(
                    sent.filter { $0.value.user == user && !retracted.contains($0.key) }.map(\.value.trigger))
                try #require(
                    standing.subtracting(truth) == [], "untrue and not withdrawn, event \(index), \(event)")
                if user == event.user { #expect(truth.intersection(withdrawn) == [], "withdrew the truth") }
                let missing = truth.subtracting(standing).filter { $0.due >= lateUntil[user] ?? .min }
                try #require(missing == [], "never sent, event \(index) of \(user)")
            }
        }
        #expect(!retracted.isEmpty)
    }
}

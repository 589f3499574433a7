import Core
import Engine
import Testing

@testable import EngineSupport

/// A timer that fires early, late, twice, or not at all.
struct TimerTests {
    private static let start: Int64 = 1_711_800_000_000_000
    private let minute = Microseconds.minute
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func event(_ offset: Int64, _ name: String, _ user: String = "u") -> PlainEvent {
        PlainEvent(user, Self.start + offset, name)
    }

    private func fired(_ triggers: [Trigger]) -> [String] {
        triggers.map { "\($0.userName) \($0.rule) \($0.due.microseconds - Self.start)" }
    }

    @Test func `what is due fires once the watermark is strictly beyond it`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "add_to_cart")])
        let lateness = rig.settings.clock.allowedLateness
        #expect(fired(try await rig.take([event(hour + lateness, "login", "v")])) == [])
        let last = try await rig.take([event(hour + lateness + 1, "login", "v")])
        #expect(fired(last) == ["u cart_abandoned \(hour)"])
        #expect(last.first?.at.microseconds == Self.start + hour + lateness + 1)
    }

    @Test func `an advance closes its instant too`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "add_to_cart")])
        #expect(try await rig.take(.advance(to: Self.start + hour - 1)) == [])
        let fired = try await rig.take(.advance(to: Self.start + hour))
        #expect(self.fired(fired) == ["u cart_abandoned \(hour)"])
        #expect(fired.first?.at.microseconds == Self.start + hour)
        #expect(rig.ledger.clock.watermark == Self.start + hour)
        // An event of that instant is late now.
        try await rig.take([event(hour, "login")])
        #expect(rig.totals.late == 1)
        try await rig.take([event(hour + 1, "login")])
        #expect(rig.totals.late == 1)
    }

    @Test func `an advance into the past moves nothing`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(day, "login")])
        let before = rig.ledger.clock
        try await rig.take(.advance(to: Self.start))
        #expect(rig.ledger.clock == before)
    }

    @Test func `closing before an instant leaves out the instant itself`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "add_to_cart")])
        #expect(try await rig.take(.close(before: Self.start + hour)) == [])
        #expect(
            fired(try await rig.take(.close(before: Self.start + hour + 1))) == ["u cart_abandoned \(hour)"])
        #expect(rig.ledger.clock.now == Self.start)
    }

    @Test func `an event at the very due time comes first`() async throws {
        for (name, expected) in [
            ("purchase", [String]()), ("add_to_cart", ["u cart_abandoned \(2 * hour)"]),
            ("view_item", ["u cart_abandoned \(hour)"]),
            ("begin_checkout", ["u checkout_abandoned \(hour + 30 * minute)"]),
        ] {
            var rig = try Rig(.event())
            try await rig.take([event(0, "add_to_cart"), event(hour, name)])
            #expect(fired(try await rig.take(.advance(to: Self.start + 3 * hour))) == expected)
        }
    }

    @Test func `equal due times come in the order of rule and user`() async throws {
        var rig = try Rig(.event { $0.triggers.checkoutAbandoned.delay = Microseconds.hour }, shards: 3)
        var events = ["c", "a", "b", "d"].map { event(0, "begin_checkout", $0) }
        events.append(event(0, "add_to_cart", "e"))
        try await rig.take(events)
        let expected =
            ["e cart_abandoned \(hour)"] + ["a", "b", "c", "d"].map { "\($0) checkout_abandoned \(hour)" }
        #expect(fired(try await rig.take(.advance(to: Self.start + hour))) == expected)
    }

    @Test func `configured delays hold, and a rule that is off stays silent`() async throws {
        let settings = Settings.event { settings in
            settings.triggers.cartAbandoned.delay = 7 * Microseconds.minute
            settings.triggers.dormant.enabled = false
        }
        var rig = try Rig(settings)
        try await rig.take([event(0, "add_to_cart")])
        #expect(
            fired(try await rig.take(.advance(to: Self.start + 100 * day))) == [
                "u cart_abandoned \(7 * minute)"
            ])
    }

    @Test func `timers are armed again by what the contract says`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "purchase")])
        try await rig.take([event(24 * day, "login"), event(26 * day, "purchase")])
        try await rig.take(.advance(to: Self.start + 200 * day))
        #expect(
            fired(rig.triggers) == [
                "u churned \(25 * day)", "u churned \(51 * day)", "u win_back \(86 * day)",
            ])
    }

    @Test func `new delays move what is pending`() async throws {
        var rig = try Rig(.event())
        try await rig.take([event(0, "add_to_cart"), event(0, "login", "v")])
        let changed = Settings.event { settings in
            settings.triggers.cartAbandoned.delay = 3 * Microseconds.hour
            settings.triggers.dormant.delay = 2 * Microseconds.hour
        }
        try await rig.take(.settings(EngineSettings(changed)))
        #expect(
            fired(try await rig.take(.advance(to: Self.start + 5 * hour))) == [
                "u dormant \(2 * hour)", "v dormant \(2 * hour)", "u cart_abandoned \(3 * hour)",
            ])
    }

    // MARK: The wall clock

    private var wall: Settings { .event { $0.clock.mode = .wall } }

    @Test func `a tick fires what is due when nothing arrives`() async throws {
        var rig = try Rig(wall)
        try await rig.take([event(0, "add_to_cart")], wall: Self.start + minute)
        #expect(rig.totals.nextDue == Self.start)
        #expect(try await rig.take(.tick(now: Self.start + hour + minute)) == [])
        let fired = try await rig.take(.tick(now: Self.start + hour + minute + 1))
        #expect(self.fired(fired) == ["u cart_abandoned \(hour)"])
        #expect(fired.first?.group == .treated)
        #expect(fired.first?.at.microseconds == Self.start + hour + minute + 1)
    }

    @Test func `what is due longer ago than max_age is stale and is not withdrawn later`() async throws {
        for (delay, group) in [(6 * hour, Trigger.Group.treated), (6 * hour + 1, .stale)] {
            var rig = try Rig(wall)
            try await rig.take([event(0, "add_to_cart")], wall: Self.start)
            let fired = try await rig.take(.tick(now: Self.start + hour + delay))
            #expect(fired.map(\.group) == [group])
            let withdrawn = try await rig.take([event(minute, "purchase")], wall: Self.start + 8 * hour)
            #expect(withdrawn.count == (group == .treated ? 1 : 0))
        }
    }

    @Test func `the wall clock never goes back`() async throws {
        var rig = try Rig(wall)
        try await rig.take([event(0, "login")], wall: Self.start + day)
        try await rig.take([event(0, "login")], wall: Self.start)
        try await rig.take(.tick(now: Self.start))
        #expect(rig.ledger.clock.now == Self.start + day)
        #expect(rig.ledger.clock.watermark == Self.start + day - rig.settings.clock.allowedLateness)
    }

    @Test func `a back-fill under the wall clock is late and sends nothing past due`() async throws {
        var rig = try Rig(wall)
        let events = (0..<20).map { event(Int64($0) * day, $0 % 2 == 0 ? "add_to_cart" : "sign_up") }
        let fired = try await rig.take(events, wall: Self.start + 300 * day)
        #expect(fired.allSatisfy { $0.group == .stale })
        #expect(rig.totals.late == 20)
    }
}

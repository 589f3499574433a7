import Core
import Testing

@testable import Engine
@testable import EngineSupport

/// Every event asks these plain numbers instead of the settings: they must say the same.
struct TermsTests {
    @Test func `they say what the settings say`() {
        var settings = Settings.brief { $0.triggers.maxAge = 123_456_789 }
        settings.triggers.dormant.enabled = false
        settings.triggers.welcome.delay = 17
        for mode in [Settings.ClockMode.wall, .event] {
            settings.clock.mode = mode
            let engine = EngineSettings(settings)
            let terms = Terms(engine)
            #expect(terms.allowedLateness == settings.clock.allowedLateness)
            #expect(terms.shortGap == settings.sessions.shortGap)
            #expect(terms.longGap == settings.sessions.longGap)
            #expect(terms.keep == settings.sessions.keepMicroseconds)
            #expect(terms.funnelWindow == settings.analytics.funnelWindow)
            #expect(terms.dedupeWindow == settings.dedupe.window)
            #expect(terms.maxAge == 123_456_789)
            #expect(terms.isWall == (mode == .wall))
            for rule in BuiltInRule.allCases {
                #expect(terms.delay(rule) == engine.delay(rule))
                #expect(terms.isEnabled(rule) == engine.isEnabled(rule))
            }
            #expect(!terms.isEnabled(.dormant))
            #expect(terms.delay(.welcome) == 17)
        }
    }

    @Test func `stages are remembered as long as one can be judged`() {
        let settings = Settings.brief()
        let terms = Terms(EngineSettings(settings))
        let delays = [
            settings.triggers.browseAbandoned, settings.triggers.cartAbandoned,
            settings.triggers.checkoutAbandoned,
        ].map(\.delay)
        #expect(terms.stageMemory == max(settings.sessions.keepMicroseconds, delays.max() ?? 0))
        #expect(terms.stageDelays == delays.reduce(0, +))
    }

    @Test(arguments: [Zone.utc, .berlin, .santiago])
    func `the remembered day is the zone's, in whatever order instants come`(zone: Zone) {
        var memory = DayMemory()
        var random = Randomness(seed: 4)
        // Around the changes of the clocks, to the microsecond, and anywhere.
        var instants: [Int64] = []
        for change in zone.starts.dropFirst() {
            for hours in -30...30 {
                for step in [-1, 0, 1] as [Int64] {
                    instants.append(change + Int64(hours) * Microseconds.hour / 2 + step)
                }
            }
        }
        for _ in 0..<2000 {
            instants.append(1_704_067_200_000_000 + Int64(random.below(400)) * Microseconds.day / 3)
        }
        for round in 0..<2 {
            if round == 1 { instants.shuffle(using: &random) }
            for instant in instants {
                #expect(
                    memory.day(of: instant, zone) == zone.day(of: EventTime(microseconds: instant)),
                    "\(EventTime(microseconds: instant))")
            }
        }
    }
}

import Core
import Engine
import Testing

@testable import EngineSupport

/// Features drift from the contract's words where they are kept up to date instead of being calculated.
struct FeaturesAgainstPlainModelTests {
    private func compare(_ settings: Settings, _ shape: LogShape, seed: UInt64) async throws {
        var rig = try Rig(settings, shards: 2)
        var plain = PlainStore(settings)
        var random = Randomness(seed: seed)
        var log = randomLog(shape, seed: seed)[...]
        while !log.isEmpty {
            let record = Array(log.prefix(1 + random.below(9)))
            log = log.dropFirst(record.count)
            try await rig.take(record)
            for event in record { plain.take(event) }
            if random.below(7) == 0 || log.isEmpty {
                for user in plain.users {
                    let view = try #require(await rig.view(user))
                    #expect(
                        PlainView(view).difference(from: plain.view(user)) == nil, "\(user), seed \(seed)")
                }
            }
            if random.below(40) == 0, let now = plain.now {
                let instant = now + Int64(random.below(3)) * settings.sessions.longGap
                try await rig.take(.advance(to: instant))
                plain.advance(to: instant)
            }
        }
        #expect(rig.totals.events == Int64(plain.events))
        #expect(rig.totals.late == Int64(plain.late))
        #expect(rig.totals.duplicates == Int64(plain.duplicates))
        #expect(rig.totals.users == Int64(plain.users.count))
    }

    @Test(arguments: 1...6)
    func `every user's features equal the plain calculation over months`(seed: UInt64) async throws {
        let settings = Settings.event([Zone.utc, .berlin, .santiago][Int(seed) % 3])
        try await compare(settings, LogShape(settings), seed: seed)
    }

    @Test(arguments: 11...22)
    func `features equal the plain calculation when events come late`(seed: UInt64) async throws {
        let settings = Settings.brief(seed % 2 == 0 ? .berlin : .utc)
        var shape = LogShape(settings)
        shape.late = 0.2
        shape.veryLate = 0.1
        shape.users = 4
        try await compare(settings, shape, seed: seed)
    }

    @Test(arguments: 31...34)
    func `features equal the plain calculation over months with late events`(seed: UInt64) async throws {
        let settings = Settings.event(.santiago) { $0.limits.customNames = 2 }
        var shape = LogShape(settings)
        shape.late = 0.2
        shape.veryLate = 0.1
        shape.users = 5
        shape.customNames = 6
        try await compare(settings, shape, seed: seed)
    }

    @Test(arguments: 41...43)
    func `gaps of a microsecond split where they are exceeded`(seed: UInt64) async throws {
        let settings = Settings.event { settings in
            settings.sessions.shortGap = 1
            settings.sessions.longGap = 2
            settings.sessions.keep = 60
            settings.clock.allowedLateness = 5
        }
        var shape = LogShape(settings)
        shape.jitter = 0.5
        shape.late = 0.1
        shape.users = 2
        try await compare(settings, shape, seed: seed)
    }
}

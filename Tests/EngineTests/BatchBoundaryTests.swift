import Core
import Engine
import Testing

@testable import EngineSupport

/// Anything that depends on where records are cut or on how many shards there are.
struct BatchBoundaryTests {
    /// A log with late lines, cut into records of a size; what is no event stands at the same place.
    private func run(
        _ settings: Settings, _ log: [PlainEvent], advances: [Int: Int64], cut: Int, shards: Int
    ) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        var record: [PlainEvent] = []
        for (index, event) in log.enumerated() {
            record.append(event)
            if record.count == cut || advances[index] != nil || index == log.count - 1 {
                try await rig.take(record)
                record = []
            }
            if let instant = advances[index] { try await rig.take(.advance(to: instant)) }
        }
        return rig
    }

    @Test(arguments: 1...4)
    func `any cut into records and any number of shards give the same`(seed: UInt64) async throws {
        let settings = Settings.brief(.berlin)
        var shape = LogShape(settings)
        shape.late = 0.15
        shape.veryLate = 0.05
        shape.users = 30
        shape.events = 600
        let log = randomLog(shape, seed: seed)
        let end = (log.map(\.time).max() ?? 0) + settings.triggers.winBack.delay
        let middle = log[..<300].map(\.time).max() ?? 0
        let advances = [299: middle + settings.sessions.shortGap, log.count - 1: end]
        let whole = try await run(settings, log, advances: advances, cut: .max, shards: 1)
        let expected = whole.triggers.map(\.withoutRow)
        #expect(expected.contains { $0.retracts != nil })
        for (cut, shards) in [(1, 1), (7, 2), (Int.max, 3), (50, 5), (1, 5)] {
            let other = try await run(settings, log, advances: advances, cut: cut, shards: shards)
            #expect(other.triggers.map(\.withoutRow) == expected, "records of \(cut), \(shards) shards")
            #expect(other.ledger.clock == whole.ledger.clock)
            for user in Set(log.map(\.user)) {
                let mine = String(describing: await whole.view(user))
                #expect(mine == String(describing: await other.view(user)), "\(user)")
            }
        }
    }
}

import Core
import Engine
import Glibc
import Store

@testable import EngineSupport
@testable import StoreSupport

/// A client, a daemon and a disk under one seed: lives of the daemon one after the other, each ended by a
/// power cut, a kill or a failing disk, until the whole script is through.
struct Simulation {
    /// What the client wants to happen, in order.
    private enum Step {
        case event(PlainEvent)
        case advance(Int64)
    }

    /// A journal record as the simulation knows it, and where in the script it ends.
    private struct Record {
        var events: [PlainEvent] = []
        var entry: JournalEntry
        var wall: Int64?
        var end: Int
    }

    struct Tally {
        var powerCuts = 0
        var kills = 0
        var failures = 0
        var faults = 0
        var pauses = 0
        var recoveries = 0

        mutating func add(_ other: Tally) {
            powerCuts += other.powerCuts
            kills += other.kills
            failures += other.failures
            faults += other.faults
            pauses += other.pauses
            recoveries += other.recoveries
        }
    }

    private(set) var tally = Tally()
    private var chance: Randomness
    private let settings: Settings
    private let script: [Step]
    private let segmentBytes: Int64
    private let isWall: Bool
    private var disk = FaultyFileSystem()
    /// Records with their numbers, the first at 0; after a crash cut to what was kept.
    private var history: [Record] = []
    /// Records whose lines the client knows to be kept.
    private var acked: UInt64 = 0
    /// What a subscriber has seen of the outbox.
    private var seen: [String] = []

    /// Crashes are stopped after so many lives, so that the script comes to its end.
    private static let unsafeLives = 6

    init(seed: UInt64, diskLies: Bool = false) {
        chance = Randomness(seed: seed)
        isWall = chance.below(4) == 0
        settings = Settings.brief([Zone.utc, .berlin][chance.below(2)]) { settings in
            settings.triggers.maxAge = 3650 * Microseconds.day
        }
        segmentBytes = [300, 2000, 20_000][chance.below(3)]
        script = Self.script(settings, &chance)
        if diskLies { disk.lieAboutSyncs() }
    }

    private static func script(_ settings: Settings, _ chance: inout Randomness) -> [Step] {
        var shape = LogShape(settings)
        shape.users = 1 + chance.below(8)
        shape.events = 40 + chance.below(80)
        shape.late = chance.below(2) == 0 ? 0 : 0.1
        shape.veryLate = shape.late / 3
        var steps: [Step] = []
        var now = Int64.min
        for event in randomLog(shape, seed: chance.next()) {
            steps.append(.event(event))
            now = max(now, event.time)
            if chance.below(25) == 0 {
                now += Int64(chance.below(3)) * settings.sessions.longGap
                steps.append(.advance(now))
            }
        }
        return steps + [.advance(now + 3 * settings.triggers.winBack.delay)]
    }

    // MARK: Lives

    /// Runs the script to its end.
    mutating func run() async throws {
        var life = 0
        while try await !live(life) {
            life += 1
            guard life < 60 else { throw Finding("the script does not come to its end") }
        }
    }

    /// One life: whether it reached the end of the script.
    private mutating func live(_ life: Int) async throws -> Bool {
        prepare(life)
        do {
            var daemon = try await recover()
            var cursor = history.last?.end ?? 0
            while cursor < script.count {
                if life < Self.unsafeLives, chance.below(80) == 0 {
                    tally.kills += 1
                    return false
                }
                try await step(&daemon, &cursor)
            }
            try settle(&daemon)
            try await check(daemon)
            try await checkAgainstUnbroken(daemon.outbox.rows)
            return true
        } catch let finding as Finding {
            throw finding
        } catch {
            try explain(error)
            return false
        }
    }

    /// An error that ends a life must be of a cut or of an injected fault.
    private mutating func explain(_ error: any Error) throws {
        if disk.isDead {
            tally.powerCuts += 1
            let kept = FaultyFileSystem.Kept.allCases
            disk = disk.restart(keeping: kept[chance.below(kept.count)], using: &chance)
            return
        }
        guard faultsInjected > 0 else { throw Finding("without a fault: \(error)") }
        tally.failures += 1
    }

    private var faultsInjected = 0

    private mutating func prepare(_ life: Int) {
        disk.clearFaults()
        faultsInjected = 0
        guard life < Self.unsafeLives else {
            disk.cutPower(at: .max / 2, afterEffect: false)
            return
        }
        let reach = [12, 60, 300, 900, 3000][chance.below(5)]
        disk.cutPower(at: chance.below(reach), afterEffect: chance.below(2) == 0)
        for _ in 0..<[0, 0, 1, 1, 2, 3][chance.below(6)] { inject() }
    }

    private mutating func inject() {
        typealias Kind = (FileError.Operation, Int32, String)
        let kinds: [Kind] = [
            (.write, ENOSPC, "journal"), (.write, ENOSPC, "snapshots"), (.write, ENOSPC, "outbox"),
            (.open, ENOSPC, "journal"), (.open, ENOSPC, "snapshots"), (.fdatasync, EIO, "journal"),
            (.fsync, EIO, "journal"), (.fsync, EIO, "snapshots"), (.fsync, ENOSPC, "outbox"),
            (.rename, ENOSPC, "snapshots"), (.rename, EIO, "snapshots"), (.unlink, EIO, "snapshots"),
            (.unlink, EIO, "journal"), (.write, EIO, "journal"), (.truncate, EIO, "journal"),
        ]
        let (operation, code, path) = kinds[chance.below(kinds.count)]
        disk.inject(
            .init(
                operation: operation, code: code, after: chance.below(path == "snapshots" ? 60 : 10),
                partBytes: chance.below(400), path: path, times: 1 + chance.below(3)))
        tally.faults += 1
        faultsInjected += 1
    }

    private mutating func recover() async throws -> SimulatedDaemon {
        let daemon = try await SimulatedDaemon.recover(
            disk,
            .init(
                settings: settings, shards: 1 + chance.below(3),
                key: HashKey(k0: chance.next(), k1: chance.next()), segmentBytes: segmentBytes))
        tally.recoveries += 1
        let kept = daemon.ledger.position
        guard acked <= kept else { throw Finding("record \(acked) was acknowledged, \(kept) is the last") }
        guard kept <= history.count else { throw Finding("record \(kept) was never sent") }
        history.removeLast(history.count - Int(kept))
        try await check(daemon)
        return daemon
    }

    // MARK: What happens in a life

    private mutating func step(_ daemon: inout SimulatedDaemon, _ cursor: inout Int) async throws {
        switch chance.below(10) {
        case 0...5: try await send(to: &daemon, from: &cursor)
        case 6...8: try commit(&daemon)
        default:
            do {
                try await daemon.saveSome(1 + chance.below(40))
            } catch let error as SnapshotError {
                // Abandoned; the next round begins anew.
                if disk.isDead { throw error }
                tally.pauses += 1
            } catch {
                try pauseOrThrow(error)
            }
            note(daemon)
        }
    }

    private mutating func commit(_ daemon: inout SimulatedDaemon) throws {
        do { try daemon.commit() } catch { try pauseOrThrow(error) }
        note(daemon)
    }

    /// No room is waited for; anything else ends the life.
    private mutating func pauseOrThrow(_ error: any Error) throws {
        switch error {
        case JournalError.noSpace: break
        case let error as FileError where error.isNoSpace: break
        default: throw error
        }
        tally.pauses += 1
    }

    /// The client hears the acks, the subscriber sees the triggers.
    private mutating func note(_ daemon: borrowing SimulatedDaemon) {
        acked = max(acked, daemon.committed)
        seen = daemon.outbox.rows
    }

    private mutating func send(to daemon: inout SimulatedDaemon, from cursor: inout Int) async throws {
        var events: [PlainEvent] = []
        let most = 1 + chance.below(12)
        while cursor < script.count, events.count < most, case .event(let event) = script[cursor] {
            events.append(event)
            cursor += 1
        }
        if !events.isEmpty { return try await send(events, to: &daemon, end: cursor) }
        guard cursor < script.count, case .advance(let instant) = script[cursor] else { return }
        cursor += 1
        if isWall {
            try await take(Record(entry: .tick(now: instant), end: cursor), &daemon)
        } else if instant > daemon.ledger.clock.watermark {
            try await take(Record(entry: .advance(to: instant), end: cursor), &daemon)
        }
    }

    private mutating func send(
        _ events: [PlainEvent], to daemon: inout SimulatedDaemon, end: Int
    ) async throws {
        let newest = max(daemon.ledger.clock.now, events.map(\.time).max() ?? .min)
        let wall = isWall ? newest + Int64(chance.below(2)) * Microseconds.second : nil
        let entry = EventsEntry(
            batch: EventBatch(events), clock: daemon.ledger.clock,
            lateness: daemon.ledger.settings.allowedLateness, wallNow: wall, receivedAt: 0,
            producer: SimulatedDaemon.producer, producerNext: daemon.next + UInt64(events.count))
        try await take(Record(events: events, entry: .events(entry), wall: wall, end: end), &daemon)
    }

    private mutating func take(_ record: Record, _ daemon: inout SimulatedDaemon) async throws {
        history.append(record)
        try await daemon.take(record.entry)
    }

    /// Commits until the disk lets everything through.
    private mutating func settle(_ daemon: inout SimulatedDaemon) throws {
        for _ in 0..<20 where acked < daemon.ledger.position || daemon.outbox.lastRecord < acked {
            try commit(&daemon)
        }
        guard acked == history.count else { throw Finding("\(acked) of \(history.count) records are kept") }
    }

    // MARK: Comparison

    /// Everything kept, and nothing else, is in features, triggers, counts and the client's number.
    private func check(_ daemon: borrowing SimulatedDaemon) async throws {
        let plain = plainStore()
        let sent = history.reduce(0) { $0 + $1.events.count }
        guard daemon.next == sent else { throw Finding("next is \(daemon.next) after \(sent) lines") }
        guard daemon.totals.events == plain.events, daemon.totals.late == plain.late,
            daemon.totals.duplicates == plain.duplicates
        else { throw Finding("\(daemon.totals) are not \(plain.events), \(plain.late), \(plain.duplicates)") }
        for user in plain.users {
            guard let view = await daemon.view(user) else { throw Finding("\(user) is not there") }
            if let difference = PlainView(view).difference(from: plain.view(user)) {
                throw Finding("\(user): \(difference)")
            }
        }
        try check(daemon.outbox.rows, plain)
    }

    private func check(_ rows: [String], _ plain: PlainStore) throws {
        guard rows.starts(with: seen) else { throw Finding("triggers that were seen have changed") }
        let words = rows.map { $0.split(separator: " ") }
        for (index, row) in words.enumerated() where row[0] != "\(index + 1)" {
            throw Finding("trigger \(row[0]) stands at \(index + 1)")
        }
        guard Set(words.map { $0[1] }).count == rows.count else { throw Finding("an id is there twice") }
        // With late events a trigger may be withdrawn or come too late: see `checkAgainstUnbroken`.
        guard plain.late == 0 else { return }
        let found = Dictionary(grouping: words) { String($0[3]) }
        for user in plain.users {
            let mine = Set((found[user] ?? []).map { "\($0[2]) \($0[4])" })
            let theirs = Set(plain.triggers(user).map { "\($0.rule) \(EventTime(microseconds: $0.due))" })
            guard mine == theirs else {
                throw Finding("\(user): triggers \(mine.symmetricDifference(theirs).sorted())")
            }
        }
    }

    private func plainStore() -> PlainStore {
        var plain = PlainStore(settings)
        for record in history {
            switch record.entry {
            case .tick(let now): plain.reach(now)
            case .advance(let instant): plain.advance(to: instant)
            default: for event in record.events { plain.take(event, wall: record.wall) }
            }
        }
        return plain
    }

    /// The outbox is line by line that of a run in which nothing failed.
    private func checkAgainstUnbroken(_ rows: [String]) async throws {
        var rig = try Rig(settings)
        for record in history { try await rig.take(record.entry) }
        let expected = rig.triggers.enumerated().map { SimulatedOutbox.row($1, $0 + 1) }
        guard rows == expected else {
            let place = zip(rows, expected).prefix { $0 == $1 }.count
            throw Finding("the outbox differs from an unbroken run's at \(place + 1)")
        }
    }
}

import Core
import Engine
import Store

@testable import EngineSupport
@testable import StoreSupport

/// One life of the daemon, from recovery to crash: journal, ledger, shards, outbox and snapshots put
/// together as the daemon puts them, one call at a time, without a queue or a clock of its own.
struct SimulatedDaemon: ~Copyable {
    private var journal: Journal
    private let snapshots: Snapshots
    private(set) var ledger: Ledger
    private let shards: [Shard]
    private(set) var outbox: SimulatedOutbox
    private let key: HashKey
    /// Applied and not yet in the outbox.
    private var waiting: [(record: UInt64, triggers: [Trigger])] = []
    private(set) var totals = ShardTotals()
    private var round: Round?

    /// A round of snapshots under way.
    private struct Round {
        var next = 0
        var least = UInt64.max
    }

    /// What a life of the daemon needs of the simulation.
    struct Making {
        var settings: Settings
        var shards: Int
        var key: HashKey
        var segmentBytes: Int64
    }

    static let producer = "client"
    private static let store = StoreUUID(bytes: Array(1...16))

    // MARK: Recovery

    /// Loads the snapshots and replays the journal from the lowest of their positions.
    static func recover(_ disk: FaultyFileSystem, _ making: Making) async throws -> SimulatedDaemon {
        for directory in ["/journal", "/snapshots"] { try disk.ensureDirectory(directory) }
        let snapshots = try Snapshots(directory: "/snapshots", fileSystem: disk)
        let saved = try load(snapshots)
        let shards = try (0..<making.shards).map { index in
            try Shard(
                index: index, of: making.shards, settings: EngineSettings(making.settings), key: making.key,
                storeKey: Rig.storeKey, snapshots: saved.partitions)
        }
        let journal = try Journal.open(
            directory: "/journal", store: store, segmentBytes: making.segmentBytes, fileSystem: disk,
            from: saved.least + 1)
        let outbox = try SimulatedOutbox(disk)
        guard outbox.lastRecord < journal.committedRecord else {
            throw Finding("the outbox holds record \(outbox.lastRecord), which the journal has lost")
        }
        let records = try records(journal, from: saved.least + 1)
        var daemon = SimulatedDaemon(
            journal: journal, snapshots: snapshots,
            ledger: saved.ledger ?? Ledger(settings: EngineSettings(making.settings)), shards: shards,
            outbox: outbox, key: making.key)
        try await daemon.replay(records)
        try daemon.handOn()
        return daemon
    }

    private init(
        journal: consuming Journal, snapshots: Snapshots, ledger: Ledger, shards: [Shard],
        outbox: SimulatedOutbox, key: HashKey
    ) {
        self.journal = journal
        self.snapshots = snapshots
        self.ledger = ledger
        self.shards = shards
        self.outbox = outbox
        self.key = key
    }

    private static func records(_ journal: borrowing Journal, from first: UInt64) throws -> [Replayed] {
        var records: [Replayed] = []
        guard first < journal.committedRecord else { return records }
        try journal.replay(from: first) { number, kind, payload in
            records.append(Replayed(number: number, kind: kind, payload: Array(payload)))
        }
        return records
    }

    private struct Replayed {
        var number: UInt64
        var kind: UInt8
        var payload: [UInt8]
    }

    private static func load(
        _ snapshots: Snapshots
    ) throws -> (ledger: Ledger?, partitions: [Int: [UInt8]], least: UInt64) {
        var least = UInt64.max
        var partitions: [Int: [UInt8]] = [:]
        let saved = try snapshots.load(name: "ledger")
        least = min(least, saved?.position ?? 0)
        for number in 0..<Partitioning.count {
            let loaded = try snapshots.load(name: name(number))
            guard loaded?.damage == nil else { throw Finding("a snapshot is damaged: \(name(number))") }
            partitions[number] = loaded?.payload
            least = min(least, loaded?.position ?? 0)
        }
        let ledger = try saved.map { saved in
            try saved.payload.withUnsafeBytes { try Ledger(snapshot: $0) }
        }
        return (ledger, partitions, least)
    }

    private static func name(_ number: Int) -> String {
        number == Partitioning.count ? "ledger" : "partition-\(number)"
    }

    private mutating func replay(_ records: [Replayed]) async throws {
        for record in records {
            let (number, kind) = (record.number, record.kind)
            let entry = try record.payload.withUnsafeBytes { try JournalEntry(kind: kind, payload: $0) }
            try await apply(entry, number)
        }
        if records.isEmpty {
            for shard in shards { totals.add(await shard.totals()) }
        }
    }

    // MARK: Records

    /// Gives a record its place and applies it; it is on disk after `commit`.
    mutating func take(_ entry: JournalEntry) async throws {
        let number = journal.append(kind: entry.kind, payload: entry.encoded())
        guard number == ledger.position + 1 else {
            throw Finding("record \(number) after \(ledger.position)")
        }
        try await apply(entry, number)
    }

    private mutating func apply(_ entry: JournalEntry, _ number: UInt64) async throws {
        let record: ShardRecord
        if case .events(var events) = entry {
            events.batch.seal(key: key)
            record = .events(ledger.apply(events, position: number, key: key))
        } else {
            ledger.apply(entry, position: number)
            record = .entry(entry)
        }
        var triggers: [Trigger] = []
        totals = ShardTotals()
        for shard in shards {
            let outcome = try await withCheckedContinuation { continuation in
                shard.submit(record, number: number) { continuation.resume(returning: $0) }
            }.get()
            triggers.append(contentsOf: outcome.triggers.triggers)
            totals.add(outcome.totals)
        }
        waiting.append((number, triggers.sorted(by: Trigger.precedes)))
    }

    /// Last record on disk.
    var committed: UInt64 { journal.committedRecord - 1 }

    /// Makes what was taken durable, and gives the outbox what follows from it.
    mutating func commit() throws {
        try journal.commit()
        try handOn()
    }

    private mutating func handOn() throws(FileError) {
        let ready = waiting.filter { $0.record <= committed }
        guard let last = ready.last else { return }
        try outbox.append(through: last.record, ready)
        waiting.removeAll { $0.record <= last.record }
    }

    // MARK: Snapshots

    /// Saves a few partitions of the present round, beginning one where none is under way; after the last
    /// the journal is cut.
    mutating func saveSome(_ count: Int) async throws {
        var round = self.round ?? Round()
        self.round = nil
        for number in round.next..<min(round.next + count, Partitioning.count + 1) {
            let (position, bytes) = await state(number)
            // What a snapshot includes must be on disk, triggers too, before it counts.
            if position > committed || waiting.contains(where: { $0.record <= position }) { try commit() }
            try outbox.holdPosition()
            try snapshots.write(name: Self.name(number), position: position, payload: bytes)
            round.least = min(round.least, position)
        }
        round.next += count
        guard round.next > Partitioning.count else {
            self.round = round
            return
        }
        if round.least > 0 { _ = try journal.cut(below: round.least + 1) }
    }

    private func state(_ number: Int) async -> (UInt64, [UInt8]) {
        if number == Partitioning.count { return (ledger.position, ledger.snapshot()) }
        guard let saved = await shards[number % shards.count].snapshot(number) else {
            preconditionFailure("each partition has its shard")
        }
        return (saved.position, saved.bytes)
    }

    // MARK: Questions

    /// Lines of the client that are kept.
    var next: UInt64 { ledger.producers[Self.producer] ?? 0 }

    func view(_ user: String) async -> UserView? {
        for shard in shards {
            if let view = await shard.user(Array(user.utf8), names: ledger.names) { return view }
        }
        return nil
    }
}

/// Something that must not be.
struct Finding: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

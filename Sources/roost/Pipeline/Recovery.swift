import Core
import Dispatch
import Engine
import Store

/// Why the daemon could not start or go on; the code is the process's exit code.
struct DaemonFailure: Error, CustomStringConvertible {
    var exitCode: Int32
    var description: String

    static let journalCode: Int32 = 3
    static let databaseCode: Int32 = 4
    static let stateCode: Int32 = 5

    /// What an error at the start means to who started the daemon.
    static func exitCode(of error: any Error) -> Int32 {
        switch error {
        case let failure as DaemonFailure: failure.exitCode
        case is JournalError: journalCode
        case is DatabaseError: databaseCode
        case is StateError, is SnapshotError: stateCode
        default: 1
        }
    }
}

/// State as the snapshots and the journal after them give it.
struct RecoveredState: ~Copyable {
    var ledger: Ledger
    var shards: [Shard]
    var journal: Journal
    var keeper: OutboxKeeper
    /// Records replayed.
    var replayed: UInt64

    /// The journal, to be written on.
    consuming func takeJournal() -> Journal { journal }
}

/// Loads the snapshots and replays the journal from the lowest of their positions.
struct Recovery {
    let settings: Settings
    let key: HashKey
    let storeKey: HashKey
    let erasures: ErasureRegister
    let time: any TimeSource
    let counters: Counters
    let log: Log
    let failed: @Sendable (DaemonFailure) -> Void

    func run(_ directory: borrowing DataDirectory, _ snapshots: Snapshots) throws -> RecoveredState {
        let shardCount = max(1, min(Partitioning.count, processorCount()))
        var ledger = Ledger(settings: EngineSettings(settings))
        var saved = SavedPositions()
        if let loaded = try load(SavedPositions.ledgerName, snapshots) {
            ledger = try loaded.payload.withUnsafeBytes { raw in try Ledger(snapshot: raw) }
            saved[SavedPositions.ledger] = loaded.position
        }
        let shards = try restore(shardCount, snapshots, ledger.itemNames, &saved)
        let disk = DiskFileSystem()
        let archive = settings.journal.archive
        let journal = try Journal.open(
            directory: directory.journal, store: directory.identity.journal,
            segmentBytes: settings.journal.segmentBytes, archive: archive.isEmpty ? nil : archive,
            fileSystem: disk, from: saved.least + 1)
        let outbox = try Outbox.open(path: directory.outbox)
        // The outbox follows the journal: where it is ahead, acknowledged records are gone, and those that
        // take their numbers would have no triggers.
        guard outbox.lastRecord < journal.committedRecord else {
            throw JournalError.missing(
                directory: directory.journal, from: journal.committedRecord, through: outbox.lastRecord)
        }
        let failed = failed
        let keeper = OutboxKeeper(
            outbox: outbox,
            cursors: try Cursors.open(path: directory.cursors),
            deadLetters: try DeadLetters.open(path: directory.deadLetters), erasures: erasures,
            shardCount: shardCount, firstRecord: saved.least + 1, time: time, counters: counters, log: log
        ) { error in
            failed(DaemonFailure(exitCode: DaemonFailure.databaseCode, description: "outbox: \(error)"))
        }
        begin(shards, keeper)
        let last = journal.committedRecord - 1
        keeper.committed(through: last)
        let replayed = try replay(journal, from: saved.least + 1, &ledger, shards, keeper)
        wait(for: last, keeper)
        return RecoveredState(
            ledger: ledger, shards: shards, journal: journal, keeper: keeper, replayed: replayed)
    }

    /// Results of independent work by number, made on all cores; the first failure by number where there is one.
    private static func inParallel<Value: Sendable>(
        _ count: Int, _ make: @Sendable (Int) throws -> Value
    ) throws -> [Value] {
        let results = Guarded<[Int: Result<Value, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: count) { index in
            let result = Result { try make(index) }
            results.update { $0[index] = result }
        }
        let all = results.value
        return try (0..<count).compactMap { try all[$0]?.get() }
    }

    /// Shards with what is saved of their partitions. Each reads one after the other, so that no more of the
    /// files than one partition's lies in memory for it.
    private func restore(
        _ shardCount: Int, _ snapshots: Snapshots, _ itemNames: ItemNames, _ saved: inout SavedPositions
    ) throws -> [Shard] {
        let engine = EngineSettings(settings)
        let positions = Guarded<[Int: UInt64]>([:])
        let shards = try Self.inParallel(shardCount) { index in
            try Shard(
                index: index, of: shardCount, settings: engine, key: key, storeKey: storeKey,
                itemNames: itemNames
            ) { number in
                guard let loaded = try load(SavedPositions.name(number), snapshots) else { return nil }
                positions.update { $0[number] = loaded.position }
                return loaded.payload
            }
        }
        for (number, position) in positions.value { saved[number] = position }
        return shards
    }

    /// The newest whole snapshot of a name. A damaged one without an older one is as none: the journal is
    /// replayed from its beginning, and where that is gone the start is refused.
    private func load(_ name: String, _ snapshots: Snapshots) throws(SnapshotError) -> Snapshots.Loaded? {
        do throws(SnapshotError) {
            let loaded = try snapshots.load(name: name)
            warn(loaded?.damage)
            return loaded
        } catch .damaged(let path, let damage) {
            log.warning(
                "recovery: \(SnapshotError.damaged(path: path, damage)); its state is made again from the journal"
            )
            return nil
        }
    }

    private func warn(_ damage: SnapshotError?) {
        if let damage { log.warning("recovery: \(damage); the one before is used") }
    }

    private func replay(
        _ journal: borrowing Journal, from first: UInt64, _ ledger: inout Ledger, _ shards: [Shard],
        _ keeper: OutboxKeeper
    ) throws -> UInt64 {
        guard first < journal.committedRecord else { return 0 }
        var count: UInt64 = 0
        let failed = failed
        try journal.replay(from: first) { number, kind, payload in
            let entry = try JournalEntry(kind: kind, payload: payload)
            let record: ShardRecord
            var letters: DeadLetters.Batch?
            if case .events(var events) = entry {
                events.batch.seal(key: key)
                letters = Self.letters(events, number)
                record = .events(ledger.apply(events, position: number, key: key))
            } else {
                ledger.apply(entry, position: number)
                record = .entry(entry)
            }
            keeper.expect(
                number, letters: letters, marks: record.erasureMarks,
                now: EventTime(microseconds: ledger.clock.now))
            Sequencer.dispatch(record, number, to: shards, keeper: keeper) { text in
                failed(DaemonFailure(exitCode: DaemonFailure.stateCode, description: text))
            }
            count += 1
            if count % 64 == 0 { wait(for: number - 32, keeper) }
        }
        return count
    }

    static func letters(_ events: EventsEntry, _ number: UInt64) -> DeadLetters.Batch? {
        if events.batch.rejections.isEmpty { return nil }
        return DeadLetters.Batch(
            record: number, producer: events.producer.isEmpty ? nil : events.producer,
            rejections: events.batch.rejections, receivedAt: EventTime(microseconds: events.receivedAt))
    }

    /// Tells the keeper what the snapshots hold, so that it is known even where nothing is replayed.
    private func begin(_ shards: [Shard], _ keeper: OutboxKeeper) {
        let told = DispatchGroup()
        for (index, shard) in shards.enumerated() {
            told.enter()
            shard.ask({ $0.totals() }) { totals in
                keeper.began(totals, shard: index)
                told.leave()
            }
        }
        told.wait()
    }

    private func wait(for record: UInt64, _ keeper: OutboxKeeper) {
        let done = DispatchSemaphore(value: 0)
        keeper.whenHeld(record) { done.signal() }
        done.wait()
    }
}

import Core
import Dispatch
import Engine
import Glibc
import Store

/// The daemon's engine on the event clock without ports and without a data directory: the same sequencer,
/// shards, trainer and outbox, the journal's bytes dropped and the tables in temporary files without names.
struct BacktestEngine {
    let settings: Settings
    let key: HashKey
    let shards: [Shard]
    private let sequencer: Sequencer
    private let keeper: OutboxKeeper
    private let registry: RegistryKeeper
    private let trainer: Trainer
    private let failure: Guarded<String?>
    private let room = DispatchSemaphore(value: BacktestEngine.batchesInFlight)

    /// Batches between reading and the shards.
    private static let batchesInFlight = 8
    /// A path that SQLite takes for a database of its own that is gone with it.
    private static let temporary = ""

    /// - Parameters:
    ///   - configured: as for a daemon; a wall clock becomes the event clock, see `onEventClock`.
    ///   - shardCount: which changes nothing but the speed.
    init(_ configured: Settings, shardCount: Int = max(1, min(Partitioning.count, processorCount()))) throws {
        let settings = configured.onEventClock
        var chance = SystemRandomNumberGenerator()
        let key = HashKey(k0: chance.next(), k1: chance.next())
        let storeKey = HashKey(k0: chance.next(), k1: chance.next())
        let failure = Guarded<String?>(nil)
        let (time, counters, nowhere) = (SystemTime(), Counters(), DiscardingFileSystem())
        let engine = EngineSettings(settings)
        let shards = try (0..<shardCount).map {
            try Shard(index: $0, of: shardCount, settings: engine, key: key, storeKey: storeKey)
        }
        let log = Log { level, text in
            if level != .info { Terminal.complain("\(level.text): \(text)\n") }
        }
        let journal = try Journal.open(
            directory: Self.temporary, store: StoreUUID(using: &chance),
            segmentBytes: settings.journal.segmentBytes, fileSystem: nowhere, from: 1)
        let keeper = OutboxKeeper(
            outbox: try Outbox.open(path: Self.temporary), cursors: try Cursors.open(path: Self.temporary),
            deadLetters: try DeadLetters.open(path: Self.temporary),
            erasures: try ErasureRegister(directory: Self.temporary, key: storeKey, fileSystem: nowhere),
            shardCount: shardCount, firstRecord: 1, time: time, counters: counters, log: log
        ) { error in failure.update { $0 = "outbox: \(error)" } }
        let writer = JournalWriter(
            journal: journal, commitInterval: 0, time: time, counters: counters, log: log,
            committed: { keeper.committed(through: $0) },
            failed: { error in failure.update { $0 = "journal: \(error)" } })
        sequencer = Sequencer(
            ledger: Ledger(settings: engine), shards: shards, writer: writer, keeper: keeper, key: key,
            storeKey: storeKey,
            store: "", settings: settings, time: time, counters: counters, log: log
        ) { text in failure.update { $0 = text } }
        registry = RegistryKeeper(try ModelRegistry.open(path: Self.temporary), log: log)
        trainer = Trainer(shards: shards, settings: settings, registry: registry, time: time, log: log)
        (self.settings, self.key, self.shards, self.keeper, self.failure) = (
            settings, key, shards, keeper, failure
        )
        sequencer.enqueue { [trainer] in $0.begin(trainer, settings) }
    }

    /// Lines may be refused by the clock, so that a batch must bring its source.
    var needsSource: Bool { sequencer.needsSource }

    /// Takes a batch; waits while too many are under way.
    ///
    /// - Parameter refused: told of the lines that were not taken, those of the clock included.
    func submit(_ given: EventBatch, refused: @escaping @Sendable ([Rejection]) -> Void) throws {
        var batch = given
        batch.seal(key: key)
        room.wait()
        sequencer.submit(Submission(batch: batch, producer: nil, firstLine: 0)) { [room] receipt in
            if case .committed(_, let rejections, _) = receipt, !rejections.isEmpty { refused(rejections) }
            room.signal()
        }
        try check()
    }

    /// Waits until everything submitted is applied and its triggers are numbered.
    func settle() throws {
        wait { done in sequencer.sync { done(()) } }
        try check()
    }

    /// Moves the clock, firing what falls due.
    func advance(to instant: EventTime) throws {
        let answer = wait { done in sequencer.advance(to: instant, completion: done) }
        if case .refused(let code, let detail) = answer { throw CommandFailure("\(code): \(detail)") }
        try settle()
    }

    private func check() throws {
        if let reason = failure.value { throw CommandFailure(reason) }
    }

    // MARK: What it has come to

    /// The clock, the counts and which models are in use.
    func ledger() -> Ledger { wait { done in sequencer.enqueue { done($0.ledger) } } }

    func totals() -> ShardTotals { keeper.totals() }

    /// Triggers after a number, those held out too.
    func triggers(after seq: Int64) -> TriggerPage {
        let filter = TriggerFilter(includeHoldout: true, includeStale: true)
        return wait { done in
            keeper.read(after: seq, limit: 10_000, filter: filter, completion: done)
        }
    }

    /// Every candidate of every model that is kept fitted, the oldest first.
    func candidates() -> [ModelView] {
        let registry = registry
        return trainer.modelNames.flatMap { name in
            wait { done in Task { done(await registry.history(of: name)) } }.reversed()
        }
    }

    /// What the models in use say of all buyers, in the order of partitions.
    func forecasts() -> [ForecastPage] {
        let pages = shards.flatMap { shard in
            wait { done in shard.ask({ $0.forecasts() }, completion: done) }
        }
        return pages.sorted { $0.partition < $1.partition }.map(\.page)
    }
}

extension Settings {
    /// These settings for a history: the clock is the log's. What the wall clock refits daily unless told
    /// otherwise is refitted daily here, too.
    var onEventClock: Settings {
        guard clock.mode == .wall else { return self }
        var settings = self
        settings.clock.mode = .event
        settings.models.schedule = models.schedule ?? Schedule(every: Microseconds.day)
        return settings
    }
}

/// The answer of something that answers on a queue of its own.
func wait<Answer: Sendable>(_ ask: (@escaping @Sendable (Answer) -> Void) -> Void) -> Answer {
    let answer = Guarded<Answer?>(nil)
    let done = DispatchSemaphore(value: 0)
    ask { given in
        answer.update { $0 = given }
        done.signal()
    }
    done.wait()
    guard let value = answer.value else { preconditionFailure("answered without an answer") }
    return value
}

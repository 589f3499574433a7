import Core
import Dispatch
import Engine
import Store

/// Saves partition after partition while events flow, and drops the journal that is no longer needed.
actor Snapshotter {
    private nonisolated let executor = QueueExecutor(label: "roost.snapshot", qos: .utility)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let snapshots: Snapshots
    private let sequencer: Sequencer
    private let shards: [Shard]
    private let keeper: OutboxKeeper
    private let writer: JournalWriter
    private let settings: Settings
    private let counters: Counters
    private let log: Log
    private var timer: (any DispatchSourceTimer)?
    private var savedRecord: UInt64
    private var savedBytes: Int64 = 0
    private var lastRound: Int64 = 0
    private var isRunning = false
    private let time: any TimeSource

    init(
        snapshots: Snapshots, sequencer: Sequencer, shards: [Shard], keeper: OutboxKeeper,
        writer: JournalWriter, settings: Settings, savedRecord: UInt64, time: any TimeSource,
        counters: Counters, log: Log
    ) {
        self.snapshots = snapshots
        self.sequencer = sequencer
        self.shards = shards
        self.keeper = keeper
        self.writer = writer
        self.settings = settings
        self.savedRecord = savedRecord
        self.time = time
        self.counters = counters
        self.log = log
    }

    func start() {
        lastRound = time.monotonic()
        let timer = DispatchSource.makeTimerSource(queue: executor.queue)
        timer.schedule(deadline: .now() + .seconds(1), repeating: .seconds(1))
        timer.setEventHandler { self.assumeIsolated { $0.look() } }
        timer.resume()
        self.timer = timer
    }

    func stop() { timer?.cancel() }

    /// Retention is looked after every so many seconds.
    private static let pruneEvery = 10
    private var looks = 0
    private var isPruning = false
    /// A round that failed is not tried again before so many seconds.
    private static let pauseAfterFailure = 60 * Microseconds.second
    private var failedAt = -pauseAfterFailure

    private func look() {
        looks += 1
        if looks % Self.pruneEvery == 0 { Task { await self.prune() } }
        let grown = counters.value(.journalBytes) - savedBytes
        let since = time.monotonic() - lastRound
        guard !isRunning, grown > 0, time.monotonic() - failedAt >= Self.pauseAfterFailure,
            since >= settings.snapshot.interval || grown >= settings.snapshot.journalBytes
        else { return }
        isRunning = true
        Task {
            await self.round()
            self.ended()
        }
    }

    private func ended() {
        isRunning = false
        lastRound = time.monotonic()
        if !waiting.isEmpty { waiting.removeFirst().resume() }
    }

    /// Who waits for the round or the stillness of another to end.
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Runs work during which no snapshot is written and no segment removed but by itself.
    func alone<Result: Sendable>(_ work: @Sendable (isolated Snapshotter) async throws -> Result)
        async rethrows -> Result
    {
        while isRunning { await withCheckedContinuation { waiting.append($0) } }
        isRunning = true
        defer { ended() }
        return try await work(self)
    }

    private func prune() async {
        guard !isPruning else { return }
        isPruning = true
        defer { isPruning = false }
        do {
            while try await keeper.prune(settings.retention) {}
        } catch {
            log.error("retention: \(error)")
        }
    }

    /// One round over all partitions and the ledger, then the cut.
    ///
    /// - Returns: how many snapshots were written; nil where the round was abandoned.
    @discardableResult
    func round() async -> Int? {
        var written = 0
        let bytesBefore = counters.value(.journalBytes)
        var least = UInt64.max
        do {
            for number in 0..<Partitioning.count {
                let shard = shards[number % shards.count]
                guard let saved = await shard.snapshot(number) else { continue }
                try await store("partition-\(number < 10 ? "0" : "")\(number)", saved.position, saved.bytes)
                least = min(least, saved.position)
                written += 1
            }
            let ledger = await sequencer.ledger
            try await store("ledger", ledger.position, ledger.snapshot())
            least = min(least, ledger.position)
        } catch {
            counters.add(.snapshotFailures)
            failedAt = time.monotonic()
            log.error("snapshot: abandoned, the one before stays: \(error)")
            return nil
        }
        savedRecord = least
        savedBytes = bytesBefore
        counters.add(.snapshots)
        if least > 0 { await writer.cut(below: least + 1) }
        return written + 1
    }

    /// Waits until the journal and the outbox hold what the state has seen, then writes it.
    private func store(_ name: String, _ position: UInt64, _ bytes: [UInt8]) async throws {
        await held(position)
        try await keeper.holdPosition()
        try snapshots.write(name: name, position: position, payload: bytes)
    }

    private nonisolated func held(_ position: UInt64) async {
        await withCheckedContinuation { continuation in
            keeper.whenHeld(position) { continuation.resume() }
        }
    }
}

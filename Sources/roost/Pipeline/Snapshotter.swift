import Core
import Dispatch
import Engine
import Store

/// Saves partition after partition while events flow, and drops the journal that is no longer needed.
///
/// Turn after turn, each spread evenly over what the settings allow to pass between two of them: no part is
/// older than one turn, they are half a turn old on average, and a start replays no more than that.
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
    /// Of what was saved in this life: that the files of the one before would survive a power cut is not known,
    /// and the journal is cut by these.
    private var saved = SavedPositions()
    /// Bytes of each part, and what the journal's counter said when it was saved.
    private var parts = [(bytes: Int64, journalBytes: Int64)](
        repeating: (0, 0), count: SavedPositions.count)
    /// Part whose turn is next, when and where in the journal the turn began, and whether it has saved any.
    private var next = 0
    private var turnStart: Int64 = 0
    private var turnBytes: Int64 = 0
    private var turnSaves = false
    /// Memory of snapshots that are written, for the next.
    private var memory: [[UInt8]] = []
    private var isRunning = false
    private let time: any TimeSource

    init(
        snapshots: Snapshots, sequencer: Sequencer, shards: [Shard], keeper: OutboxKeeper,
        writer: JournalWriter, settings: Settings, time: any TimeSource, counters: Counters,
        log: Log
    ) {
        self.snapshots = snapshots
        self.sequencer = sequencer
        self.shards = shards
        self.keeper = keeper
        self.writer = writer
        self.settings = settings
        self.time = time
        self.counters = counters
        self.log = log
    }

    func start() {
        beginTurn()
        let timer = DispatchSource.makeTimerSource(queue: executor.queue)
        timer.schedule(deadline: .now() + .milliseconds(100), repeating: .milliseconds(100))
        timer.setEventHandler { self.assumeIsolated { $0.look() } }
        timer.resume()
        self.timer = timer
    }

    func stop() { timer?.cancel() }

    /// Retention is looked after at every hundredth look, which is every ten seconds.
    private static let pruneEvery = 100
    private var looks = 0
    private var isPruning = false
    /// What failed is not tried again for so long, microseconds.
    private static let pauseAfterFailure = 60 * Microseconds.second
    private var failedAt = -pauseAfterFailure

    private func look() {
        looks += 1
        if looks % Self.pruneEvery == 0 { Task { await self.prune() } }
        guard !isRunning, time.monotonic() - failedAt >= Self.pauseAfterFailure, isDue else { return }
        isRunning = true
        Task {
            await self.saveDue()
            self.ended()
        }
    }

    private func ended() {
        isRunning = false
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

    // MARK: Turns

    /// A turn's journal is at least this part of the state: what is written for it stays in proportion.
    private static let stateShare: Int64 = 16

    /// Whether a turn has come as far, in journal or in time, as its next part stands among all.
    private var isDue: Bool {
        let count = Int64(SavedPositions.count)
        let state = parts.reduce(0) { $0 + $1.bytes }
        let wanted = max(settings.snapshot.journalBytes, state / Self.stateShare)
        let grown = counters.value(.journalBytes) - turnBytes
        let since = time.monotonic() - turnStart
        let share = Int64(next + 1)
        return grown >= wanted / count * share || since >= settings.snapshot.interval / count * share
    }

    private func beginTurn() {
        next = 0
        turnStart = time.monotonic()
        turnBytes = counters.value(.journalBytes)
        turnSaves = false
    }

    /// Parts under way at once: while one is written, others are copied and wait for what they have seen to
    /// be on disk.
    private static let lanes = 3

    /// Saves what is due, until somebody waits to be alone.
    private func saveDue() async {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                var running = 0
                while isDue, waiting.isEmpty {
                    guard let part = takeNext() else { continue }
                    if running == Self.lanes {
                        try await group.next()
                        running -= 1
                    }
                    group.addTask { try await self.save(part) }
                    running += 1
                }
                try await group.waitForAll()
            }
        } catch { failed(error) }
        await cut()
    }

    /// The part whose turn it is; nil where nothing has come since it was saved, and what is saved is true.
    private func takeNext() -> Int? {
        let part = next
        let isStale = counters.value(.journalBytes) > parts[part].journalBytes
        next += 1
        turnSaves = turnSaves || isStale
        if next == SavedPositions.count {
            if turnSaves { counters.add(.snapshots) }
            beginTurn()
        }
        return isStale ? part : nil
    }

    /// All parts at once, then the cut.
    ///
    /// - Returns: how many snapshots were written; nil where the round was abandoned.
    @discardableResult
    func round() async -> Int? {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in 0..<SavedPositions.count {
                    if part >= Self.lanes { try await group.next() }
                    group.addTask { try await self.save(part) }
                }
                try await group.waitForAll()
            }
        } catch {
            failed(error)
            return nil
        }
        counters.add(.snapshots)
        beginTurn()
        await cut()
        return SavedPositions.count
    }

    private func failed(_ error: any Error) {
        counters.add(.snapshotFailures)
        failedAt = time.monotonic()
        log.error("snapshot: abandoned, the one before stays: \(error)")
    }

    private func cut() async {
        if saved.least > 0 { await writer.cut(below: saved.least + 1) }
    }

    private func save(_ part: Int) async throws {
        let journalBytes = counters.value(.journalBytes)
        let position: UInt64
        let bytes: [UInt8]
        if part == SavedPositions.ledger {
            let ledger = await sequencer.ledger
            (position, bytes) = (ledger.position, ledger.snapshot())
        } else {
            let spare = memory.popLast() ?? []
            let shard = shards[part % shards.count]
            guard let state = await shard.snapshot(part, reusing: consume spare) else { return }
            (position, bytes) = state
        }
        try await store(SavedPositions.name(part), position, bytes)
        saved[part] = position
        parts[part] = (Int64(bytes.count), journalBytes)
        if part != SavedPositions.ledger { memory.append(bytes) }
    }

    /// Waits until the journal and the outbox hold what the state has seen, then writes it.
    private func store(_ name: String, _ position: UInt64, _ bytes: [UInt8]) async throws {
        await held(position)
        try await keeper.holdPosition()
        let snapshots = snapshots
        try await withCheckedThrowingContinuation { continuation in
            Self.writing.async {
                continuation.resume(
                    with: Result { try snapshots.write(name: name, position: position, payload: bytes) })
            }
        }
    }

    /// Writing waits for the disk; parts of different names do not wait for each other.
    private static let writing = DispatchQueue(
        label: "roost.snapshot.write", qos: .utility, attributes: .concurrent)

    private nonisolated func held(_ position: UInt64) async {
        await withCheckedContinuation { continuation in
            keeper.whenHeld(position) { continuation.resume() }
        }
    }
}

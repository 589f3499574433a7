import Core
import Dispatch
import Engine
import Store

/// Forgets users on request: at once in the state and in all answers, then in every file, many in one go.
actor Eraser {
    private nonisolated let executor = QueueExecutor(label: "roost.eraser", qos: .utility)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let parts: Parts
    private var waiting: [Request] = []
    private var isRecording = false
    private var isErasing = false
    private var lastRound: Int64
    private var timer: (any DispatchSourceTimer)?

    /// What it works on.
    struct Parts: Sendable {
        let sequencer: Sequencer
        let keeper: OutboxKeeper
        let writer: JournalWriter
        let snapshotter: Snapshotter
        let register: ErasureRegister
        let identity: StoreIdentity
        /// The data directory.
        let directory: String
        /// The databases in it.
        let held: HeldFiles
        let settings: Settings
        let time: any TimeSource
        let counters: Counters
        let log: Log
    }

    private struct Request {
        var erasure: PendingErasure
        var done: CheckedContinuation<ErasureRegisterError?, Never>
    }

    init(_ parts: Parts) {
        self.parts = parts
        lastRound = parts.time.monotonic() - Microseconds.day
    }

    /// Erasures ever done in this store.
    nonisolated var doneCount: Int64 { parts.register.doneCount }

    private var eraseWithin: Int64 { parts.settings.retention.eraseWithin }
    /// How long a request waits for others of its round.
    private var gathering: Int64 { min(Microseconds.minute, eraseWithin / 60) }
    /// Rounds begin at least so far apart.
    private var pause: Int64 { eraseWithin / 10 }

    // MARK: Requests

    /// Erases a user from the state; returns when no answer shows them any more.
    func erase(_ id: [UInt8]) async throws(StatusFailure) -> ErasureView {
        var chance = SystemRandomNumberGenerator()
        let receipt = String(chance.next() as UInt64, radix: 36)
        let erasure = PendingErasure(
            receipt: receipt, mark: parts.register.key.erasureMark(of: id), user: id,
            requestedAt: parts.time.wall())
        let failure = await withCheckedContinuation { continuation in
            waiting.append(Request(erasure: erasure, done: continuation))
            if !isRecording {
                isRecording = true
                Task { await self.recordWaiting() }
            }
        }
        if let failure {
            throw StatusFailure(
                httpStatus: 503, code: "erasure_not_kept",
                detail: "the request could not be kept, try again: \(failure)")
        }
        let kept = parts.register.pending.first { $0.receipt == receipt }
        return view(kept ?? erasure)
    }

    /// What came while one record was under way is the next one.
    private func recordWaiting() async {
        while !waiting.isEmpty {
            let requests = waiting
            waiting = []
            var failure: ErasureRegisterError?
            do throws(ErasureRegisterError) {
                try parts.register.add(requests.map(\.erasure))
                await record(requests.map(\.erasure.mark))
            } catch {
                failure = error
            }
            for request in requests { request.done.resume(returning: failure) }
        }
        isRecording = false
        count()
    }

    /// Journals marks; returns when every shard has forgotten them and the tables hide them.
    private nonisolated func record(_ marks: [ErasureMark]) async {
        let (sequencer, keeper) = (parts.sequencer, parts.keeper)
        await withCheckedContinuation { continuation in
            sequencer.enqueue { sequencer in
                let number = sequencer.append(.erase(marks))
                keeper.whenHeld(number) { continuation.resume() }
            }
        }
    }

    /// A receipt; nil where it is not known.
    func find(_ receipt: String) throws(ErasureRegisterError) -> ErasureView? {
        if let pending = parts.register.pending.first(where: { $0.receipt == receipt }) {
            return view(pending)
        }
        return try parts.register.finished(receipt).map { view($0) }
    }

    private func view(_ erasure: PendingErasure) -> ErasureView {
        var removed = ErasureView.Removed()
        removed.events = erasure.events
        return ErasureView(
            receipt: erasure.receipt, requestedAt: erasure.requestedAt, doneAt: nil,
            dueAt: erasure.requestedAt + eraseWithin, removed: removed)
    }

    private func view(_ erasure: FinishedErasure) -> ErasureView {
        ErasureView(
            receipt: erasure.receipt, requestedAt: erasure.requestedAt, doneAt: erasure.doneAt, dueAt: nil,
            removed: erasure.removed)
    }

    // MARK: Rounds

    /// Takes up what a crash, or a backup that was restored, has left; before any port is open.
    func begin() async throws {
        let known = await parts.sequencer.ledger.erasures
        var lost: Set<String> = []
        for erasure in parts.register.pending {
            guard let record = erasure.record else { continue }
            let isKnown = known.batches.contains { $0.record == record && $0.marks.contains(erasure.mark) }
            if !isKnown { lost.insert(erasure.receipt) }
        }
        try parts.register.forgetRecords(of: lost)
        try await adopt(known)
        let unrecorded = parts.register.pending.filter { $0.record == nil }
        if !unrecorded.isEmpty { await record(unrecorded.map(\.mark)) }
        await parts.keeper.hideTraces()
        count()
    }

    /// Makes sure that the register knows every erasure of the journal that is not done.
    private func adopt(_ known: PendingErasures) async throws {
        guard let last = known.lastRecord else { return }
        let finished = try parts.register.allFinished()
        let (triggers, letters) = (parts.keeper.lastSeq, await parts.keeper.lastLetter())
        for batch in known.batches {
            let missing = batch.marks.filter { mark in
                !finished.contains { $0.mark == mark && $0.record == batch.record }
                    && !parts.register.pending.contains { $0.mark == mark && $0.record == batch.record }
            }
            if missing.isEmpty { continue }
            try parts.register.recorded(
                batch.record, marks: missing, erased: [], triggers: triggers, letters: letters,
                wallNow: parts.time.wall())
        }
        if !parts.register.pending.contains(where: { $0.record != nil }) { await conclude(through: last) }
    }

    func start() {
        let timer = DispatchSource.makeTimerSource(queue: executor.queue)
        timer.schedule(deadline: .now() + .seconds(1), repeating: .seconds(1))
        timer.setEventHandler { self.assumeIsolated { $0.look() } }
        timer.resume()
        self.timer = timer
    }

    func stop() { timer?.cancel() }

    private func look() {
        count()
        guard !isErasing, let oldest = parts.register.pending.map(\.requestedAt).min() else { return }
        let waited = parts.time.wall().microseconds - oldest.microseconds
        guard waited >= gathering, parts.time.monotonic() - lastRound >= pause else { return }
        isErasing = true
        lastRound = parts.time.monotonic()
        Task {
            await self.round()
            self.isErasing = false
        }
    }

    private func round() async {
        let erasures = parts.register.pending.filter { $0.record != nil }
        guard !erasures.isEmpty else { return }
        do {
            let finished = try await ErasureRound(parts, erasures).run()
            try parts.register.finish(finished)
            await conclude(through: finished.map(\.record).max() ?? 0)
            await parts.keeper.hideTraces()
            parts.counters.add(.erasures, Int64(finished.count))
            parts.log.info("erasure: \(finished.count) users are gone from every file")
        } catch {
            parts.counters.add(.erasureFailures)
            parts.log.error("erasure: tried again in \(pause / Microseconds.second) s: \(error)")
        }
        count()
    }

    /// Journals that nothing is left of what was erased up to a record.
    private nonisolated func conclude(through record: UInt64) async {
        let (sequencer, keeper) = (parts.sequencer, parts.keeper)
        await withCheckedContinuation { continuation in
            sequencer.enqueue { sequencer in
                let number = sequencer.append(.erased(through: record))
                keeper.whenHeld(number) { continuation.resume() }
            }
        }
    }

    private func count() {
        let now = parts.time.wall()
        let pending = parts.register.pending
        parts.counters.set(.erasuresPending, Int64(pending.count))
        parts.counters.set(
            .erasuresOverdue, Int64(pending.count { $0.requestedAt + eraseWithin < now }))
    }
}

import Core
import Dispatch
import Store

/// The journal on a queue of its own: what has arrived while one commit was under way is the next.
actor JournalWriter {
    private nonisolated let executor = QueueExecutor(label: "roost.journal", qos: .userInitiated)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    var journal: Journal
    private var waiting: [Waiting] = []
    private var scheduled = false
    private var stalled = false
    private var closed = false
    private var lastFlush: Int64 = .min / 2
    private let commitInterval: Int64
    private let time: any TimeSource
    private let counters: Counters
    private let log: Log
    private let failed: @Sendable (JournalError) -> Void
    private let committed: @Sendable (UInt64) -> Void

    private struct Waiting {
        var number: UInt64
        var kind: UInt8
        var payload: [UInt8]
        var done: (@Sendable () -> Void)?
    }

    /// How long a commit that found no room waits before it tries again.
    private static let stallMilliseconds = 200

    /// - Parameters:
    ///   - committed: called with the last record on disk after each commit.
    ///   - failed: the disk failed; nothing more is written.
    init(
        journal: consuming Journal, commitInterval: Int64, time: any TimeSource, counters: Counters, log: Log,
        committed: @escaping @Sendable (UInt64) -> Void, failed: @escaping @Sendable (JournalError) -> Void
    ) {
        self.journal = journal
        self.commitInterval = commitInterval
        self.time = time
        self.counters = counters
        self.log = log
        self.committed = committed
        self.failed = failed
    }

    /// Appends a record; `done` when it is on disk. Calls keep their order; numbers are consecutive.
    nonisolated func append(
        number: UInt64, kind: UInt8, payload: [UInt8], done: (@Sendable () -> Void)? = nil
    ) {
        executor.queue.async {
            self.assumeIsolated { writer in
                writer.waiting.append(Waiting(number: number, kind: kind, payload: payload, done: done))
                writer.schedule()
            }
        }
    }

    private func schedule() {
        guard !scheduled, !stalled, !closed else { return }
        scheduled = true
        // One fsync an interval: the first line after a pause goes at once.
        let wait = lastFlush + commitInterval - time.monotonic()
        if wait <= 0 {
            executor.queue.async { self.assumeIsolated { $0.flush() } }
        } else {
            executor.queue.asyncAfter(deadline: .now() + .microseconds(Int(wait))) {
                self.assumeIsolated { $0.flush() }
            }
        }
    }

    private var taken: [Waiting] = []

    private func flush() {
        scheduled = false
        guard !closed else { return }
        lastFlush = time.monotonic()
        if !stalled { take() }
        do throws(JournalError) {
            try journal.commit()
            if stalled { log.info("journal: there is room on disk again; intake goes on") }
            stalled = false
        } catch {
            fail(error)
            return
        }
        counters.add(.journalCommits)
        let done = taken
        taken = []
        if let last = done.last { committed(last.number) }
        for record in done { record.done?() }
        if !waiting.isEmpty { schedule() }
    }

    /// Hands what waits to the journal's buffer, up to what one commit may hold.
    private func take() {
        let count = min(waiting.count, 4096)
        taken = Array(waiting[..<count])
        waiting.removeFirst(count)
        for record in taken {
            let number = journal.append(kind: record.kind, payload: record.payload)
            precondition(number == record.number, "the journal is at \(number), not \(record.number)")
            counters.add(.journalRecords)
            counters.add(.journalBytes, Int64(record.payload.count))
        }
    }

    /// Ends the last segment, so that a cut can take it; see `Journal.rotate`.
    func rotate() -> UInt64? {
        guard !closed, !stalled else { return nil }
        do throws(JournalError) { return try journal.rotate() } catch {
            fail(error)
            return nil
        }
    }

    private func fail(_ error: JournalError) {
        guard case .noSpace = error else {
            closed = true
            failed(error)
            return
        }
        if !stalled { log.error("journal: no room on disk; intake and acks pause until there is: \(error)") }
        stalled = true
        counters.add(.journalStalls)
        executor.queue.asyncAfter(deadline: .now() + .milliseconds(Self.stallMilliseconds)) {
            self.assumeIsolated { $0.flush() }
        }
    }

    /// Drops segments whose records are all below a number.
    func cut(below number: UInt64) {
        do throws(JournalError) { _ = try journal.cut(below: number) } catch {
            log.error("journal: old segments could not be removed: \(error)")
        }
    }

    /// Segment files with their committed bytes, and the last record in them.
    func segmentFiles() -> (segments: [(name: String, bytes: Int64)], record: UInt64) {
        (journal.segmentFiles, journal.committedRecord - 1)
    }

    /// What the files hold.
    func extent() -> (segments: Int64, bytes: Int64, firstRecord: UInt64) {
        (Int64(journal.segments), journal.bytes, journal.firstRecord)
    }

    /// Bytes, segment files and first and last record.
    func figures() -> [Named<Int64>] {
        counters.set(.journalSegments, Int64(journal.segments))
        return [
            Named("bytes", journal.bytes), Named("segments", Int64(journal.segments)),
            Named("first_record", Int64(journal.firstRecord)),
            Named("committed_record", Int64(journal.committedRecord) - 1),
        ]
    }
}

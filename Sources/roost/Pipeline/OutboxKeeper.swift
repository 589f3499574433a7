import Core
import Dispatch
import Engine
import Store
import Synchronization

/// Puts together what the shards made of each record and hands it on in the order of the records, once
/// they are on disk: triggers to the outbox, unusable lines to the dead letters.
actor OutboxKeeper: TriggerSource {
    private nonisolated let executor = QueueExecutor(label: "roost.outbox", qos: .userInitiated)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    var outbox: Outbox
    var cursors: Cursors
    var deadLetters: DeadLetters
    private let shardCount: Int
    let time: any TimeSource
    private let counters: Counters
    let log: Log
    /// Erasures under way, told which records, triggers and letters they reach.
    nonisolated let erasures: ErasureRegister
    /// What readers are not shown although it still stands here.
    var hidden = HiddenTraces()
    private let failed: @Sendable (DatabaseError) -> Void

    private struct Gathered {
        var missing: Int
        var triggers: [TriggerBatch] = []
        var letters: DeadLetters.Batch?
        var marks: [ErasureMark] = []
        var erased: [ErasedUser] = []
    }

    private var gathered: [UInt64: Gathered] = [:]
    /// First record not handed on.
    private var next: UInt64
    private var committedThrough: UInt64 = 0
    private var waiters: [(record: UInt64, done: @Sendable () -> Void)] = []
    private var scheduled = false
    private var closed = false
    /// The last commit found no room, or the file locked by another process.
    private var stalled = false
    /// How long such a commit waits before it is tried again.
    private static let stallMilliseconds = 200

    private struct Shared {
        var observers: [UInt64: @Sendable (Int64) -> Void] = [:]
        var nextObserver: UInt64 = 1
        var totals: [ShardTotals]
        var now = EventTime.distantPast
        var held: UInt64 = 0
        var lastSeq: Int64 = 0
    }

    private nonisolated let shared: Mutex<Shared>

    init(
        outbox: consuming Outbox, cursors: consuming Cursors, deadLetters: consuming DeadLetters,
        erasures: ErasureRegister, shardCount: Int, firstRecord: UInt64, time: any TimeSource,
        counters: Counters, log: Log,
        failed: @escaping @Sendable (DatabaseError) -> Void
    ) {
        let lastSeq = outbox.last
        self.outbox = outbox
        self.cursors = cursors
        self.deadLetters = deadLetters
        self.erasures = erasures
        self.shardCount = shardCount
        self.time = time
        self.counters = counters
        self.log = log
        self.failed = failed
        next = firstRecord
        shared = Mutex(
            Shared(
                totals: Array(repeating: ShardTotals(), count: shardCount), held: firstRecord - 1,
                lastSeq: lastSeq))
        counters.set(.outboxLastSeq, lastSeq)
    }

    // MARK: Records

    /// A record is on its way to the shards.
    nonisolated func expect(
        _ record: UInt64, letters: DeadLetters.Batch?, marks: [ErasureMark] = [], now: EventTime
    ) {
        shared.withLock { $0.now = max($0.now, now) }
        executor.queue.async {
            self.assumeIsolated { keeper in
                keeper.gathered[record] = Gathered(
                    missing: keeper.shardCount, letters: letters, marks: marks)
            }
        }
    }

    /// What a shard holds of the snapshots, before any record.
    nonisolated func began(_ totals: ShardTotals, shard: Int) {
        shared.withLock { $0.totals[shard] = totals }
    }

    /// A shard has applied a record.
    nonisolated func applied(_ outcome: ShardOutcome, shard: Int) {
        shared.withLock { $0.totals[shard] = outcome.totals }
        executor.queue.async {
            self.assumeIsolated { keeper in
                keeper.gathered[outcome.record]?.missing -= 1
                if !outcome.erased.isEmpty {
                    keeper.gathered[outcome.record]?.erased.append(contentsOf: outcome.erased)
                }
                if !outcome.triggers.isEmpty {
                    keeper.gathered[outcome.record]?.triggers.append(outcome.triggers)
                }
                keeper.schedule()
            }
        }
    }

    /// The journal holds everything up to a record.
    nonisolated func committed(through record: UInt64) {
        executor.queue.async {
            self.assumeIsolated { keeper in
                keeper.committedThrough = max(keeper.committedThrough, record)
                keeper.schedule()
            }
        }
    }

    /// Completes when everything up to a record is durable, applied, and here.
    nonisolated func whenHeld(_ record: UInt64, _ done: @escaping @Sendable () -> Void) {
        executor.queue.async {
            self.assumeIsolated { keeper in
                if record < keeper.next { done() } else { keeper.waiters.append((record, done)) }
            }
        }
    }

    nonisolated func onQueue(_ body: @escaping @Sendable (isolated OutboxKeeper) -> Void) {
        executor.queue.async { self.assumeIsolated(body) }
    }

    private func schedule() {
        guard !scheduled, !closed else { return }
        scheduled = true
        executor.queue.async { self.assumeIsolated { $0.flush() } }
    }

    private func flush() {
        scheduled = false
        guard !closed else { return }
        var batches: [OrderedTriggers] = []
        var letters: [DeadLetters.Batch] = []
        var rows = 0
        var erasure: Gathered?
        var end = next
        while end <= committedThrough, let record = gathered[end], record.missing == 0, rows < 50_000 {
            // What a replay brings about again is here already, and need not be put in order.
            if !record.triggers.isEmpty, end > outbox.lastRecord {
                let ordered = OrderedTriggers(record: end, batches: record.triggers)
                rows += ordered.count
                batches.append(ordered)
            }
            if let batch = record.letters { letters.append(batch) }
            end += 1
            // What comes after an erasure may be of who takes the id next: it gets its numbers later.
            if !record.marks.isEmpty {
                erasure = record
                break
            }
        }
        guard end > next else { return }
        do throws(DatabaseError) {
            // Either of them passes over what it has, so that both may be tried again.
            try outbox.append(through: end - 1, triggers: batches, wallNow: time.wall())
            if !letters.isEmpty { _ = try deadLetters.append(letters) }
            if let erasure { note(end - 1, erasure.marks, erasure.erased) }
        } catch {
            return fail(error)
        }
        if stalled { log.info("outbox: there is room on disk again, or the lock is gone; it goes on") }
        stalled = false
        for record in next..<end { gathered[record] = nil }
        next = end
        publish()
        let ready = waiters.filter { $0.record < next }
        waiters.removeAll { $0.record < next }
        for waiter in ready { waiter.done() }
        if next <= committedThrough { schedule() }
    }

    /// A full disk or a lock is waited for; intake pauses meanwhile, for records in flight are bounded.
    private func fail(_ error: DatabaseError) {
        guard error.passes else {
            closed = true
            return failed(error)
        }
        if !stalled { log.error("outbox: intake pauses until there is room, or the lock is gone: \(error)") }
        stalled = true
        counters.add(.outboxStalls)
        scheduled = true
        executor.queue.asyncAfter(deadline: .now() + .milliseconds(Self.stallMilliseconds)) {
            self.assumeIsolated { $0.flush() }
        }
    }

    private func publish() {
        let last = outbox.last
        let held = next - 1
        let observers = shared.withLock { shared in
            defer { (shared.held, shared.lastSeq) = (held, last) }
            return last > shared.lastSeq ? Array(shared.observers.values) : []
        }
        counters.set(.outboxLastSeq, last)
        for observer in observers { observer(last) }
    }

    /// Makes it durable that all triggers up to the present record are here: before a snapshot counts.
    func holdPosition() throws(DatabaseError) { try outbox.holdPosition() }

    /// Drops what is past its retention.
    ///
    /// - Returns: whether there is more; one step is bounded, so that others get their turn.
    func prune(_ retention: Settings.Retention) throws(DatabaseError) -> Bool {
        let now = time.wall()
        let more = try outbox.prune(wallNow: now, age: retention.outboxAge, count: retention.outboxCount)
        try cursors.pruneUndelivered(
            wallNow: now, age: retention.deadLettersAge, count: retention.deadLettersCount)
        let letters = try deadLetters.prune(
            wallNow: now, age: retention.deadLettersAge, count: retention.deadLettersCount)
        return more || letters
    }

    // MARK: What others ask

    nonisolated func totals() -> ShardTotals {
        shared.withLock { shared in
            var sum = ShardTotals()
            for totals in shared.totals { sum.add(totals) }
            return sum
        }
    }

    nonisolated var held: UInt64 { shared.withLock { $0.held } }
    nonisolated var lastSeq: Int64 { shared.withLock { $0.lastSeq } }

    func oldest() -> Int64 { outbox.oldest }

    nonisolated func read(
        after seq: Int64, limit: Int, filter: TriggerFilter,
        completion: @escaping @Sendable (TriggerPage) -> Void
    ) {
        executor.queue.async {
            self.assumeIsolated { keeper in completion(keeper.page(after: seq, limit, filter)) }
        }
    }

    func page(after seq: Int64, _ limit: Int, _ filter: TriggerFilter) -> TriggerPage {
        do throws(DatabaseError) {
            return hidden.hide(try outbox.read(after: seq, limit: limit, filter: filter), filter)
        } catch {
            log.error("outbox: a read failed: \(error)")
            return TriggerPage(lines: [], count: 0, through: seq, oldest: outbox.oldest, last: outbox.last)
        }
    }

    func letters(after seq: Int64, limit: Int) -> [DeadLetterView] {
        do throws(DatabaseError) {
            return hidden.hide(try deadLetters.read(after: seq, limit: limit))
        } catch {
            log.error("dead letters: a read failed: \(error)")
            return []
        }
    }

    nonisolated func cursor(of consumer: String, completion: @escaping @Sendable (Int64?) -> Void) {
        executor.queue.async {
            self.assumeIsolated { keeper in
                do throws(DatabaseError) { completion(try keeper.cursors.cursor(of: consumer)) } catch {
                    keeper.log.error("cursors: a read failed: \(error)")
                    completion(nil)
                }
            }
        }
    }

    nonisolated func store(
        cursor seq: Int64, of consumer: String, completion: @escaping @Sendable () -> Void
    ) {
        executor.queue.async {
            self.assumeIsolated { keeper in
                do throws(DatabaseError) { try keeper.cursors.store(seq, of: consumer) } catch {
                    keeper.log.error("cursors: \(consumer) at \(seq) could not be stored: \(error)")
                }
                completion()
            }
        }
    }

    nonisolated func observe(_ onCommit: @escaping @Sendable (Int64) -> Void) -> UInt64 {
        shared.withLock { shared in
            let id = shared.nextObserver
            shared.nextObserver += 1
            shared.observers[id] = onCommit
            return id
        }
    }

    nonisolated func cancel(_ observation: UInt64) {
        shared.withLock { $0.observers[observation] = nil }
    }

    nonisolated func now() -> EventTime { shared.withLock { $0.now } }
}

package import Core
import Dispatch
import Synchronization

/// Carries the triggers of the outbox to one receiver, in the order of their numbers, at least once: its cursor
/// moves only behind what is delivered. On a queue of its own, which a slow receiver blocks and nothing else.
package actor SinkRunner {
    private let executor = QueueExecutor(label: "roost.sink")
    private let sink: Settings.Sink
    private let delivery: any SinkDelivery
    private let source: any SinkSource
    private let time: any TimeSource
    private let counters: Counters
    private let log: Log
    private let failing: LogThrottle
    private var backoff: SourceBackoff
    private var chance: Randomness
    private var stream: TriggerStream
    private let filter: TriggerFilter
    /// Read and not delivered yet, in order.
    private var batches: [SinkBatch] = []
    /// Where the stream stands when these are delivered.
    private var pageEnd: Int64 = 0
    private var cursor: Int64 = 0
    private var storedCursor: Int64 = -1
    /// New: its cursor is before the oldest trigger of the first page.
    private var beginsWithOldest = false
    private var storedAt: Int64 = .min / 2
    /// A read, a wait or a burial is under way.
    private var isBusy = true
    private var isStopping = false
    private var observation: UInt64?
    /// Of the batch at the head.
    private var attempts = 0
    /// Its last number: it is tried again with the same triggers, for it goes under the same key. 0: none.
    private var attempted: Int64 = 0
    private var failingSince: Int64?
    private var begun: CheckedContinuation<Void, Never>?

    /// Cursors are stored so often at most while there is more to deliver, microseconds.
    private static let storeInterval = Microseconds.second / 10
    /// Before anything is given up the receiver has failed so often and for so long.
    private static let attemptsLeast = 3
    private static let failingLeast = 10 * Microseconds.minute
    /// Bytes of a page.
    private static let room = 512 << 10

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private nonisolated let shared: Mutex<SinkView>
    private nonisolated let isInterrupted = Atomic<Bool>(false)

    init(
        _ sink: Settings.Sink, delivery: any SinkDelivery, source: any SinkSource, limits: Limits,
        chance: Randomness, time: any TimeSource, counters: Counters, log: Log
    ) {
        self.sink = sink
        self.delivery = delivery
        self.source = source
        self.time = time
        self.counters = counters
        self.log = log
        self.chance = chance
        failing = LogThrottle(log: log, time: time)
        backoff = SourceBackoff(least: limits.sinkRetryLeast, most: limits.sinkRetryMost)
        filter = TriggerFilter(types: sink.types, includeHoldout: sink.includeHoldout)
        stream = TriggerStream(start: .now, filter: filter)
        shared = Mutex(SinkView(name: sink.name, type: sink.typeText))
    }

    /// Name of its cursor, which no consumer of the trigger port can have.
    private nonisolated var consumer: String { SinkRunner.consumer(sink.name) }

    /// Name of a sink's cursor.
    package static func consumer(_ name: String) -> String { "$sink:\(name)" }

    /// How it is doing.
    package nonisolated func view() -> SinkView { shared.withLock { $0 } }

    private nonisolated func onQueue(_ body: @escaping @Sendable (isolated SinkRunner) -> Void) {
        executor.queue.async { self.assumeIsolated(body) }
    }

    // MARK: Beginning and end

    /// Finds its place; returns when that is durable, so that whatever is recorded from now on is delivered.
    package func start() async {
        await withCheckedContinuation { continuation in
            begun = continuation
            observation = source.observe { seq in self.onQueue { $0.committed(seq) } }
            source.cursor(of: consumer) { cursor in self.onQueue { $0.found(cursor) } }
        }
    }

    private func found(_ stored: Int64?) {
        let start: TriggerStream.Start =
            stored.map { .after($0) } ?? (sink.start == .now ? .now : .oldest)
        stream = TriggerStream(start: start, filter: filter)
        storedCursor = stored ?? -1
        cursor = stored ?? 0
        beginsWithOldest = start == .oldest
        isBusy = false
        pump()
    }

    /// Ends what is under way and stores how far it came.
    package func stop() async {
        guard !isStopping else { return }
        isStopping = true
        if let observation { source.cancel(observation) }
        delivery.close()
        shared.withLock { $0.state = .stopped }
        if cursor > storedCursor {
            await withCheckedContinuation { continuation in
                source.store(cursor: cursor, of: consumer) { continuation.resume() }
            }
        }
    }

    /// Ends what blocks its queue, so that `stop` has its turn.
    package nonisolated func interrupt() {
        isInterrupted.store(true, ordering: .relaxed)
        delivery.interrupt()
    }

    private func committed(_ seq: Int64) {
        stream.committed(seq)
        shared.withLock { $0.behind = max($0.behind, seq - $0.cursor) }
        pump()
    }

    // MARK: One step after the other

    private func pump() {
        guard !isBusy, !isStopping else { return }
        if let batch = batches.first { return attempt(batch) }
        guard let read = stream.nextRead(room: Self.room) else { return settle() }
        isBusy = true
        source.read(after: read.after, limit: read.limit, filter: filter) { page in
            self.onQueue { $0.took(page) }
        }
    }

    private func took(_ page: TriggerPage) {
        isBusy = false
        let isFirst = begun != nil
        if beginsWithOldest { cursor = page.oldest - 1 }
        beginsWithOldest = false
        switch stream.page(page) {
        case .lines(let lines, _):
            pageEnd = stream.through
            batches = SinkBatches.cut(lines, most: delivery.most, firstThrough: attempted)
            if batches.isEmpty { moved(to: pageEnd) }
        case .gap(let oldest, _): skip(to: oldest - 1)
        case .future(_, let last): fellBack(to: last)
        }
        note(last: page.last)
        guard isFirst else { return pump() }
        // A new sink's place counts from now on, whatever happens.
        isBusy = true
        source.store(cursor: cursor, of: consumer) {
            self.onQueue { runner in
                runner.isBusy = false
                runner.storedCursor = max(runner.storedCursor, runner.cursor)
                runner.begun.take()?.resume()
                runner.pump()
            }
        }
    }

    /// Retention was quicker than the receiver.
    private func skip(to seq: Int64) {
        let missed = seq - stream.through
        log.error(
            "sink \(sink.name): triggers \(stream.through + 1) to \(seq) were dropped by retention.outbox before they were delivered"
        )
        counters.add(.sinkMissed, missed)
        shared.withLock { view in
            view.missed += missed
            view.lastError =
                "\(missed) triggers up to \(seq) were dropped by retention before they were delivered"
            view.lastErrorAt = time.wall()
        }
        stream = TriggerStream(start: .after(seq), filter: filter)
        moved(to: seq)
    }

    /// The store is older than the cursor, which is not moved back on disk: it is stored again once it is passed.
    private func fellBack(to last: Int64) {
        log.error(
            "sink \(sink.name): its cursor \(stream.through) is beyond the newest trigger, \(last); it goes on there"
        )
        stream = TriggerStream(start: .after(last), filter: filter)
        cursor = last
    }

    private func moved(to seq: Int64) {
        cursor = max(cursor, seq)
        let now = time.monotonic()
        if batches.isEmpty || now - storedAt >= Self.storeInterval { store(at: now) }
    }

    /// Nothing is left to read.
    private func settle() {
        if cursor > storedCursor { store(at: time.monotonic()) }
        shared.withLock { $0.state = .idle }
    }

    private func store(at now: Int64) {
        guard cursor > storedCursor, stream.hasStarted || storedCursor >= 0 else { return }
        (storedCursor, storedAt) = (cursor, now)
        source.store(cursor: cursor, of: consumer) {}
    }

    private func note(last: Int64) {
        let cursor = cursor
        shared.withLock { view in
            view.cursor = cursor
            view.behind = max(0, last - cursor)
        }
    }

    // MARK: Delivering

    private func attempt(_ batch: SinkBatch) {
        shared.withLock { if $0.state == .idle { $0.state = .delivering } }
        do throws(SinkFailure) {
            try delivery.deliver(batch)
            delivered(batch)
        } catch {
            // What was interrupted is tried again after the next start.
            if isInterrupted.load(ordering: .relaxed) { isBusy = true } else { failed(batch, error) }
        }
    }

    private func delivered(_ batch: SinkBatch) {
        backoff.reset()
        (attempts, failingSince) = (0, nil)
        counters.add(.sinkDelivered, Int64(batch.seqs.count))
        let now = time.wall()
        shared.withLock { view in
            view.state = .delivering
            view.delivered += Int64(batch.seqs.count)
            view.lastDeliveredAt = now
        }
        pass(batch)
    }

    /// The batch at the head is done with.
    private func pass(_ batch: SinkBatch) {
        batches.removeFirst()
        attempted = 0
        moved(to: batches.isEmpty ? pageEnd : batch.last)
        note(last: stream.head)
        // Others, such as the stop, have their turn between two batches.
        isBusy = true
        onQueue { runner in
            runner.isBusy = false
            runner.pump()
        }
    }

    private func failed(_ batch: SinkBatch, _ failure: SinkFailure) {
        attempts += 1
        attempted = batch.last
        let since = failingSince ?? time.monotonic()
        failingSince = since
        counters.add(.sinkFailures)
        failing(.warning, "sink \(sink.name): \(failure); trying again")
        shared.withLock { view in
            view.state = .failing
            view.failures += 1
            view.lastError = failure.description
            view.lastErrorAt = time.wall()
        }
        isBusy = true
        guard let limit = delivery.deadLetterAfter, attempts >= Self.attemptsLeast,
            time.monotonic() - since >= min(limit, Self.failingLeast)
        else { return wait(failure) }
        source.recorded(batch.last) { recorded in
            self.onQueue { runner in
                let now = runner.time.wall()
                guard let recorded, now.microseconds - recorded.microseconds >= limit else {
                    return runner.wait(failure)
                }
                runner.bury(batch, failure)
            }
        }
    }

    /// What was read is read again afterwards: a user may be erased meanwhile.
    private func wait(_ failure: SinkFailure) {
        let asked = min(failure.wait, Microseconds.hour)
        let wait = max(backoff.wait(using: &chance), asked)
        executor.queue.asyncAfter(deadline: .now() + .microseconds(Int(wait))) {
            self.assumeIsolated { runner in
                runner.batches = []
                runner.stream = TriggerStream(start: .after(runner.cursor), filter: runner.filter)
                runner.isBusy = false
                runner.pump()
            }
        }
    }

    /// Gives a batch up; where even that cannot be kept, it is tried again.
    private func bury(_ batch: SinkBatch, _ failure: SinkFailure) {
        source.bury(batch.seqs, of: consumer, reason: failure.description) { isKept in
            self.onQueue { runner in
                guard isKept else { return runner.wait(failure) }
                runner.buried(batch, failure)
            }
        }
    }

    private func buried(_ batch: SinkBatch, _ failure: SinkFailure) {
        log.error(
            "sink \(sink.name): triggers \(batch.first) to \(batch.last) are given up after \(attempts) attempts: \(failure)"
        )
        counters.add(.sinkDead, Int64(batch.seqs.count))
        shared.withLock { $0.dead += Int64(batch.seqs.count) }
        attempts = 0
        storedCursor = max(storedCursor, batch.last)
        pass(batch)
    }
}

/// All sinks of a configuration.
package struct Sinks: Sendable {
    private let runners: [SinkRunner]

    package init(
        _ sinks: [Settings.Sink], source: any SinkSource, limits: Limits,
        chance: inout some RandomNumberGenerator, time: any TimeSource, counters: Counters, log: Log
    ) {
        runners = sinks.map { sink in
            let delivery: any SinkDelivery
            switch sink.target {
            case .tcp(let tcp):
                guard let address = ListenAddress(tcp.address) else {
                    preconditionFailure("the address of a sink was checked when it was read")
                }
                delivery = TCPDelivery(tcp, address: address, time: time)
            case .webhook(let webhook):
                delivery = WebhookDelivery(webhook)
                if WebhookDelivery.isOpen(webhook.url) {
                    log.warning("sink \(sink.name): http is not encrypted, and the host is another machine")
                }
            case .file(let file): delivery = FileDelivery(file)
            }
            return SinkRunner(
                sink, delivery: delivery, source: source, limits: limits,
                chance: Randomness(seed: chance.next()), time: time, counters: counters, log: log)
        }
    }

    /// Returns when each has found its place.
    package func start() async {
        for runner in runners { await runner.start() }
    }

    /// Ends all of them; what is not delivered is so after the next start.
    package func stop() async {
        for runner in runners { runner.interrupt() }
        for runner in runners { await runner.stop() }
    }

    /// In the order of the configuration.
    package var views: [SinkView] { runners.map { $0.view() } }
}

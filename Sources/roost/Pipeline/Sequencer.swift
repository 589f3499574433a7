import Core
import Dispatch
import Engine
import Models
import Store

/// Gives everything that can change state its place in the journal, and sends it the two ways: to disk
/// and to the shards.
actor Sequencer {
    nonisolated let executor = QueueExecutor(label: "roost.sequencer", qos: .userInitiated)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    var ledger: Ledger
    let shards: [Shard]
    let writer: JournalWriter
    let keeper: OutboxKeeper
    nonisolated let time: any TimeSource
    let counters: Counters
    let log: Log
    let key: HashKey
    /// The store's, by which users are marked.
    nonisolated let storeKey: HashKey
    let storeText: String
    let limits: Limits
    nonisolated let maxJump: Int64?
    let maxFutureSkew: Int64
    let tickInterval: Int64
    nonisolated let isWall: Bool
    let failed: @Sendable (String) -> Void

    /// What came in while the stream waits, in order.
    private var waiting: [() -> Void] = []
    private var waitingStart = 0
    /// The stream waits for a fit.
    private var isFitting = false
    /// The stream waits for the shards' sums, by which months are judged.
    var isJudgingMonths = false
    /// How months are judged as they end.
    var salesWatch: SalesWatch
    private(set) var isClosed = false
    private var draining = false
    /// Models being fitted on request, with the requests that wait for it.
    private var fitting: [String: [(isolated Sequencer) -> Void]] = [:]
    /// The shards have fallen behind; work goes on when they have caught up.
    private var awaitsRoom = false
    private var sessions: [String: (epoch: UInt64, fence: @Sendable () -> Void)] = [:]
    private var nextEpoch: UInt64 = 1
    private var lastTick: Int64 = 0
    private var ticker: (any DispatchSourceTimer)?
    /// Fits the models; set once the trainer exists.
    var trainer: Trainer?
    /// Under the wall clock: when models are refitted, and when next.
    var wallSchedule: RefitSchedule?
    var nextWallRefit: Int64?
    /// Under the wall clock: when drift is looked for, and models it has brought forward since the last
    /// scheduled refit.
    var nextDriftCheck: Int64?
    var driftCheck: Int64?
    var broughtForward: Set<String> = []

    init(
        ledger: Ledger, shards: [Shard], writer: JournalWriter, keeper: OutboxKeeper, key: HashKey,
        storeKey: HashKey, store: String, settings: Settings, time: any TimeSource, counters: Counters,
        log: Log,
        failed: @escaping @Sendable (String) -> Void
    ) {
        self.ledger = ledger
        self.shards = shards
        self.writer = writer
        self.keeper = keeper
        self.key = key
        self.storeKey = storeKey
        self.time = time
        self.counters = counters
        self.log = log
        self.failed = failed
        storeText = store
        limits = settings.limits
        maxJump = settings.clock.maxJump
        maxFutureSkew = settings.clock.maxFutureSkew
        tickInterval = settings.journal.tickInterval
        isWall = settings.clock.mode == .wall
        salesWatch = SalesWatch(settings)
    }

    /// After recovery: notes changed settings, and ends the refit that a crash may have interrupted.
    func begin(_ trainer: Trainer, _ settings: Settings) {
        self.trainer = trainer
        settle(inForce(settings))
        scheduleByWall(settings.models)
        guard settings.models.churn.isHorizonChosen else { return fitScheduled() }
        // A crash may have come between a verdict and the horizon that its data chose.
        isFitting = true
        trainer.keptHorizon(version: ledger.models[ChurnModel.name]?.version ?? 0) { horizon in
            self.executor.queue.async {
                self.assumeIsolated { sequencer in
                    sequencer.isFitting = false
                    sequencer.takeHorizon(horizon)
                    sequencer.fitScheduled()
                    sequencer.drain()
                }
            }
        }
    }

    /// Settings as they are configured; a horizon of churn that the data choose stays as it is.
    func inForce(_ settings: Settings) -> EngineSettings {
        var engine = EngineSettings(settings)
        if settings.models.churn.isHorizonChosen {
            engine.outcomes.churnHorizon = ledger.settings.outcomes.churnHorizon
        }
        return engine
    }

    /// Puts a horizon of churn in force that the data chose, where it differs by more than a fifth: what has
    /// been captured for another horizon goes.
    private func takeHorizon(_ chosen: Int64?) {
        var settings = ledger.settings
        let before = settings.outcomes.churnHorizon
        guard let chosen, abs(chosen - before) > before / 5 else { return }
        settings.outcomes.churnHorizon = chosen
        log.info(
            "models: the horizon of churn is \(DurationText.text(chosen)) now, by the intervals between purchases"
        )
        append(.settings(settings))
    }

    /// Journals settings where they are not those in force.
    func settle(_ changed: EngineSettings) {
        guard ledger.position == 0 || !changed.isSame(as: ledger.settings) else { return }
        var settled = changed
        settled.declared.learn(from: ledger.names)
        append(.settings(settled))
    }

    // MARK: The order of things

    /// Runs work in its turn: at once, or when what is before it is done.
    nonisolated func enqueue(_ work: @escaping @Sendable (isolated Sequencer) -> Void) {
        executor.queue.async {
            self.assumeIsolated { sequencer in
                sequencer.waiting.append { [unowned sequencer] in
                    sequencer.assumeIsolated { work($0) }
                }
                sequencer.drain()
            }
        }
    }

    /// Puts work before everything that waits.
    private func putFirst(_ work: @escaping () -> Void) {
        if waitingStart > 0 {
            waitingStart -= 1
            waiting[waitingStart] = work
        } else {
            waiting.insert(work, at: 0)
        }
    }

    private var isFull: Bool { ledger.position > keeper.held + UInt64(limits.recordsInFlight) }

    func drain() {
        if draining { return }
        draining = true
        defer {
            draining = false
            if waitingStart == waiting.count || waitingStart > 1024 {
                waiting.removeFirst(waitingStart)
                waitingStart = 0
            }
        }
        while waitingStart < waiting.count, !isFitting, !isJudgingMonths {
            if isFull {
                if awaitsRoom { return }
                awaitsRoom = true
                let seen = ledger.position - UInt64(limits.recordsInFlight)
                keeper.whenHeld(seen) { self.enqueueDrain() }
                return
            }
            let work = waiting[waitingStart]
            waiting[waitingStart] = {}
            waitingStart += 1
            work()
        }
    }

    private nonisolated func enqueueDrain() {
        executor.queue.async {
            self.assumeIsolated { sequencer in
                sequencer.awaitsRoom = false
                sequencer.drain()
            }
        }
    }

    // MARK: Records

    /// Writes a record and gives it to the shards.
    @discardableResult
    func append(_ entry: JournalEntry, done: (@Sendable () -> Void)? = nil) -> UInt64 {
        let number = ledger.position + 1
        writer.append(number: number, kind: entry.kind, payload: entry.encoded(), done: done)
        ledger.apply(entry, position: number)
        dispatch(.entry(entry), number, letters: nil)
        return number
    }

    private func dispatch(_ record: ShardRecord, _ number: UInt64, letters: DeadLetters.Batch?) {
        keeper.expect(
            number, letters: letters, marks: record.erasureMarks,
            now: EventTime(microseconds: ledger.clock.now))
        Self.dispatch(record, number, to: shards, keeper: keeper, failed: failed)
    }

    static func dispatch(
        _ record: ShardRecord, _ number: UInt64, to shards: [Shard], keeper: OutboxKeeper,
        failed: @escaping @Sendable (String) -> Void
    ) {
        for (index, shard) in shards.enumerated() {
            shard.submit(record, number: number) { result in
                switch result {
                case .success(let outcome): keeper.applied(outcome, shard: index)
                case .failure(let error): failed("state: \(error)")
                }
            }
        }
    }

    /// Lines of one connection, their batch encoded already.
    private struct Lines {
        var submission: Submission
        var encoded: [UInt8]?
        /// What of the same lines went before, when a refit fell among them.
        var linesBefore: UInt32 = 0
        var rejectionsBefore: [Rejection] = []
        var acceptedBefore = 0
        var completion: @Sendable (Receipt) -> Void
    }

    private func take(_ given: Lines) {
        var lines = given
        if isClosed { return lines.completion(.closed) }
        if let producer = lines.submission.producer, sessions[producer.name]?.epoch != producer.epoch {
            return lines.completion(.fenced)
        }
        let wallNow: Int64? = isWall ? max(ledger.clock.now, time.wall().microseconds) : nil
        if ledger.refuseByClock(
            &lines.submission.batch, maxJump: isWall ? nil : maxJump,
            wallLimit: wallNow.map { $0 + maxFutureSkew })
        {
            lines.encoded = nil
            lines.submission.batch.seal(key: key)
        }
        lines.submission.batch.source = []
        if let wallNow {
            let bound = wallNow - ledger.settings.allowedLateness
            if nextPause(upTo: bound) != nil { return interrupt(lines, now: wallNow, bound) }
        } else if let row = pauseRow(in: lines.submission.batch) {
            return interrupt(lines, atRow: row)
        }
        write(lines, wallNow)
    }

    private func write(_ lines: Lines, _ wallNow: Int64?) {
        let batch = lines.submission.batch
        let number = ledger.position + 1
        let producer = lines.submission.producer?.name ?? ""
        let producerNext = lines.submission.firstLine + UInt64(batch.lineCount)
        let entry = EventsEntry(
            batch: batch, clock: ledger.clock, lateness: ledger.settings.allowedLateness, wallNow: wallNow,
            receivedAt: time.wall().microseconds, producer: producer,
            producerNext: producer.isEmpty ? 0 : producerNext)
        var rejections = lines.rejectionsBefore
        for rejection in batch.rejections {
            var moved = rejection
            moved.line += lines.linesBefore
            rejections.append(moved)
        }
        let receipt = Receipt.committed(
            next: producerNext, rejections: rejections, accepted: lines.acceptedBefore + batch.rows.count)
        let completion = lines.completion
        writer.append(number: number, kind: 1, payload: entry.payload(encodedBatch: lines.encoded)) {
            completion(receipt)
        }
        var letters: DeadLetters.Batch?
        if !batch.rejections.isEmpty {
            letters = DeadLetters.Batch(
                record: number, producer: producer.isEmpty ? nil : producer, rejections: batch.rejections,
                receivedAt: EventTime(microseconds: entry.receivedAt))
        }
        let sequenced = ledger.apply(entry, position: number, key: key)
        dispatch(.events(sequenced), number, letters: letters)
    }

    // MARK: What happens between two events: scheduled refits under the event clock, and the end of months

    private func pauseRow(in batch: EventBatch) -> Int? {
        let refit = ledger.refitRow(in: batch)
        guard salesWatch.isOn, let month = ledger.monthRow(in: batch) else { return refit }
        return min(month, refit ?? month)
    }

    /// What must happen before time closes a bound.
    private func nextPause(upTo bound: Int64) -> Pause? {
        let refit = isWall ? nil : ledger.lastRefit(upTo: bound)
        if salesWatch.isOn, let month = ledger.lastMonthEnd(upTo: min(bound, refit ?? bound)) {
            return .months(through: month)
        }
        return refit.map { .refit($0) }
    }

    private enum Pause {
        case refit(Int64)
        case months(through: Int64)
    }

    /// - Parameter now: when what is decided now is decided.
    private func begin(_ pause: Pause, now: Int64) {
        switch pause {
        case .refit(let instant):
            append(.close(before: instant))
            fitScheduled()
        case .months(let end): judgeMonths(through: end, now: now)
        }
    }

    /// Something falls before a row: what is before it goes first, the rest waits.
    private func interrupt(_ given: Lines, atRow row: Int) {
        var rest = given
        if row > 0 {
            var (first, second) = given.submission.batch.split(atRow: row)
            first.seal(key: key)
            second.seal(key: key)
            var head = given
            head.submission.batch = first
            head.encoded = nil
            head.completion = { _ in }
            write(head, nil)
            rest.submission.batch = second
            rest.submission.firstLine += UInt64(first.lineCount)
            rest.linesBefore += first.lineCount
            rest.rejectionsBefore += first.rejections
            rest.acceptedBefore += first.rows.count
            rest.encoded = nil
        }
        guard let time = rest.submission.batch.rows.first?.time else { return write(rest, nil) }
        let now = max(ledger.clock.now, time)
        interrupt(rest, now: now, max(ledger.clock.frontier, now - ledger.settings.allowedLateness))
    }

    /// All lines wait.
    private func interrupt(_ lines: Lines, now: Int64, _ bound: Int64) {
        guard let pause = nextPause(upTo: bound) else { return write(lines, isWall ? now : nil) }
        putFirst { self.take(lines) }
        begin(pause, now: now)
    }

    /// Fits what is due at the instant that was closed, one model after the other; the stream waits.
    func fitScheduled() {
        guard let instant = ledger.refitInstant, let trainer else { return }
        guard let name = trainer.modelNames.first(where: { !ledger.refitDone.contains($0) }) else {
            ledger.refitEnded()
            return drain()
        }
        isFitting = true
        let version = (ledger.models[name]?.version ?? 0) + 1
        let order = FitOrder(
            name: name, version: version, instant: instant, scheduled: true, previous: previous(name),
            previousVersion: ledger.models[name]?.adopted ?? 0,
            churnHorizon: ledger.settings.outcomes.churnHorizon)
        trainer.fit(order) { candidate in
            self.executor.queue.async {
                self.assumeIsolated { sequencer in
                    sequencer.isFitting = false
                    sequencer.record(candidate) { _ in }
                    sequencer.fitScheduled()
                }
            }
        }
    }

    func previous(_ name: String) -> [UInt8] { ledger.models[name]?.bytes ?? [] }

    /// Journals a candidate's verdict; completes when it is in force everywhere.
    private func record(_ candidate: FittedCandidate, done: @escaping @Sendable (FittedCandidate) -> Void) {
        let verdict = VerdictEntry(
            name: candidate.view.name, version: candidate.view.version, adopted: candidate.view.adopted,
            instant: candidate.order.instant, scheduled: candidate.order.scheduled, bytes: candidate.bytes)
        let view = candidate.view
        log.info(
            "models: \(view.name)@\(view.version) \(view.adopted ? "adopted" : "refused"): \(view.reason)")
        let number = append(.verdict(verdict))
        counters.add(.refits)
        if !candidate.view.adopted { counters.add(.refitsRefused) }
        takeHorizon(candidate.churnHorizon)
        keeper.whenHeld(number) { done(candidate) }
    }

    /// A refit on request: on what is applied, at once.
    func refit(_ name: String, completion: @escaping @Sendable (FittedCandidate?) -> Void) {
        guard let trainer, !isClosed, trainer.modelNames.contains(name) else { return completion(nil) }
        // One fit of a model at a time, so that each is held against the one before.
        if fitting[name] != nil {
            fitting[name]?.append { $0.refit(name, completion: completion) }
            return
        }
        fitting[name] = []
        let version = (ledger.models[name]?.version ?? 0) + 1
        // Under the event clock the stream waits, so that what is fitted is what the model is used on.
        isFitting = !isWall
        let order = FitOrder(
            name: name, version: version, instant: ledger.clock.now, scheduled: false,
            previous: previous(name), previousVersion: ledger.models[name]?.adopted ?? 0,
            churnHorizon: ledger.settings.outcomes.churnHorizon)
        trainer.fit(order) { candidate in
            self.executor.queue.async {
                self.assumeIsolated { sequencer in
                    if !sequencer.isWall { sequencer.isFitting = false }
                    sequencer.record(candidate, done: completion)
                    for next in sequencer.fitting.removeValue(forKey: name) ?? [] { next(sequencer) }
                    sequencer.drain()
                }
            }
        }
    }

    /// Puts a version back into use, in its turn among the fits of that model.
    ///
    /// - Parameter completion: told whether it is in force everywhere.
    func use(
        _ name: String, _ version: Int, _ bytes: [UInt8], completion: @escaping @Sendable (Bool) -> Void
    ) {
        guard !isClosed else { return completion(false) }
        if fitting[name] != nil {
            fitting[name]?.append { $0.use(name, version, bytes, completion: completion) }
            return
        }
        log.info("models: \(name)@\(version) is put back on request")
        let number = append(
            .verdict(
                VerdictEntry(
                    name: name, version: version, adopted: true, instant: ledger.clock.now,
                    scheduled: false, bytes: bytes)))
        keeper.whenHeld(number) { completion(true) }
    }

    // MARK: The wall clock

    /// Starts to move the wall clock while nothing comes.
    func startTicking() {
        guard isWall else { return }
        let timer = DispatchSource.makeTimerSource(queue: executor.queue)
        timer.schedule(deadline: .now(), repeating: .milliseconds(100))
        timer.setEventHandler { self.assumeIsolated { $0.tick() } }
        timer.resume()
        ticker = timer
    }

    private func tick() {
        guard !isClosed, !isFull else { return }
        let now = time.wall().microseconds
        refitByWall(now)
        checkDrift(now)
        guard now > ledger.clock.now, !isJudgingMonths else { return }
        if let pause = nextPause(upTo: now - ledger.settings.allowedLateness) {
            return begin(pause, now: now)
        }
        let due = keeper.totals().nextDue < now - ledger.settings.allowedLateness
        let since = now - lastTick
        if (due && since >= min(tickInterval, 200_000)) || since >= 10 * tickInterval {
            lastTick = now
            append(.tick(now: now))
        }
    }

    func close() {
        isClosed = true
        ticker?.cancel()
        drain()
    }
}

extension Sequencer: Intake {
    nonisolated func submit(
        _ submission: Submission, completion: @escaping @Sendable (Receipt) -> Void
    ) {
        // On the connection's queue, so that connections share the work.
        let encoded = EventBatchCodec.encoded(submission.batch)
        enqueue { sequencer in
            sequencer.take(Lines(submission: submission, encoded: encoded, completion: completion))
        }
    }

    nonisolated func hello(
        producer: String, from: UInt64?, fence: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (HelloAnswer) -> Void
    ) {
        enqueue { sequencer in
            sequencer.greet(producer, from, fence, completion)
        }
    }

    private func greet(
        _ producer: String, _ from: UInt64?, _ fence: @escaping @Sendable () -> Void,
        _ completion: @escaping @Sendable (HelloAnswer) -> Void
    ) {
        if isClosed { return completion(.closed) }
        let next = ledger.producers[producer] ?? 0
        if ledger.producers[producer] == nil, ledger.producers.count >= limits.producers {
            return completion(.tooManyProducers)
        }
        if let from, from > next { return completion(.ahead(next: next)) }
        sessions[producer]?.fence()
        let session = ProducerSession(name: producer, epoch: nextEpoch)
        nextEpoch += 1
        sessions[producer] = (session.epoch, fence)
        let store = storeText
        // Everything of the session before has its place by now; it is on disk when this record is.
        keeper.whenHeld(ledger.position) {
            completion(.welcome(session: session, next: next, store: store))
        }
    }

    nonisolated func goodbye(_ session: ProducerSession) {
        enqueue { sequencer in
            if sequencer.sessions[session.name]?.epoch == session.epoch {
                sequencer.sessions[session.name] = nil
            }
        }
    }

    nonisolated func sync(completion: @escaping @Sendable () -> Void) {
        enqueue { $0.keeper.whenHeld($0.ledger.position, completion) }
    }

    nonisolated func note(_ profile: ContactProfile, of user: [UInt8]) {
        let mark = storeKey.erasureMark(of: user)
        enqueue { sequencer in
            if !sequencer.isClosed {
                sequencer.append(.contact(ContactEntry(mark: mark, profile: profile)))
            }
        }
    }

    nonisolated func advance(
        to instant: EventTime, completion: @escaping @Sendable (AdvanceAnswer) -> Void
    ) {
        if isWall {
            return completion(
                .refused(
                    code: "wall_clock",
                    detail: "$advance moves the event clock; this daemon runs on the wall's"))
        }
        enqueue { $0.move(to: instant, completion) }
    }

    private func move(to instant: EventTime, _ completion: @escaping @Sendable (AdvanceAnswer) -> Void) {
        if isClosed { return completion(.refused(code: "closing", detail: "the daemon is stopping")) }
        // Without lateness the watermark may be there already, and the instant itself not closed.
        if instant.microseconds >= ledger.clock.frontier {
            if let pause = nextPause(upTo: instant.microseconds) {
                putFirst { self.move(to: instant, completion) }
                return begin(pause, now: max(ledger.clock.now, instant.microseconds))
            }
            append(.advance(to: instant.microseconds))
        }
        let watermark = EventTime(microseconds: ledger.clock.watermark)
        keeper.whenHeld(ledger.position) { completion(.advanced(watermark: watermark)) }
    }

    nonisolated func wallNow() -> EventTime? { isWall ? time.wall() : nil }

    nonisolated var needsSource: Bool { maxJump != nil && !isWall }
}

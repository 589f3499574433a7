// What the rooms ask of each other. The wire and the status port know the rest of the daemon only
// through these; whoever wires the daemon supplies the other side.

/// Lines of one connection, in order, to be made durable together.
package struct Submission: Sendable {
    package var batch: EventBatch
    /// Who sent them, where the client said hello; nil on a plain connection.
    package var producer: ProducerSession?
    /// Number of the batch's line 0, where the client said hello.
    package var firstLine: UInt64

    package init(batch: EventBatch, producer: ProducerSession?, firstLine: UInt64) {
        self.batch = batch
        self.producer = producer
        self.firstLine = firstLine
    }
}

/// A producer's name together with the token that a later connection of the same name invalidates.
package struct ProducerSession: Sendable, Equatable {
    package var name: String
    package var epoch: UInt64
    package init(name: String, epoch: UInt64) {
        self.name = name
        self.epoch = epoch
    }
}

/// What became of a submission.
package enum Receipt: Sendable {
    /// On disk. `next` is the producer's next number (0 on a plain connection), `rejections` all that were
    /// refused, those of the clock included, ascending by line, `accepted` the events taken.
    case committed(next: UInt64, rejections: [Rejection], accepted: Int)
    /// A later connection of the same name has taken over; nothing was kept.
    case fenced
    /// The daemon is stopping or its disk failed; nothing may be acknowledged.
    case closed
}

/// Answer to `$hello`.
package enum HelloAnswer: Sendable {
    case welcome(session: ProducerSession, next: UInt64, store: String)
    /// The client wants to begin beyond what is known: `{"code":"ahead"}`.
    case ahead(next: UInt64)
    /// No further producer is taken: `limits.producers` are known already.
    case tooManyProducers
    case closed
}

/// Answer to `$advance`.
package enum AdvanceAnswer: Sendable {
    case advanced(watermark: EventTime)
    /// Refused, with code and detail for `$error`.
    case refused(code: String, detail: String)
}

/// Where connections hand their lines. Calls from one queue keep their order. Completions come on a
/// queue of the callee and must return quickly; those of submissions come in the order of submission.
package protocol Intake: Sendable {
    /// Takes a batch; `completion` when it is durable (or refused).
    func submit(_ submission: Submission, completion: @escaping @Sendable (Receipt) -> Void)

    /// Opens a producer's session. `fence` is called when a later connection takes the name; the
    /// completion comes after all lines of the fenced session are committed or dropped.
    func hello(
        producer: String, from: UInt64?, fence: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (HelloAnswer) -> Void)

    /// The connection of a session has ended.
    func goodbye(_ session: ProducerSession)

    /// Completes when everything submitted before is durable, applied, and in the outbox.
    func sync(completion: @escaping @Sendable () -> Void)

    /// Moves the event clock; completes when what falls due has fired and is durable.
    func advance(to time: EventTime, completion: @escaping @Sendable (AdvanceAnswer) -> Void)

    /// Takes what was said of a user; in force for what is submitted after.
    func note(_ profile: ContactProfile, of user: [UInt8])

    /// Whether lines may be refused in the order of the log, so that a batch must bring its `source`.
    var needsSource: Bool { get }

    /// Wall clock: now, for refusing lines of the future before they are numbered. Nil under the event clock.
    func wallNow() -> EventTime?
}

/// A stretch of the outbox.
package struct TriggerPage: Sendable {
    /// NDJSON, each line with its number.
    package var lines: [UInt8]
    package var count: Int
    /// Number of the last trigger looked at, sent or filtered out: where to go on.
    package var through: Int64
    /// Oldest number kept (`last + 1` when nothing is) and newest.
    package var oldest: Int64
    package var last: Int64
    package init(lines: [UInt8], count: Int, through: Int64, oldest: Int64, last: Int64) {
        self.lines = lines
        self.count = count
        self.through = through
        self.oldest = oldest
        self.last = last
    }
}

/// Which triggers a reader wants.
package struct TriggerFilter: Sendable {
    /// Nil: all types.
    package var types: [String]?
    package var user: [UInt8]?
    /// Also those of the control group.
    package var includeHoldout: Bool
    /// Also those recorded as stale.
    package var includeStale: Bool
    package init(
        types: [String]? = nil, user: [UInt8]? = nil, includeHoldout: Bool = false,
        includeStale: Bool = false
    ) {
        self.types = types
        self.user = user
        self.includeHoldout = includeHoldout
        self.includeStale = includeStale
    }
}

/// Where subscribers read. Completions come on a queue of the callee.
package protocol TriggerSource: Sendable {
    /// At most `limit` triggers after `seq` that pass the filter, looking at no more than a bounded stretch.
    func read(
        after seq: Int64, limit: Int, filter: TriggerFilter,
        completion: @escaping @Sendable (TriggerPage) -> Void)

    /// A consumer's stored cursor; nil for a new name.
    func cursor(of consumer: String, completion: @escaping @Sendable (Int64?) -> Void)

    /// Stores a cursor durably; never moves it back.
    func store(cursor seq: Int64, of consumer: String, completion: @escaping @Sendable () -> Void)

    /// Calls back with the newest number after each commit to the outbox, until cancelled.
    func observe(_ onCommit: @escaping @Sendable (Int64) -> Void) -> UInt64
    func cancel(_ observation: UInt64)

    /// Now in the daemon's clock, for heartbeats.
    func now() -> EventTime
}

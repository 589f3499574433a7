import Core
import Synchronization

@testable import Wire

/// An outbox in memory that also keeps what a sink gives up.
final class FakeSinkStore: SinkSource {
    let triggers: FakeTriggers
    let buried = Recorder<[Int64]>()
    private let recordedAt: EventTime?

    /// - Parameter recordedAt: wall time at which every trigger was recorded.
    init(_ triggers: FakeTriggers, recordedAt: EventTime? = nil) {
        self.triggers = triggers
        self.recordedAt = recordedAt
    }

    func read(
        after seq: Int64, limit: Int, filter: TriggerFilter,
        completion: @escaping @Sendable (TriggerPage) -> Void
    ) { triggers.read(after: seq, limit: limit, filter: filter, completion: completion) }

    func cursor(of consumer: String, completion: @escaping @Sendable (Int64?) -> Void) {
        triggers.cursor(of: consumer, completion: completion)
    }

    func store(cursor seq: Int64, of consumer: String, completion: @escaping @Sendable () -> Void) {
        triggers.store(cursor: seq, of: consumer, completion: completion)
    }

    func observe(_ onCommit: @escaping @Sendable (Int64) -> Void) -> UInt64 { triggers.observe(onCommit) }
    func cancel(_ observation: UInt64) { triggers.cancel(observation) }
    func now() -> EventTime { triggers.now() }

    func bury(
        _ seqs: [Int64], of consumer: String, reason: String,
        completion: @escaping @Sendable (Bool) -> Void
    ) {
        buried.append(seqs)
        triggers.store(cursor: seqs.last ?? 0, of: consumer) { completion(true) }
    }

    func recorded(_ seq: Int64, completion: @escaping @Sendable (EventTime?) -> Void) {
        completion(recordedAt)
    }
}

/// A receiver that fails as told.
final class ScriptedDelivery: SinkDelivery {
    let most: Int
    let deadLetterAfter: Int64?
    let attempted = Recorder<[Int64]>()
    let delivered = Recorder<Int64>()
    private let fails: @Sendable (_ first: Int64, _ attempt: Int) -> Bool
    private let attempts = Mutex<[Int64: Int]>([:])

    init(
        most: Int = 3, deadLetterAfter: Int64? = nil,
        fails: @escaping @Sendable (_ first: Int64, _ attempt: Int) -> Bool = { _, _ in false }
    ) {
        self.most = most
        self.deadLetterAfter = deadLetterAfter
        self.fails = fails
    }

    func deliver(_ batch: borrowing SinkBatch) throws(SinkFailure) {
        let (first, seqs) = (batch.first, batch.seqs)
        let attempt = attempts.withLock { attempts in
            attempts[first, default: 0] += 1
            return attempts[first] ?? 0
        }
        attempted.append(seqs)
        if fails(first, attempt) { throw SinkFailure("scripted") }
        for seq in seqs { delivered.append(seq) }
    }

    func interrupt() {}
    func close() {}
}

/// Two clocks that stand where they are put.
final class HandClock: TimeSource {
    private let state = Mutex<(wall: Int64, monotonic: Int64)>((1_735_689_600_000_000, 0))

    func wall() -> EventTime { EventTime(microseconds: state.withLock { $0.wall }) }
    func monotonic() -> Int64 { state.withLock { $0.monotonic } }
    func pass(_ microseconds: Int64) {
        state.withLock { state in
            state.wall += microseconds
            state.monotonic += microseconds
        }
    }
}

/// A sink over a fake store and a scripted receiver.
struct SinkRig {
    let runner: SinkRunner
    let store: FakeSinkStore
    let delivery: ScriptedDelivery
    let clock = HandClock()
    let counters = Counters()
    let messages = Recorder<String>()

    init(
        _ store: FakeSinkStore, _ delivery: ScriptedDelivery,
        _ change: (inout Settings.Sink) -> Void = { _ in }
    ) {
        self.store = store
        self.delivery = delivery
        var sink = Settings.Sink(name: "crm", target: .file(Settings.FileSink(path: "unused")))
        change(&sink)
        var limits = Limits()
        limits.sinkRetryLeast = 1000
        limits.sinkRetryMost = 2000
        let messages = messages
        runner = SinkRunner(
            sink, delivery: delivery, source: store, limits: limits, chance: Randomness(seed: 1),
            time: clock, counters: counters, log: Log { messages.append("\($0.text): \($1)") })
    }
}

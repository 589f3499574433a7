import Core
import Dispatch
import Engine

/// `roost bench engine`: decode, ledger and one shard, one after the other, without socket and disk: what
/// an event costs on its way to the user table.
func engineBench(_ request: BenchRequest) throws -> Int32 {
    var baseline = request.baseline.map { Baseline($0, "sj_state", [request.file]) }
    try baseline?.run()
    let settings = try BenchConfiguration.settings(triggers: request.triggers)
    let engine = EngineSettings(settings)
    let key = HashKey(k0: 1, k1: 2)
    let shard = try Shard(index: 0, of: 1, settings: engine, key: key, storeKey: HashKey(k0: 3, k1: 4))
    var ledger = Ledger(settings: engine)
    var triggers: Int64 = 0
    var seal: Int64 = 0
    var sequence: Int64 = 0
    var apply: Int64 = 0
    let clock = SystemTime()
    var reader = try BatchReader(request.file, settings)
    let begin = clock.monotonic()
    try reader.forEach { batch in
        let start = clock.monotonic()
        batch.seal(key: key)
        let sealed = clock.monotonic()
        let number = ledger.position + 1
        let entry = EventsEntry(
            batch: batch, clock: ledger.clock, lateness: engine.allowedLateness, wallNow: nil, receivedAt: 0,
            producer: "bench", producerNext: UInt64(ledger.lines))
        let sequenced = ledger.apply(entry, position: number, key: key)
        let ordered = clock.monotonic()
        triggers += Int64(try applied(.events(sequenced), number, shard).triggers.count)
        apply += clock.monotonic() - ordered
        sequence += ordered - sealed
        seal += sealed - start
    }
    let whole = clock.monotonic() - begin
    try baseline?.run()

    let totals = wait { done in shard.ask({ $0.totals() }, completion: done) }
    let stateBytes = wait { done in shard.ask({ $0.stateBytes() }, completion: done) }
    var figures = Figures()
    figures.add("events", count: totals.events)
    figures.add("users", count: totals.users)
    figures.add("triggers", count: triggers)
    for (name, time) in [
        ("read", reader.readMicroseconds), ("decode", reader.decodeMicroseconds), ("seal", seal),
        ("ledger", sequence), ("shard", apply), ("all, one after the other", whole),
    ] { figures.add(name, count: totals.events, in: time) }
    figures.add("state", "\(Figures.each(stateBytes, totals.users)) bytes a user")
    figures.add("resident", Readable.bytes(residentBytes()))
    baseline?.compare(
        rate: Double(totals.events) * 1e6 / Double(max(1, whole)), processor: nil, &figures)
    try figures.print()
    return ExitCode.done
}

private func applied(_ record: ShardRecord, _ number: UInt64, _ shard: Shard) throws -> ShardOutcome {
    try wait { done in shard.submit(record, number: number, completion: done) }.get()
}

/// The answer of something that answers on a queue of its own.
private func wait<Answer: Sendable>(_ ask: (@escaping @Sendable (Answer) -> Void) -> Void) -> Answer {
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

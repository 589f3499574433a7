import Core
import Engine

/// Ledger and one shard, one after the other, without socket and disk.
struct EngineRun {
    let settings: Settings
    let shard: Shard
    private let engine: EngineSettings
    private let key = HashKey(k0: 1, k1: 2)
    private var ledger: Ledger
    private let clock = SystemTime()
    private(set) var triggers: Int64 = 0
    /// What each step took in all, microseconds.
    private(set) var sealing: Int64 = 0
    private(set) var sequencing: Int64 = 0
    private(set) var applying: Int64 = 0
    private var versions = 0

    init(_ configuration: BenchConfiguration) throws {
        settings = try configuration.settings()
        engine = EngineSettings(settings)
        shard = try Shard(index: 0, of: 1, settings: engine, key: key, storeKey: HashKey(k0: 3, k1: 4))
        ledger = Ledger(settings: engine)
    }

    mutating func take(_ batch: inout EventBatch) throws {
        let start = clock.monotonic()
        batch.seal(key: key)
        let sealed = clock.monotonic()
        let number = ledger.position + 1
        let entry = EventsEntry(
            batch: batch, clock: ledger.clock, lateness: engine.allowedLateness, wallNow: nil, receivedAt: 0,
            producer: "bench", producerNext: UInt64(ledger.lines))
        let sequenced = ledger.apply(entry, position: number, key: key)
        let ordered = clock.monotonic()
        let shard = shard
        let outcome = wait { done in shard.submit(.events(sequenced), number: number, completion: done) }
        triggers += Int64(try outcome.get().triggers.count)
        applying += clock.monotonic() - ordered
        sequencing += ordered - sealed
        sealing += sealed - start
    }

    /// Takes a model into use.
    ///
    /// - Returns: microseconds until it is in force.
    mutating func adopt(_ bytes: [UInt8], name: String) throws -> Int64 {
        versions += 1
        let verdict = VerdictEntry(
            name: name, version: versions, adopted: true, instant: ledger.clock.now, scheduled: false,
            bytes: bytes)
        let number = ledger.position + 1
        ledger.apply(.verdict(verdict), position: number)
        let shard = shard
        let start = clock.monotonic()
        let outcome = wait { done in shard.submit(.entry(.verdict(verdict)), number: number, completion: done)
        }
        triggers += Int64(try outcome.get().triggers.count)
        return clock.monotonic() - start
    }

    /// What the shard says, after all that was taken.
    func answer<Answer: Sendable>(_ question: @escaping @Sendable (isolated Shard) -> Answer) -> Answer {
        wait { done in shard.ask(question, completion: done) }
    }
}

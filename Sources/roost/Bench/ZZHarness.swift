import Core
import Dispatch
import Engine
import Glibc
import Wire

func harness(_ file: String) {
    let data = try! File.read(path: file)
    var settings = Settings()
    settings.clock.mode = .event
    let key = HashKey(k0: 1, k1: 2)
    var decoder = EventDecoder(settings: settings)
    var padded = data
    let size = padded.count
    padded.append(contentsOf: [UInt8](repeating: 0, count: 64))
    var batches: [EventBatch] = []
    padded.withUnsafeBytes { raw in
        var offset = 0
        while offset < size {
            var end = min(offset + 256 << 10, size)
            while end < size, raw[end - 1] != 10 { end -= 1 }
            var from = offset
            while from < end {
                let decoded = decoder.decode(
                    slab: UnsafeRawBufferPointer(rebasing: raw[from..<end]), isStreamStart: from == 0)
                var b = decoded.batch
                b.seal(key: key)
                batches.append(b)
                from += decoded.consumed
            }
            offset = end
        }
    }
    let total = batches.reduce(0) { $0 + $1.rows.count }
    let shard = try! Shard(index: 0, of: 1, settings: EngineSettings(settings), key: key, storeKey: key)
    var ledger = Ledger(settings: EngineSettings(settings))
    let c2 = clock()
    let t2 = SystemTime().monotonic()
    let group = DispatchGroup()
    let last = Guarded(ShardTotals())
    let triggers = Guarded(0)
    for (i, b) in batches.enumerated() {
        let entry = EventsEntry(
            batch: b, clock: ledger.clock, lateness: settings.clock.allowedLateness, wallNow: nil,
            receivedAt: 0, producer: "", producerNext: 0)
        let sequenced = ledger.apply(entry, position: UInt64(i + 1), key: key)
        group.enter()
        shard.submit(.events(sequenced), number: UInt64(i + 1)) { result in
            let outcome = try! result.get()
            triggers.update { $0 += outcome.triggers.count }
            last.update { $0 = outcome.totals }
            group.leave()
        }
    }
    let t3 = SystemTime().monotonic()
    group.wait()
    let t4 = SystemTime().monotonic()
    print("cpu ns/event", Double(clock() - c2) * 1000 / Double(total))
    print(
        "ledger \(t3 - t2) us, apply \(t4 - t2) us, \(Double(total) / Double(t4 - t2)) Mev/s, triggers \(triggers.value)"
    )
    let done = DispatchSemaphore(value: 0)
    shard.ask({ $0.stateBytes() }) {
        print("per user", Double($0) / Double(last.value.users)); done.signal()
    }
    done.wait()
}
let harnessCommand = Command(
    name: "harness", summary: "x", operandsName: "FILE", operands: 1...1, isHidden: true
) { a in
    harness(a.operands[0])
    return 0
}

import Core
import Dispatch
import Glibc

/// A log, and how it is sent.
struct Load: Sendable {
    /// One file, shared by the connections, or one for each of them.
    var paths: [String]
    var connections = 1
    /// Of one file: what begins behind so many bytes is not sent.
    var end = Int64.max

    init(_ path: String) { paths = [path] }

    /// Sends it through all connections at once, each as fast as it is taken.
    ///
    /// - Returns: microseconds from the first byte to the last answer.
    func send(to address: ListenAddress) throws -> Int64 {
        let results = Guarded<[Feeder.Result]>([])
        let trouble = Guarded<String?>(nil)
        let group = DispatchGroup()
        for index in 0..<connections {
            // A queue each: they block.
            DispatchQueue(label: "roost.bench.feeder.\(index)").async(group: group) {
                do {
                    let result = try run(index, to: address)
                    results.update { $0.append(result) }
                } catch let failure as CommandFailure {
                    trouble.update { $0 = failure.reason }
                } catch {
                    trouble.update { $0 = "\(error)" }
                }
            }
        }
        group.wait()
        if let reason = trouble.value { throw CommandFailure(reason) }
        let all = results.value
        let first = all.map(\.firstByte).min() ?? 0
        let last = all.map(\.synced).max() ?? 0
        return last - first
    }

    private func run(_ index: Int, to address: ListenAddress) throws -> Feeder.Result {
        let own = paths.count > 1
        var feeder = Feeder(
            try File(reading: own ? paths[index] : paths[0]), to: try Socket(connecting: address),
            producer: "bench-\(index)", index: own ? 0 : index, of: own ? 1 : connections, until: end)
        return try feeder.run()
    }
}

/// A load that went into a daemon, and what it took there.
struct IngestPass {
    var events: Int64
    var lines: Int64
    var late: Int64
    /// From the first byte to the answer that all is durable, applied and visible.
    var microseconds: Int64
    /// The daemon's.
    var processorMicroseconds: Int64
    /// Rounds of snapshots.
    var snapshots: Int64

    /// Into a daemon that has just been started.
    init(_ load: Load, into daemon: borrowing BenchDaemon) throws {
        let idle = try daemon.processorMicroseconds()
        microseconds = try load.send(to: daemon.ingest)
        processorMicroseconds = try daemon.processorMicroseconds() - idle
        let ingest = try daemon.answer()["ingest"]
        events = ingest?["events"]?.whole ?? 0
        lines = ingest?["lines"]?.whole ?? 0
        late = ingest?["late"]?.whole ?? 0
        snapshots = try daemon.metric("roost_snapshots_total")
    }

    /// Into a daemon of its own, which ends with it.
    init(_ load: Load, _ configuration: BenchConfiguration, in folder: String) throws {
        var daemon = try BenchDaemon.prepared(in: folder, configuration)
        _ = try daemon.start()
        try self.init(load, into: daemon)
        _ = try daemon.end(by: SIGKILL)
    }

    var rate: Double { Double(events) * 1e6 / Double(max(1, microseconds)) }
    var processor: Double { Double(processorMicroseconds) / Double(max(1, events)) }
}

extension [IngestPass] {
    /// Of all passes together.
    var rate: Double {
        Double(reduce(0) { $0 + $1.events }) * 1e6 / Double(Swift.max(1, reduce(0) { $0 + $1.microseconds }))
    }

    /// Microseconds an event, of all passes together.
    var processor: Double {
        Double(reduce(0) { $0 + $1.processorMicroseconds })
            / Double(Swift.max(1, reduce(0) { $0 + $1.events }))
    }

    /// `1,204,000 and 1,190,000 events/s`
    var rates: String {
        map { Readable.count(Int64($0.rate)) }.joined(separator: " and ") + " events/s"
    }

    /// Rounds of snapshots: `2 and 3`
    var rounds: String { map { "\($0.snapshots)" }.joined(separator: " and ") }
}

import Core
import Glibc

/// `roost bench latency`: from the event that makes a trigger due to the trigger at a subscriber, while
/// FILE comes in at half the rate that the same daemon reaches on it.
///
/// Under the event clock with no lateness allowed, a probe signs up at the time of the line before it, and
/// the next line, which is later, makes its `welcome` due. Measured is from when that line should have
/// been sent to when the trigger was read: both commits, the journal's and the outbox's, are in between.
func latencyBench(_ request: BenchRequest) throws -> Int32 {
    var configuration = request.configuration
    configuration.allowedLateness = 0
    let floor = try commitTimes(in: request.folder)
    let most = try IngestPass(Load(request.file), configuration, in: request.folder)
    let linesPerSecond = Double(most.lines) * 1e6 / Double(max(1, most.microseconds)) / 2
    var daemon = try BenchDaemon.prepared(in: request.folder, configuration)
    _ = try daemon.start()
    let reader = try ProbeReader(daemon.triggers)
    var feeder = PacedFeeder(
        try MappedLog(request.file), to: try Socket(connecting: daemon.ingest),
        linesPerSecond: linesPerSecond)
    let sent = try feeder.run()
    let came = try reader.finish(count: sent.due.count)
    _ = try daemon.end(by: SIGTERM)
    guard came.count > 0 else {
        throw CommandFailure("no probe fitted in: latency wants a log as roost generate writes it")
    }
    let latencies = Percentiles(zip(came, sent.due).map { $0 - $1 })
    let interval = try configuration.settings().journal.commitInterval

    var figures = Figures()
    figures.add("ingest at most", [most].rates)
    figures.add("load", "\(Figures.rate(Int64(sent.lines), sent.microseconds)) events/s, half of it wanted")
    figures.add("sent too late at most", Figures.milliseconds(sent.lagMost))
    figures.add("probes", count: Int64(came.count))
    for (name, value) in [
        ("p50", latencies.at(0.5)), ("p99", latencies.at(0.99)), ("most", latencies.at(1)),
    ] {
        let times = Readable.fixed(Double(value) / Double(max(1, interval)), 1)
        figures.add("event to trigger, \(name)", "\(Figures.milliseconds(value)), \(times) commit intervals")
    }
    figures.add("commit interval", Figures.milliseconds(interval))
    figures.add(
        "write and fdatasync alone",
        "p50 \(Figures.milliseconds(floor.at(0.5))), p99 \(Figures.milliseconds(floor.at(0.99)))")
    try figures.print()
    return ExitCode.done
}

/// Values by their rank.
struct Percentiles {
    private let sorted: [Int64]

    /// - Parameter values: at least one.
    init(_ values: [Int64]) {
        precondition(!values.isEmpty)
        sorted = values.sorted()
    }

    /// The least value that so large a share of them does not exceed (nearest rank).
    func at(_ share: Double) -> Int64 {
        sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
    }
}

/// What this disk takes for a commit of 32 KiB with nothing else to do, the physical limit of an answer
/// that waits for one.
private func commitTimes(in folder: String) throws -> Percentiles {
    let path = "\(folder)/roost-bench-\(getpid())-commit"
    let file = try File(creating: path)
    defer { unlink(path) }
    let clock = SystemTime()
    let bytes = [UInt8](repeating: 0x52, count: 32 << 10)
    var times: [Int64] = []
    for _ in 0..<200 {
        let begin = clock.monotonic()
        try file.write(bytes)
        guard fdatasync(file.descriptor) == 0 else { throw SystemFailure("cannot sync \(path)") }
        times.append(clock.monotonic() - begin)
    }
    return Percentiles(times)
}

import Core
import Dispatch
import Glibc

/// `roost bench ingest`: a log into the real daemon with default settings on the event clock, from its
/// first byte to the answer that all is durable, applied and visible; then how long two restarts take.
func ingestBench(_ request: BenchRequest) throws -> Int32 { try ingestBench(request, aim: 0.6) }

/// `roost bench full`: the same at full size, where the sketch no longer fits the caches either.
func fullBench(_ request: BenchRequest) throws -> Int32 {
    if !request.file.isEmpty { return try ingestBench(request, aim: 1) }
    var request = request
    let path = "\(request.folder)/roost-bench-\(getpid())-full.ndjson"
    defer { unlink(path) }
    let events = "\(LogShape.published.events)"
    var generator = try Child("/proc/self/exe", ["generate", "--events", events, "--out", path])
    guard try generator.end().status == 0 else { throw CommandFailure("the log could not be generated") }
    request.file = path
    return try ingestBench(request, aim: 1)
}

/// - Parameter aim: least ratio to the sketch's rate.
private func ingestBench(_ request: BenchRequest, aim: Double) throws -> Int32 {
    var baseline = request.baseline.map { Baseline($0, "sj_state", [request.file]) }
    try baseline?.run()
    var daemon = try BenchDaemon.prepared(in: request.folder, request.configuration)
    _ = try daemon.start()
    let before = try Machine()
    var load = Load(request.file)
    load.connections = request.connections
    let pass = try IngestPass(load, into: daemon)
    let after = try Machine()
    let peak = try daemon.peakBytes()
    let status = try daemon.answer()
    let journalBytes = try daemon.metric("roost_journal_bytes_total")
    _ = try daemon.end(by: SIGKILL)
    let afterKill = try daemon.start()
    let stop = try daemon.end(by: SIGTERM)
    let afterStop = try daemon.start()
    let restored = try daemon.answer()
    _ = try daemon.end(by: SIGKILL)
    try baseline?.run()

    var figures = Figures()
    addSpeed(pass, from: before, to: after, &figures)
    addState(status, peak: peak, &figures)
    figures.add("journal", "\(Figures.each(journalBytes, pass.events)) bytes an event")
    figures.add("start after a kill", "\(Readable.fixed(Double(afterKill) / 1e6, 2)) s")
    figures.add("stop", "\(Readable.fixed(Double(stop) / 1e6, 2)) s")
    figures.add("start after a stop", "\(Readable.fixed(Double(afterStop) / 1e6, 2)) s")
    baseline?.compare(
        rate: pass.rate, processor: pass.processor, aim: aim, processorAim: 2.5, &figures)
    if request.comparesConnections { try compareConnections(request, &figures) }
    try figures.print()
    for name in ["users", "outbox"] where figure(restored, name) != figure(status, name) {
        throw CommandFailure("after the restarts there were other \(name) than before")
    }
    return ExitCode.done
}

private func addSpeed(
    _ pass: IngestPass, from before: Machine, to after: Machine, _ figures: inout Figures
) {
    figures.add("ingest", count: pass.events, in: pass.microseconds)
    figures.add("daemon CPU", "\(Readable.fixed(pass.processor, 3)) s per million events")
    let others =
        after.busyMicroseconds - before.busyMicroseconds - pass.processorMicroseconds
        - (after.ownMicroseconds - before.ownMicroseconds)
    let all = Double(max(1, pass.microseconds * Int64(processorCount())))
    figures.add(
        "CPU used",
        "\(Readable.percent(Double(pass.processorMicroseconds) / all)) of the machine's by the daemon")
    figures.add(
        "CPU elsewhere", "\(Readable.percent(Double(max(0, others)) / all)), not by the bench")
}

/// The log over one connection and over two, each user's lines on the same one, twice each and in turns.
///
/// Two connections drift apart in event time; a lateness of days keeps their lines from being late, which
/// would be other work, and both ways have it.
private func compareConnections(_ request: BenchRequest, _ figures: inout Figures) throws {
    let split = try SplitLog.made(of: request.file, parts: 2, in: request.folder)
    var configuration = request.configuration
    configuration.allowedLateness = 7
    let one = Load(request.file)
    var two = one
    two.paths = split.paths
    two.connections = 2
    var passes: [[IngestPass]] = [[], []]
    for index in [0, 1, 1, 0] {
        passes[index].append(try IngestPass(index == 0 ? one : two, configuration, in: request.folder))
    }
    figures.add("one connection", passes[0].rates)
    let late = passes[1].map { Readable.count($0.late) }.joined(separator: " and ")
    figures.add("two connections", "\(passes[1].rates); late \(late)")
    figures.add(
        "ratio of two to one",
        "\(Readable.fixed(passes[1].rate / passes[0].rate, 3)) of the rate (aim: not slower), "
            + "\(Readable.fixed(passes[1].processor / passes[0].processor, 3)) of the CPU an event")
}

private func figure(_ status: JSONValue, _ name: String) -> Int64? {
    status[name]?.whole ?? status[name]?["last_seq"]?.whole
}

private func addState(_ status: JSONValue, peak: Int64, _ figures: inout Figures) {
    let ingest = status["ingest"]
    let users = status["users"]?.whole ?? 0
    for name in ["lines", "events", "rejected", "late", "duplicates"] {
        figures.add(name, count: ingest?[name]?.whole ?? 0)
    }
    figures.add("users", count: users)
    figures.add("triggers", count: status["outbox"]?["last_seq"]?.whole ?? 0)
    figures.add("state", "\(Figures.each(status["state_bytes"]?.whole ?? 0, users)) bytes a user")
    let resident = status["memory_bytes"]?.whole ?? 0
    figures.add(
        "resident",
        "\(Readable.bytes(resident)), \(Figures.each(resident, users)) bytes a user; peak \(Readable.bytes(peak))"
    )
}

/// Processor time at one moment, microseconds.
private struct Machine {
    /// Of everything that runs on it.
    var busyMicroseconds: Int64
    /// Of this process.
    var ownMicroseconds: Int64

    init() throws {
        let text = String(decoding: try File.read(path: "/proc/stat"), as: UTF8.self)
        // cpu user nice system idle iowait irq softirq steal
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").map { Int64($0) ?? 0 }
        guard fields.count > 7 else { throw CommandFailure("/proc/stat is not understood") }
        let ticks = fields[1] + fields[2] + fields[3] + fields[6] + fields[7]
        busyMicroseconds = ticks * 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        ownMicroseconds = [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Int64($1.tv_sec) * 1_000_000 + Int64($1.tv_usec)
        }
    }
}

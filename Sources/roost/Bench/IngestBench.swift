import Core
import Dispatch
import Glibc

/// `roost bench ingest`: a log into the real daemon with default settings on the event clock, from its
/// first byte to the answer that all is durable, applied and visible; then how long two restarts take.
func ingestBench(_ request: BenchRequest) throws -> Int32 {
    var baseline = request.baseline.map { Baseline($0, "sj_state", [request.file]) }
    try baseline?.run()
    var daemon = try BenchDaemon.prepared(in: request.folder, triggers: request.triggers)
    _ = try daemon.start()
    let idle = try daemon.processorMicroseconds()
    let before = try Machine()
    let took = try feed(request, to: daemon.ingest)
    let processor = try daemon.processorMicroseconds() - idle
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

    let events = status["ingest"]?["events"]?.whole ?? 0
    var figures = Figures()
    figures.add("ingest", count: events, in: took)
    figures.add("daemon CPU", "\(Figures.perMillion(events, processor)) s per million events")
    let others =
        after.busyMicroseconds - before.busyMicroseconds - processor
        - (after.ownMicroseconds - before.ownMicroseconds)
    let all = max(1, took * Int64(processorCount()))
    figures.add(
        "CPU used", "\(Readable.percent(Double(processor) / Double(all))) of the machine's by the daemon")
    figures.add(
        "CPU elsewhere", "\(Readable.percent(Double(max(0, others)) / Double(all))), not by the bench")
    addState(status, peak: peak, &figures)
    figures.add("journal", "\(Figures.each(journalBytes, events)) bytes an event")
    figures.add("start after a kill", "\(Readable.fixed(Double(afterKill) / 1e6, 2)) s")
    figures.add("stop", "\(Readable.fixed(Double(stop) / 1e6, 2)) s")
    figures.add("start after a stop", "\(Readable.fixed(Double(afterStop) / 1e6, 2)) s")
    baseline?.compare(
        rate: Double(events) * 1e6 / Double(max(1, took)),
        processor: Double(processor) / Double(max(1, events)), &figures)
    try figures.print()
    for name in ["users", "outbox"] where figure(restored, name) != figure(status, name) {
        throw CommandFailure("after the restarts there were other \(name) than before")
    }
    return ExitCode.done
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

/// Feeds the file through all connections at once.
///
/// - Returns: microseconds from the first byte to the last answer.
private func feed(_ request: BenchRequest, to address: ListenAddress) throws -> Int64 {
    let results = Guarded<[Feeder.Result]>([])
    let trouble = Guarded<String?>(nil)
    let count = request.connections
    let path = request.file
    let group = DispatchGroup()
    for index in 0..<count {
        // A queue each: they block.
        DispatchQueue(label: "roost.bench.feeder.\(index)").async(group: group) {
            do {
                var feeder = Feeder(
                    try File(reading: path), to: try Socket(connecting: address), index: index, of: count)
                let result = try feeder.run()
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

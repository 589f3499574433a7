import Core
import Glibc

/// `roost bench restart`: how long a daemon takes to be back with all of FILE, against taking in a tenth of
/// it; and what it costs to save the state while events flow.
func restartBench(_ request: BenchRequest) throws -> Int32 {
    guard let size = File.size(of: request.file) else {
        throw CommandFailure("\(request.file) is not there or not a file")
    }
    let whole = Load(request.file)
    var tenth = whole
    tenth.end = size / 10
    let least = try IngestPass(tenth, request.configuration, in: request.folder)
    var figures = Figures()
    figures.add(
        "a tenth ingested",
        "\(Readable.count(least.events)) events in \(Figures.seconds(least.microseconds))")
    try addRestarts(request, whole, tenth: least.microseconds, &figures)
    try addSaving(request, whole, tenth: least.microseconds, &figures)
    try figures.print()
    return ExitCode.done
}

/// With the shipped settings: after a kill, from the last snapshot and the journal behind it, and after
/// an orderly stop, which saves everything.
private func addRestarts(
    _ request: BenchRequest, _ whole: Load, tenth: Int64, _ figures: inout Figures
) throws {
    var daemon = try BenchDaemon.prepared(in: request.folder, request.configuration)
    _ = try daemon.start()
    let pass = try IngestPass(whole, into: daemon)
    let before = try daemon.answer()
    _ = try daemon.end(by: SIGKILL)
    let afterKill = try daemon.start()
    try requireSame(before, try daemon.answer())
    let stop = try daemon.end(by: SIGTERM)
    let afterStop = try daemon.start()
    try requireSame(before, try daemon.answer())
    _ = try daemon.end(by: SIGKILL)
    figures.add(
        "all ingested", "\(Readable.count(pass.events)) events in \(Figures.seconds(pass.microseconds))")
    figures.add("rounds of snapshots meanwhile", count: pass.snapshots)
    figures.add("start after a kill", against(afterKill, tenth, aim: pass.snapshots > 0))
    figures.add("stop", Figures.seconds(stop))
    figures.add("start after a stop", against(afterStop, tenth, aim: true))
}

/// Snapshots as shipped, and one round after the other, against none, twice each and in turns; after the last
/// round's daemon was killed, a start from snapshots and the little journal behind them.
private func addSaving(
    _ request: BenchRequest, _ whole: Load, tenth: Int64, _ figures: inout Figures
) throws {
    var never = request.configuration
    never.saving = .never
    var continuous = request.configuration
    continuous.saving = .continuous
    var without = [try IngestPass(whole, never, in: request.folder)]
    var shipped = [try IngestPass(whole, request.configuration, in: request.folder)]
    var with = [try IngestPass(whole, continuous, in: request.folder)]
    var daemon = try BenchDaemon.prepared(in: request.folder, continuous)
    _ = try daemon.start()
    with.append(try IngestPass(whole, into: daemon))
    let before = try daemon.answer()
    _ = try daemon.end(by: SIGKILL)
    let start = try daemon.start()
    try requireSame(before, try daemon.answer())
    _ = try daemon.end(by: SIGKILL)
    shipped.append(try IngestPass(whole, request.configuration, in: request.folder))
    without.append(try IngestPass(whole, never, in: request.folder))
    let saved = with.allSatisfy { $0.snapshots > 0 }
    figures.add("start after a kill, saved all the time", against(start, tenth, aim: saved))
    figures.add("ingest, never saved", without.rates)
    figures.add("ingest, saved as shipped", "\(shipped.rates); \(shipped.rounds) rounds")
    figures.add("ingest, saved all the time", "\(with.rates); \(with.rounds) rounds")
    let shippedSaved = shipped.allSatisfy { $0.snapshots > 0 }
    for (name, passes, wasSaved, aim) in [
        ("cost of saving", shipped, shippedSaved, " (aim: at most 10 %)"),
        ("cost of saving all the time", with, saved, ""),
    ] {
        guard wasSaved else {
            figures.add(name, "not measured: FILE is too small for a round")
            continue
        }
        figures.add(
            name,
            "\(Readable.percent(1 - passes.rate / without.rate)) of the rate\(aim), "
                + "\(Readable.percent(passes.processor / without.processor - 1)) more CPU an event")
    }
}

private func against(_ start: Int64, _ tenth: Int64, aim: Bool) -> String {
    let ratio = Readable.fixed(Double(start) / Double(max(1, tenth)), 2)
    return "\(Figures.seconds(start)), \(ratio) of a tenth ingested"
        + (aim ? " (aim: below 1)" : " (the whole journal; FILE is too small for a snapshot)")
}

/// A start that forgot something would be quick, and worth nothing.
private func requireSame(_ before: JSONValue, _ after: JSONValue) throws(CommandFailure) {
    guard before["users"]?.whole == after["users"]?.whole,
        before["outbox"]?["last_seq"]?.whole == after["outbox"]?["last_seq"]?.whole,
        before["ingest"]?["events"]?.whole == after["ingest"]?["events"]?.whole
    else { throw CommandFailure("after a restart there was another state than before") }
}

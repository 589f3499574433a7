import Core
import Engine
import Glibc

/// `roost bench memory`: what a user takes, part by part; and what the daemon takes of the machine.
func memoryBench(_ request: BenchRequest) throws -> Int32 {
    var baseline = request.baseline.map { Baseline($0, "sj_state", [request.file]) }
    try baseline?.run()
    let (users, parts) = try stateParts(request)
    var daemon = try BenchDaemon.prepared(in: request.folder, request.configuration)
    _ = try daemon.start()
    let empty = try daemon.answer()["memory_bytes"]?.whole ?? 0
    _ = try Load(request.file).send(to: daemon.ingest)
    let status = try daemon.answer()
    let peak = try daemon.peakBytes()
    _ = try daemon.end(by: SIGKILL)

    let whole = parts.reduce(0) { $0 + $1.bytes }
    var figures = Figures()
    figures.add("users", count: users)
    for part in parts {
        let share = Readable.percent(Double(part.bytes) / Double(max(1, whole)))
        figures.add(part.name, "\(Figures.each(part.bytes, users)) bytes a user, \(share)")
    }
    figures.add("state", "\(Figures.each(whole, users)) bytes a user (aim: at most 256)")
    baseline?.addState(&figures)
    addDaemon(status, empty: empty, peak: peak, &figures)
    try figures.print()
    return ExitCode.done
}

/// Of one shard in this process; its memory is given back before the daemon is looked at.
private func stateParts(_ request: BenchRequest) throws -> (users: Int64, parts: [StatePart]) {
    var run = try EngineRun(request.configuration)
    var reader = try BatchReader(request.file, run.settings)
    try reader.forEach { batch in try run.take(&batch) }
    let parts = run.answer { $0.stateParts() }
    let whole = run.answer { $0.stateBytes() }
    precondition(parts.reduce(0) { $0 + $1.bytes } == whole, "the parts are not the whole")
    return (run.answer { $0.totals() }.users, parts)
}

private func addDaemon(_ status: JSONValue, empty: Int64, peak: Int64, _ figures: inout Figures) {
    let users = status["users"]?.whole ?? 0
    let resident = status["memory_bytes"]?.whole ?? 0
    figures.add(
        "daemon's state", "\(Figures.each(status["state_bytes"]?.whole ?? 0, users)) bytes a user")
    figures.add(
        "daemon resident",
        "\(Readable.bytes(resident)), \(Figures.each(resident, users)) bytes a user; "
            + "before the first event \(Readable.bytes(empty)); peak \(Readable.bytes(peak))")
}

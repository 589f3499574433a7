import Core
import Engine

/// `roost bench engine`: decode, ledger and one shard, one after the other, without socket and disk: what
/// an event costs on its way to the user table.
func engineBench(_ request: BenchRequest) throws -> Int32 {
    var baseline = request.baseline.map { Baseline($0, "sj_state", [request.file]) }
    try baseline?.run()
    var run = try EngineRun(request.configuration)
    let clock = SystemTime()
    var reader = try BatchReader(request.file, run.settings)
    let begin = clock.monotonic()
    try reader.forEach { batch in try run.take(&batch) }
    let whole = clock.monotonic() - begin
    try baseline?.run()

    let totals = run.answer { $0.totals() }
    let stateBytes = run.answer { $0.stateBytes() }
    var figures = Figures()
    figures.add("events", count: totals.events)
    figures.add("users", count: totals.users)
    figures.add("triggers", count: run.triggers)
    for (name, time) in [
        ("read", reader.readMicroseconds), ("decode", reader.decodeMicroseconds), ("seal", run.sealing),
        ("ledger", run.sequencing), ("shard", run.applying), ("all, one after the other", whole),
    ] { figures.add(name, count: totals.events, in: time) }
    figures.add("state", "\(Figures.each(stateBytes, totals.users)) bytes a user")
    figures.add("resident", Readable.bytes(residentBytes()))
    baseline?.compare(
        rate: Double(totals.events) * 1e6 / Double(max(1, whole)), processor: nil, &figures)
    try figures.print()
    return ExitCode.done
}

import Core
import Glibc

let backtestCommand = Command(
    name: "backtest",
    summary: "Replays a history through the engine at full speed: which triggers, which predictions.",
    operandsName: "FILE…", operands: 1...10_000,
    options: [
        Option("--config", "FILE", "Configuration (JSON5)."),
        Option(
            "--out", "DIR", "Directory for triggers.ndjson, report.json and report.html; made where missing."),
        Option(
            "--until", "TIME", "The engine sees nothing after it; what came later only judges predictions."),
        Option(
            "--against", "FILE", "A second configuration, side by side; its triggers go to against.ndjson."),
    ],
    notes: """
        FILE is NDJSON, gzip too; - is standard input. The clock is the log's, whatever clock.mode says, and
        data_dir is not touched. The same files and configuration give the same bytes, and the triggers are those
        the daemon would have recorded, ids and numbers too.
        """
) { arguments in
    guard let path = arguments.text("--config") else { throw UsageError("--config FILE is missing") }
    guard let directory = arguments.text("--out") else { throw UsageError("--out DIR is missing") }
    if arguments.operands.filter({ $0 == "-" }).count > 1
        || (arguments.has("--against") && arguments.operands.contains("-"))
    {
        throw UsageError("standard input can be read once only")
    }
    var until: EventTime?
    if let text = arguments.text("--until") {
        guard let time = InstantText.parse(text) else {
            throw UsageError("--until wants a time such as 2025-01-01T00:00:00Z, not \(text)")
        }
        until = time
    }
    let paths = [path] + (arguments.text("--against").map { [$0] } ?? [])
    var settings: [Settings] = []
    for path in paths {
        guard let read = loadOrComplain(path, command: "backtest") else { return ExitCode.failed }
        settings.append(read)
    }
    let request = BacktestRequest(files: arguments.operands, until: until, directory: directory)
    try backtest(request, Array(zip(paths, settings)))
    return ExitCode.done
}

/// Runs one or two configurations and writes what came of them.
private func backtest(
    _ request: BacktestRequest, _ configurations: [(path: String, settings: Settings)]
) throws {
    // What cannot be read is told before hours are spent on the others.
    for path in request.files where path != "-" { _ = try ByteSource(path: path) }
    guard mkdir(request.directory, 0o755) == 0 || errno == EEXIST else {
        throw CommandFailure("\(SystemFailure("cannot make \(request.directory)"))")
    }
    let names = ["triggers.ndjson", "against.ndjson"]
    var runs: [BacktestFigures] = []
    for (name, configuration) in zip(names, configurations) {
        let run = try BacktestRun(
            request, configuration: configuration.path, settings: configuration.settings)
        runs.append(try run.figures(triggers: name))
    }
    try File(creating: "\(request.directory)/report.json").write(
        ReportTree(request: request, runs: runs).bytes)
    try File(creating: "\(request.directory)/report.html").write(
        ReportPage(request: request, runs: runs).text)
    try File(borrowing: 1).write(ReportText(runs: runs).text)
}

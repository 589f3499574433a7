import Core

/// What `roost bench` was asked for.
struct BenchRequest: Sendable {
    /// Operand after the name; empty: none was given.
    var file = ""
    /// Folder of the sketches that the figures are held against; nil: no comparison.
    var baseline: String?
    /// Where data of the bench stands for the time.
    var folder = "/var/tmp"
    var connections = 1
    /// Whether the built-in rules are on.
    var triggers = true
}

/// A measurement that `roost bench NAME` runs.
struct Bench: Sendable {
    var name: String
    var summary: String
    var needsFile: Bool
    /// - Returns: the exit code.
    var run: @Sendable (BenchRequest) throws -> Int32

    static let all: [Bench] = [
        Bench(
            name: "generate", summary: "Lines a second of the log's generator.", needsFile: false,
            run: { _ in try generateBench() }),
        Bench(
            name: "decode", summary: "FILE's lines to events, to journal bytes, and back.", needsFile: true,
            run: decodeBench),
        Bench(
            name: "engine", summary: "FILE decoded, ordered and applied by one shard; no socket, no disk.",
            needsFile: true, run: engineBench),
        Bench(
            name: "ingest", summary: "FILE into a daemon of its own, acknowledged; then two restarts.",
            needsFile: true, run: ingestBench),
    ]
}

let benchCommand = Command(
    name: "bench", summary: "Measures this machine.", operandsName: "NAME [FILE]", operands: 1...2,
    options: [
        Option(
            "--baseline", "DIR",
            "Folder with sj_extract and sj_state: run on FILE before and after, and compared."),
        Option("--connections", "N", "ingest: connections that share FILE; default 1."),
        Option("--folder", "DIR", "ingest: on whose disk the daemon's data stands; default /var/tmp."),
        Option(switch: "--no-triggers", "ingest, engine: with all built-in rules off."),
    ],
    notes: Bench.all.map { "  \(Help.padded($0.name, 9)) \($0.summary)" }.joined(separator: "\n") + "\n\n"
        + """
        Wall time on a shared machine varies by a quarter from run to run: compare within one run. deploy/bench
        runs them all, and counts instructions and allocations, which repeat.
        """
) { arguments in
    let name = arguments.operands[0]
    guard let bench = Bench.all.first(where: { $0.name == name }) else {
        let known = Bench.all.map(\.name).joined(separator: ", ")
        throw UsageError("unknown bench \(name); known are \(known)")
    }
    var request = BenchRequest()
    if arguments.operands.count > 1 { request.file = arguments.operands[1] }
    if bench.needsFile == request.file.isEmpty {
        throw UsageError(bench.needsFile ? "bench \(name) wants a FILE" : "bench \(name) takes no FILE")
    }
    request.baseline = arguments.text("--baseline")
    request.folder = arguments.text("--folder") ?? request.folder
    request.connections = try arguments.integer("--connections", in: 1...100) ?? 1
    request.triggers = !arguments.has("--no-triggers")
    return try bench.run(request)
}

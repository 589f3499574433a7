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
    var comparesConnections = false
    /// Of the engine, or of the daemon that the bench starts.
    var configuration = BenchConfiguration()
}

/// A measurement that `roost bench NAME` runs.
struct Bench: Sendable {
    enum Operand: Sendable { case none, file, fileOrGenerated }

    var name: String
    var summary: String
    var operand = Operand.file
    /// Names of the options that it takes.
    var options: [String] = []
    /// Further lines of its help.
    var notes: String
    /// - Returns: the exit code.
    var run: @Sendable (BenchRequest) throws -> Int32

    static let all: [Bench] = [
        Bench(
            name: "generate", summary: "Lines a second of the log's generator.", operand: .none,
            notes: "A twelfth of the full log, written to nowhere. No baseline.",
            run: { _ in try generateBench() }),
        Bench(
            name: "decode", summary: "FILE's lines to events, to journal bytes, and back.",
            options: ["--baseline"],
            notes: """
                Baseline: sj_extract, which reads every field and keeps nothing. Only the decoding is compared.
                """,
            run: decodeBench),
        Bench(
            name: "engine", summary: "FILE decoded, ordered and applied by one shard; no socket, no disk.",
            options: ["--baseline", "--no-triggers"],
            notes: "Baseline: sj_state. All steps one after the other. deploy/count counts this one.",
            run: engineBench),
        Bench(
            name: "ingest", summary: "FILE into a daemon of its own, acknowledged; then two restarts.",
            options: ["--baseline", "--connections", "--compare-connections", "--folder", "--no-triggers"],
            notes: ingestNotes, run: ingestBench),
        Bench(
            name: "full", summary: "The same at full size, where memory is the limit.",
            operand: .fileOrGenerated,
            options: ["--baseline", "--connections", "--compare-connections", "--folder", "--no-triggers"],
            notes: """
                FILE is the full log (roost generate --events 25597319). Without FILE it is generated in --folder, 4.7 GB,
                and removed. \(ingestNotes)
                """,
            run: fullBench),
        Bench(
            name: "restart", summary: "The time until a daemon is back with FILE; what saving costs ingest.",
            options: ["--folder", "--no-triggers"],
            notes: """
                Baseline: a tenth of FILE ingested by the same daemon, for the starts; ingest without snapshots, for the
                cost of saving, which is measured with one round of snapshots after the other, harder than any use.
                """,
            run: restartBench),
        Bench(
            name: "latency", summary: "From event to trigger at a subscriber, at half the greatest rate.",
            options: ["--folder"],
            notes: """
                Baselines: journal.commit_interval, and a write with fdatasync on the same disk. Counted is from the moment
                at which the line that makes the trigger due should have been sent, so a stall counts in full. FILE is of
                roost generate, in order of time.
                """,
            run: latencyBench),
        Bench(
            name: "memory", summary: "State of a user, part by part, and resident memory.",
            options: ["--baseline", "--folder", "--no-triggers"],
            notes: "Baselines: sj_state's bytes a user, and 256.", run: memoryBench),
        Bench(
            name: "models", summary: "All models fitted on FILE: their figures beside the baselines'.",
            options: ["--folder"],
            notes: """
                Baselines: what each model's page has. Each figure is of users or of a time that the judged fit has not
                seen. repurchase is judged on held-out users and, fitted here on the first three quarters of FILE's
                time, on the waits that ran at that cut and ended after it. FILE may be packed by gzip.
                """,
            run: modelsBench),
        Bench(
            name: "refit", summary: "What refitting all models costs ingest of FILE.",
            options: ["--folder", "--no-triggers"],
            notes: """
                Baseline: the same without refits, in turns; by the wall clock, under which nothing waits for a fit.
                """,
            run: refitBench),
        Bench(
            name: "kmeans", summary: "One start of k-means, k = 6, on the eight counts of FILE's users.",
            options: ["--baseline", "--folder"],
            notes: """
                Baseline: scikit-learn's KMeans (Lloyd) on the same rows from the same centroids to the same tolerance,
                one thread each, standardised by its StandardScaler; by DIR/kmeans_fit (deploy/baselines). Ours is run
                before and after.
                """,
            run: kMeansBench),
        Bench(
            name: "rules", summary: "Conditions judged on all users of FILE, as a daily rule does.",
            notes: """
                Baseline: the same conditions on the user page as a dictionary by name, which is what a general rule
                engine gets; on one user of a hundred, the making of the page counted apart.
                """, run: rulesBench),
        Bench(
            name: "clv", summary: "BG/NBD and Gamma-Gamma fitted on FILE's rows of buyers.",
            options: ["--baseline"],
            notes: """
                FILE has lines of frequency,recency,T,monetary_value under a heading, times in whole days; deploy/baselines/
                lifetimes_fit makes such. Baseline: lifetimes, by that program, in DIR.
                """, run: lifetimeValueBench),
        Bench(
            name: "boosting", summary: "Boosted trees, 300,000 rows by 20 features.",
            operand: .none, options: ["--baseline", "--folder"],
            notes: """
                100 trees of depth 6 on rows of a generator. Baseline: XGBoost from Python on the same rows with the same
                settings, one thread each, by DIR/xgboost_fit (deploy/baselines). Ours is run before and after.
                """, run: boostingBench),
        Bench(
            name: "sweep", summary: "Churn models taken into use on FILE's buyers, by one shard.",
            options: ["--no-triggers"],
            notes: """
                One of each kind of learner, by its plain settings, fitted on the rows that FILE leaves. Measured is the
                adoption: features and score of every buyer, and the risks told. No baseline.
                """, run: sweepBench),
        Bench(
            name: "als", summary: "Alternating least squares, 27,000 users by 2,000 items, 3 % bought.",
            operand: .none, options: ["--baseline", "--folder"],
            notes: """
                Both solvers, 20 factors, 30 iterations, on counts of a generator. Baseline: implicit on the same counts,
                one thread each, by DIR/implicit_fit (deploy/baselines).
                """, run: factorsBench),
    ]

    private static let ingestNotes = """
        Baseline: sj_state, one core, nothing kept on disk, nothing answered; run before and after, and the quicker
        run counts. Measured is from the first byte to the answer that all is durable, applied and visible.
        """

    private static let options = [
        Option(
            "--baseline", "DIR",
            "Folder with sj_extract and sj_state: run on FILE before and after, and compared."),
        Option("--connections", "N", "Connections that share FILE; default 1."),
        Option(switch: "--compare-connections", "Also two connections against one, in turns."),
        Option("--folder", "DIR", "On whose disk the daemon's data stands; default /var/tmp."),
        Option(switch: "--no-triggers", "With all built-in rules off."),
    ]

    /// The command line of this one alone, as its help shows it.
    var command: Command {
        Command(
            name: "bench \(name)", summary: summary,
            operandsName: operand == .none ? "" : "FILE",
            operands: operand == .none ? 0...0 : (operand == .file ? 1 : 0)...1,
            options: Bench.options.filter { options.contains($0.name) }, notes: notes,
            run: { _ in ExitCode.done })
    }

    /// - Throws: `UsageError` where the words are not for this one.
    func request(_ arguments: Arguments) throws(UsageError) -> BenchRequest {
        for option in Bench.options where arguments.has(option.name) && !options.contains(option.name) {
            throw UsageError("bench \(name) has no \(option.name)")
        }
        var request = BenchRequest()
        if arguments.operands.count > 1 { request.file = arguments.operands[1] }
        if operand == .file, request.file.isEmpty { throw UsageError("bench \(name) wants a FILE") }
        if operand == .none, !request.file.isEmpty { throw UsageError("bench \(name) takes no FILE") }
        request.baseline = arguments.text("--baseline")
        request.folder = arguments.text("--folder") ?? request.folder
        request.connections = try arguments.integer("--connections", in: 1...100) ?? 1
        request.comparesConnections = arguments.has("--compare-connections")
        request.configuration.triggers = !arguments.has("--no-triggers")
        return request
    }

    static func named(_ name: String) throws(UsageError) -> Bench {
        if let bench = all.first(where: { $0.name == name }) { return bench }
        throw UsageError("unknown bench \(name); known are \(all.map(\.name).joined(separator: ", "))")
    }

    fileprivate static let command = Command(
        name: "bench", summary: "Measures this machine.", operandsName: "NAME [FILE]", operands: 1...2,
        options: options,
        notes: all.map { "  \(Help.padded($0.name, 9)) \($0.summary)" }.joined(separator: "\n") + "\n\n"
            + """
            roost bench NAME --help says what each measures, and against what. Wall time on a shared machine varies by
            a quarter from run to run: compare within one run. deploy/bench runs them all; deploy/count counts
            instructions and allocations, which repeat.
            """,
        narrowed: { operands in all.first { $0.name == operands.first }?.command }
    ) { arguments in
        let bench = try named(arguments.operands[0])
        return try bench.run(bench.request(arguments))
    }
}

let benchCommand = Bench.command

import Core
import Engine
import Glibc
import Models

/// `roost bench kmeans`: one start of k-means, k = 6, on the eight counts of FILE's users, and the same by
/// scikit-learn: the same rows, the same centroids to start from, the same stopping rule, one thread each.
func kMeansBench(_ request: BenchRequest) throws -> Int32 {
    let columns = try userColumns(request)
    let users = columns.heldOut.count
    guard users >= KMeansRun.k else {
        throw CommandFailure("\(request.file) has \(users) users; \(KMeansRun.k) are needed")
    }
    var runs = [KMeansRun(columns.features)]
    var other: KMeansReference?
    if let folder = request.baseline {
        other = try KMeansReference(
            columns.features, runs[0].seeds, program: "\(folder)/kmeans_fit", in: request.folder)
    }
    runs.append(KMeansRun(columns.features))
    let quicker = runs[0].whole <= runs[1].whole ? runs[0] : runs[1]

    var figures = Figures()
    figures.add("users", count: Int64(users))
    figures.add("distinct rows", count: Int64(quicker.distinctRows))
    figures.add(
        "collapsed, standardised, fitted",
        "\(runs.map { Figures.seconds($0.whole) }.joined(separator: " and ")), one thread")
    figures.add("of it the fit", Figures.seconds(quicker.fitting))
    figures.add("iterations", count: Int64(quicker.result.iterations))
    figures.add("inertia", Readable.fixed(quicker.result.inertia, 4))
    if let other {
        other.compare(quicker, &figures)
    } else {
        figures.add("scikit-learn", "SKIPPED: no --baseline, so nothing is compared")
    }
    try figures.print()
    return ExitCode.done
}

/// The columns that a refit of the segments would get.
private func userColumns(_ request: BenchRequest) throws -> SegmentColumns {
    var configuration = request.configuration
    configuration.triggers = false
    var run = try EngineRun(configuration)
    var reader = try BatchReader(request.file, run.settings)
    try reader.forEach { batch in try run.take(&batch) }
    let features = run.settings.models.segments.features.compactMap { SegmentFeature($0) }
    let parts = run.answer { $0.segmentColumns(features, decidedOnly: false) }
    var columns = SegmentColumns(features: features.count)
    for part in parts.sorted(by: { $0.partition < $1.partition }) { columns.append(part.columns) }
    return columns
}

/// One run of ours, with its times in microseconds.
private struct KMeansRun {
    static let k = 6
    static let iterations = 300
    /// scikit-learn's default, times a mean variance of 1.
    static let tolerance = 1e-4

    let seeds: [[Double]]
    let distinctRows: Int
    let result: SingleStart
    /// Collapsing and standardising, and the fit.
    let whole: Int64
    let fitting: Int64

    init(_ features: [[Double]]) {
        let clock = SystemTime()
        let begin = clock.monotonic()
        let table = withColumns(features) { SingleStart.Table(columns: $0) }
        let made = clock.monotonic()
        seeds = table.seeds(k: Self.k, seed: 42)
        let seeded = clock.monotonic()
        result = SingleStart(
            table, start: seeds, iterations: Self.iterations, tolerance: Self.tolerance)
        let end = clock.monotonic()
        distinctRows = table.distinctRows
        fitting = end - seeded
        whole = made - begin + fitting
    }
}

private func withColumns<Result>(
    _ columns: [[Double]], _ body: ([UnsafeBufferPointer<Double>]) -> Result
) -> Result {
    func open(_ rest: ArraySlice<[Double]>, _ opened: [UnsafeBufferPointer<Double>]) -> Result {
        guard let first = rest.first else { return body(opened) }
        return first.withUnsafeBufferPointer { open(rest.dropFirst(), opened + [$0]) }
    }
    return open(columns[...], [])
}

/// What scikit-learn made of the same.
private struct KMeansReference {
    let version: String
    /// Microseconds.
    let scaling: Int64
    let fitting: Int64
    let iterations: Int
    let inertia: Double
    /// Row by row.
    let centroids: [Double]

    /// Little-endian doubles, one list after the other.
    private static func write(_ lists: [[Double]], to path: String) throws {
        let file = try File(creating: path)
        for values in lists {
            try file.write(values.withUnsafeBytes { Array($0) })
        }
    }

    init(_ features: [[Double]], _ seeds: [[Double]], program: String, in folder: String) throws {
        let path = "\(folder)/roost-kmeans.\(getpid()).f64"
        defer { unlink(path) }
        try KMeansReference.write(seeds + features, to: path)
        var child = try Child(
            program,
            [
                path, String(features.count), String(seeds.count),
                String(KMeansRun.iterations), String(KMeansRun.tolerance),
            ])
        let words = (try child.line() ?? "").split(separator: " ").map(String.init)
        guard try child.end().status == 0, words.count == 5 + seeds.count * features.count,
            let scaling = Int64(words[1]), let fitting = Int64(words[2]), let iterations = Int(words[3]),
            let inertia = Double(words[4])
        else { throw CommandFailure("\(program) failed; its message is above") }
        version = words[0]
        self.scaling = scaling
        self.fitting = fitting
        self.iterations = iterations
        self.inertia = inertia
        centroids = words[5...].compactMap { Double($0) }
    }

    func compare(_ own: KMeansRun, _ figures: inout Figures) {
        let difference = zip(own.result.centroids.joined(), centroids).reduce(0) { max($0, abs($1.0 - $1.1)) }
        figures.add(
            "scikit-learn \(version)",
            "scaled in \(Figures.seconds(scaling)), fitted in \(Figures.seconds(fitting)), one thread")
        figures.add(
            "its result",
            "\(iterations) iterations, inertia \(Readable.fixed(inertia, 4)), centroids at most "
                + "\(difference) apart")
        let whole = Double(scaling + fitting) / Double(max(1, own.whole))
        let fit = Double(fitting) / Double(max(1, own.fitting))
        figures.add(
            "times as quick", "\(Readable.fixed(whole, 2)) in all, \(Readable.fixed(fit, 2)) the fit (aim: 3)"
        )
    }
}

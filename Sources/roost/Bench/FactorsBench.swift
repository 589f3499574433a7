import Core
import Glibc
import Models

/// `roost bench als`: alternating least squares on 27,000 users by 2,000 items, 3 % of the cells bought, 20
/// factors and 30 iterations, by both solvers; and the same by implicit, one thread each.
func factorsBench(_ request: BenchRequest) throws -> Int32 {
    let counts = FactorsRun.counts(users: 27_000, items: 2_000, density: 0.03)
    var figures = Figures()
    figures.add("users", count: Int64(counts.rowCount))
    figures.add("items", count: Int64(counts.columnCount))
    figures.add("purchased cells", count: Int64(counts.entryCount))
    let runs = [ImplicitFactorsConfig.Solver.conjugateGradient, .exact].map { FactorsRun(counts, $0) }
    for run in runs {
        figures.add(
            run.name, "\(Figures.seconds(run.microseconds)), loss \(Readable.fixed(run.loss, 6)), one thread")
    }
    if let folder = request.baseline {
        let other = try FactorsReference(counts, program: "\(folder)/implicit_fit", in: request.folder)
        other.compare(runs, &figures)
    } else {
        figures.add("implicit", "SKIPPED: no --baseline, so nothing is compared")
    }
    try figures.print()
    return ExitCode.done
}

private struct FactorsRun {
    let name: String
    let microseconds: Int64
    let loss: Double

    init(_ counts: SparseCounts, _ solver: ImplicitFactorsConfig.Solver) {
        name = solver == .exact ? "exact" : "conjugate gradients"
        var config = ImplicitFactorsConfig()
        config.solver = solver
        let clock = SystemTime()
        let begin = clock.monotonic()
        let fit = ImplicitFactors(counts, config: config, seed: 42)
        microseconds = clock.monotonic() - begin
        loss = fit.loss(counts, config)
    }

    /// Some items are bought by many, most by few.
    static func counts(users: Int, items: Int, density: Double) -> SparseCounts {
        var generator = SeededGenerator(seed: 7)
        let mean = density * Double(items)
        // Shares that fall off with the rank, scaled so that they add up to the mean of a user.
        var shares = (0..<items).map { 1 / Double($0 + 20) }
        let scale = mean / shares.reduce(0, +)
        shares = shares.map { min(0.9, $0 * scale) }
        var counts = SparseCounts(columnCount: items)
        for _ in 0..<users {
            counts.append(
                shares.indices.compactMap { item -> (column: Int32, value: Float)? in
                    guard generator.uniform() < shares[item] else { return nil }
                    return (Int32(item), Float(1 + generator.below(4)))
                })
        }
        return counts
    }
}

/// What implicit made of the same, by each solver.
private struct FactorsReference {
    private let version: String
    /// Microseconds and loss.
    private let fits: [(microseconds: Int64, loss: Double)]

    init(_ counts: SparseCounts, program: String, in folder: String) throws {
        let path = "\(folder)/roost-als.\(getpid()).bin"
        defer { unlink(path) }
        try FactorsReference.write(counts, to: path)
        var child = try Child(program, [path])
        let words = (try child.line() ?? "").split(separator: " ").map(String.init)
        let numbers = words.dropFirst().compactMap { Double($0) }
        guard try child.end().status == 0, words.count == 5, numbers.count == 4 else {
            throw CommandFailure("\(program) failed; its message is above")
        }
        version = words[0]
        fits = [(Int64(numbers[0]), numbers[1]), (Int64(numbers[2]), numbers[3])]
    }

    /// Rows, columns, entries; then where rows begin, columns and values; all little endian.
    private static func write(_ counts: SparseCounts, to path: String) throws {
        let file = try File(creating: path)
        let head = [Int64(counts.rowCount), Int64(counts.columnCount), Int64(counts.entryCount)]
        try file.write((head + counts.offsets.map { Int64($0) }).withUnsafeBytes { Array($0) })
        try file.write(counts.columns.withUnsafeBytes { Array($0) })
        try file.write(counts.values.withUnsafeBytes { Array($0) })
    }

    func compare(_ runs: [FactorsRun], _ figures: inout Figures) {
        for (run, fit) in zip(runs, fits) {
            let ratio = Double(fit.microseconds) / Double(max(1, run.microseconds))
            figures.add(
                "implicit \(version), \(run.name)",
                "\(Figures.seconds(fit.microseconds)), loss \(Readable.fixed(fit.loss, 6)); ours is "
                    + "\(Readable.fixed(ratio, 2)) times as quick (aim: 1)")
        }
    }
}

import Core
import Glibc
import Models

/// `roost bench boosting`: boosted trees of a probability, 300,000 rows by 20 features, and the same by XGBoost
/// from Python: the same rows, settings and number of threads.
func boostingBench(_ request: BenchRequest) throws -> Int32 {
    let table = BoostingRun.Table(rows: 300_000, features: 20)
    var runs = [try BoostingRun(table)]
    var other: BoostingReference?
    if let folder = request.baseline {
        other = try BoostingReference(table, program: "\(folder)/xgboost_fit", in: request.folder)
    }
    runs.append(try BoostingRun(table))
    let quicker = runs[0].microseconds <= runs[1].microseconds ? runs[0] : runs[1]
    var figures = Figures()
    figures.add("rows", count: Int64(table.labels.count))
    figures.add("features", count: Int64(table.features))
    figures.add(
        "trained",
        "\(runs.map { Figures.seconds($0.microseconds) }.joined(separator: " and ")), one thread, "
            + "\(BoostingRun.config.rounds) trees of depth \(BoostingRun.config.depth)")
    figures.add("log loss", Readable.fixed(quicker.logLoss, 6))
    if let other {
        other.compare(quicker, &figures)
    } else {
        figures.add("XGBoost from Python", "SKIPPED: no --baseline, so nothing is compared")
    }
    try figures.print()
    return ExitCode.done
}

private struct BoostingRun {
    /// What both are fitted on.
    struct Table {
        let features: Int
        /// Shape [rows][features].
        var values: [Float] = []
        /// 0 or 1.
        var labels: [Float] = []

        /// Every fourth feature, and two that only matter together, decide the outcome.
        init(rows: Int, features: Int) {
            self.features = features
            var generator = SeededGenerator(seed: 7)
            values.reserveCapacity(rows * features)
            for _ in 0..<rows {
                var odds = -1.0
                let row = (0..<features).map { _ in Float(-log(1 - generator.uniform())) }
                for feature in stride(from: 0, to: features, by: 4) { odds += 0.6 * Double(row[feature] - 1) }
                odds += (row[1] > 1) == (row[2] > 1) ? 0.8 : -0.8
                values.append(contentsOf: row)
                labels.append(generator.uniform() < 1 / (1 + exp(-odds)) ? 1 : 0)
            }
        }
    }

    static let config: BoostingConfig = {
        var config = BoostingConfig(.logistic)
        config.rounds = 100
        config.depth = 6
        config.learningRate = 0.1
        config.baseScore = 0.5
        config.threads = 1
        return config
    }()

    let microseconds: Int64
    let logLoss: Double

    init(_ table: Table) throws {
        let matrix = FeatureMatrix(rows: table.labels.count, columns: table.features, values: table.values)
        let clock = SystemTime()
        let begin = clock.monotonic()
        let forest = try BoostedTrees.train(
            features: matrix, labels: .values(table.labels), config: BoostingRun.config)
        microseconds = clock.monotonic() - begin
        let losses = zip(forest.margins(of: matrix), table.labels).map { margin, label in
            log1p(exp(Double(label == 1 ? -margin : margin)))
        }
        logLoss = losses.reduce(0, +) / Double(losses.count)
    }
}

/// What XGBoost made of the same from Python.
private struct BoostingReference {
    private let version: String
    private let microseconds: Int64
    private let logLoss: Double

    init(_ table: BoostingRun.Table, program: String, in folder: String) throws {
        let path = "\(folder)/roost-boosting.\(getpid()).f32"
        defer { unlink(path) }
        let file = try File(creating: path)
        try file.write(table.labels.withUnsafeBytes { Array($0) })
        try file.write(table.values.withUnsafeBytes { Array($0) })
        let config = BoostingRun.config
        var child = try Child(
            program,
            [
                path, String(table.features), String(config.rounds), String(config.depth),
                String(config.learningRate),
            ])
        let words = (try child.line() ?? "").split(separator: " ").map(String.init)
        guard try child.end().status == 0, words.count == 3, let microseconds = Int64(words[1]),
            let logLoss = Double(words[2])
        else { throw CommandFailure("\(program) failed; its message is above") }
        version = words[0]
        self.microseconds = microseconds
        self.logLoss = logLoss
    }

    func compare(_ own: BoostingRun, _ figures: inout Figures) {
        figures.add(
            "XGBoost \(version) from Python",
            "\(Figures.seconds(microseconds)), log loss \(Readable.fixed(logLoss, 6)), one thread")
        let ratio = Double(microseconds) / Double(max(1, own.microseconds))
        figures.add("times as quick", "\(Readable.fixed(ratio, 2)) (aim: 1)")
    }
}

import Core
import Engine
import Models

/// `roost bench sweep`: a churn model fitted on FILE's rows and taken into use: every buyer's features computed,
/// scored, and the risks told with their reasons, by one shard.
func sweepBench(_ request: BenchRequest) throws -> Int32 {
    var run = try EngineRun(request.configuration)
    var reader = try BatchReader(request.file, run.settings)
    try reader.forEach { batch in try run.take(&batch) }
    var rows = OutcomeRows(names: ChurnFeature.names)
    for part in run.answer({ $0.churnRows() }) { rows.append(part.columns) }
    let users = run.answer { $0.totals().users }
    let buyers = run.answer { $0.repurchaseColumns(decidedOnly: false) }.reduce(0) { $0 + $1.columns.rows }

    var figures = Figures()
    figures.add("users", count: users)
    figures.add("buyers", count: Int64(buyers))
    figures.add("rows learnt from", count: Int64(rows.rows))
    for learner in OutcomeConfig.Learner.allCases {
        let model = try SweepModel(learner, rows, run.settings)
        var took: [Int64] = []
        for _ in 0..<3 { took.append(try run.adopt(model.bytes, name: ChurnModel.name)) }
        let least = took.min() ?? 0
        figures.add(
            learner.name,
            "\(Figures.seconds(least)): \(Figures.rate(Int64(buyers), least)) buyers/s, "
                + "\(Figures.rate(users, least)) users/s on one core (aim: 500,000 on each of two)")
    }
    try figures.print()
    return ExitCode.done
}

/// A churn model of one kind, by its plain settings.
private struct SweepModel {
    let bytes: [UInt8]

    init(_ learner: OutcomeConfig.Learner, _ rows: OutcomeRows, _ settings: Settings) throws {
        var config = ChurnModel.config(
            horizon: settings.models.churn.horizon ?? Settings.ChurnModel.firstHorizon)
        config.learners = [learner]
        config.resamplings = [.none]
        config.trials = 0
        let request = FitRequest.outcome(
            ChurnModel.self, names: rows.names, features: rows.features, lead: rows.lead, anchor: rows.anchor,
            label: rows.label, heldOut: rows.heldOut, config: config, seed: settings.models.seed,
            previous: nil)
        bytes = try fitHere(request, "churn model of these rows").model
    }
}

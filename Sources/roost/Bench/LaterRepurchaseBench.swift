import Core
import Engine
import Models

/// The repurchase model judged on later time: fitted on the first three quarters of FILE's time, judged on the waits
/// that ran at the cut and ended after it.
enum LaterRepurchaseBench {
    private static let share = 0.75

    static func add(_ file: String, _ configuration: BenchConfiguration, to figures: inout Figures) throws {
        var run = try EngineRun(configuration)
        var reader = HistoryReader(run.settings, key: HashKey(k0: 1, k1: 2), needsSource: false)
        try reader.read(file, told: { _, _ in }) { batch in
            var batch = batch
            try run.take(&batch)
        }
        var columns = PurchaseDayColumns()
        for part in run.answer({ $0.repurchaseColumns(decidedOnly: false) }) { columns.append(part.columns) }
        if columns.rows == 0 { return }
        let later = LaterRepurchase(
            days: columns.days, purchases: columns.purchases, revenue: columns.revenue,
            offsets: columns.offsets, heldOut: columns.heldOut, share: share)
        figures.add("repurchase on later time", "cut at \(CalendarDate(dayNumber: later.cut).text)")
        figures.add("  waits open at the cut", count: Int64(later.open))
        figures.add("  of them ended since", count: Int64(later.ended))
        do {
            let model = try model(later, run.settings)
            for score in later.scores(model) { figures.add("  \(score.name)", text(score)) }
        } catch let failure as CommandFailure {
            figures.add("  refused", failure.reason)
        }
    }

    private static func model(_ later: LaterRepurchase, _ settings: Settings) throws -> RepurchaseModel {
        var config = RepurchaseConfig()
        config.minimumIntervals = settings.models.repurchase.minimumIntervals
        config.seed = settings.models.seed
        let candidate = try fitHere(
            .repurchase(
                days: later.days, purchases: later.purchases, revenue: later.revenue, offsets: later.offsets,
                heldOut: later.heldOut, asOfDay: later.cut, config: config, previous: nil),
            "repurchase model before the cut")
        return try RepurchaseModel(bytes: candidate.model)
    }

    private static func text(_ score: LaterRepurchase.Score) -> String {
        var text = "mae_d \(Readable.fixed(score.meanError, 2)), rmse_d "
        text += "\(Readable.fixed(score.rootMeanSquareError, 2)), "
        text += "median_error_d \(Readable.fixed(score.medianError, 2))"
        if let coverage = score.coverage, let pinball = score.pinball {
            text += ", coverage_80 \(Readable.fixed(coverage, 4)), pinball_d \(Readable.fixed(pinball, 2))"
        }
        return text
    }
}

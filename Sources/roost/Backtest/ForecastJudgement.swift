import Core
import Models

/// A forecast as it was made, with its buyer's number in the history.
struct MadeForecast {
    var buyer: Int
    /// Day it was made on.
    var day: Int32
    /// Last purchase day before it.
    var lastDay: Int32
    var next: Trigger.Predicted?
    var churn: Double?
}

/// Predicted dates of the next purchase against what came.
struct DateFigures: Equatable {
    /// Predictions, and those of them whose buyer bought again within the log.
    var predictions = 0
    var came = 0
    /// Mean and median of the absolute difference in days, of those that came; nil without any.
    var meanError: Double?
    var medianError: Double?
    /// Mean of the difference: above 0, purchases came later than predicted.
    var bias: Double?
    /// The same of the rule to beat: last purchase + the median interval of all intervals that had ended by
    /// then, tomorrow where that has passed.
    var baselineMeanError: Double?
    /// Predictions of which it is known whether the purchase fell into the interval: it came, or had not when
    /// the interval was over.
    var known = 0
    var covered = 0
    /// Differences of those that came, in days, ascending.
    var errors: [Int32] = []

    var coverage: Double? { known > 0 ? Double(covered) / Double(known) : nil }
    /// Of those who bought again.
    var coverageOfCame: Double? { came > 0 ? Double(covered) / Double(came) : nil }
}

/// Risks of churn against what came.
struct ChurnFigures: Equatable {
    /// Of one tenth of the scored, the greatest risks first.
    struct Decile: Equatable {
        var meanScore: Double
        var churned: Double
        var lift: Double?
    }

    var horizonDays: Double
    var threshold: Double
    /// Scores, and those of them whose horizon lies within the log.
    var scores = 0
    var known = 0
    var churned = 0
    /// At the threshold; nil where nothing was at or above it, or nobody churned.
    var precision: Double?
    var recall: Double?
    var areaUnderROC: Double?
    /// Of days since the last purchase alone.
    var baselineAreaUnderROC: Double?
    var deciles: [Decile] = []

    var baseRate: Double? { known > 0 ? Double(churned) / Double(known) : nil }
}

/// Holds forecasts against the history that came after them. Pure: same input, same figures.
struct ForecastJudgement {
    let history: PurchaseHistory
    let zone: Zone

    private var lastDay: Int32 { zone.day(of: EventTime(microseconds: history.to)) }

    /// - Parameter forecasts: of any days; those without a predicted date are passed over.
    func dates(_ forecasts: [MadeForecast]) -> DateFigures {
        var figures = DateFigures()
        var medians: [Int32: Double?] = [:]
        var baseline: [Double] = []
        for forecast in forecasts {
            guard let next = forecast.next else { continue }
            figures.predictions += 1
            let came = history.next(forecast.buyer, after: forecast.day)
            figures.judge(next, came, lastDay: lastDay)
            guard let came else { continue }
            let median = medians[forecast.day] ?? history.medianInterval(endedBy: forecast.day)
            medians[forecast.day] = .some(median)
            if let median {
                let day = max(forecast.lastDay + Int32(median.rounded()), forecast.day + 1)
                baseline.append(Double(abs(came - day)))
            }
        }
        figures.settle()
        if !baseline.isEmpty, baseline.count == figures.came {
            figures.baselineMeanError = baseline.reduce(0, +) / Double(baseline.count)
        }
        return figures
    }

    /// Dates that were said on triggers; who bought nothing later in the log has no purchase to compare.
    func dates(_ dated: [TriggerTally.Dated]) -> DateFigures {
        var figures = DateFigures()
        for said in dated {
            figures.predictions += 1
            figures.judge(
                said.predicted, said.buyer.flatMap { history.next($0, after: said.day - 1) },
                lastDay: lastDay)
        }
        figures.settle()
        return figures
    }

    /// - Parameters:
    ///   - horizon: microseconds without a purchase that are churn.
    ///   - threshold: from which on a risk is told.
    func churn(_ forecasts: [MadeForecast], horizon: Int64, threshold: Double) -> ChurnFigures {
        var figures = ChurnFigures(
            horizonDays: Double(horizon) / Double(Microseconds.day), threshold: threshold)
        var labels: [UInt8] = []
        var scores: [Double] = []
        var silence: [Double] = []
        for forecast in forecasts {
            guard let score = forecast.churn else { continue }
            figures.scores += 1
            let made = zone.start(of: forecast.day + 1).microseconds - 1
            guard made + horizon <= history.to else { continue }
            labels.append(history.bought(forecast.buyer, after: made, within: horizon) ? 0 : 1)
            scores.append(score)
            silence.append(Double(forecast.day - forecast.lastDay))
        }
        figures.judge(labels, scores, silence)
        return figures
    }
}

extension DateFigures {
    fileprivate mutating func judge(_ predicted: Trigger.Predicted, _ came: Int32?, lastDay: Int32) {
        if let came {
            self.came += 1
            errors.append(came - predicted.date)
            known += 1
            if came >= predicted.p10, came <= predicted.p90 { covered += 1 }
        } else if lastDay > predicted.p90 {
            known += 1
        }
    }

    fileprivate mutating func settle() {
        errors.sort()
        guard !errors.isEmpty else { return }
        let sizes = errors.map { Double(abs($0)) }
        meanError = sizes.reduce(0, +) / Double(sizes.count)
        medianError = Quantile.median(sizes)
        bias = errors.reduce(0.0) { $0 + Double($1) } / Double(errors.count)
    }
}

extension ChurnFigures {
    fileprivate mutating func judge(_ labels: [UInt8], _ scores: [Double], _ silence: [Double]) {
        known = labels.count
        churned = labels.count { $0 == 1 }
        guard known > 0 else { return }
        let confusion = Confusion(
            labels: labels, scores: scores, threshold: threshold, inclusive: true)
        if confusion.truePositives + confusion.falsePositives > 0 { precision = confusion.positive.precision }
        if churned > 0 { recall = confusion.positive.recall }
        let ranking = ScoreRanking(labels: labels, scores: scores)
        areaUnderROC = ranking.areaUnderROC
        baselineAreaUnderROC = ScoreRanking(labels: labels, scores: silence).areaUnderROC
        guard known >= 10 else { return }
        let lifts = ranking.liftByDecile
        let sorted = scores.sorted(by: >)
        let rate = Double(churned) / Double(known)
        deciles = (0..<10).map { decile in
            let part = sorted[decile * known / 10..<(decile + 1) * known / 10]
            let lift = lifts?[decile]
            return Decile(
                meanScore: part.reduce(0, +) / Double(part.count), churned: (lift ?? 0) * rate, lift: lift)
        }
    }
}

/// How good forecasts are for buyers who were not learnt from.
///
/// Only ended intervals can be compared with a forecast, and short ones end within a log more often than long
/// ones do; each therefore counts with the inverse of the chance that an interval of its length would have
/// been seen to end (inverse probability of censoring weights, Robins and Rotnitzky 1992; the chance by
/// Kaplan–Meier, weights bounded).
struct RepurchaseJudgement {
    let evidence: Evidence
    let metrics: [Tree.Member]
    let baseline: [Tree.Member]

    static let heaviest = 20.0

    private struct Case {
        var length: Double
        var weight: Double
        var count: Int
        var sum: Double
    }

    init(
        candidate: RepurchaseModel, final: RepurchaseModel, previous: RepurchaseModel?,
        training: RepurchaseHistory,
        held: RepurchaseHistory
    ) {
        let cases = RepurchaseJudgement.cases(held)
        func errors(_ forecast: (Case) -> Double) -> [Double] {
            cases.map { abs(forecast($0) - $0.length) }
        }
        func mean(_ values: [Double]) -> Double { RepurchaseJudgement.mean(values, cases.map(\.weight)) }
        let own = errors { candidate.predict(intervalSum: $0.sum, intervalCount: $0.count).p50 }
        let lengths = training.intervals.filter(\.ended).map(\.length).sorted()
        let median = lengths[lengths.count / 2]
        let population = lengths.reduce(0, +) / Double(lengths.count)
        let byMedian = errors { _ in median }
        let byGap = errors { $0.count > 0 ? $0.sum / Double($0.count) : population }
        let inUse = previous.map { model in
            errors { model.predict(intervalSum: $0.sum, intervalCount: $0.count).p50 }
        }
        let covered = cases.map { one in
            let forecast = candidate.predict(intervalSum: one.sum, intervalCount: one.count)
            return one.length >= forecast.p10 && one.length <= forecast.p90 ? 1.0 : 0.0
        }
        let robust = RobustError(trivial: byMedian, weights: cases.map(\.weight))
        evidence = robust.evidence(
            own: own,
            final: errors { final.predict(intervalSum: $0.sum, intervalCount: $0.count).p50 },
            trivial: min(robust.mean(byMedian), robust.mean(byGap)), inUse: inUse,
            count: Double(cases.count), finite: true, converged: true)
        metrics = [
            .init("median_absolute_error_d", .finite(mean(own))),
            .init("bounded_absolute_error_d", .finite(robust.mean(own))),
            .init("coverage_80", .finite(mean(covered))),
            .init("held_out_intervals", .int(Int64(cases.count))),
        ]
        var baseline: [Tree.Member] = [
            .init("population_median_d", .finite(median)),
            .init("population_median_error_d", .finite(mean(byMedian))),
            .init("population_median_bounded_error_d", .finite(robust.mean(byMedian))),
            .init("own_mean_error_d", .finite(mean(byGap))),
            .init("own_mean_bounded_error_d", .finite(robust.mean(byGap))),
        ]
        if let inUse {
            baseline += [
                .init("in_use_error_d", .finite(mean(inUse))),
                .init("in_use_bounded_error_d", .finite(robust.mean(inUse))),
            ]
        }
        self.baseline = baseline
    }

    private static func cases(_ held: RepurchaseHistory) -> [Case] {
        // Here what cuts an interval off is the event, and its end what hides it.
        let followUp = SurvivalCurve(
            held.intervals.map { SurvivalCurve.Span(length: $0.length, ended: !$0.ended) })
        return held.intervals.filter(\.ended).map { interval in
            let chance = followUp.reaching(interval.length)
            return Case(
                length: interval.length, weight: chance > 0 ? min(heaviest, 1 / chance) : heaviest,
                count: interval.count, sum: Double(interval.sum))
        }.sorted { ($0.length, $0.count, $0.sum) < ($1.length, $1.count, $1.sum) }
    }

    private static func mean(_ values: [Double], _ weights: [Double]) -> Double {
        zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
    }
}

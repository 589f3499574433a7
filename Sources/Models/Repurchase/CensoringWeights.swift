/// What an interval that was seen to end counts, so that those seen stand for those that were not.
///
/// Short intervals end within a log more often than long ones do; each therefore counts with the inverse of
/// the chance that an interval of its length would have been seen to end (inverse probability of censoring
/// weights, Robins and Rotnitzky 1992; the chance by Kaplan–Meier, weights bounded).
struct CensoringWeights {
    private let followUp: SurvivalCurve

    static let heaviest = 20.0

    /// - Parameter intervals: ended and running.
    init(_ intervals: some Sequence<RepurchaseInterval>) {
        // Here what cuts an interval off is the event, and its end what hides it.
        followUp = SurvivalCurve(intervals.map { SurvivalCurve.Span(length: $0.length, ended: !$0.ended) })
    }

    /// - Parameter length: of an interval that was seen to end, days.
    func weight(_ length: Double) -> Double {
        let chance = followUp.reaching(length)
        return chance > 0 ? min(CensoringWeights.heaviest, 1 / chance) : CensoringWeights.heaviest
    }
}

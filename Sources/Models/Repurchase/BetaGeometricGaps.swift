import Glibc

/// When BG/NBD thinks a buyer who has just bought buys again, if they do: a baseline.
///
/// Given that they are still alive their rate has a gamma distribution of shape r + x and rate α + T (Fader,
/// Hardie and Lee 2005, section 4), so that the chance to wait longer than t is
/// ((α + T) / (α + T + t))^(r + x).
struct BetaGeometricGaps {
    private let model: BetaGeometric

    static let enough = 100

    /// Nil where the buyers to learn from are too few or all alike, or the fit does not converge.
    init?(_ columns: RepurchaseColumns) {
        var known: [PurchaseSummary] = []
        for buyer in 0..<columns.buyers where columns.heldOut[buyer] == 0 {
            let range = columns.range(buyer)
            let first = Int(columns.days[range.lowerBound])
            let age = Int(columns.asOfDay) - first
            guard age <= Int(PurchaseTriplets.greatest) else { continue }
            known.append(
                PurchaseSummary(
                    frequency: Int32(range.count - 1),
                    recency: Int32(Int(columns.days[range.upperBound - 1]) - first), age: Int32(age)))
        }
        let triplets = PurchaseTriplets(known)
        guard known.count >= BetaGeometricGaps.enough, triplets.count > 1 else { return nil }
        let fit = BetaGeometricFit(triplets, penalty: 0)
        guard fit.converged, fit.model.r.isFinite, fit.model.alpha.isFinite else { return nil }
        model = fit.model
    }

    /// Median of the wait that an interval turned out to be, days.
    func median(_ interval: RepurchaseInterval) -> Double {
        let shape = model.r + Double(interval.count)
        return (model.alpha + Double(interval.sum)) * expm1(log(2) / shape)
    }
}

import Glibc

/// What groups of a size can show, for a two-sided test of two proportions (Cohen 1988, chapter 6: effects as
/// differences of arcsines).
package enum SampleSize {
    /// Cohen's h of two shares.
    package static func effect(_ p: Double, _ q: Double) -> Double {
        2 * asin(p.squareRoot()) - 2 * asin(q.squareRoot())
    }

    /// Probability that a difference is found significant.
    ///
    /// - Parameter effect: Cohen's h.
    package static func power(
        effect: Double, treated: Int64, heldOut: Int64, significance: Double = 0.05
    ) -> Double {
        let critical = NormalDistribution.quantile(1 - significance / 2)
        let shift = abs(effect) * (1 / (1 / Double(treated) + 1 / Double(heldOut))).squareRoot()
        return NormalDistribution.cumulative(shift - critical)
            + NormalDistribution.cumulative(-shift - critical)
    }

    /// Users held out that are needed to find a difference with a probability; infinite for none.
    ///
    /// - Parameter ratio: treated users for each held out.
    package static func heldOutNeeded(
        effect: Double, ratio: Double, power: Double = 0.8, significance: Double = 0.05
    ) -> Double {
        guard abs(effect) > 0, ratio > 0 else { return .infinity }
        let sum =
            NormalDistribution.quantile(1 - significance / 2) + NormalDistribution.quantile(power)
        return (sum / effect) * (sum / effect) * (1 + 1 / ratio)
    }

    /// The smallest rise above a share that groups of these sizes find with a probability of four in five;
    /// nil where not even a rise to 1 is found.
    package static func detectableRise(above share: Double, treated: Int64, heldOut: Int64) -> Double? {
        guard treated > 0, heldOut > 0 else { return nil }
        let wanted = 0.8
        func found(_ p: Double) -> Double {
            power(effect: effect(p, share), treated: treated, heldOut: heldOut)
        }
        guard found(1) >= wanted else { return nil }
        var (low, high) = (share, 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if found(middle) < wanted { low = middle } else { high = middle }
        }
        return high - share
    }
}

import Glibc

/// Cochran–Mantel–Haenszel: whether two groups differ in their share of successes once what differs between strata
/// is taken out. Statistic as R's `mantelhaen.test`, with the correction of ½; common odds ratio by Mantel and
/// Haenszel (1959), its interval by Robins, Breslow and Greenland (1986).
package struct StratifiedTest: Sendable, Equatable {
    /// Counts of one stratum.
    package struct Stratum: Sendable, Equatable {
        package var successesA: Double
        package var failuresA: Double
        package var successesB: Double
        package var failuresB: Double

        package init(successesA: Double, failuresA: Double, successesB: Double, failuresB: Double) {
            self.successesA = successesA
            self.failuresA = failuresA
            self.successesB = successesB
            self.failuresB = failuresB
        }

        var total: Double { successesA + failuresA + successesB + failuresB }
        var successes: Double { successesA + successesB }
        var sizeA: Double { successesA + failuresA }

        /// Says something of the difference: both groups and both outcomes are in it.
        var informs: Bool {
            total > 1 && sizeA > 0 && sizeA < total && successes > 0 && successes < total
        }
    }

    /// χ² of one degree of freedom.
    package let statistic: Double
    package let p: TailProbability
    /// Strata that say something.
    package let strata: Int
    /// Of a success in A against B; nil where no stratum has a failure of A and a success of B.
    package let oddsRatio: Double?
    /// 95 % interval.
    package let low: Double?
    package let high: Double?

    /// Nil where no stratum says anything.
    package init?(_ all: [Stratum], isCorrected: Bool = true) {
        let informing = all.filter(\.informs)
        guard !informing.isEmpty else { return nil }
        var surplus = 0.0
        var variance = 0.0
        for stratum in informing {
            let n = stratum.total
            let (size, successes) = (stratum.sizeA, stratum.successes)
            surplus += stratum.successesA - size * successes / n
            variance += size * (n - size) * successes * (n - successes) / (n * n * (n - 1))
        }
        let distance = isCorrected ? max(0, abs(surplus) - 0.5) : abs(surplus)
        statistic = distance * distance / variance
        p = Distributions.chiSquareTail(statistic, freedom: 1)
        strata = informing.count
        let ratio = Self.commonRatio(informing)
        oddsRatio = ratio?.odds
        low = ratio.map { exp(log($0.odds) - Distributions.z95 * $0.deviation) }
        high = ratio.map { exp(log($0.odds) + Distributions.z95 * $0.deviation) }
    }

    /// Common odds ratio and the standard error of its logarithm.
    private static func commonRatio(_ strata: [Stratum]) -> (odds: Double, deviation: Double)? {
        var (r, s, pr, mixed, qs) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for stratum in strata {
            let n = stratum.total
            let agree = (stratum.successesA + stratum.failuresB) / n
            let differ = (stratum.failuresA + stratum.successesB) / n
            let right = stratum.successesA * stratum.failuresB / n
            let wrong = stratum.failuresA * stratum.successesB / n
            r += right
            s += wrong
            pr += agree * right
            mixed += agree * wrong + differ * right
            qs += differ * wrong
        }
        guard r > 0, s > 0 else { return nil }
        let variance = pr / (2 * r * r) + mixed / (2 * r * s) + qs / (2 * s * s)
        return (r / s, variance.squareRoot())
    }
}

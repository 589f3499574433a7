import Glibc

/// How many of a group did something.
package struct GroupProportion: Sendable, Equatable {
    package var successes: Int64
    package var count: Int64

    /// - Parameters: 0 ≤ successes ≤ count.
    package init(_ successes: Int64, of count: Int64) {
        precondition(successes >= 0 && successes <= count)
        self.successes = successes
        self.count = count
    }

    /// Nil of nobody.
    package var share: Double? { count > 0 ? Double(successes) / Double(count) : nil }

    /// Wilson's score interval (1927), without correction for continuity.
    ///
    /// - Parameter z: standard normal quantile of the level. The count is not 0.
    package func wilson(z: Double) -> (low: Double, high: Double) {
        let n = Double(count)
        let p = Double(successes) / n
        let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        // At the ends rounding must not lead outside.
        return (successes == 0 ? 0 : middle - half, successes == count ? 1 : middle + half)
    }
}

/// Treated less held out: what a message changed.
package struct ProportionDifference: Sendable, Equatable {
    package let treated: GroupProportion
    package let heldOut: GroupProportion

    /// Nil where a group is empty: there is nothing to compare.
    package init?(treated: GroupProportion, heldOut: GroupProportion) {
        guard treated.count > 0, heldOut.count > 0 else { return nil }
        self.treated = treated
        self.heldOut = heldOut
    }

    private var p: Double { Double(treated.successes) / Double(treated.count) }
    private var q: Double { Double(heldOut.successes) / Double(heldOut.count) }

    package var difference: Double { p - q }

    /// Newcombe's hybrid score interval (1998, method 10) from Wilson's of each: holds its level with small
    /// groups and rare outcomes, where Wald's does not.
    ///
    /// - Parameter level: such as 0.95.
    package func newcombe(level: Double = 0.95) -> (low: Double, high: Double) {
        let z = NormalDistribution.quantile(1 - (1 - level) / 2)
        let (one, other) = (treated.wilson(z: z), heldOut.wilson(z: z))
        let below = (p - one.low) * (p - one.low) + (other.high - q) * (other.high - q)
        let above = (one.high - p) * (one.high - p) + (q - other.low) * (q - other.low)
        return (difference - below.squareRoot(), difference + above.squareRoot())
    }

    /// Wald's interval, of the plain variance.
    package func wald(level: Double = 0.95) -> (low: Double, high: Double) {
        let half = NormalDistribution.quantile(1 - (1 - level) / 2) * variance.squareRoot()
        return (difference - half, difference + half)
    }

    /// Of the difference, each group with its own share.
    package var variance: Double {
        p * (1 - p) / Double(treated.count) + q * (1 - q) / Double(heldOut.count)
    }

    /// Two-sided, of the z-test with the pooled share; 1 where all or none did it.
    package var pValue: Double {
        let n = Double(treated.count + heldOut.count)
        let pooled = Double(treated.successes + heldOut.successes) / n
        let variance = pooled * (1 - pooled) * (1 / Double(treated.count) + 1 / Double(heldOut.count))
        guard variance > 0 else { return 1 }
        return NormalDistribution.twoSided(difference / variance.squareRoot())
    }

    /// A p-value that stays valid however often one looks (Johari, Koomen, Pekelis and Walsh 2017, mixture
    /// sequential ratio test for a normal effect): 1 / Λ, at most 1.
    ///
    /// - Parameter expected: effects of about this size are looked for: standard deviation of the mixture.
    package func alwaysValid(expected: Double = 0.02) -> Double {
        Self.alwaysValid(difference, variance: max(variance, floor), expected: expected)
    }

    /// Variance of a single success on either side: a share of 0 or 1 is not known for certain.
    private var floor: Double {
        func of(_ count: Int64) -> Double {
            let share = 1 / (Double(count) + 2)
            return share * (1 - share) / Double(count)
        }
        return of(treated.count) + of(heldOut.count)
    }

    static func alwaysValid(_ difference: Double, variance: Double, expected: Double) -> Double {
        let mixture = expected * expected
        let logarithm =
            0.5 * log(variance / (variance + mixture))
            + mixture * difference * difference / (2 * variance * (variance + mixture))
        return min(1, exp(-logarithm))
    }
}

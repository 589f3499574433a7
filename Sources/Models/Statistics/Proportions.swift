/// A share of a whole with its 95 % interval by Wilson (1927): also right where the share is near 0 or 1.
package struct Proportion: Sendable, Equatable {
    package let successes: Double
    package let count: Double
    package let low: Double
    package let high: Double

    /// - Parameter count: may be 0; then nothing is known of the share, and the interval is all of 0...1.
    package init(_ successes: Double, of count: Double) {
        self.successes = successes
        self.count = count
        guard count > 0 else {
            low = 0
            high = 1
            return
        }
        let z2 = Distributions.z95 * Distributions.z95
        let p = successes / count
        let middle = p + z2 / (2 * count)
        let reach = Distributions.z95 * (p * (1 - p) / count + z2 / (4 * count * count)).squareRoot()
        low = successes == 0 ? 0 : max(0, (middle - reach) / (1 + z2 / count))
        high = successes == count ? 1 : min(1, (middle + reach) / (1 + z2 / count))
    }

    /// Nil without a count.
    package var rate: Double? { count > 0 ? successes / count : nil }
}

/// Two shares against each other: their difference with its 95 % interval (Newcombe 1998, method 10: of the two
/// Wilson intervals), χ² with Yates' correction, Welch's t of the ones and zeros.
package struct ProportionPair: Sendable, Equatable {
    package let difference: Double
    package let low: Double
    package let high: Double
    /// Nil where nobody or everybody of both succeeded.
    package let chiSquare: ChiSquareTest?
    package let welch: WelchTest?

    /// Nil where one has no count.
    package init?(_ a: Proportion, _ b: Proportion) {
        guard let p = a.rate, let q = b.rate else { return nil }
        difference = p - q
        let below = (p - a.low) * (p - a.low) + (b.high - q) * (b.high - q)
        let above = (a.high - p) * (a.high - p) + (q - b.low) * (q - b.low)
        low = difference - below.squareRoot()
        high = difference + above.squareRoot()
        chiSquare = ChiSquareTest([
            [a.count - a.successes, a.successes], [b.count - b.successes, b.successes],
        ])
        welch = WelchTest(
            SampleMoments(ones: a.successes, of: a.count), SampleMoments(ones: b.successes, of: b.count))
    }
}

/// p values of many comparisons, so corrected that one false find among all stays as rare as asked.
package enum ManyComparisons {
    /// Each times their number, at most 1.
    package static func bonferroni(_ p: [Double]) -> [Double] { p.map { min(1, $0 * Double(p.count)) } }

    /// Holm (1979): never more than Bonferroni's, and as safe.
    package static func holm(_ p: [Double]) -> [Double] {
        var corrected = p
        var greatest = 0.0
        let order = p.indices.sorted { p[$0] != p[$1] ? p[$0] < p[$1] : $0 < $1 }
        for (place, index) in order.enumerated() {
            greatest = max(greatest, min(1, p[index] * Double(p.count - place)))
            corrected[index] = greatest
        }
        return corrected
    }
}

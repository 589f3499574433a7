/// Size, mean and variance (n − 1) of a sample.
package struct SampleMoments: Sendable, Equatable {
    package let count: Double
    package let mean: Double
    package let variance: Double

    package init(count: Double, mean: Double, variance: Double) {
        self.count = count
        self.mean = mean
        self.variance = variance
    }

    package init(_ values: [Double]) {
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.init(count: count, mean: mean, variance: squares / (count - 1))
    }

    /// A sample of ones and zeros.
    package init(ones: Double, of count: Double) {
        let mean = ones / count
        self.init(count: count, mean: mean, variance: mean * (1 - mean) * count / (count - 1))
    }
}

/// Welch's t test of two means, variances not taken to be equal (Welch 1947; degrees of freedom by Satterthwaite).
package struct WelchTest: Sendable, Equatable {
    package let t: Double
    package let freedom: Double
    /// Of both tails.
    package let p: TailProbability
    /// Mean of `a` less mean of `b`, and its 95 % interval.
    package let difference: Double
    package let low: Double
    package let high: Double

    /// Nil where a sample has fewer than two members or neither varies.
    package init?(_ a: SampleMoments, _ b: SampleMoments) {
        guard a.count > 1, b.count > 1 else { return nil }
        let (shareA, shareB) = (a.variance / a.count, b.variance / b.count)
        let variance = shareA + shareB
        guard variance > 0 else { return nil }
        difference = a.mean - b.mean
        t = difference / variance.squareRoot()
        freedom =
            variance * variance / (shareA * shareA / (a.count - 1) + shareB * shareB / (b.count - 1))
        p = Distributions.studentTails(t, freedom: freedom)
        let reach = Distributions.studentQuantile(tails: 0.05, freedom: freedom) * variance.squareRoot()
        low = difference - reach
        high = difference + reach
    }
}

import Glibc

/// A probability in the tail of a distribution, kept as its natural logarithm: 0 in a `Double` need not be 0.
package struct TailProbability: Sendable, Equatable {
    package let log: Double

    package init(log: Double) { self.log = min(0, log) }

    /// 0 where it is below what a `Double` can say.
    package var value: Double { exp(log) }
    package var log10: Double { log / M_LN10 }
}

/// The distributions that the tests of this folder ask.
package enum Distributions {
    /// 97.5 % quantile of the normal distribution.
    package static let z95 = 1.959963984540054

    /// Probability that a χ² of so many degrees of freedom exceeds `x` ≥ 0.
    package static func chiSquareTail(_ x: Double, freedom: Double) -> TailProbability {
        if freedom <= 0 { return TailProbability(log: 0) }
        return TailProbability(log: logUpperGamma(freedom / 2, max(0, x) / 2))
    }

    /// Probability that a Student's t of so many degrees of freedom is further from 0 than `t`, on either side.
    package static func studentTails(_ t: Double, freedom: Double) -> TailProbability {
        if t == 0 { return TailProbability(log: 0) }
        return TailProbability(
            log: logIncompleteBeta(freedom / 2, 0.5, x: UnitPoint(ratio: t * t / freedom)))
    }

    /// Probability that a normal variable is further from 0 than `z`, on either side.
    package static func normalTails(_ z: Double) -> TailProbability { chiSquareTail(z * z, freedom: 1) }

    /// Normal distribution function.
    package static func normal(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

    /// The t > 0 beyond which, on either side, lies this probability, 0 < p < 1: bisection of `studentTails`.
    package static func studentQuantile(tails p: Double, freedom: Double) -> Double {
        var low = 0.0
        var high = 1.0
        while studentTails(high, freedom: freedom).value > p, high < 1e300 { high *= 2 }
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if middle == low || middle == high { break }
            if studentTails(middle, freedom: freedom).value > p { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}

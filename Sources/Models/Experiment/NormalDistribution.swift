import Glibc

/// The standard normal distribution.
enum NormalDistribution {
    /// Probability of a value up to `x`.
    static func cumulative(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

    /// Probability of a value as far from 0 as `x`, on either side.
    static func twoSided(_ x: Double) -> Double { erfc(abs(x) / 2.0.squareRoot()) }

    /// Value that a share lies below; by Newton's method on the logarithm of the tail from a first guess
    /// (Abramowitz and Stegun 1964, 26.2.23), to the last bits of `erfc`.
    ///
    /// - Parameter share: in (0, 1).
    static func quantile(_ share: Double) -> Double {
        precondition(share > 0 && share < 1)
        let tail = min(share, 1 - share)
        let t = (-2 * log(tail)).squareRoot()
        var x =
            t - (2.515517 + t * (0.802853 + t * 0.010328))
            / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
        for _ in 0..<4 {
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            x += (cumulative(-x) - tail) / density
        }
        return share < 0.5 ? -x : x
    }
}

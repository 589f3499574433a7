/// Sums from which means, variances and the covariance of an outcome and of what was known before it follow.
/// Additive: of two parts of a group, the sums of both.
package struct Moments: BitwiseCopyable, Sendable, Equatable {
    package var count: Int64 = 0
    /// Sum, and sum of squares, of the outcome.
    package var sum = 0.0
    package var squares = 0.0
    /// The same of what was known before.
    package var before = 0.0
    package var beforeSquares = 0.0
    /// Sum of the products of both.
    package var products = 0.0

    package init() {}

    /// - Parameter values: as `values` gives them.
    package init(count: Int64, values: [Double]) {
        precondition(values.count == 5)
        self.count = count
        (sum, squares, before, beforeSquares, products) = (
            values[0], values[1], values[2], values[3], values[4]
        )
    }

    /// The sums, the outcome's first, in a fixed order.
    package var values: [Double] { [sum, squares, before, beforeSquares, products] }

    package mutating func add(_ outcome: Double, before known: Double) {
        count += 1
        sum += outcome
        squares += outcome * outcome
        before += known
        beforeSquares += known * known
        products += outcome * known
    }

    package mutating func add(_ other: Moments) {
        count += other.count
        sum += other.sum
        squares += other.squares
        before += other.before
        beforeSquares += other.beforeSquares
        products += other.products
    }

    package var mean: Double { sum / Double(count) }
    var meanBefore: Double { before / Double(count) }

    /// Sums of squared deviations and of their products. At least 0 whatever rounding does.
    var deviations: (outcome: Double, before: Double, both: Double) {
        let n = Double(count)
        return (
            max(0, squares - sum * sum / n), max(0, beforeSquares - before * before / n),
            products - sum * before / n
        )
    }
}

/// Treated less held out of a mean, such as revenue, made sharper by what was known before (CUPED: Deng, Xu,
/// Kohavi and Walker 2013): what a user spent before explains a part of what that user spends after, and is the
/// same in both groups but for chance.
package struct MeanDifference: Sendable, Equatable {
    /// Slope of the outcome on what was known before, over both groups; 0: nothing was known.
    package let slope: Double
    package let difference: Double
    /// Of the difference, each group with its own (Welch).
    package let variance: Double
    /// Without what was known before.
    package let plainDifference: Double
    package let plainVariance: Double

    /// Nil where a group has fewer than two: there is no variance.
    package init?(treated: Moments, heldOut: Moments) {
        guard treated.count > 1, heldOut.count > 1 else { return nil }
        var pooled = treated
        pooled.add(heldOut)
        let all = pooled.deviations
        // Rounding of equal values leaves something tiny.
        let isKnown = all.before > 1e-12 * pooled.beforeSquares
        let slope = isKnown ? all.both / all.before : 0
        plainDifference = treated.mean - heldOut.mean
        plainVariance = Self.variance(of: treated, slope: 0) + Self.variance(of: heldOut, slope: 0)
        difference = plainDifference - slope * (treated.meanBefore - heldOut.meanBefore)
        variance = Self.variance(of: treated, slope: slope) + Self.variance(of: heldOut, slope: slope)
        self.slope = slope
    }

    /// Of a group's mean of outcome − slope × before.
    private static func variance(of moments: Moments, slope: Double) -> Double {
        let (outcome, before, both) = moments.deviations
        let squares = max(0, outcome - 2 * slope * both + slope * slope * before)
        let n = Double(moments.count)
        return squares / (n - 1) / n
    }

    /// Of the normal approximation; with small groups too narrow.
    package func interval(level: Double = 0.95) -> (low: Double, high: Double) {
        let half = NormalDistribution.quantile(1 - (1 - level) / 2) * variance.squareRoot()
        return (difference - half, difference + half)
    }

    /// Two-sided; 1 where nothing varies.
    package var pValue: Double {
        variance > 0 ? NormalDistribution.twoSided(difference / variance.squareRoot()) : 1
    }
}

import Glibc

/// The BG/NBD model of repeat purchases (Fader, Hardie and Lee 2005): while alive a buyer purchases at a rate
/// λ of their own, and after each purchase they leave for good with a probability p of their own; λ varies
/// over buyers as Gamma(r, α), p as Beta(a, b).
package struct BetaGeometric: Sendable, Equatable {
    package var r: Double
    /// In units of time.
    package var alpha: Double
    package var a: Double
    package var b: Double

    package init(r: Double, alpha: Double, a: Double, b: Double) {
        self.r = r
        self.alpha = alpha
        self.a = a
        self.b = b
    }

    /// Chance that a buyer has not left (Fader, Hardie and Lee 2008, note 21). 1 for those who have bought but
    /// once: in this model only a repeat purchase can be the last.
    package func probabilityAlive(frequency x: Double, recency: Double, age: Double) -> Double {
        guard x > 0 else { return 1 }
        let odds = log(a / (b + x - 1)) + (r + x) * log1p((age - recency) / (alpha + recency))
        return 1 / (1 + exp(odds))
    }

    /// Purchases to be expected of a buyer in the time `t` to come: their equation (10).
    package func expectedPurchases(
        in t: Double, frequency x: Double, recency: Double, age: Double
    ) -> Double {
        let alive = probabilityAlive(frequency: x, recency: recency, age: age)
        return alive
            * ExpectedPurchases(shape: r + x, rate: alpha + age, a: a, b: b + x).value(until: t)
    }

    /// Repeat purchases to be expected of a new buyer: their equation (9).
    package func expectedPurchases(in t: Double) -> Double {
        ExpectedPurchases(shape: r, rate: alpha, a: a, b: b).value(until: t)
    }

    /// Chances that a new buyer makes 0, 1, … `most` repeat purchases in the time `t`: their equation (8).
    ///
    /// All is products and sums of positive numbers but for the last term, 1 less a distribution's beginning.
    package func probabilities(upTo most: Int, in t: Double) -> [Double] {
        let share = t / (alpha + t)
        var purchases = exp(-r * log1p(t / alpha))  // of a buyer who never leaves: none so far
        var fewer = 0.0  // of such a buyer: less than n
        var staying = 1.0  // chance to stay after each of n purchases
        var result: [Double] = []
        for n in 0...most {
            let left = n > 0 ? a / (b + Double(n - 1)) * staying * max(0, 1 - fewer) : 0
            result.append(purchases * staying + left)
            fewer += purchases
            purchases *= share * (r + Double(n)) / Double(n + 1)
            staying *= (b + Double(n)) / (a + b + Double(n))
        }
        return result
    }
}

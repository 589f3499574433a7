import Glibc

/// Purchases to be expected of who is alive now, with λ ~ Gamma(shape, rate) and p ~ Beta(a, b).
///
/// The closed form, (a+b−1)/(a−1) · [1 − (1+t/rate)^−shape · ₂F₁(shape, b; a+b−1; z)] with z = t/(rate+t),
/// divides 0 by 0 where a = 1 or a + b = 1, loses all digits near them, and its ₂F₁ is slow and wrong near
/// z = 1. It is the mean of Σ_{j<N} (1−p)ʲ, where N, the purchases of a buyer who never leaves, is negative
/// binomial and E(1−p)ʲ = (b)ⱼ/(a+b)ⱼ: a series of positive terms that loses nothing. Where it is long, the
/// mean over p of the expectation given p, ∫ [1 − (1+pt/rate)^−shape]/p dBeta(p), is integrated instead.
struct ExpectedPurchases {
    let shape: Double
    let rate: Double
    let a: Double
    let b: Double

    /// Series longer than this are integrated.
    private static let longest = 1_500.0
    /// Chances of no purchase below e⁻⁶⁰⁰ are too near to what a Double can hold.
    private static let rarest = 600.0

    /// - Parameter t: ≥ 0.
    func value(until t: Double) -> Double {
        guard t > 0 else { return 0 }
        let ratio = t / rate
        let mean = shape * ratio
        let none = shape * log1p(ratio)
        let decay = log1p(1 / ratio)  // −ln z
        let terms = mean + 8 * (mean * (1 + ratio)).squareRoot() + 36 / decay
        return terms <= ExpectedPurchases.longest && none <= ExpectedPurchases.rarest
            ? series(none: none, share: t / (rate + t)) : integral(ratio)
    }

    /// Σ P(N = n) · Σ_{j<n} (b)ⱼ/(a+b)ⱼ.
    private func series(none: Double, share z: Double) -> Double {
        var chance = exp(-none)
        var made = 0.0  // of n purchases, those still made
        var staying = 1.0
        var sum = 0.0
        var n = 0.0
        while true {
            let ratio = z * (shape + n) / (n + 1)
            chance *= ratio
            made += staying
            staying *= (b + n) / (a + b + n)
            n += 1
            sum += chance * made
            guard ratio < 1 else { continue }
            // From here on the ratios fall towards z or rise towards it; `made` grows by less than 1 a term.
            let fall = 1 - max(ratio, z)
            if chance * (made + 1 / fall) / fall <= 1e-16 * sum { return sum }
        }
    }

    /// By the trapezoidal rule in s, where logit p = mode + width · sinh s, halved until it stands still.
    ///
    /// The weights are normalised by their own sum, so that no beta function is needed.
    func integral(_ ratio: Double) -> Double {
        let mode = log(a / b)
        let width = (1 / a + 1 / b).squareRoot()
        var sums = Sums()
        sums.top = logWeight(mode)
        add(at: 0, mode, width, ratio, to: &sums)
        var step = 0.25
        walk(from: step, by: step, mode, width, ratio, to: &sums)
        var last = sums.mean
        for level in 0..<12 {
            step /= 2
            walk(from: step, by: 2 * step, mode, width, ratio, to: &sums)
            let next = sums.mean
            if level > 1, abs(next - last) <= 1e-13 * next { return next }
            last = next
        }
        return last
    }

    private struct Sums {
        var top = 0.0
        var weight = 0.0
        var weighted = 0.0
        var mean: Double { weighted / weight }
    }

    private func walk(
        from start: Double, by step: Double, _ mode: Double, _ width: Double, _ ratio: Double,
        to sums: inout Sums
    ) {
        for sign in [-1.0, 1] {
            var s = start
            while add(at: sign * s, mode, width, ratio, to: &sums) { s += step }
        }
    }

    /// - Returns: whether it was worth adding.
    @discardableResult private func add(
        at s: Double, _ mode: Double, _ width: Double, _ ratio: Double, to sums: inout Sums
    ) -> Bool {
        let y = mode + width * sinh(s)
        let exponent = logWeight(y) - sums.top
        guard exponent > -90 else { return false }
        let weight = exp(exponent) * cosh(s)
        sums.weight += weight
        sums.weighted += weight * purchases(leaving: 1 / (1 + exp(-y)), ratio)
        return true
    }

    /// ln pᵃ(1−p)ᵇ at logit p = y: the beta density by dy.
    private func logWeight(_ y: Double) -> Double {
        y > 0 ? -a * log1p(exp(-y)) - b * (y + log1p(exp(-y))) : a * (y - log1p(exp(y))) - b * log1p(exp(y))
    }

    /// Purchases expected of who leaves with probability p after each.
    private func purchases(leaving p: Double, _ ratio: Double) -> Double {
        guard p > 1e-290 else { return shape * ratio }
        return -expm1(-shape * log1p(p * ratio)) / p
    }
}

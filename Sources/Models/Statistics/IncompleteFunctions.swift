import Glibc

/// Most steps of a series or continued fraction; they need about the square root of their parameter.
private let stepsMax = 1_000_000
/// What a continued fraction's terms must not reach (Lentz's method).
private let tiny = 1e-300

/// Logarithm of the regularised upper incomplete gamma function Q(a, x), a > 0, x ≥ 0. In logarithms, so that it
/// holds where the value itself is below what a `Double` can say. Series and continued fraction: Abramowitz and
/// Stegun 6.5.29, 6.5.31, the latter by Lentz's method (Numerical Recipes 6.2).
func logUpperGamma(_ a: Double, _ x: Double) -> Double {
    if x <= 0 { return 0 }
    let front = a * log(x) - x - logGamma(a)
    if x < a + 1 {
        var term = 1 / a
        var sum = term
        var step = 0
        while step < stepsMax, abs(term) > abs(sum) * 1e-17 {
            step += 1
            term *= x / (a + Double(step))
            sum += term
        }
        return logComplement(front + log(sum))
    }
    var b = x + 1 - a
    var c = 1 / tiny
    var d = 1 / b
    var fraction = d
    for step in 1..<stepsMax {
        let numerator = -Double(step) * (Double(step) - a)
        b += 2
        d = 1 / guarded(numerator * d + b)
        c = guarded(b + numerator / c)
        fraction *= d * c
        if abs(d * c - 1) < 1e-16 { break }
    }
    return front + log(fraction)
}

/// Logarithm of the regularised incomplete beta function I_x(a, b); `x` and `complement` = 1 − x are both given, and
/// `logX`, `logComplement` their logarithms, for they may be known better than their difference from 1. Continued
/// fraction 26.5.8 of Abramowitz and Stegun by Lentz's method (Numerical Recipes 6.4).
func logIncompleteBeta(_ a: Double, _ b: Double, x: UnitPoint) -> Double {
    if x.value <= 0 { return -.infinity }
    if x.complement <= 0 { return 0 }
    if x.value > (a + 1) / (a + b + 2) { return logComplement(logBetaFraction(b, a, x.flipped)) }
    return logBetaFraction(a, b, x)
}

private func logBetaFraction(_ a: Double, _ b: Double, _ x: UnitPoint) -> Double {
    let front = a * x.log + b * x.logComplement - log(a) - logBeta(a, b)
    var c = 1.0
    var d = 1 / guarded(1 - (a + b) * x.value / (a + 1))
    var fraction = d
    for step in 1..<stepsMax {
        let m = Double(step)
        let even = m * (b - m) * x.value / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / guarded(1 + even * d)
        c = guarded(1 + even / c)
        fraction *= d * c
        let odd = -(a + m) * (a + b + m) * x.value / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / guarded(1 + odd * d)
        c = guarded(1 + odd / c)
        fraction *= d * c
        if abs(d * c - 1) < 1e-16 { break }
    }
    return front + log(fraction)
}

private func guarded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }

/// log(1 − eˡ) for l ≤ 0.
func logComplement(_ l: Double) -> Double {
    if l >= 0 { return -.infinity }
    return l > -0.693 ? log(-expm1(l)) : log1p(-exp(l))
}

/// log B(a, b). Where one is large and the other ½ the gamma functions all but cancel: then by the asymptotic series
/// of Γ(a + ½)/Γ(a) (Abramowitz and Stegun 6.1.47).
private func logBeta(_ a: Double, _ b: Double) -> Double {
    let (large, small) = (max(a, b), min(a, b))
    if large > 100, small == 0.5 {
        let s = 1 / large
        return logGamma(0.5) - 0.5 * log(large) + s * (1.0 / 8 - s * s * (1.0 / 192 - s * s / 640))
    }
    return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/// A point of the unit interval with its distance from 1 and both logarithms.
struct UnitPoint {
    let value: Double
    let complement: Double
    let log: Double
    let logComplement: Double

    /// 1 / (1 + ratio), ratio ≥ 0.
    init(ratio: Double) {
        value = 1 / (1 + ratio)
        complement = ratio / (1 + ratio)
        log = -log1p(ratio)
        logComplement = ratio > 0 ? Glibc.log(ratio) - log1p(ratio) : -.infinity
    }

    private init(value: Double, complement: Double, log: Double, logComplement: Double) {
        self.value = value
        self.complement = complement
        self.log = log
        self.logComplement = logComplement
    }

    var flipped: UnitPoint {
        UnitPoint(value: complement, complement: value, log: logComplement, logComplement: log)
    }
}

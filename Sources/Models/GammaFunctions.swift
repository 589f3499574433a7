import Glibc

/// Logarithm of the gamma function of x > 0. `lgamma` keeps its sign in a global; this one does not.
func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
}

/// ψ, the derivative of `logGamma`, of x > 0: recurrence up to 10, then the asymptotic series (Abramowitz and
/// Stegun 6.3.5, 6.3.18); relative error below 1e-14 away from its zero.
func digamma(_ x: Double) -> Double {
    var x = x
    var result = 0.0
    while x < 10 {
        result -= 1 / x
        x += 1
    }
    let s = 1 / (x * x)
    let tail = 1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * (691.0 / 32760)))
    let series = s * (1.0 / 12 - s * (1.0 / 120 - s * tail))
    return result + log(x) - 0.5 / x - series
}

/// ψ′ of x > 0 (6.4.6, 6.4.12).
func trigamma(_ x: Double) -> Double {
    var x = x
    var result = 0.0
    while x < 10 {
        result += 1 / (x * x)
        x += 1
    }
    let s = 1 / (x * x)
    let tail = 1.0 / 42 - s * (1.0 / 30 - s * (5.0 / 66 - s * (691.0 / 2730)))
    let series = s * (1.0 / 6 - s * (1.0 / 30 - s * tail))
    return result + (1 + 0.5 / x + series) / x
}

import Glibc

/// 1 / (1 + e⁻ˣ), accurate in both tails.
func logistic(_ x: Double) -> Double {
    let small = exp(-abs(x))
    return x >= 0 ? 1 / (1 + small) : small / (1 + small)
}

/// The logarithm of the odds of a probability, which is kept off 0 and 1.
func logit(_ probability: Double) -> Double {
    let bounded = min(max(probability, 1e-15), 1 - 1e-15)
    return log(bounded / (1 - bounded))
}

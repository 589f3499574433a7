import Glibc

/// Natural logarithm of x > 0.
func logarithm(_ x: Double) -> Double { log(x) }

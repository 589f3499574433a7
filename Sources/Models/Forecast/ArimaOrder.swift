import Glibc

/// Orders of a seasonal ARIMA: φ(B) Φ(Bᵐ) (1−B)ᵈ (1−Bᵐ)ᴰ yₜ = μ + θ(B) Θ(Bᵐ) eₜ, with μ the mean of the
/// differenced series where there is one.
package struct ArimaOrder: Sendable, Hashable {
    package var p: Int
    package var d: Int
    package var q: Int
    package var seasonalP: Int
    package var seasonalD: Int
    package var seasonalQ: Int
    /// Steps of a season; 1: none.
    package var period: Int
    package var hasMean: Bool

    package init(
        _ p: Int, _ d: Int, _ q: Int, seasonal: (Int, Int, Int) = (0, 0, 0), period: Int = 1,
        hasMean: Bool = false
    ) {
        self.p = p
        self.d = d
        self.q = q
        seasonalP = seasonal.0
        seasonalD = seasonal.1
        seasonalQ = seasonal.2
        self.period = period
        self.hasMean = hasMean
    }

    /// Coefficients that are searched for.
    package var coefficients: Int { p + q + seasonalP + seasonalQ }
    /// With the mean and the variance, as information criteria count them.
    package var parameters: Int { coefficients + (hasMean ? 1 : 0) + 1 }
    /// Values lost to differencing.
    package var lost: Int { d + seasonalD * period }

    package func differenced(_ series: [Double]) -> [Double] {
        var values = series
        for _ in 0..<seasonalD { values = ArimaOrder.difference(values, lag: period) }
        for _ in 0..<d { values = ArimaOrder.difference(values, lag: 1) }
        return values
    }

    static func difference(_ values: [Double], lag: Int) -> [Double] {
        guard values.count > lag else { return [] }
        return (lag..<values.count).map { values[$0] - values[$0 - lag] }
    }

    /// (1−B)ᵈ (1−Bᵐ)ᴰ as the weights of the values before: yₜ = wₜ + Σ cᵢ yₜ₋ᵢ, shape [d + mD].
    var integration: [Double] {
        var polynomial = [1.0]
        for _ in 0..<d { polynomial = ArmaPolynomials.product(polynomial, [1, -1]) }
        let seasonal = [1.0] + [Double](repeating: 0, count: period - 1) + [-1]
        for _ in 0..<seasonalD { polynomial = ArmaPolynomials.product(polynomial, seasonal) }
        return polynomial.dropFirst().map { -$0 }
    }
}

/// Coefficients of the four polynomials, each as usually written: 1 − φ₁B − …, 1 + θ₁B + ….
package struct ArmaPolynomials: Sendable, Equatable {
    package var ar: [Double]
    package var ma: [Double]
    package var seasonalAR: [Double]
    package var seasonalMA: [Double]
    package var period: Int

    package init(
        ar: [Double], ma: [Double], seasonalAR: [Double] = [], seasonalMA: [Double] = [], period: Int = 1
    ) {
        self.ar = ar
        self.ma = ma
        self.seasonalAR = seasonalAR
        self.seasonalMA = seasonalMA
        self.period = period
    }

    /// Stationary and invertible ones for any point of the plane, shape [p + q + P + Q]: tangents as partial
    /// autocorrelations (Monahan 1984, Biometrika 71:403–404).
    init(order: ArimaOrder, point: [Double]) {
        var rest = point[...]
        func take(_ count: Int) -> [Double] {
            defer { rest = rest.dropFirst(count) }
            return ArmaPolynomials.coefficients(partial: rest.prefix(count).map { tanh($0) })
        }
        ar = take(order.p)
        ma = take(order.q).map { -$0 }
        seasonalAR = take(order.seasonalP)
        seasonalMA = take(order.seasonalQ).map { -$0 }
        period = order.period
    }

    private static func coefficients(partial: [Double]) -> [Double] {
        var phi: [Double] = []
        for reflection in partial {
            phi = phi.indices.map { phi[$0] - reflection * phi[phi.count - 1 - $0] } + [reflection]
        }
        return phi
    }

    /// φ(B) Φ(Bᵐ) as weights of earlier values, shape [p + mP].
    package var fullAR: [Double] {
        let product = ArmaPolynomials.product(
            [1] + ar.map { -$0 }, ArmaPolynomials.spread(seasonalAR.map { -$0 }, period))
        return product.dropFirst().map { -$0 }
    }

    /// θ(B) Θ(Bᵐ) as weights of earlier shocks, shape [q + mQ].
    package var fullMA: [Double] {
        Array(ArmaPolynomials.product([1] + ma, ArmaPolynomials.spread(seasonalMA, period)).dropFirst())
    }

    private static func spread(_ coefficients: [Double], _ period: Int) -> [Double] {
        var polynomial = [1.0]
        for coefficient in coefficients {
            polynomial += [Double](repeating: 0, count: period - 1) + [coefficient]
        }
        return polynomial
    }

    static func product(_ a: [Double], _ b: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: a.count + b.count - 1)
        for (i, x) in a.enumerated() where x != 0 {
            for (j, y) in b.enumerated() { result[i + j] += x * y }
        }
        return result
    }
}

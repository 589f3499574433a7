import Glibc

/// The likelihood of BG/NBD (Fader, Hardie and Lee 2005, section 4.2 and appendix A) with its first and second
/// derivatives.
///
/// Frequencies are whole, so that every ratio of gamma functions is a product, Γ(r+x)/Γ(r) = Π(r+j), and the
/// sum of their logarithms over all buyers takes each factor once, with the number of buyers whose product
/// holds it. Logarithms of α + day are looked up. What is left for a triplet is one exponential and one
/// logarithm.
struct BetaGeometricLikelihood {
    private let triplets: PurchaseTriplets
    /// L2 weight on the parameters, on the clock of `scale`, as lifetimes has it.
    private let penalty: Double
    /// 1 / the oldest age: the search is made with ages up to 1.
    private let scale: Double
    /// Buyers.
    let total: Double
    /// Buyers whose frequency exceeds j; shape [greatest frequency].
    private var beyond: [Double]
    /// Buyers, and their purchases, by age in days; shape [oldest + 1].
    private var buyers: [Double]
    private var purchases: [Double]
    private let repeaters: Double
    private let firstRepeater: Int

    init(_ triplets: PurchaseTriplets, penalty: Double) {
        self.triplets = triplets
        self.penalty = penalty
        scale = 1 / Double(max(1, triplets.oldest))
        total = triplets.weight.reduce(0, +)
        beyond = [Double](repeating: 0, count: Int(triplets.frequency.last ?? 0))
        buyers = [Double](repeating: 0, count: Int(triplets.oldest) + 1)
        purchases = buyers
        for index in 0..<triplets.count {
            let frequency = Int(triplets.frequency[index])
            let age = Int(triplets.age[index])
            if frequency > 0 { beyond[frequency - 1] += triplets.weight[index] }
            buyers[age] += triplets.weight[index]
            purchases[age] += triplets.weight[index] * Double(frequency)
        }
        for j in (0..<max(0, beyond.count - 1)).reversed() { beyond[j] += beyond[j + 1] }
        repeaters = beyond.first ?? 0
        firstRepeater = triplets.frequency.firstIndex { $0 > 0 } ?? triplets.count
    }

    /// Parameters from the logarithms that are searched, in which time runs on the scaled clock.
    func parameters(_ logarithms: [Double]) -> BetaGeometric {
        BetaGeometric(
            r: exp(logarithms[0]), alpha: exp(logarithms[1]) / scale, a: exp(logarithms[2]),
            b: exp(logarithms[3]))
    }

    /// −mean log-likelihood + penalty · Σ parameter², by the logarithms of r, α, a, b on the scaled clock.
    func curvature(_ logarithms: [Double]) -> Curvature {
        let parameters = logarithms.map { exp($0) }
        var sum = logLikelihood(parameters, scale: scale)
        sum.value = -sum.value / total
        for index in sum.gradient.indices { sum.gradient[index] /= -total }
        for index in sum.hessian.indices { sum.hessian[index] /= -total }
        for (index, value) in parameters.enumerated() {
            sum.value += penalty * value * value
            sum.gradient[index] += 2 * penalty * value
            sum.hessian[index * 4 + index] += 2 * penalty
        }
        return sum.inLogarithms(parameters)
    }

    /// Log-likelihood without penalty, in the unit of time of the triplets.
    func logLikelihood(_ model: BetaGeometric) -> Double {
        logLikelihood([model.r, model.alpha, model.a, model.b], scale: 1).value
    }

    private func logLikelihood(_ p: [Double], scale: Double) -> Curvature {
        var sum = Curvature(variables: 4)
        let clock = Clock(alpha: p[1], scale: scale, oldest: Int(triplets.oldest))
        addProducts(p, to: &sum)
        addSurvivors(p, clock, to: &sum)
        addMixture(p, clock, to: &sum)
        return sum
    }

    /// ln Γ(r+x)/Γ(r) and ln Γ(a+b)Γ(b+x)/Γ(b)Γ(a+b+x).
    private func addProducts(_ p: [Double], to sum: inout Curvature) {
        let (r, a, b) = (p[0], p[2], p[3])
        for (j, weight) in beyond.enumerated() {
            let (rate, stay, all) = (r + Double(j), b + Double(j), a + b + Double(j))
            sum.value += weight * (log(rate) + log(stay / all))
            sum.gradient[0] += weight / rate
            sum.gradient[2] -= weight / all
            sum.gradient[3] += weight * (1 / stay - 1 / all)
            sum.hessian[0] -= weight / (rate * rate)
            let square = weight / (all * all)
            sum.hessian[10] += square
            sum.hessian[11] += square
            sum.hessian[14] += square
            sum.hessian[15] += square - weight / (stay * stay)
        }
    }

    /// r ln α − (r+x) ln(α+T): everybody as if still alive.
    private func addSurvivors(_ p: [Double], _ clock: Clock, to sum: inout Curvature) {
        let (r, alpha) = (p[0], p[1])
        for age in buyers.indices where buyers[age] > 0 {
            let (people, bought) = (buyers[age], purchases[age])
            let (growth, inverse) = (clock.growth[age], clock.inverse[age])
            sum.value -= (r * people + bought) * growth + bought * clock.logAlpha
            sum.gradient[0] -= people * growth
            sum.gradient[1] += people * r * (1 / alpha - inverse) - bought * inverse
            let mixed = people * (1 / alpha - inverse)
            sum.hessian[1] += mixed
            sum.hessian[4] += mixed
            sum.hessian[5] +=
                (r * people + bought) * inverse * inverse - people * r / (alpha * alpha)
        }
    }

    /// ln(1 + eᵟ) with δ the log-odds of having left: ln a/(b+x−1) + (r+x) ln (α+T)/(α+tₓ).
    private func addMixture(_ p: [Double], _ clock: Clock, to sum: inout Curvature) {
        let (r, a, b) = (p[0], p[2], p[3])
        var gradient = (r: 0.0, alpha: 0.0, left: 0.0, b: 0.0)
        var hessian = (
            rr: 0.0, ra: 0.0, rl: 0.0, rb: 0.0, aa: 0.0, al: 0.0, ab: 0.0, ll: 0.0, lb: 0.0, bb: 0.0
        )
        var value = 0.0
        for index in firstRepeater..<triplets.count {
            let x = Double(triplets.frequency[index])
            let (recency, age) = (Int(triplets.recency[index]), Int(triplets.age[index]))
            let weight = triplets.weight[index]
            let silence = clock.growth[age] - clock.growth[recency]
            let (now, then) = (clock.inverse[age], clock.inverse[recency])
            let count = r + x
            let stay = 1 / (b + x - 1)
            let odds = log(a * stay) + count * silence
            let fade = exp(-abs(odds))
            value += weight * (max(odds, 0) + log1p(fade))
            let left = odds > 0 ? 1 / (1 + fade) : fade / (1 + fade)
            let first = weight * left
            let second = first * (1 - left)
            let slope = count * (now - then)
            gradient.r += first * silence
            gradient.alpha += first * slope
            gradient.left += first
            gradient.b -= first * stay
            hessian.rr += second * silence * silence
            hessian.ra += second * silence * slope + first * (now - then)
            hessian.rl += second * silence
            hessian.rb -= second * silence * stay
            hessian.aa += second * slope * slope + first * count * (then * then - now * now)
            hessian.al += second * slope
            hessian.ab -= second * slope * stay
            hessian.ll += second
            hessian.lb -= second * stay
            hessian.bb += (second + first) * stay * stay
        }
        sum.value += value
        sum.gradient[0] += gradient.r
        sum.gradient[1] += gradient.alpha
        sum.gradient[2] += gradient.left / a
        sum.gradient[3] += gradient.b
        let upper = [
            hessian.rr, hessian.ra, hessian.rl / a, hessian.rb, hessian.aa, hessian.al / a, hessian.ab,
            (hessian.ll - gradient.left) / (a * a), hessian.lb / a, hessian.bb,
        ]
        var place = 0
        for i in 0..<4 {
            for j in i..<4 {
                sum.hessian[i * 4 + j] += upper[place]
                if i != j { sum.hessian[j * 4 + i] += upper[place] }
                place += 1
            }
        }
    }

    /// What is looked up of each day.
    private struct Clock {
        let logAlpha: Double
        /// ln (α + day)/α.
        var growth: [Double]
        /// 1/(α + day).
        var inverse: [Double]

        init(alpha: Double, scale: Double, oldest: Int) {
            logAlpha = log(alpha)
            growth = (0...oldest).map { log1p(Double($0) * scale / alpha) }
            inverse = (0...oldest).map { 1 / (alpha + Double($0) * scale) }
        }
    }
}

/// BG/NBD fitted by maximum likelihood.
package struct BetaGeometricFit: Sendable, Equatable {
    package let model: BetaGeometric
    /// Without penalty, time in the unit of the data.
    package let logLikelihood: Double
    /// Of r, α, a, b, from the curvature at the maximum; nil where that has none in some direction.
    package let standardErrors: [Double]?
    /// Greatest slope of the objective by a parameter's logarithm.
    package let gradient: Double
    package let converged: Bool
    package let evaluations: Int

    /// - Parameter penalty: ≥ 0, weight of Σ parameter² beside the mean log-likelihood, on a clock on which the
    ///   oldest buyer's age is 1.
    package init(_ triplets: PurchaseTriplets, penalty: Double) {
        let likelihood = BetaGeometricLikelihood(triplets, penalty: penalty)
        let search = NewtonSearch(from: [0.1, 0.1, 0.1, 0.1]) { likelihood.curvature($0) }
        model = likelihood.parameters(search.point)
        logLikelihood = likelihood.logLikelihood(model)
        let values = [model.r, model.alpha, model.a, model.b]
        standardErrors = Cholesky(search.end.hessian, 4)?.inverseDiagonal.enumerated().map {
            values[$0.offset] * ($0.element / likelihood.total).squareRoot()
        }
        gradient = search.end.steepest
        converged = search.converged
        evaluations = search.evaluations
    }
}

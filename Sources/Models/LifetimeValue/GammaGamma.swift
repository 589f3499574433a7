import Glibc

/// The Gamma-Gamma model of spend (Fader and Hardie 2013, note 25): a purchase of a buyer is worth
/// Gamma(p, ν), and ν varies over buyers as Gamma(q, v). What one spends and how often are taken to be
/// independent, which is why their correlation is shown beside it.
package struct GammaGamma: Sendable, Equatable {
    package var p: Double
    package var q: Double
    /// In money.
    package var v: Double

    package init(p: Double, q: Double, v: Double) {
        self.p = p
        self.q = q
        self.v = v
    }

    /// Mean spend over all buyers; positive and finite only for q > 1.
    package var populationMean: Double { p * v / (q - 1) }

    /// Mean spend to be expected of a buyer's purchases to come: their own mean, shrunk towards everybody's by
    /// how little is known (note 25, equation 5).
    package func expectedProfit(frequency x: Double, monetaryValue m: Double) -> Double {
        guard x > 0 else { return populationMean }
        return p * (v + x * m) / (p * x + q - 1)
    }
}

/// The likelihood of Gamma-Gamma (note 25, equation 1a) with its first and second derivatives.
///
/// Gamma functions depend on the frequency alone, so that they are evaluated once for each different one.
struct GammaGammaLikelihood {
    /// Repeat buyers of one frequency.
    private struct Group {
        var frequency: Double
        var buyers: Double
        /// Σ ln m.
        var logAmounts: Double
        /// Where their mean amounts begin in `amounts`.
        var start: Int
        var end: Int
    }

    private var groups: [Group] = []
    private var amounts: [Double] = []
    private let penalty: Double
    /// q is searched above this.
    private let floor: Double
    /// Money that counts as 1 in the search.
    private let unit: Double
    let total: Double

    init(_ buyers: [PurchaseSummary], penalty: Double, floor: Double, unit: Double) {
        self.penalty = penalty
        self.floor = floor
        self.unit = unit
        total = Double(buyers.count)
        amounts.reserveCapacity(buyers.count)
        let sorted = buyers.sorted {
            ($0.frequency, $0.monetaryValue) < ($1.frequency, $1.monetaryValue)
        }
        for buyer in sorted {
            if groups.last?.frequency != Double(buyer.frequency) {
                groups.append(
                    Group(
                        frequency: Double(buyer.frequency), buyers: 0, logAmounts: 0, start: amounts.count,
                        end: amounts.count))
            }
            let amount = buyer.monetaryValue / unit
            amounts.append(amount)
            groups[groups.count - 1].buyers += 1
            groups[groups.count - 1].logAmounts += log(amount)
            groups[groups.count - 1].end += 1
        }
    }

    var meanAmount: Double { amounts.reduce(0, +) / total }

    /// Whether all amounts are the same.
    var isConstant: Bool { amounts.allSatisfy { $0 == amounts[0] } }

    func parameters(_ logarithms: [Double]) -> GammaGamma {
        let model = inUnits(logarithms)
        return GammaGamma(p: model.p, q: model.q, v: model.v * unit)
    }

    private func inUnits(_ logarithms: [Double]) -> GammaGamma {
        GammaGamma(p: exp(logarithms[0]), q: floor + exp(logarithms[1]), v: exp(logarithms[2]))
    }

    /// −mean log-likelihood + penalty · Σ parameter², by ln p, ln(q − floor), ln v, money in units.
    func curvature(_ logarithms: [Double]) -> Curvature {
        let model = inUnits(logarithms)
        var sum = likelihood(model)
        sum.value = -sum.value / total
        for index in sum.gradient.indices { sum.gradient[index] /= -total }
        for index in sum.hessian.indices { sum.hessian[index] /= -total }
        for (index, value) in [model.p, model.q, model.v].enumerated() {
            sum.value += penalty * value * value
            sum.gradient[index] += 2 * penalty * value
            sum.hessian[index * 3 + index] += 2 * penalty
        }
        return sum.inLogarithms(logarithms.map { exp($0) })
    }

    /// Without penalty, of amounts in money.
    func logLikelihood(_ logarithms: [Double]) -> Double {
        likelihood(inUnits(logarithms)).value - total * log(unit)
    }

    private func likelihood(_ model: GammaGamma) -> Curvature {
        var sum = Curvature(variables: 3)
        for group in groups { add(group, model, to: &sum) }
        sum.hessian[3] = sum.hessian[1]
        sum.hessian[6] = sum.hessian[2]
        sum.hessian[7] = sum.hessian[5]
        return sum
    }

    private func add(_ group: Group, _ model: GammaGamma, to sum: inout Curvature) {
        let (x, n) = (group.frequency, group.buyers)
        let (p, q, v) = (model.p, model.q, model.v)
        let all = p * x + q
        var growth = 0.0  // Σ ln (xm+v)/v
        var inverse = 0.0  // Σ 1/(xm+v)
        var square = 0.0
        for index in group.start..<group.end {
            let spent = x * amounts[index]
            let one = 1 / (spent + v)
            growth += log1p(spent / v)
            inverse += one
            square += one * one
        }
        let spread = digamma(all) - digamma(p * x)
        sum.value +=
            n * (logGamma(all) - logGamma(p * x) - logGamma(q) + p * x * (log(x) - log(v)))
            + (p * x - 1) * group.logAmounts - all * growth
        sum.gradient[0] += x * (n * (spread + log(x) - log(v)) + group.logAmounts - growth)
        sum.gradient[1] += n * (digamma(all) - digamma(q)) - growth
        sum.gradient[2] += n * q / v - all * inverse
        sum.hessian[0] += n * x * x * (trigamma(all) - trigamma(p * x))
        sum.hessian[1] += n * x * trigamma(all)
        sum.hessian[2] -= x * inverse
        sum.hessian[4] += n * (trigamma(all) - trigamma(q))
        sum.hessian[5] += n / v - inverse
        sum.hessian[8] += all * square - n * q / (v * v)
    }
}

/// Gamma-Gamma fitted by maximum likelihood.
package struct GammaGammaFit: Sendable, Equatable {
    package let model: GammaGamma
    /// Without penalty.
    package let logLikelihood: Double
    /// Of p, q, v; nil where the curvature has none in some direction.
    package let standardErrors: [Double]?
    package let gradient: Double
    package let converged: Bool
    package let evaluations: Int

    /// - Parameter buyers: those with repeat purchases and a mean amount above 0; not empty.
    /// - Parameter floor: q is searched above it: 1 where the mean spend must exist, 0 where the likelihood
    ///   alone decides.
    /// - Parameter unit: money that counts as 1 where v is penalised; of no effect without a penalty.
    package init(
        _ buyers: [PurchaseSummary], penalty: Double, qAbove floor: Double, unit: Double = 1
    ) {
        self.init(GammaGammaLikelihood(buyers, penalty: penalty, floor: floor, unit: unit))
    }

    init(_ likelihood: GammaGammaLikelihood) {
        let search = NewtonSearch(from: [0.1, 0.1, log(likelihood.meanAmount)]) { likelihood.curvature($0) }
        model = likelihood.parameters(search.point)
        logLikelihood = likelihood.logLikelihood(search.point)
        let slopes = [model.p, exp(search.point[1]), model.v]
        standardErrors = Cholesky(search.end.hessian, 3)?.inverseDiagonal.enumerated().map {
            slopes[$0.offset] * ($0.element / likelihood.total).squareRoot()
        }
        gradient = search.end.steepest
        converged = search.converged
        evaluations = search.evaluations
    }
}

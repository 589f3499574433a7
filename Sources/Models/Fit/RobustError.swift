/// Errors of several models on the same held-out users, bounded so that no few users decide.
///
/// A bound that is the same for all of them stands in for what is greater (winsorising): the error of the
/// trivial answer that one user in a hundred, and at least one user, exceeds. A model that is right about an
/// extreme customer still gains by it, but by no more than for being right about any other of the rarest.
struct RobustError: Sendable {
    let bound: Double
    private let weights: [Double]
    private let total: Double

    /// - Parameter trivial: errors of the trivial answer, shape [n], finite, ≥ 0.
    /// - Parameter weights: what each counts for, ≥ 0; shape [n].
    init(trivial: [Double], weights: [Double]) {
        self.weights = weights
        total = weights.reduce(0, +)
        let beyond = max(1, total / 100)
        var seen = 0.0
        var bound = trivial.max() ?? 0
        for index in trivial.indices.sorted(by: { trivial[$0] > trivial[$1] }) {
            bound = trivial[index]
            seen += weights[index]
            if seen > beyond { break }
        }
        self.bound = bound
    }

    /// Mean of the bounded errors.
    func mean(_ errors: [Double]) -> Double {
        var sum = 0.0
        for (error, weight) in zip(errors, weights) { sum += min(error, bound) * weight }
        return sum / total
    }

    /// Two standard errors of the mean difference between two models on the same users, of which there are
    /// `count`.
    func twoErrors(_ a: [Double], _ b: [Double], count: Double) -> Double {
        let middle = mean(a) - mean(b)
        var sum = 0.0
        for index in a.indices {
            let difference = min(a[index], bound) - min(b[index], bound) - middle
            sum += difference * difference * weights[index]
        }
        return 2 * (sum / total / count).squareRoot()
    }

    /// What is known of a candidate, on these users.
    ///
    /// The model in use may be ahead without being better: by two standard errors, and by what a fit gains on
    /// users it has seen, as the one in use has, measured by the candidate fitted on everybody. But who loses
    /// more than a quarter of what the one in use is better than the trivial answer is worse, whatever the
    /// reason.
    /// - Parameter own: of the candidate fitted without these users; `final`: on everybody.
    func evidence(
        own: [Double], final: [Double], trivial: Double, inUse: [Double]?, count: Double, finite: Bool,
        converged: Bool
    ) -> Evidence {
        let error = mean(own)
        var tolerance = 0.0
        if let inUse {
            let gain = max(0, error - mean(final)) + twoErrors(final, inUse, count: count)
            tolerance = min(gain, max(0, trivial - mean(inUse)) / 4)
        }
        return Evidence(
            finite: finite && error.isFinite, converged: converged, heldOut: error, baseline: trivial,
            previous: inUse.map { mean($0) }, tolerance: tolerance)
    }
}

/// What is known of a candidate when it is decided whether it may be used. Errors: less is better.
package struct Evidence: Sendable, Equatable {
    /// All of its numbers are.
    package var finite: Bool
    package var converged: Bool
    /// Error on held-out data of the fit made without them, such that no few of them decide.
    package var heldOut: Double
    /// That of the trivial answer.
    package var baseline: Double
    /// That of the model in use on the same data; nil where there is none, or none to compare with.
    package var previous: Double?
    /// Differences from the model in use up to this are ties: what chance and its having seen the held-out
    /// data, which the candidate has not, can account for (see `RobustError`).
    package var tolerance: Double

    package init(
        finite: Bool, converged: Bool, heldOut: Double, baseline: Double, previous: Double?,
        tolerance: Double
    ) {
        self.finite = finite
        self.converged = converged
        self.heldOut = heldOut
        self.baseline = baseline
        self.previous = previous
        self.tolerance = tolerance
    }
}

/// Whether a candidate may replace the model in use.
package enum Verdict: Sendable, Equatable {
    case adopt(String)
    case refuse(String)

    package var adopted: Bool {
        if case .adopt = self { return true }
        return false
    }

    package var reason: String {
        switch self {
        case .adopt(let reason), .refuse(let reason): reason
        }
    }
}

/// The gate between a fit and its use.
package enum Gate {
    /// How much worse than the one in use is still a tie, as a share, beyond `Evidence.tolerance`.
    static let slack = 0.01

    /// Finite, converged, no worse on held-out data than the trivial answer and than the model in use; a tie
    /// goes to the newer.
    package static func judge(_ evidence: Evidence) -> Verdict {
        guard evidence.finite, evidence.heldOut.isFinite, evidence.baseline.isFinite else {
            return .refuse("not every number of the fit is finite")
        }
        guard evidence.converged else { return .refuse("the fit did not converge") }
        let own = shown(evidence.heldOut)
        guard evidence.heldOut <= evidence.baseline * (1 + 1e-9) else {
            return .refuse("held-out error \(own) is worse than the baseline's \(shown(evidence.baseline))")
        }
        guard let previous = evidence.previous else {
            return .adopt("held-out error \(own), baseline \(shown(evidence.baseline))")
        }
        let limit = previous * (1 + slack) + evidence.tolerance
        guard evidence.heldOut <= limit || !previous.isFinite else {
            return .refuse("held-out error \(own) is worse than \(shown(previous)) of the one in use")
        }
        let compared =
            "held-out error \(own), baseline \(shown(evidence.baseline)), in use \(shown(previous))"
        guard evidence.heldOut > previous else { return .adopt(compared) }
        return .adopt(compared + ", a tie within \(shown(limit - previous)), which goes to the newer")
    }

    /// A number with four decimals, without a formatter.
    static func shown(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        return "\((value * 10_000).rounded() / 10_000)"
    }
}

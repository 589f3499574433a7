import Models
import Testing

@Suite struct GateTests {
    private func evidence(
        finite: Bool = true, converged: Bool = true, heldOut: Double = 1, baseline: Double = 2,
        previous: Double? = nil, tolerance: Double = 0
    ) -> Evidence {
        Evidence(
            finite: finite, converged: converged, heldOut: heldOut, baseline: baseline,
            previous: previous, tolerance: tolerance)
    }

    @Test func `a sound first model is adopted`() {
        #expect(Gate.judge(evidence()) == .adopt("held-out error 1.0, baseline 2.0"))
    }

    @Test func `what is not finite or did not converge is refused`() {
        #expect(!Gate.judge(evidence(finite: false)).adopted)
        #expect(!Gate.judge(evidence(heldOut: .nan)).adopted)
        #expect(!Gate.judge(evidence(baseline: .infinity)).adopted)
        #expect(Gate.judge(evidence(converged: false)) == .refuse("the fit did not converge"))
    }

    @Test func `worse than the trivial answer is refused`() {
        #expect(
            Gate.judge(evidence(heldOut: 3))
                == .refuse("held-out error 3.0 is worse than the baseline's 2.0"))
        #expect(Gate.judge(evidence(heldOut: 2)).adopted)
    }

    @Test func `clearly worse than the one in use is refused, a tie goes to the newer`() {
        #expect(!Gate.judge(evidence(heldOut: 1, previous: 0.8)).adopted)
        #expect(Gate.judge(evidence(heldOut: 1, previous: 1)).adopted)
        #expect(Gate.judge(evidence(heldOut: 1, previous: 0.8, tolerance: 0.25)).adopted)
    }
}

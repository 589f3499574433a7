import Testing

@testable import Core

/// A split that is uneven, or that changes with what it should not depend on.
struct HoldoutSplitTests {
    private let users = (0..<20_000).map { Array("user-\($0)".utf8) }

    @Test(arguments: [0.0, 0.1, 0.5, 1.0])
    func `a share of the users is held out, within four standard errors`(share: Double) {
        let count = users.count { HoldoutSplit.isHeldOut($0, rule: "win_back", share: share) }
        let expected = share * Double(users.count)
        let error = (share * (1 - share) * Double(users.count)).squareRoot()
        #expect(abs(Double(count) - expected) <= 4 * error)
    }

    @Test func `a greater share holds out whom a smaller one did`() {
        for user in users where HoldoutSplit.isHeldOut(user, rule: "welcome", share: 0.1) {
            #expect(HoldoutSplit.isHeldOut(user, rule: "welcome", share: 0.2))
        }
    }

    @Test func `rules and the control group split independently`() {
        let a = users.filter { HoldoutSplit.isHeldOut($0, rule: "a", share: 0.3) }
        let both = a.count { HoldoutSplit.isHeldOut($0, rule: "b", share: 0.3) }
        let control = a.count { HoldoutSplit.isControl($0, share: 0.3) }
        for count in [both, control] { #expect(abs(Double(count) / Double(a.count) - 0.3) < 0.03) }
    }

    @Test func `the split is MurmurHash3 x64 128 as plain Python computes it`() {
        #expect(HoldoutSplit.fraction("holdout", "win_back", Array("user-1".utf8)) == 0.5985149293350787)
    }
}

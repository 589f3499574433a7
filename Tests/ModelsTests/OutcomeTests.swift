import Foundation
import Models
import Testing

/// A model of an outcome that misses the truth, is too sure, or explains what it did not do.
@Suite struct OutcomeTests {
    private func config(_ learners: [OutcomeConfig.Learner], _ resamplings: [Resampling] = [.none])
        -> OutcomeConfig
    {
        var config = Anchors.config
        config.learners = learners
        config.resamplings = resamplings
        return config
    }

    /// Mean loss of the probabilities that made the labels.
    private func entropy(_ anchors: Anchors, _ odds: ([Double]) -> Double) -> Double {
        let truth = (0..<anchors.rows).map { 1 / (1 + exp(-odds(anchors.row($0).map(Double.init)))) }
        return logLoss(labels: anchors.label, probabilities: truth)
    }

    @Test func `the odds that made the labels are found, and what has no part in them is left`() throws {
        let anchors = Anchors.churn()
        let fit = try anchors.fit(config([.logistic]))
        #expect(Gate.judge(fit.evidence).adopted)
        #expect(close(fit.evidence.heldOut, entropy(anchors, Anchors.churnOdds), 0.02))
        #expect(fit.evidence.heldOut < fit.evidence.baseline - 0.05)
        #expect(number(fit.baseline, "base_rate_scores", "log_loss") > fit.evidence.heldOut + 0.1)
        #expect(number(fit.metrics, "log_loss") == fit.evidence.heldOut)
        #expect(number(fit.metrics, "roc_auc") > number(fit.baseline, "rule_scores", "roc_auc") + 0.05)
        for (name, slope) in [
            ("days_since_last", 1), ("frequency", -1.5), ("monetary_value", 0), ("coupon_used_ratio", 0),
        ] {
            let coefficient = number(fit.parameters, "features", name, "coefficient")
            let scale = number(fit.parameters, "features", name, "scale")
            let error = number(fit.parameters, "features", name, "standard_error")
            if error.isFinite { #expect(abs(coefficient - slope * scale) < 5 * error) }
        }
        for row in stride(from: 0, to: anchors.rows, by: 97) {
            let odds = Anchors.churnOdds(anchors.row(row).map(Double.init))
            #expect(abs(fit.model.scorer.score(anchors.row(row)) - 1 / (1 + exp(-odds))) < 0.08)
        }
    }

    private func crossed() -> Anchors {
        Anchors(
            users: 300, anchors: 20, names: ["a", "b", "c"], seed: 3,
            row: { generator in (0..<3).map { _ in generator.normal() } },
            odds: { $0[0] * $0[1] > 0 ? 2 : -2 })
    }

    @Test func `where two features matter only together, trees are chosen and linear learners refused`()
        throws
    {
        let fit = try crossed().fit(config(OutcomeConfig.Learner.allCases))
        #expect(["boosted_trees", "random_forest"].contains(text(fit.parameters, "learner")))
        #expect(Gate.judge(fit.evidence).adopted)
        #expect(fit.evidence.heldOut < 0.5)
        let linear = try crossed().fit(config([.logistic]))
        #expect(linear.evidence.heldOut > 0.68)
    }

    @Test(arguments: Resampling.allCases)
    func `probabilities come true as often as they say, however classes were balanced`(_ way: Resampling)
        throws
    {
        var anchors = Anchors.churn(users: 200, seed: 6)
        // A rare outcome: an eighth or so.
        for row in anchors.label.indices where row % 3 != 0 { anchors.label[row] = 0 }
        var config = config([.logistic], [way])
        // The search alone tries what is to be tested.
        config.ruleFeature = ""
        let fit = try anchors.fit(config)
        #expect(number(fit.metrics, "calibration_error") < 0.05)
        let rate = number(fit.metrics, "held_out_rate")
        #expect(number(fit.metrics, "log_loss") < -(rate * log(rate) + (1 - rate) * log(1 - rate)))
    }

    @Test(arguments: OutcomeConfig.Learner.allCases)
    func `contributions add up to the score's distance from an average`(_ learner: OutcomeConfig.Learner)
        throws
    {
        let anchors = Anchors.churn()
        var config = config([learner])
        config.ruleFeature = ""
        let fit = try anchors.fit(config)
        let scorer = fit.model.scorer
        func odds(_ row: Int) -> Double {
            let p = scorer.score(anchors.row(row))
            return log(p / (1 - p))
        }
        func sum(_ row: Int) -> Double {
            scorer.contributions(anchors.row(row), top: 9).reduce(0) { $0 + $1.contribution }
        }
        // The average is the same for all rows, unless steps of an isotonic calibration lie between.
        let averages = (0..<60).map { odds($0) - sum($0) }
        let spread = (averages.max() ?? 0) - (averages.min() ?? 0)
        #expect(spread < 1e-3 || text(fit.parameters, "calibration") == "isotonic")
        for row in 0..<60 {
            let top = scorer.contributions(anchors.row(row), top: 2)
            #expect(top.count == 2 && abs(top[0].contribution) >= abs(top[1].contribution))
            let feature = try #require(anchors.names.firstIndex(of: top[0].feature))
            #expect(Float(top[0].value) == anchors.features[feature][row])
        }
        let stale = scorer.contributions([400, 0, 40, 0.5], top: 4)
        let fresh = scorer.contributions([1, 12, 40, 0.5], top: 4)
        for name in ["days_since_last", "frequency"] {
            let high = stale.first { $0.feature == name }?.contribution ?? 0
            let low = fresh.first { $0.feature == name }?.contribution ?? 0
            #expect(high > 0 && low < 0)
        }
    }

    @Test(arguments: OutcomeConfig.Learner.allCases)
    func `rows together score as rows alone`(_ learner: OutcomeConfig.Learner) throws {
        let anchors = Anchors.churn(users: 100)
        var config = config([learner])
        config.ruleFeature = ""
        let scorer = try anchors.fit(config).model.scorer
        let values = (0..<anchors.rows).flatMap { anchors.row($0) }
        var together = [Double](repeating: 0, count: anchors.rows)
        values.withUnsafeBufferPointer { values in
            scorer.scores(rows: anchors.rows, values.baseAddress!, into: &together)
        }
        for row in stride(from: 0, to: anchors.rows, by: 13) {
            #expect(together[row] == scorer.score(anchors.row(row)))
            #expect((0...1).contains(together[row]))
        }
        #expect(scorer.places(in: ["x"] + anchors.names.reversed()) == [4, 3, 2, 1])
        #expect(scorer.places(in: ["x"]) == nil)
    }

    @Test func `the model in use is held against the candidate on the same rows`() throws {
        let anchors = Anchors.churn()
        let first = try anchors.fit()
        let again = try anchors.fit(previous: first.model)
        #expect(again.evidence.previous != nil && Gate.judge(again.evidence).adopted)
        #expect(again.model == first.model)
        // What teaches is turned round: whoever learnt from it is worse than the one in use.
        var turned = anchors
        let last = try #require(anchors.anchor.max())
        for row in turned.label.indices where turned.anchor[row] < last - 28 * Anchors.day {
            turned.label[row] = 1 - turned.label[row]
        }
        let worse = try turned.fit(previous: first.model)
        #expect(!Gate.judge(worse.evidence).adopted)
        // A model of other features cannot be compared.
        var renamed = anchors
        renamed.names[2] = "other"
        #expect(try renamed.fit(previous: first.model).evidence.previous == nil)
    }

    @Test func `a search that time bounds tries the first of what it would have, and says how many`() throws {
        let anchors = Anchors.churn(users: 100)
        var config = Anchors.config
        config.trials = 12
        let unbounded = try anchors.fit(config)
        config.searchMicroseconds = 1_000
        func fit(_ elapsed: () -> Int64) throws -> Fitted<ChurnModel> {
            try anchors.withColumns {
                try ChurnModel.fit($0, config: config, previous: nil, seed: 42, elapsed: elapsed)
            }
        }
        func trials(_ fit: Fitted<ChurnModel>) -> [Tree] {
            if case .array(let trials)? = Tree.object(fit.parameters)["trials"] { return trials }
            return []
        }
        let all = trials(unbounded)
        #expect(number(unbounded.parameters, "trials_done") == 16)
        let quick = try fit { 999 }
        #expect(quick.model == unbounded.model && trials(quick) == all)
        // A look after every fourth: the time is up at the second.
        var looks = 0
        let cut = try fit {
            looks += 1
            return looks < 3 ? 0 : 1_000
        }
        #expect(trials(cut) == Array(all.prefix(4 + 8)) && number(cut.parameters, "trials_done") == 12)
        // The rule and each learner as it is are tried whatever the time.
        config.searchMicroseconds = 0
        #expect(trials(try fit { 5 }) == Array(all.prefix(4)))
    }

    @Test(arguments: SearchStrategy.allCases)
    func `whichever way settings are looked for, the same seed finds the same model`(
        _ strategy: SearchStrategy
    ) throws {
        let anchors = Anchors.churn(users: 100)
        var config = Anchors.config
        config.strategy = strategy
        let first = try anchors.fit(config)
        #expect(try anchors.fit(config) == first)
        guard case .array(let trials)? = Tree.object(first.parameters)["trials"] else {
            Issue.record("no trials are shown")
            return
        }
        // The rule, the three learners as they are, and the search's.
        #expect(trials.count == 4 + config.trials)
        let losses = trials.map { trial -> Double in
            if case .number(let loss)? = trial["log_loss"] { return loss }
            return .infinity
        }
        let best = try #require(losses.firstIndex(of: losses.min() ?? 0))
        #expect(trials[best]["learner"] == .string(text(first.parameters, "learner")))
    }
}

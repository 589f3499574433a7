import Foundation
import Models
import Testing

/// A model that knows the future, and a fit that takes what no fit can be made of.
@Suite struct OutcomeLeakTests {
    @Test func `a column that holds what was known after the anchor is refused by name`() throws {
        var anchors = Anchors.churn(users: 60)
        anchors.lead[2] = 1
        #expect(throws: FitRefusal.knownTooEarly(column: "monetary_value", microseconds: 1)) {
            try anchors.fit()
        }
        anchors.lead[2] = 0
        _ = try anchors.fit()
    }

    @Test(arguments: [1, -1]) func `a column that by itself tells the outcome is refused by name`(
        _ sign: Float
    ) throws {
        var anchors = Anchors.churn(users: 60)
        var generator = SeededGenerator(seed: 4)
        anchors.names.append("days_to_next")
        anchors.lead.append(-1)
        anchors.features.append(
            anchors.label.map { sign * (Float($0) * 30 + Float(generator.uniform()) * 29) })
        #expect(throws: FitRefusal.tellsTheOutcome(column: "days_to_next", area: 1)) { try anchors.fit() }
    }

    @Test func `what teaches was known before what judges began`() throws {
        let fit = try Anchors.churn().fit()
        #expect(text(fit.metrics, "judged_by") == "later_anchors")
        #expect(text(fit.metrics, "chosen_by") == "later_anchors")
        let gap =
            number(fit.metrics, "held_out_from_us") - number(fit.metrics, "training_to_us")
        #expect(gap >= Double(25 * Anchors.day))
        // Of twenty anchors four judge, and those within the horizon before them teach nobody.
        #expect(number(fit.metrics, "held_out_rows") == 4 * 300)
        #expect(number(fit.metrics, "training_rows") == 13 * 300)
        #expect(number(fit.metrics, "rows") == 20 * 300)
    }

    @Test func `where the history is shorter than the horizon, held-out users judge`() throws {
        let anchors = Anchors.churn(users: 2_000, anchors: 2)
        let fit = try anchors.fit()
        #expect(text(fit.metrics, "judged_by") == "held_out_users")
        #expect(number(fit.metrics, "held_out_rows") == 800)
        #expect(Gate.judge(fit.evidence).adopted)
        var nobody = anchors
        nobody.heldOut = nobody.heldOut.map { _ in 0 }
        #expect(throws: FitRefusal.nothingHeldOut) { try nobody.fit() }
        nobody.heldOut = nobody.heldOut.map { _ in 1 }
        #expect(throws: FitRefusal.nothingToLearnFrom) { try nobody.fit() }
    }

    @Test func `too few rows, one outcome, and impossible ones are refused`() throws {
        let anchors = Anchors.churn(users: 60)
        let few = anchors.reordered(Array(0..<199))
        #expect(throws: FitRefusal.tooFewRows(have: 199, need: 200)) { try few.fit() }
        let none = anchors.reordered([])
        #expect(throws: FitRefusal.tooFewRows(have: 0, need: 200)) { try none.fit() }
        for label in [UInt8(0), 1] {
            var same = anchors
            same.label = same.label.map { _ in label }
            #expect(throws: FitRefusal.tooFewOutcomes(label: 1 - label, have: 0, need: 30)) {
                try same.fit()
            }
        }
        var strange = anchors
        strange.label[7] = 2
        #expect(throws: FitRefusal.impossibleLabel(row: 7)) { try strange.fit() }
        // Outcomes only in the end: whoever is judged has learnt from one kind alone.
        var late = anchors
        for row in late.label.indices where late.anchor[row] < 126 * Anchors.day { late.label[row] = 0 }
        late.heldOut = late.heldOut.map { _ in 0 }
        #expect(throws: FitRefusal.self) { try late.fit() }
    }

    @Test func `numbers that are none, uneven and constant columns are refused`() throws {
        let anchors = Anchors.churn(users: 60)
        for bad in [Float.nan, .infinity, -.infinity, 2e30] {
            var broken = anchors
            broken.features[1][3] = bad
            #expect(throws: FitRefusal.notFinite(column: "frequency", row: 3)) { try broken.fit() }
        }
        var uneven = anchors
        uneven.features[0].removeLast()
        #expect(throws: FitRefusal.unevenColumns) { try uneven.fit() }
        var twice = anchors
        twice.names[1] = twice.names[0]
        #expect(throws: FitRefusal.unevenColumns) { try twice.fit() }
        var empty = anchors
        empty.names = []
        empty.features = []
        empty.lead = []
        #expect(throws: FitRefusal.noFeatures) { try empty.fit() }
        var constant = anchors
        constant.features = constant.features.map { $0.map { _ in 4 } }
        #expect(throws: FitRefusal.constantColumns) { try constant.fit() }
        // One that differs is enough, and constant ones beside it are survived.
        constant.features[0] = anchors.features[0]
        let fit = try constant.fit()
        #expect(fit.model.scorer.score([3, 4, 4, 4]).isFinite)
    }

    @Test func `features that say nothing are not adopted as if they did`() throws {
        var anchors = Anchors.churn(users: 300)
        var generator = SeededGenerator(seed: 21)
        anchors.label = anchors.label.map { _ in generator.uniform() < 0.3 ? 1 : 0 }
        let fit = try anchors.fit()
        let rate = number(fit.baseline, "base_rate_scores", "log_loss")
        #expect(fit.evidence.heldOut > rate - 0.01 && fit.evidence.heldOut < rate + 0.02)
        #expect(abs(number(fit.metrics, "roc_auc") - 0.5) < 0.06)
    }
}

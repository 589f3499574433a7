import Foundation
import Models
import Testing

/// Against scikit-learn 1.9.1 on scores that tie, lack a class or are 0 and 1: see Oracles/README.md.
@Suite struct MetricsOracleTests {
    struct Input: Decodable {
        var y: [UInt8]
        var score: [Double]
    }
    struct Value: Decodable {
        var value: Double?
        var nan: Bool
    }
    struct ROC: Decodable {
        var fpr: [Double]
        var tpr: [Double]
    }
    struct PR: Decodable {
        var precision: [Double]
        var recall: [Double]
    }
    struct Case: Decodable {
        var roc_auc: Value
        var average_precision: Value
        var log_loss: Value?
        var brier: Value?
        var gt: [Int]
        var gtReport: [[Double]]
        var gtAccuracy: Double
        var gtCorrelation: Double
        var ge: [Int]
        var geReport: [[Double]]
        var roc_curve: ROC?
        var pr_curve: PR?

        enum CodingKeys: String, CodingKey {
            case roc_auc, average_precision, log_loss, brier, roc_curve, pr_curve
            case gt = "confusion_gt_0.5_tn_fp_fn_tp"
            case gtReport = "confusion_gt_0.5_precision_recall_f1"
            case gtAccuracy = "confusion_gt_0.5_accuracy"
            case gtCorrelation = "confusion_gt_0.5_mcc"
            case ge = "confusion_ge_0.5_tn_fp_fn_tp"
            case geReport = "confusion_ge_0.5_precision_recall_f1"
        }
    }
    struct Expected: Decodable {
        var expected: [String: Case]
    }

    static let names = [
        "perfect", "inverted", "all_tied", "sklearn_doc", "some_ties", "one_class_pos", "one_class_neg",
        "exact_0_and_1", "threshold_exactly_half", "single_row", "rare_positive_ties",
        "random_1000_rounded", "tiny_probs", "negative_scores_as_logits",
    ]

    private func known(_ name: String) throws -> (Input, Case) {
        let inputs = try OutcomeOracle.json("metrics_edge.input.json", as: [String: Input].self)
        let expected = try OutcomeOracle.json("metrics_edge.expected.json", as: Expected.self).expected
        #expect(Set(expected.keys) == Set(MetricsOracleTests.names))
        return (try #require(inputs[name]), try #require(expected[name]))
    }

    @Test(arguments: names) func `measures of order are the library's`(_ name: String) throws {
        let (input, wanted) = try known(name)
        let ranking = ScoreRanking(labels: input.y, scores: input.score)
        if wanted.roc_auc.nan {
            #expect(ranking.areaUnderROC == nil && ranking.curve == nil)
        } else {
            #expect(close(ranking.areaUnderROC ?? .nan, wanted.roc_auc.value ?? .nan, 1e-12))
        }
        #expect(close(ranking.averagePrecision, wanted.average_precision.value ?? .nan, 1e-12))
        if let curve = wanted.roc_curve {
            let own = try #require(ranking.curve)
            #expect(own.map(\.falsePositiveRate) == curve.fpr && own.map(\.truePositiveRate) == curve.tpr)
        }
        if let curve = wanted.pr_curve {
            let own = try #require(ranking.curve)
            for (point, wanted) in zip(own.reversed(), zip(curve.precision, curve.recall)) {
                #expect(close(point.precision, wanted.0, 1e-12))
                #expect(close(point.truePositiveRate, wanted.1, 1e-12))
            }
        }
    }

    @Test(arguments: names) func `scores of probabilities are the library's`(_ name: String) throws {
        let (input, wanted) = try known(name)
        guard let loss = wanted.log_loss?.value, let brier = wanted.brier?.value else { return }
        let own = logLoss(labels: input.y, probabilities: input.score)
        #expect(close(own, loss, name == "tiny_probs" ? 1e-6 * loss : 1e-12))
        #expect(close(brierScore(labels: input.y, probabilities: input.score), brier, 1e-12))
    }

    @Test(arguments: names) func `confusion and its measures are the library's`(_ name: String) throws {
        let (input, wanted) = try known(name)
        for (inclusive, cells, report) in [
            (false, wanted.gt, wanted.gtReport), (true, wanted.ge, wanted.geReport),
        ] {
            let own = Confusion(labels: input.y, scores: input.score, threshold: 0.5, inclusive: inclusive)
            #expect(
                [own.trueNegatives, own.falsePositives, own.falseNegatives, own.truePositives] == cells)
            for (column, one) in [own.negative, own.positive].enumerated() {
                #expect(close(one.precision, report[0][column], 1e-12))
                #expect(close(one.recall, report[1][column], 1e-12))
                #expect(close(one.f1, report[2][column], 1e-12))
                #expect(Double(one.support) == report[3][column])
            }
            if !inclusive {
                #expect(close(own.accuracy, wanted.gtAccuracy, 1e-12))
                #expect(close(own.matthewsCorrelation, wanted.gtCorrelation, 1e-12))
            }
        }
    }

    @Test func `lift and reliability add up, whatever the order of ties`() throws {
        let (input, _) = try known("random_1000_rounded")
        let lift = try #require(ScoreRanking(labels: input.y, scores: input.score).liftByDecile)
        // Each tenth has a tenth of the rows, so that the mean over tenths is the whole.
        #expect(lift.count == 10 && close(lift.reduce(0, +) / 10, 1, 1e-12))
        #expect(lift[0] > 3 && lift[9] < 0.5)
        var generator = SeededGenerator(seed: 1)
        let order = Array(input.y.indices).shuffled(using: &generator)
        let shuffled = ScoreRanking(labels: order.map { input.y[$0] }, scores: order.map { input.score[$0] })
        #expect(shuffled.liftByDecile == lift)
        let table = ReliabilityTable(labels: input.y, probabilities: input.score)
        #expect(table.bands.reduce(0) { $0 + $1.rows } == 1_000)
        let came = table.bands.reduce(0.0) { $0 + ($1.observed ?? 0) * Double($1.rows) }
        #expect(close(came, 106, 1e-9))
        #expect(ScoreRanking(labels: [0, 0], scores: [0.1, 0.2]).liftByDecile == nil)
        let tied = ScoreRanking(labels: [1, 0, 0, 1], scores: [0.5, 0.5, 0.5, 0.5]).liftByDecile
        #expect(try #require(tied).allSatisfy { close($0, 1, 1e-12) })
    }
}

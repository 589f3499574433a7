import Foundation
import Models
import Testing

/// Against XGBoost 1.7.4 through its Python package: see Oracles/README.md.
@Suite struct BoostingOracleTests {
    struct Case: Decodable {
        struct Split: Decodable {
            var rmse: Double?
            var mae: Double?
            var log_loss: Double?
            var brier: Double?
        }
        struct Root: Decodable {
            var feature: String?
            var gain: Double?
        }
        var params: XGBoostParameters
        var rounds: Int
        var test: Split
        var test_predictions: [Double]
        var gain_importance: [String: Double]
        var split_counts: [String: Double]
        var n_nodes: Int
    }
    struct Cases: Decodable {
        struct Inner: Decodable { var cases: [String: Case] }
        var expected: Inner
    }
    struct More: Decodable {
        struct Case: Decodable {
            var params: XGBoostParameters
            var rounds: Int
            var test_predictions: [Double]
            var test_margins: [Double]
            var contributions: [Double]
        }
        var expected: [String: Case]
    }

    static let plain = [
        "interval_regression_hist", "fair_classifier_hist", "wdbc_classifier_hist",
        "interval_regression_exact", "fair_classifier_exact", "wdbc_classifier_exact",
        "interval_regression_absolute_hist", "fair_classifier_scale_pos_weight_hist",
        "interval_regression_subsample_hist",
    ]

    private func close(_ own: some BinaryFloatingPoint, _ wanted: Double, _ tolerance: Double) -> Bool {
        abs(Double(own) - wanted) <= tolerance * max(1, abs(wanted))
    }

    private func meanLogLoss(_ p: [Float], _ labels: [Float]) -> Double {
        zip(p, labels).reduce(0) { $0 - log($1.1 > 0 ? Double($1.0) : 1 - Double($1.0)) } / Double(p.count)
    }

    @Test(arguments: plain)
    func `predictions, errors and importances are XGBoost's`(_ name: String) throws {
        let cases = try JSONDecoder().decode(Cases.self, from: oracle("xgboost.expected.json")).expected.cases
        let expected = try #require(cases[name])
        let input = try XGBoostInput(String(try #require(name.split(separator: "_").first)))
        let forest = try BoostedTrees.train(
            features: input.train, labels: .values(input.trainLabels),
            config: expected.params.config(rounds: expected.rounds))
        let predictions = forest.predictions(of: input.test)
        // Which rows a tree draws is not promised between builds of the library.
        let drawn = expected.params.subsample < 1
        for (own, wanted) in zip(predictions, expected.test_predictions) where !drawn {
            #expect(close(own, wanted, 1e-4))
        }
        let tolerance = drawn ? 0.02 : 1e-4
        let count = Double(predictions.count)
        let errors = zip(predictions, input.testLabels).map { Double($0) - Double($1) }
        let square = errors.reduce(0) { $0 + $1 * $1 } / count
        if let rmse = expected.test.rmse { #expect(close(square.squareRoot(), rmse, tolerance)) }
        if let brier = expected.test.brier { #expect(close(square, brier, tolerance)) }
        if let mae = expected.test.mae {
            #expect(close(errors.reduce(0) { $0 + abs($1) } / count, mae, tolerance))
        }
        if let loss = expected.test.log_loss {
            #expect(close(meanLogLoss(predictions, input.testLabels), loss, tolerance))
        }
        if drawn { return }
        for (feature, used) in zip(input.names, forest.importance) {
            #expect(Double(used.splits) == expected.split_counts[feature] ?? 0)
            #expect(abs(used.meanGain - (expected.gain_importance[feature] ?? 0)) <= 1e-3 * used.meanGain)
        }
    }

    static let more = [
        "aft_normal", "aft_logistic", "aft_extreme", "squared", "logistic", "weighted", "forest", "softmax",
    ]

    /// The inputs of a case as its notes tell.
    private func trained(_ name: String, _ one: More.Case) throws -> (Forest, FeatureMatrix) {
        let config = try one.params.config(rounds: one.rounds)
        if name.hasPrefix("aft") || name == "squared" {
            let input = try XGBoostInput("interval")
            let cut: Float = 60
            let labels: BoostingLabels =
                name == "squared"
                ? .values(input.trainLabels)
                : .intervals(
                    lower: input.trainLabels.map { min($0, cut) },
                    upper: input.trainLabels.map { $0 > cut ? .infinity : $0 })
            return (try BoostedTrees.train(features: input.train, labels: labels, config: config), input.test)
        }
        let input = try XGBoostInput("fair")
        if name == "softmax" {
            func split(_ table: FeatureMatrix) -> (FeatureMatrix, [Float]) {
                let rows = (0..<table.rows).map { table.row($0) }
                let others = FeatureMatrix(
                    rows: table.rows, columns: 7, values: rows.flatMap { $0.dropFirst() })
                return (others, rows.map { $0[0] <= 3 ? 0 : $0[0] - 3 })
            }
            let (features, labels) = split(input.train)
            return (
                try BoostedTrees.train(features: features, labels: .values(labels), config: config),
                split(input.test).0
            )
        }
        let weights = name == "weighted" ? input.trainLabels.map { $0 == 1 ? Float(2) : 0.5 } : nil
        return (
            try BoostedTrees.train(
                features: input.train, labels: .values(input.trainLabels), weights: weights, config: config),
            input.test
        )
    }

    @Test(arguments: more)
    func `further objectives and exact contributions are XGBoost's`(_ name: String) throws {
        let file = try JSONDecoder().decode(More.self, from: oracle("xgboost_more.expected.json"))
        let expected = try #require(file.expected[name])
        let (forest, test) = try trained(name, expected)
        let margins = forest.margins(of: test)
        let predictions = forest.predictions(of: test)
        for (own, wanted) in zip(margins, expected.test_margins) { #expect(close(own, wanted, 1e-5)) }
        for (own, wanted) in zip(predictions, expected.test_predictions) { #expect(close(own, wanted, 1e-4)) }
        let width = forest.features + 1
        for start in stride(from: 0, to: expected.contributions.count, by: width) {
            let (row, output) = (start / width).quotientAndRemainder(dividingBy: forest.outputs)
            let own = forest.contributions(test.row(row), output: output)
            let margin = Double(margins[row * forest.outputs + output])
            for (one, wanted) in zip(own, expected.contributions[start..<start + width]) {
                #expect(abs(one - wanted) <= 1e-5 * max(1, abs(margin)), "\(name), row \(row)")
            }
            #expect(abs(own.reduce(0, +) - margin) <= 1e-5 * max(1, abs(margin)))
        }
    }
}

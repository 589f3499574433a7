/// What came against what was said at a threshold, and the measures by class that follow.
package struct Confusion: Sendable, Equatable {
    package var trueNegatives = 0
    package var falsePositives = 0
    package var falseNegatives = 0
    package var truePositives = 0

    /// - Parameter inclusive: whether a score equal to the threshold is a positive.
    package init(labels: [UInt8], scores: [Double], threshold: Double, inclusive: Bool = false) {
        for row in labels.indices {
            let taken = inclusive ? scores[row] >= threshold : scores[row] > threshold
            switch (labels[row] != 0, taken) {
            case (false, false): trueNegatives += 1
            case (false, true): falsePositives += 1
            case (true, false): falseNegatives += 1
            case (true, true): truePositives += 1
            }
        }
    }

    /// Precision, recall and F1 of a class; 0 where there is nothing to divide by.
    package struct ByClass: Sendable, Equatable {
        package var precision: Double
        package var recall: Double
        package var f1: Double
        package var support: Int

        fileprivate init(right: Int, said: Int, support: Int) {
            precision = said > 0 ? Double(right) / Double(said) : 0
            recall = support > 0 ? Double(right) / Double(support) : 0
            f1 = said + support > 0 ? 2 * Double(right) / Double(said + support) : 0
            self.support = support
        }
    }

    package var rows: Int { trueNegatives + falsePositives + falseNegatives + truePositives }

    package var negative: ByClass {
        ByClass(
            right: trueNegatives, said: trueNegatives + falseNegatives,
            support: trueNegatives + falsePositives)
    }

    package var positive: ByClass {
        ByClass(
            right: truePositives, said: truePositives + falsePositives,
            support: truePositives + falseNegatives)
    }

    package var accuracy: Double {
        rows > 0 ? Double(trueNegatives + truePositives) / Double(rows) : 0
    }

    /// Correlation of the two (Matthews 1975); 0 where either is constant.
    package var matthewsCorrelation: Double {
        let product =
            Double(truePositives + falsePositives) * Double(truePositives + falseNegatives)
            * Double(trueNegatives + falsePositives) * Double(trueNegatives + falseNegatives)
        guard product > 0 else { return 0 }
        return
            (Double(truePositives) * Double(trueNegatives)
            - Double(falsePositives) * Double(falseNegatives)) / product.squareRoot()
    }

    /// Mean of a measure over the classes, each counting for one, and each for its rows.
    package func averages(_ measure: (ByClass) -> Double) -> (macro: Double, weighted: Double) {
        let (a, b) = (measure(negative), measure(positive))
        let total = Double(max(1, rows))
        return (
            (a + b) / 2, (a * Double(negative.support) + b * Double(positive.support)) / total
        )
    }
}

extension Confusion {
    /// The matrix, for the status port.
    var matrix: Tree {
        .object([
            .init("true_negatives", .int(Int64(trueNegatives))),
            .init("false_positives", .int(Int64(falsePositives))),
            .init("false_negatives", .int(Int64(falseNegatives))),
            .init("true_positives", .int(Int64(truePositives))),
        ])
    }

    /// The measures by class, their means and the accuracy, for the status port.
    var report: Tree {
        func shown(_ one: ByClass) -> Tree {
            .object([
                .init("precision", .finite(one.precision)), .init("recall", .finite(one.recall)),
                .init("f1", .finite(one.f1)), .init("support", .int(Int64(one.support))),
            ])
        }
        let precision = averages(\.precision)
        let recall = averages(\.recall)
        let f1 = averages(\.f1)
        return .object([
            .init("0", shown(negative)), .init("1", shown(positive)),
            .init("accuracy", .finite(accuracy)),
            .init(
                "macro_avg",
                .object([
                    .init("precision", .finite(precision.macro)), .init("recall", .finite(recall.macro)),
                    .init("f1", .finite(f1.macro)),
                ])),
            .init(
                "weighted_avg",
                .object([
                    .init("precision", .finite(precision.weighted)),
                    .init("recall", .finite(recall.weighted)), .init("f1", .finite(f1.weighted)),
                ])),
        ])
    }
}

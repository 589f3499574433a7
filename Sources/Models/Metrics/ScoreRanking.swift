/// Labelled scores from the greatest to the least, equal ones together: what every measure of order needs.
///
/// Ties are one step, so that nothing depends on the order of the rows.
package struct ScoreRanking: Sendable, Equatable {
    /// Rows of one score.
    struct Step: Sendable, Equatable {
        var score: Double
        var positives: Int
        var negatives: Int
    }

    let steps: [Step]
    package let positives: Int
    package let negatives: Int

    /// - Parameter labels: 0 or not, shape [n].
    /// - Parameter scores: not NaN, shape [n].
    package init(labels: [UInt8], scores: [Double]) {
        var steps: [Step] = []
        var positives = 0
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        for row in order {
            let positive = labels[row] != 0
            positives += positive ? 1 : 0
            if steps.last?.score != scores[row] {
                steps.append(Step(score: scores[row], positives: 0, negatives: 0))
            }
            if positive {
                steps[steps.count - 1].positives += 1
            } else {
                steps[steps.count - 1].negatives += 1
            }
        }
        self.steps = steps
        self.positives = positives
        negatives = labels.count - positives
    }

    package var rows: Int { positives + negatives }

    /// Probability that a positive is above a negative, ties counting half (Mann and Whitney); nil where a
    /// class is missing, since then there is no such pair.
    package var areaUnderROC: Double? {
        guard positives > 0, negatives > 0 else { return nil }
        // Twice the pairs, in whole numbers.
        var pairs = 0
        var above = 0
        for step in steps {
            pairs += step.negatives * (2 * above + step.positives)
            above += step.positives
        }
        return Double(pairs) / (2 * Double(positives) * Double(negatives))
    }

    /// Mean of the precision at each positive, without interpolation; 0 where there is none.
    package var averagePrecision: Double {
        guard positives > 0 else { return 0 }
        var sum = 0.0
        var above = 0
        var taken = 0
        for step in steps {
            above += step.positives
            taken += step.positives + step.negatives
            sum += Double(step.positives) * (Double(above) / Double(taken))
        }
        return sum / Double(positives)
    }

    /// A point of the receiver operating characteristic: what is at or above the threshold.
    package struct Point: Sendable, Equatable {
        package var threshold: Double
        package var falsePositiveRate: Double
        package var truePositiveRate: Double
        /// 1 where nothing is taken.
        package var precision: Double
    }

    /// From nothing taken (threshold infinity) to everything; nil where a class is missing.
    package var curve: [Point]? {
        guard positives > 0, negatives > 0 else { return nil }
        var taken = (positives: 0, negatives: 0)
        let beginning = Point(threshold: .infinity, falsePositiveRate: 0, truePositiveRate: 0, precision: 1)
        return [beginning]
            + steps.map { step in
                taken.positives += step.positives
                taken.negatives += step.negatives
                return Point(
                    threshold: step.score, falsePositiveRate: Double(taken.negatives) / Double(negatives),
                    truePositiveRate: Double(taken.positives) / Double(positives),
                    precision: Double(taken.positives) / Double(taken.positives + taken.negatives))
            }
    }

    /// The curve for a plot: pairs of false and true positive rate, only points that lie at least a hundredth from the
    /// one before, the first and the last; nil where a class is missing.
    package var plottedCurve: [[Double]]? {
        guard let curve, let first = curve.first, let last = curve.last else { return nil }
        var kept = [first]
        for point in curve.dropFirst().dropLast() {
            let before = kept[kept.count - 1]
            let moved = max(
                point.falsePositiveRate - before.falsePositiveRate,
                point.truePositiveRate - before.truePositiveRate)
            if moved >= 0.01 { kept.append(point) }
        }
        return (kept + [last]).map { [$0.falsePositiveRate, $0.truePositiveRate] }
    }

    /// The score from which taking rows as positive has the greatest F1, of equal ones the greatest; 0 without
    /// positives.
    package var thresholdOfBestF1: Double {
        var best = (f1: 0.0, threshold: 0.0)
        var above = 0
        var taken = 0
        for step in steps {
            above += step.positives
            taken += step.positives + step.negatives
            let f1 = 2 * Double(above) / Double(taken + positives)
            if f1 > best.f1 { best = (f1, step.score) }
        }
        return best.threshold
    }

    /// Share of positives in each tenth of the rows, from the greatest scores down, over their share in all;
    /// of a tie that a boundary cuts each side has the tie's own share. Nil without positives.
    package var liftByDecile: [Double]? {
        guard positives > 0 else { return nil }
        var found = [Double](repeating: 0, count: 10)
        let size = Double(rows) / 10
        var start = 0.0
        for step in steps {
            let count = Double(step.positives + step.negatives)
            var decile = min(9, Int(start / size))
            while decile < 10, Double(decile) * size < start + count {
                let inside = min(start + count, Double(decile + 1) * size) - max(start, Double(decile) * size)
                if inside > 0 { found[decile] += Double(step.positives) * inside / count }
                decile += 1
            }
            start += count
        }
        return found.map { $0 / size / (Double(positives) / Double(rows)) }
    }
}

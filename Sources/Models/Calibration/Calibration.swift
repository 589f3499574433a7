/// What turns a learner's scores into probabilities that come true as often as they say.
package enum Calibration: Sendable, Equatable {
    /// The score as it is.
    case none
    case sigmoid(SigmoidCalibration)
    case isotonic(IsotonicCalibration)

    package enum Kind: String, Sendable, Equatable, CaseIterable {
        case none
        case sigmoid = "platt"
        case isotonic
    }

    package init(_ kind: Kind, labels: [UInt8], scores: [Double]) {
        switch kind {
        case .none: self = .none
        case .sigmoid: self = .sigmoid(SigmoidCalibration(labels: labels, logits: scores.map(logit)))
        case .isotonic:
            self = .isotonic(IsotonicCalibration(labels: labels, scores: scores, certain: false))
        }
    }

    package var name: String {
        switch self {
        case .none: Kind.none.rawValue
        case .sigmoid: Kind.sigmoid.rawValue
        case .isotonic: Kind.isotonic.rawValue
        }
    }

    /// - Parameter score: a probability as the learner has it.
    package func callAsFunction(_ score: Double) -> Double {
        switch self {
        case .none: score
        case .sigmoid(let sigmoid): sigmoid(logit(score))
        case .isotonic(let isotonic): isotonic(score)
        }
    }

    /// The kind whose probabilities lose least on rows it was not fitted on, fitted on all rows.
    ///
    /// - Parameters:
    ///   - folds: of each row, in the order of time where that matters.
    ///   - forward: whether a fold is judged by what was fitted on those before it, as it will be in use, and
    ///     the first one not at all; else by what was fitted on all others.
    package static func chosen(
        labels: [UInt8], scores: [Double], folds: [Int], forward: Bool = false
    ) -> (calibration: Calibration, losses: [(kind: Kind, logLoss: Double)]) {
        let first = forward ? folds.min() : nil
        let judged = labels.indices.filter { folds[$0] != first }
        var losses: [(kind: Kind, logLoss: Double)] = []
        for kind in Kind.allCases {
            let probabilities = crossFitted(
                kind, labels: labels, scores: scores, folds: folds, forward: forward)
            losses.append(
                (
                    kind,
                    logLoss(
                        labels: judged.map { labels[$0] }, probabilities: judged.map { probabilities[$0] })
                ))
        }
        // Of equal ones the simpler.
        let best = losses.min { $0.logLoss < $1.logLoss }?.kind ?? .none
        return (Calibration(best, labels: labels, scores: scores), losses)
    }

    private static func crossFitted(
        _ kind: Kind, labels: [UInt8], scores: [Double], folds: [Int], forward: Bool
    ) -> [Double] {
        var probabilities = scores
        for fold in Set(folds).sorted() {
            let others = labels.indices.filter { forward ? folds[$0] < fold : folds[$0] != fold }
            if others.isEmpty { continue }
            let fitted = Calibration(
                kind, labels: others.map { labels[$0] }, scores: others.map { scores[$0] })
            for row in labels.indices where folds[row] == fold { probabilities[row] = fitted(scores[row]) }
        }
        return probabilities
    }
}

/// p = 1 / (1 + exp(−(slope · logit + intercept))): Platt (1999), by maximum likelihood of targets that are
/// drawn in from 0 and 1 by one row of each class (Lin, Lin and Weng 2007).
package struct SigmoidCalibration: Sendable, Equatable {
    package let slope: Double
    package let intercept: Double

    init(slope: Double, intercept: Double) {
        self.slope = slope
        self.intercept = intercept
    }

    /// - Parameter logits: shape [n], finite.
    package init(labels: [UInt8], logits: [Double]) {
        let positives = Double(labels.reduce(0) { $0 + ($1 != 0 ? 1 : 0) })
        let high = (positives + 1) / (positives + 2)
        let low = 1 / (Double(labels.count) - positives + 2)
        // A target t is a row of each class with weights t and 1 − t.
        let table = FeatureTable(columns: [logits + logits])
        let twice = labels.map { _ in UInt8(1) } + labels.map { _ in UInt8(0) }
        let targets = labels.map { $0 != 0 ? high : low }
        var config = LogisticConfig()
        config.c = 1e9
        let fit = LogisticRegression(
            table, labels: twice, weights: targets + targets.map { 1 - $0 }, config: config)
        // Scores that do not order the labels are not turned round: then all are the share of the positives.
        slope = max(0, fit.coefficients[0])
        intercept =
            fit.coefficients[0] >= 0 ? fit.intercept : logit((positives + 1) / Double(labels.count + 2))
    }

    package func callAsFunction(_ logit: Double) -> Double { logistic(slope * logit + intercept) }
}

/// The rising step function nearest to the labels (pool adjacent violators), between steps linear.
package struct IsotonicCalibration: Sendable, Equatable {
    /// Ends of the steps, ascending.
    let scores: [Double]
    /// At those scores, ascending.
    let probabilities: [Double]

    init(scores: [Double], probabilities: [Double]) {
        self.scores = scores
        self.probabilities = probabilities
    }

    /// - Parameter certain: whether a step may say never or always; where not, a step of m rows at either end
    ///   says at least 1 / (m + 2), at most the rest of it.
    package init(labels: [UInt8], scores values: [Double], certain: Bool = true) {
        var blocks: [Block] = []
        for row in values.indices.sorted(by: { values[$0] < values[$1] }) {
            let came = labels[row] != 0 ? 1 : 0
            if let last = blocks.last, last.to == values[row], last.from == values[row] {
                blocks[blocks.count - 1].sum += came
                blocks[blocks.count - 1].rows += 1
            } else {
                blocks.append(Block(from: values[row], to: values[row], sum: came, rows: 1))
            }
        }
        var pooled: [Block] = []
        for block in blocks {
            pooled.append(block)
            while pooled.count > 1, pooled[pooled.count - 2].exceeds(pooled[pooled.count - 1]) {
                let last = pooled.removeLast()
                pooled[pooled.count - 1].merge(last)
            }
        }
        var means = pooled.map { Double($0.sum) / Double($0.rows) }
        if !certain, let first = pooled.first, let last = pooled.last {
            let above = means.count > 1 ? means[1] : 1
            means[0] = max(means[0], min(above, 1 / Double(first.rows + 2)))
            let below = means.count > 1 ? means[means.count - 2] : 0
            means[means.count - 1] = min(
                means[means.count - 1], max(below, 1 - 1 / Double(last.rows + 2)))
        }
        var scores: [Double] = []
        var probabilities: [Double] = []
        for (block, mean) in zip(pooled, means) {
            for end in block.from < block.to ? [block.from, block.to] : [block.from] {
                scores.append(end)
                probabilities.append(mean)
            }
        }
        self.scores = scores
        self.probabilities = probabilities
    }

    private struct Block {
        var from: Double
        var to: Double
        var sum: Int
        var rows: Int

        /// Means compared without dividing; equal ones are pooled too.
        func exceeds(_ other: Block) -> Bool { sum * other.rows >= other.sum * rows }

        mutating func merge(_ other: Block) {
            to = other.to
            sum += other.sum
            rows += other.rows
        }
    }

    package func callAsFunction(_ score: Double) -> Double {
        guard let first = scores.first, let last = scores.last else { return score }
        if score <= first { return probabilities[0] }
        if score >= last { return probabilities[probabilities.count - 1] }
        var low = 0
        var high = scores.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if scores[middle] <= score { low = middle } else { high = middle }
        }
        let share = (score - scores[low]) / (scores[high] - scores[low])
        return probabilities[low] + share * (probabilities[high] - probabilities[low])
    }
}

import Foundation
import Models
import Testing

/// Against scikit-learn 1.9.1: see Oracles/README.md.
@Suite struct CalibrationTests {
    struct Expected: Decodable {
        struct Values: Decodable {
            var grid: [Double]
            var isotonic: [Double]
            var sigmoid_a: Double
            var sigmoid_b: Double
        }
        var calibration: Values
    }

    private func input() throws -> MetricsOracleTests.Input {
        let inputs = try OutcomeOracle.json(
            "metrics_edge.input.json", as: [String: MetricsOracleTests.Input].self)
        return try #require(inputs["random_1000_rounded"])
    }

    @Test func `isotonic steps are the library's`() throws {
        let wanted = try OutcomeOracle.json("outcome.expected.json", as: Expected.self).calibration
        let input = try input()
        let own = IsotonicCalibration(labels: input.y, scores: input.score)
        for (score, probability) in zip(wanted.grid, wanted.isotonic) {
            #expect(close(own(score), probability, 1e-9))
        }
    }

    @Test func `the sigmoid is the library's`() throws {
        let wanted = try OutcomeOracle.json("outcome.expected.json", as: Expected.self).calibration
        let input = try input()
        let logits = input.score.map { score in
            let bounded = min(max(score, 0.005), 0.995)
            return log(bounded / (1 - bounded))
        }
        let own = SigmoidCalibration(labels: input.y, logits: logits)
        for logit in stride(from: -4.0, through: 4, by: 0.5) {
            let probability = 1 / (1 + exp(wanted.sigmoid_a * logit + wanted.sigmoid_b))
            #expect(close(own(logit), probability, 1e-4))
        }
    }

    @Test func `the kind is chosen that suits what the scores say`() {
        var generator = SeededGenerator(seed: 12)
        let truths = (0..<8_000).map { _ in 0.02 + 0.9 * generator.uniform() }
        let labels: [UInt8] = truths.map { generator.uniform() < $0 ? 1 : 0 }
        let folds = truths.indices.map { $0 % 2 }
        func losses(_ scores: [Double]) -> [Calibration.Kind: Double] {
            let chosen = Calibration.chosen(labels: labels, scores: scores, folds: folds)
            return Dictionary(uniqueKeysWithValues: chosen.losses.map { ($0.kind, $0.logLoss) })
        }
        // Honest scores gain nothing.
        let honest = losses(truths)
        #expect(honest.values.allSatisfy { $0 > (honest[.none] ?? 0) - 0.003 })
        // Odds as after doubling the positives: a shift that a sigmoid undoes.
        let doubled = losses(truths.map { 4 * $0 / (4 * $0 + 1 - $0) })
        #expect((doubled[.sigmoid] ?? 9) < (doubled[.none] ?? 0) - 0.1)
        #expect(abs((doubled[.sigmoid] ?? 9) - (honest[.none] ?? 0)) < 0.01)
        // A step is no sigmoid.
        let bent = losses(truths.map { $0 < 0.5 ? 0.49 + $0 / 100 : 0.5 + $0 / 100 })
        #expect((bent[.isotonic] ?? 9) < (bent[.none] ?? 0) - 0.05)
    }

    @Test func `in time a part is judged by what came before it, and the first part judges nothing`() throws {
        var generator = SeededGenerator(seed: 13)
        let scores = (0..<3_000).map { _ in 0.05 + 0.9 * generator.uniform() }
        let folds = scores.indices.map { $0 / 1_000 }
        // What was true of the first two parts is no longer true of the last: odds are four times as great.
        let labels: [UInt8] = scores.indices.map { row in
            let odds = scores[row] / (1 - scores[row]) * (folds[row] < 2 ? 1 : 4)
            return generator.uniform() < odds / (1 + odds) ? 1 : 0
        }
        func loss(_ kind: Calibration.Kind, forward: Bool) -> Double {
            let chosen = Calibration.chosen(
                labels: labels, scores: scores, folds: folds, forward: forward)
            return chosen.losses.first { $0.kind == kind }?.logLoss ?? .nan
        }
        let later = Array(1_000..<3_000)
        let plain = logLoss(
            labels: later.map { labels[$0] }, probabilities: later.map { scores[$0] })
        #expect(close(loss(.none, forward: true), plain, 1e-12))
        // Nothing before the last part knows of it.
        #expect(loss(.sigmoid, forward: true) > plain - 0.005)
    }

    @Test func `scores that order nothing or the wrong way round are survived`() {
        let labels: [UInt8] = [0, 1, 1, 0, 1, 0, 0, 0]
        let constant = SigmoidCalibration(labels: labels, logits: labels.map { _ in 3 })
        #expect(abs(constant(3) - 0.4) < 0.05)
        let turned = SigmoidCalibration(labels: labels, logits: labels.map { $0 == 0 ? 2 : -2 })
        #expect(turned(2) == turned(-2))
        let single = IsotonicCalibration(labels: [1], scores: [0.5], certain: false)
        #expect(close(single(0), 2 / 3.0, 1e-12) && single(1) == single(0))
        let sure = IsotonicCalibration(
            labels: [0, 0, 1, 0, 1, 1], scores: [1, 2, 3, 4, 5, 6], certain: false)
        #expect([1, 2, 3, 4, 5, 6].map { sure(Double($0)) } == [0.25, 0.25, 0.5, 0.5, 0.75, 0.75])
        let falling = IsotonicCalibration(labels: [1, 1, 0, 0], scores: [0.1, 0.2, 0.3, 0.4])
        #expect(falling(0.1) == 0.5 && falling(0.4) == 0.5)
    }
}

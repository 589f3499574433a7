import Models
import Testing

/// A plot of the receiver operating characteristic that is not the curve it stands for.
struct PlottedCurveTests {
    @Test func `few points have nearly the area of all, and lie on the curve`() throws {
        var generator = SeededGenerator(seed: 3)
        let labels = (0..<5000).map { _ in UInt8(generator.below(4) == 0 ? 1 : 0) }
        let scores = labels.map { generator.uniform() + 0.6 * Double($0) }
        let ranking = ScoreRanking(labels: labels, scores: scores)
        let points = try #require(ranking.plottedCurve)
        #expect(points.count < 210)
        #expect(points.first == [0, 0])
        #expect(points.last == [1, 1])
        #expect(zip(points, points.dropFirst()).allSatisfy { $0[0] <= $1[0] && $0[1] <= $1[1] })
        let area = zip(points, points.dropFirst()).reduce(0) { sum, pair in
            sum + (pair.1[0] - pair.0[0]) * (pair.0[1] + pair.1[1]) / 2
        }
        #expect(abs(area - (try #require(ranking.areaUnderROC))) < 0.005)
        let all = Set(try #require(ranking.curve).map { [$0.falsePositiveRate, $0.truePositiveRate] })
        #expect(points.allSatisfy(all.contains))
    }

    @Test func `of one class there is none`() {
        #expect(ScoreRanking(labels: [1, 1], scores: [0.1, 0.2]).plottedCurve == nil)
        #expect(ScoreRanking(labels: [], scores: []).plottedCurve == nil)
    }
}

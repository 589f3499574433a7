import Foundation
import Models
import Testing

/// A horizon that calls buyers gone who are only slow.
@Suite struct ChurnHorizonTests {
    @Test(arguments: [10.0, 30]) func `it is the ninth decile of the intervals that made the purchases`(
        _ mean: Double
    ) throws {
        var generator = SeededGenerator(seed: 31)
        let days = (0..<2_000).map { _ -> [Int32] in
            var day = Int32(generator.below(100))
            var days: [Int32] = []
            while day <= 720 {
                days.append(day)
                day += 1 + Int32(generator.exponential(mean: mean))
            }
            return days
        }
        let histories = Histories(days, asOfDay: 720)
        let horizon = try histories.withColumns { try ChurnModel.horizonDays($0) }
        #expect(abs(horizon - (1 + mean * log(10))) < 0.06 * mean * log(10) + 1)
    }

    @Test func `too few intervals are refused`() throws {
        let histories = Histories([[0, 5, 9], [3]], asOfDay: 20)
        #expect(throws: FitRefusal.tooFewIntervals(have: 2, need: 30)) {
            try histories.withColumns { try ChurnModel.horizonDays($0) }
        }
    }
}

import Models
import Testing

/// A day that is no better than others told as the peak, or a forecast that sees more than it may.
@Suite struct PeakForecastTests {
    /// Three pieces each seventh day from the first on, one on the fourth of each week.
    private func weekly(_ count: Int) -> [Double] {
        (0..<count).map { $0 % 7 == 0 ? 3 : $0 % 7 == 3 ? 1 : 0 }
    }

    @Test func `the day of the week with most is the peak, counted from the last day`() throws {
        // The last value is of the day with three, then of the one with one, then of one with nothing.
        for (count, ahead) in [(64, 7), (67, 4), (68, 3)] {
            let peak = try #require(PeakForecast(weekly(count), horizon: 12))
            #expect(peak.ahead == ahead)
            #expect(peak.quantity == 3)
            #expect(peak.method == .seasonalNaive)
        }
        // Beyond the horizon lies the greater day: the lesser one is the peak.
        #expect(try #require(PeakForecast(weekly(64), horizon: 5)).ahead == 3)
    }

    @Test func `where all days are alike there is no peak`() {
        #expect(PeakForecast([Double](repeating: 5, count: 60), horizon: 12) == nil)
        #expect(PeakForecast([Double](repeating: 0, count: 60), horizon: 12) == nil)
        // Each tenth day: no day of the week differs.
        #expect(PeakForecast((0..<101).map { $0 % 10 == 0 ? 1 : 0 }, horizon: 12) == nil)
        #expect(PeakForecast([], horizon: 12) == nil)
        #expect(PeakForecast(weekly(26), horizon: 12) == nil)
        #expect(PeakForecast(weekly(27), horizon: 12) != nil)
        #expect(PeakForecast(weekly(103), horizon: 90) == nil)
    }

    @Test func `a noisy week is smoothed: the peak is the day with most in the mean`() throws {
        var generator = SeededGenerator(seed: 3)
        let series = (0..<112).map { day -> Double in
            Double(generator.below(3)) + (day % 7 == 5 ? 6 : day % 7 == 1 ? 3 : 0)
        }
        let peak = try #require(PeakForecast(series, horizon: 12))
        #expect(peak.method == .holtWinters)
        // The series ends on the day before the first of a week.
        #expect(peak.ahead == 6)
        #expect(peak.quantity > 5 && peak.quantity < 9)
    }

    @Test func `only the last values count, and the same ones say the same`() throws {
        let series = weekly(112)
        let longer = (0..<40).map { Double($0 * 7 % 11) } + series
        let peak = try #require(PeakForecast(series, horizon: 12))
        #expect(PeakForecast(longer, horizon: 12) == peak)
        #expect(PeakForecast(series, horizon: 12) == peak)
    }

    @Test(arguments: 1...40)
    func `whatever the series, the peak lies within the horizon and is more than nothing`(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let gap = 1 + generator.below(12)
        let series = (0..<generator.below(150)).map { _ in
            generator.below(gap) == 0 ? Double(generator.below(1000)) / 8 : 0
        }
        for horizon in [1, 12, 90] {
            guard let peak = PeakForecast(series, horizon: horizon) else { continue }
            #expect((1...horizon).contains(peak.ahead))
            #expect(peak.quantity > 0 && peak.quantity.isFinite)
            #expect([.seasonalNaive, .holtWinters].contains(peak.method))
        }
    }
}

import Models
import Testing

@Suite struct RepurchaseTests {
    private func number(_ members: [Tree.Member], _ key: String) -> Double {
        guard case .number(let value)? = members.first(where: { $0.key == key })?.value else { return .nan }
        return value
    }

    @Test func `a known distribution is recovered`() throws {
        // Everybody alike, exponential with mean 30 (to whole days, so about half a day more), long log.
        var generator = SeededGenerator(seed: 2)
        let days = (0..<1_500).map { _ -> [Int32] in
            var day: Int32 = Int32(generator.below(100))
            var days: [Int32] = []
            while day <= 3_000 {
                days.append(day)
                day += 1 + Int32(generator.exponential(mean: 30))
            }
            return days
        }
        let fit = try Histories(days, asOfDay: 3_000).fit()
        #expect(abs(fit.model.populationMean - 30.5) < 0.6)
        #expect(fit.model.priorWeight > 20, "nobody differs, so everybody's mean weighs much")
        let forecast = fit.model.predict(intervalSum: 30.5 * 60, intervalCount: 60)
        #expect(abs(forecast.p50 - 21) < 1.5)
        #expect(abs(forecast.p90 - 69.5) < 3.5)
        #expect(abs(forecast.p10 - 3.5) < 1)
        // Memoryless: what is left after 100 days is what was there at first.
        let later = fit.model.predict(intervalSum: 30.5 * 60, intervalCount: 60, conditionedOn: 100)
        #expect(abs(later.p50 - 100 - 21) < 4)
    }

    @Test func `four in five intervals of unseen buyers lie within the interval`() throws {
        let fit = try poissonBuyers(3_000, seed: 4).fit()
        #expect(abs(number(fit.metrics, "coverage_80") - 0.8) < 0.03)
        let error = number(fit.metrics, "median_absolute_error_d")
        #expect(error < number(fit.baseline, "population_median_error_d"))
        #expect(error < number(fit.baseline, "own_mean_error_d"))
        #expect(Gate.judge(fit.evidence).adopted)
    }

    @Test func `a short log does not make buyers look faster than they are`() throws {
        // Mean 60 days, watched for about 120: half of the long intervals are cut off.
        var generator = SeededGenerator(seed: 6)
        let days = (0..<6_000).map { _ -> [Int32] in
            var day = Int32(generator.below(60))
            var days: [Int32] = []
            while day <= 180 {
                days.append(day)
                day += 1 + Int32(generator.exponential(mean: 60))
            }
            return days
        }
        let fit = try Histories(days, asOfDay: 180).fit()
        let p50 = fit.model.predict(intervalSum: 0, intervalCount: 0).p50
        let seen = days.flatMap { zip($0.dropFirst(), $0).map { $0 - $1 } }.sorted()
        let naive = Double(seen[seen.count / 2])
        #expect(p50 > naive + 2, "\(p50) against \(naive) of those seen to end")
        #expect(p50 < 44)
    }

    @Test func `own habits weigh more the more is known of them`() throws {
        let model = try poissonBuyers(1_000, seed: 4).fit().model
        let once = model.predict(intervalSum: 7, intervalCount: 1).p50
        let often = model.predict(intervalSum: 140, intervalCount: 20).p50
        let never = model.predict(intervalSum: 0, intervalCount: 0).p50
        #expect(often < once && once < never)
    }

    @Test func `quantiles are in order and beyond the days already passed`() throws {
        let model = try poissonBuyers(500, seed: 9).fit().model
        for count in 0...8 {
            var last = 0.0
            for elapsed in stride(from: 0.0, through: 2_000, by: 13) {
                let one = model.predict(
                    intervalSum: Double(count) * 20, intervalCount: count, conditionedOn: elapsed)
                #expect(elapsed <= one.p10 && one.p10 <= one.p50 && one.p50 <= one.p90)
                #expect(one.p50 >= last && one.p90.isFinite)
                last = one.p50
            }
        }
    }

    @Test func `too few intervals are refused with the number missing`() {
        let few = Histories([[1, 5, 9], [2], [4, 8]], asOfDay: 30)
        #expect(throws: FitRefusal.tooFewIntervals(have: 3, need: 30)) { try few.fit() }
        #expect(throws: FitRefusal.tooFewIntervals(have: 0, need: 30)) {
            try Histories([], asOfDay: 0).fit()
        }
        #expect(throws: FitRefusal.tooFewIntervals(have: 0, need: 30)) {
            try Histories([[3]], asOfDay: 3).fit()
        }
    }

    @Test func `buyers who are all the same are survived`() throws {
        let days = (0..<50).map { _ in (0..<10).map { Int32($0 * 7) } }
        let fit = try Histories(days, asOfDay: 64).fit()
        let forecast = fit.model.predict(intervalSum: 63, intervalCount: 9)
        #expect(abs(forecast.p10 - 7) < 1e-6)
        #expect(abs(forecast.p90 - 7) < 0.7)
        #expect(Gate.judge(fit.evidence).adopted)
    }

    @Test(arguments: [[[5, 5]], [[9, 4]], [[1, 90]]] as [[[Int32]]])
    func `days that do not ascend to the as-of day are refused`(_ days: [[Int32]]) {
        var config = RepurchaseConfig()
        config.minimumIntervals = 1
        #expect(throws: FitRefusal.daysOutOfOrder(buyer: 0)) {
            try Histories(days, asOfDay: 50).fit(config)
        }
    }
}

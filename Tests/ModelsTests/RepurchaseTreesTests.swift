import Foundation
import Models
import Testing

@Suite struct RepurchaseTreesTests {
    private func value(_ members: [Tree.Member], _ path: String...) -> Double {
        var tree = Tree.object(members)
        for key in path { tree = tree[key] ?? .null }
        switch tree {
        case .number(let number): return number
        case .int(let number): return Double(number)
        default: return .nan
        }
    }

    private func method(_ fit: RepurchaseFit) -> String {
        guard case .string(let text)? = Tree.object(fit.parameters)["method"] else { return "" }
        return text
    }

    /// Buyers all alike whose waits are longer by `factor` after a large purchase, which own means hide.
    private func amountBuyers(_ count: Int, factor: Double, seed: UInt64, until end: Int32 = 900) -> Histories
    {
        var generator = SeededGenerator(seed: seed)
        var days: [[Int32]] = []
        var revenue: [[Double]] = []
        for _ in 0..<count {
            var day = Int32(generator.below(60))
            var own: [Int32] = []
            var money: [Double] = []
            while day <= end {
                let before = money.last ?? 10
                own.append(day)
                money.append(generator.uniform() < 0.5 ? 10 : 100)
                let mean = before > 50 ? 20 * factor : 20
                day += 1 + Int32(generator.exponential(mean: mean))
            }
            days.append(own)
            revenue.append(money)
        }
        return Histories(days, revenue: revenue, asOfDay: end)
    }

    @Test func `trees find what the mean gap cannot see, and cover what comes`() throws {
        let fit = try amountBuyers(1_500, factor: 4, seed: 1).fit()
        #expect(fit.model.isBoosted && method(fit).contains("accelerated failure time"))
        #expect(Gate.judge(fit.evidence).adopted)
        let error = value(fit.metrics, "median_absolute_error_d")
        #expect(error < 0.9 * value(fit.baseline, "shrunk_gap", "mae_d"))
        #expect(error < 0.9 * value(fit.baseline, "population_median", "mae_d"))
        #expect(error < 0.9 * value(fit.baseline, "own_mean_gap", "mae_d"))
        #expect(error < 0.9 * value(fit.baseline, "bgnbd", "mae_d"))
        #expect(value(fit.metrics, "pinball_d") < value(fit.baseline, "shrunk_gap", "pinball_d"))
        let covered = value(fit.metrics, "coverage_80")
        #expect(covered > 0.78 && covered < 0.82, "\(covered)")
        // The median wait of an exponential is ln 2 of its mean; whole days add about half of one.
        var large = PurchaseTrail(day: 0, purchases: 1, revenue: 100)
        large.add(day: 30, purchases: 1, revenue: 10)
        var small = PurchaseTrail(day: 0, purchases: 1, revenue: 10)
        small.add(day: 30, purchases: 1, revenue: 10)
        #expect(abs(fit.model.predict(large).p50 - 80 * 0.693) < 12)
        #expect(abs(fit.model.predict(small).p50 - 20 * 0.693) < 4)
        let reason = try #require(fit.model.reasons(large, most: 3).first)
        #expect(reason.feature == "previous_amount" && reason.value == 100 && reason.contribution > 0.3)
    }

    @Test func `four in five come within the interval on log-normal, regular and mixed waits`() throws {
        var generator = SeededGenerator(seed: 8)
        let days = (0..<3_000).map { index -> [Int32] in
            var day = Int32(generator.below(200))
            var days: [Int32] = []
            let middle = 15 + 30 * generator.uniform()
            while day <= 800 {
                days.append(day)
                switch index % 3 {
                case 0: day += 1 + Int32(middle * Foundation.exp(0.8 * generator.normal()))
                case 1: day += max(1, Int32(middle + 2 * generator.normal()))
                default: day += 1 + Int32(generator.exponential(mean: middle))
                }
            }
            return days
        }
        let fit = try Histories(days, asOfDay: 800).fit()
        let covered = value(fit.metrics, "aft", "coverage_80")
        #expect(covered > 0.78 && covered < 0.82, "\(covered)")
    }

    @Test func `below the trees' minimum the shrunk mean serves and says so`() throws {
        let histories = poissonBuyers(200, seed: 4)
        var config = RepurchaseConfig()
        config.minimumForTrees = 1_000_000
        let fit = try histories.fit(config)
        #expect(!fit.model.isBoosted && method(fit).contains("1000000 intervals"))
        var trail = PurchaseTrail(day: 3, purchases: 1, revenue: 5)
        trail.add(day: 13, purchases: 1, revenue: 5)
        trail.add(day: 33, purchases: 1, revenue: 5)
        #expect(fit.model.predict(trail) == fit.model.predict(intervalSum: 30, intervalCount: 2))
        #expect(fit.model.reasons(trail, most: 3).map(\.feature) == ["interval_mean_d"])
        let once = PurchaseTrail(day: 3, purchases: 1, revenue: 5)
        #expect(fit.model.predict(once) == fit.model.predict(intervalSum: 0, intervalCount: 0))
        #expect(fit.model.reasons(once, most: 3).isEmpty)
    }

    @Test func `trees that are no better than the shrunk mean are not used`() throws {
        // Every buyer has one rhythm, kept exactly: nothing is better than its mean.
        let days = (0..<400).map { index in
            stride(from: Int32(index % 11), through: 700, by: 7 + index % 40).map { $0 }
        }
        let fit = try Histories(days, asOfDay: 700).fit()
        #expect(!fit.model.isBoosted && method(fit).contains("no better"))
        #expect(value(fit.metrics, "aft", "mae_d") >= value(fit.baseline, "shrunk_gap", "mae_d"))
    }

    @Test func `what is bought on the last day changes nothing yet`() throws {
        let histories = amountBuyers(300, factor: 3, seed: 5)
        var later = histories
        for buyer in later.revenue.indices { later.revenue[buyer][later.revenue[buyer].count - 1] += 1_000 }
        let model = try histories.fit().model
        #expect(try later.fit().model == model)
        #expect(
            model.predict(PurchaseTrail(day: 10, purchases: 1, revenue: 5))
                == model.predict(PurchaseTrail(day: 10, purchases: 9, revenue: 5_000)))
    }

    @Test func `quantiles are in order and beyond the days already passed`() throws {
        let model = try amountBuyers(300, factor: 3, seed: 2).fit().model
        #expect(model.isBoosted)
        var trail = PurchaseTrail(day: 100, purchases: 1, revenue: 5)
        for step in 1...6 {
            var last = 0.0
            for elapsed in stride(from: 0.0, through: 2_000, by: 17) {
                let one = model.predict(trail, conditionedOn: elapsed)
                #expect(elapsed <= one.p10 && one.p10 <= one.p50 && one.p50 <= one.p90)
                #expect(one.p50 >= last && one.p90.isFinite)
                last = one.p50
            }
            trail.add(day: trail.lastDay + Int32(step * 5), purchases: 2, revenue: 30)
        }
    }

    @Test func `features are what the history says`() {
        var trail = PurchaseTrail(day: 19_000, purchases: 2, revenue: 30)
        let names = PurchaseTrail.features
        func feature(_ name: String) -> Float { trail.row[names.firstIndex(of: name) ?? 0] }
        #expect(feature("intervals") == 0 && feature("interval_mean_d").isNaN && feature("amount_mean").isNaN)
        trail.add(day: 19_010, purchases: 1, revenue: 50)
        trail.add(day: 19_014, purchases: 5, revenue: 999)
        #expect(feature("intervals") == 2 && feature("interval_mean_d") == 7 && feature("age_d") == 14)
        #expect(feature("interval_last_d") == 4 && feature("interval_before_last_d") == 10)
        #expect(feature("interval_min_d") == 4 && feature("interval_max_d") == 10)
        #expect(abs(feature("interval_sd_d") - 18.0.squareRoot().float) < 1e-5)
        #expect(abs(feature("interval_log_mean") - Float(log(40.0) / 2)) < 1e-6)
        #expect(feature("previous_amount") == 50 && feature("amount_mean") == 40)
        #expect(feature("purchases_a_day") == 1.5)
    }

    @Test func `dates are the calendar's`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        let names = PurchaseTrail.features
        let places = try ["weekday", "month", "day_of_month"].map { try #require(names.firstIndex(of: $0)) }
        for day in stride(from: Int32(-140_000), through: 140_000, by: 1_237) {
            let row = PurchaseTrail(day: day, purchases: 1, revenue: 0).row
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            let parts = calendar.dateComponents([.weekday, .month, .day], from: date)
            // Foundation's week begins on Sunday, as 1.
            #expect(Int(row[places[0]]) == ((parts.weekday ?? 0) + 5) % 7)
            #expect(Int(row[places[1]]) == parts.month && Int(row[places[2]]) == parts.day)
        }
    }

    @Test func `a model stored before there were trees is read`() throws {
        var config = RepurchaseConfig()
        config.minimumForTrees = 1_000_000
        let model = try poissonBuyers(100, seed: 4).fit(config).model
        var old = model.bytes
        #expect(old.removeLast() == 0)
        old[4] = 1
        #expect(try RepurchaseModel(bytes: old) == model)
    }

    @Test func `money that is no number is refused`() {
        var histories = poissonBuyers(100, seed: 4)
        histories.revenue[0][0] = .nan
        #expect(throws: FitRefusal.notFinite(column: "revenue", row: 0)) { try histories.fit() }
        histories.revenue[0][0] = 1e300
        #expect(throws: FitRefusal.notFinite(column: "revenue", row: 0)) { try histories.fit() }
    }

    @Test func `of very many rows a share is learnt from`() throws {
        let histories = amountBuyers(1_200, factor: 4, seed: 3)
        var config = RepurchaseConfig()
        config.mostRows = 5_000
        let fit = try histories.fit(config)
        #expect(fit.model.isBoosted)
        let covered = value(fit.metrics, "coverage_80")
        #expect(covered > 0.77 && covered < 0.83)
    }
}

extension Double {
    fileprivate var float: Float { Float(self) }
}

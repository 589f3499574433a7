import Models
import Testing

/// A value that is not what the buyers behind it will bring, or one that should not have been given.
@Suite struct LifetimeValueTests {
    private static let truth = BetaGeometric(r: 0.6, alpha: 20, a: 0.9, b: 3)
    private static let spend = GammaGamma(p: 5, q: 4, v: 30_000)

    private func shop(_ buyers: Int, seed: UInt64 = 3) -> Spenders {
        Spenders(Self.truth, Self.spend, buyers: buyers, seed: seed)
    }

    private func number(_ members: [Tree.Member], _ path: String...) -> Double {
        var tree: Tree? = .object(members)
        for key in path { tree = tree?[key] }
        switch tree {
        case .number(let value): return value
        case .int(let value): return Double(value)
        default: return .nan
        }
    }

    @Test func `buyers drawn from known parameters give them back`() throws {
        var config = LifetimeValueConfig()
        config.trim = 1
        let fit = try shop(30_000).fit(config)
        let found = fit.model.purchases
        // Whole days hide a purchase that follows within the day, so the rate is a little lower.
        #expect(near(found.r, Self.truth.r, 0.06))
        #expect(near(found.alpha, Self.truth.alpha, 0.12))
        #expect(near(found.a, Self.truth.a, 0.12))
        #expect(near(found.b, Self.truth.b, 0.15))
        #expect(near(fit.model.spend.populationMean, Self.spend.populationMean, 0.02))
        #expect(near(fit.model.spend.q, Self.spend.q, 0.08))
        #expect(abs(number(fit.parameters, "frequency_amount_correlation")) < 0.05)
        #expect(number(fit.parameters, "bgnbd", "standard_errors", "r") < 0.03)
        #expect(Gate.judge(fit.evidence).adopted)
    }

    @Test func `what came after is foretold in the mean, by frequency, and better than by rates`() throws {
        let fit = try shop(20_000).fit()
        #expect(near(number(fit.metrics, "mean_expected"), number(fit.metrics, "mean_actual"), 0.05))
        #expect(number(fit.metrics, "rmse") < number(fit.baseline, "population_rate", "rmse"))
        #expect(number(fit.metrics, "rmse") < number(fit.baseline, "own_rate", "rmse"))
        #expect(number(fit.metrics, "mae") < number(fit.baseline, "own_rate", "mae"))
        #expect(number(fit.metrics, "holdout_d") == 90)
        let revenue = try #require(Tree.object(fit.metrics)["revenue"])
        guard case .object(let money) = revenue else { throw CodingFailure.badMagic }
        #expect(near(number(money, "mean_expected"), number(money, "mean_actual"), 0.08))
        #expect(number(money, "rmse") < number(money, "own_rate_rmse"))
        guard case .array(let rows)? = Tree.object(fit.metrics)["by_frequency"] else {
            throw CodingFailure.badMagic
        }
        #expect(rows.count == 8)
        for row in rows.prefix(4) {
            guard case .object(let row) = row else { throw CodingFailure.badMagic }
            #expect(abs(number(row, "actual") - number(row, "expected")) < 0.1)
        }
    }

    @Test func `errors are those of a forecast made at the cut`() throws {
        let whole = shop(2_000)
        let fit = try whole.fit()
        // The same by hand: who was there 90 days before the end, fitted on what was known then.
        var before = whole
        before.asOfDay -= 90
        before.purchases = whole.purchases.map { $0.filter { $0.day <= before.asOfDay } }
        let candidate = try before.fit().model
        var squared = 0.0
        for buyer in before.purchases.indices {
            let one = before.summary(buyer)
            let expected = candidate.predict(
                frequency: one.frequency, recency: one.recency, age: one.age,
                monetaryValue: one.monetaryValue, horizonDays: 90
            ).expectedPurchases
            let came = whole.purchases[buyer].count - before.purchases[buyer].count
            squared += (expected - Double(came)) * (expected - Double(came))
        }
        #expect(near(number(fit.metrics, "rmse"), (squared / 2_000).squareRoot(), 1e-9))
        #expect(number(fit.metrics, "buyers") == 2_000)
    }

    @Test func `the value is the discounted months of the amount, less what was paid for the buyer`() throws {
        var config = LifetimeValueConfig()
        config.margin = 0.4
        config.acquisitionCost = 250
        config.discountMonthly = 0.02
        config.horizons = [7, 75, 180]
        let model = try shop(3_000).fit(config).model
        #expect(model.horizons.map(\.days) == [7, 75, 90, 180])
        func at(_ days: Double) -> LifetimeValueModel.Prediction {
            model.predict(frequency: 4, recency: 100, age: 130, monetaryValue: 41_000, horizonDays: days)
        }
        let amount = model.spend.expectedProfit(frequency: 4, monetaryValue: 41_000)
        let months = [(0.0, 30.0), (30, 60), (60, 75)]
        let worth = months.reduce(0.0) { sum, month in
            let count = at(month.1).expectedPurchases - at(month.0).expectedPurchases
            return sum + amount * count / exponential(logarithm(1.02) * month.1 / 30)
        }
        #expect(near(at(75).value, 0.4 * worth - 250, 1e-12))
        #expect(at(0).value == -250)
        #expect(at(180).value > at(90).value)
        let scale = model.horizons[1]
        #expect(
            near(
                try #require(at(75).scaled),
                (at(75).value - scale.least) / (scale.greatest - scale.least), 1e-12))
        #expect(at(76).scaled == nil)
    }

    @Test func `the scale runs from the least to the greatest value of the fit`() throws {
        var config = LifetimeValueConfig()
        config.trim = 1
        let shop = shop(3_000)
        let model = try shop.fit(config).model
        let scaled = try shop.purchases.indices.map { buyer in
            let one = shop.summary(buyer)
            return try #require(
                model.predict(
                    frequency: one.frequency, recency: one.recency, age: one.age,
                    monetaryValue: one.monetaryValue, horizonDays: 90
                ).scaled)
        }
        #expect(scaled.min() == 0 && scaled.max() == 1)
        let beyond = model.predict(
            frequency: 400, recency: 500, age: 500, monetaryValue: 1e9, horizonDays: 90)
        #expect(beyond.scaled == 1)
    }

    @Test func `a handful of wholesalers does not move the fit`() throws {
        let shop = shop(4_000)
        var disturbed = shop
        for index in 0..<12 {
            disturbed.purchases.append(
                (0..<400).map {
                    Spenders.Purchase(day: Int32($0 + 90 + index % 3), revenue: 50_000_000_000_000)
                }
            )
        }
        let (clean, kept) = (try shop.fit(), try disturbed.fit())
        var everybody = LifetimeValueConfig()
        everybody.trim = 1
        let all = try disturbed.fit(everybody)
        #expect(near(kept.model.purchases.r, clean.model.purchases.r, 0.1))
        #expect(near(kept.model.spend.populationMean, clean.model.spend.populationMean, 0.1))
        func moved(_ fit: LifetimeValueFit) -> Double {
            abs(fit.model.spend.q - clean.model.spend.q)
        }
        #expect(moved(all) > 3 * moved(kept))
        #expect(number(kept.parameters, "set_apart", "buyers") >= 12)
        #expect(number(all.parameters, "set_apart", "buyers") == 0)
    }

    @Test func `a model fitted on other buyers is left, and a good one is not given up for a bad one`() throws
    {
        let shop = shop(4_000)
        let good = try shop.fit()
        let again = try shop.fit(previous: good.model)
        #expect(Gate.judge(again.evidence).adopted)
        #expect(again.model == good.model)
        let slow = try Spenders(
            BetaGeometric(r: 0.6, alpha: 200, a: 0.9, b: 3), Self.spend, buyers: 4_000, seed: 8
        ).fit().model
        let replaced = try shop.fit(previous: slow)
        #expect(try #require(replaced.evidence.previous) > replaced.evidence.heldOut)
        #expect(Gate.judge(replaced.evidence).adopted)
        // Half of the buyers set apart, and those the best: whoever is left is worth little.
        var halved = LifetimeValueConfig()
        halved.trim = 0.5
        let bad = try shop.fit(halved, previous: good.model)
        #expect(!Gate.judge(bad.evidence).adopted, "\(Gate.judge(bad.evidence))")
    }

    @Test func `a penalty draws the parameters in, whatever the currency`() throws {
        let shop = shop(3_000)
        var config = LifetimeValueConfig()
        config.penalty = 0.003
        let (free, drawn) = (try shop.fit().model, try shop.fit(config).model)
        #expect(drawn.spend.p < free.spend.p && drawn.spend.q < free.spend.q && drawn.spend.q > 1)
        #expect(drawn.purchases.b < free.purchases.b)
        var dear = shop
        dear.purchases = shop.purchases.map { own in
            own.map { Spenders.Purchase(day: $0.day, revenue: $0.revenue * 1_000) }
        }
        let other = try dear.fit(config).model
        #expect(near(other.spend.q, drawn.spend.q, 1e-6))
        #expect(near(other.spend.v, drawn.spend.v * 1_000, 1e-6))
    }

    @Test func `a shop nobody leaves is survived`() throws {
        let fit = try Spenders(
            BetaGeometric(r: 2, alpha: 30, a: 1e-9, b: 3), Self.spend, buyers: 3_000, seed: 5
        ).fit()
        #expect(Gate.judge(fit.evidence).adopted, "\(Gate.judge(fit.evidence))")
        let forecast = fit.model.predict(
            frequency: 10, recency: 90, age: 100, monetaryValue: 10_000, horizonDays: 90)
        #expect(forecast.probabilityAlive > 0.95)
        #expect(abs(forecast.expectedPurchases - 12 * 90 / 130) < 1)
    }
}

/// Input that no lifetime value can come from.
@Suite struct LifetimeValueRefusalTests {
    private func buyers(_ count: Int, _ own: (Int) -> [Spenders.Purchase]) -> Spenders {
        Spenders((0..<count).map(own), asOfDay: 300)
    }

    private func purchase(_ day: Int, _ revenue: Int64 = 5_000_000) -> Spenders.Purchase {
        Spenders.Purchase(day: Int32(day), revenue: revenue)
    }

    @Test func `few buyers, and one alone, are refused with the number missing`() {
        #expect(throws: FitRefusal.tooFewUsers(have: 0, need: 100)) { try Spenders([], asOfDay: 9).fit() }
        #expect(throws: FitRefusal.tooFewUsers(have: 1, need: 100)) {
            try buyers(1) { _ in [purchase(3), purchase(9)] }.fit()
        }
        #expect(throws: FitRefusal.tooFewUsers(have: 99, need: 100)) {
            try buyers(99) { [purchase($0)] }.fit()
        }
    }

    @Test func `a shop where nobody buys again is refused`() {
        #expect(throws: FitRefusal.tooFewRepeatBuyers(have: 0, need: 10)) {
            try buyers(200) { [purchase($0)] }.fit()
        }
    }

    @Test func `amounts that are not known are refused`() {
        #expect(throws: FitRefusal.tooFewAmounts(have: 0, need: 10)) {
            try buyers(200) { [purchase($0, 0), purchase($0 + 7, 0)] }.fit()
        }
    }

    @Test func `buyers who are all the same are refused`() {
        #expect(throws: FitRefusal.noVariation("frequency, recency and age")) {
            try buyers(200) { _ in [purchase(3), purchase(30), purchase(60)] }.fit()
        }
        #expect(throws: FitRefusal.noVariation("the mean amount")) {
            try buyers(200) { [purchase($0 % 20), purchase($0 % 20 + 7 + $0 % 9)] }.fit()
        }
    }

    @Test func `a horizon longer than the history is refused`() {
        var config = LifetimeValueConfig()
        config.horizons = [7, 365]
        let shop = Spenders(
            BetaGeometric(r: 1, alpha: 20, a: 1, b: 3), GammaGamma(p: 5, q: 4, v: 30), buyers: 500,
            asOfDay: 200, seed: 1)
        #expect(throws: FitRefusal.horizonBeyondHistory(horizon: 365, history: 200)) {
            try shop.fit(config)
        }
    }

    @Test func `amounts of which no mean exists are refused`() {
        let shop = Spenders(
            BetaGeometric(r: 1, alpha: 20, a: 1, b: 3), GammaGamma(p: 5, q: 0.5, v: 30), buyers: 2_000,
            seed: 1)
        #expect(throws: FitRefusal.noMeanAmount) { try shop.fit() }
    }

    @Test(arguments: [[5, 5], [9, 4], [1, 301]])
    func `days that do not ascend to the as-of day are refused`(_ days: [Int]) {
        #expect(throws: FitRefusal.daysOutOfOrder(buyer: 0)) {
            try buyers(200) { _ in days.map { purchase($0) } }.fit()
        }
    }

    @Test func `amounts at the end of what can be counted are survived`() throws {
        let shop = buyers(300) { buyer in
            [
                purchase(buyer % 20), purchase(buyer % 20 + 5 + buyer % 50, .max - Int64(buyer % 7) << 60),
                purchase(buyer % 20 + 90 + buyer % 50, buyer % 3 == 0 ? .max : 1),
            ]
        }
        let fit = try shop.fit()
        #expect(fit.model.spend.populationMean.isFinite)
    }
}

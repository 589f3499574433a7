import Models
import Testing

/// A value explained by what did not move it, or by parts that do not add up.
@Suite struct LifetimeValueReasonTests {
    private struct Expected: Decodable {
        struct Buyer: Decodable {
            var buyer: [Double]
            var value: Double
            var contributions: [Double]
        }
        var bgnbd: [String: Double]
        var gamma_gamma: [String: Double]
        var mean_buyer: [Double]
        var discount_monthly: Double
        var horizon_d: Int
        var mean_value: Double
        var buyers: [Buyer]
    }

    private func model(_ oracle: Expected) throws -> LifetimeValueModel {
        func purchase(_ name: String) throws -> Double { try #require(oracle.bgnbd[name]) }
        func money(_ name: String) throws -> Double { try #require(oracle.gamma_gamma[name]) }
        let mean = oracle.mean_buyer
        return LifetimeValueModel(
            purchases: BetaGeometric(
                r: try purchase("r"), alpha: try purchase("alpha"), a: try purchase("a"), b: try purchase("b")
            ),
            spend: GammaGamma(p: try money("p"), q: try money("q"), v: try money("v")),
            discountMonthly: oracle.discount_monthly, margin: 1, acquisitionCost: 0,
            horizon: oracle.horizon_d,
            horizons: [.init(days: oracle.horizon_d, least: 0, greatest: 1)],
            meanBuyer: .init(frequency: mean[0], recency: mean[1], age: mean[2], monetaryValue: mean[3]))
    }

    @Test func `contributions are the exact Shapley values, and add up to the difference`() throws {
        let oracle = try OracleFile.decode(Expected.self, "clv_reasons.expected.json")
        let model = try model(oracle)
        for one in oracle.buyers {
            let reasons = model.reasons(
                frequency: one.buyer[0], recency: one.buyer[1], age: one.buyer[2], monetaryValue: one.buyer[3]
            )
            for (feature, expected) in zip(LifetimeValueModel.features, one.contributions) {
                let found = reasons.first { $0.feature == feature }?.contribution ?? 0
                #expect(
                    abs(found - expected) <= 1e-9 * (one.value + oracle.mean_value), "\(feature) of \(one)")
            }
            let sum = reasons.reduce(0) { $0 + $1.contribution }
            #expect(near(sum, one.value - oracle.mean_value, 1e-9))
            #expect(reasons == reasons.sorted { abs($0.contribution) > abs($1.contribution) })
        }
    }

    @Test func `who has not bought again is not explained by an amount they have not got`() throws {
        let model = try model(try OracleFile.decode(Expected.self, "clv_reasons.expected.json"))
        let reasons = model.reasons(frequency: 0, recency: 0, age: 15, monetaryValue: 0)
        #expect(!reasons.isEmpty && !reasons.contains { $0.feature == "monetary_value" })
    }

    @Test func `a fit keeps its mean buyer, and one kept before there was one explains nothing`() throws {
        let shop = Spenders(
            BetaGeometric(r: 0.6, alpha: 20, a: 0.9, b: 3), GammaGamma(p: 5, q: 4, v: 30_000), buyers: 2_000,
            seed: 3)
        var config = LifetimeValueConfig()
        config.trim = 1
        let model = try shop.fit(config).model
        let mean = try #require(model.meanBuyer)
        let buyers = shop.purchases.indices.map { shop.summary($0) }
        #expect(near(mean.frequency, buyers.reduce(0) { $0 + $1.frequency } / 2_000, 1e-12))
        #expect(near(mean.age, buyers.reduce(0) { $0 + $1.age } / 2_000, 1e-12))
        let spenders = buyers.filter { $0.frequency > 0 && $0.monetaryValue > 0 }
        let spent = spenders.reduce(0) { $0 + $1.monetaryValue }
        #expect(near(mean.monetaryValue, spent / Double(spenders.count), 1e-12))
        // The bytes of the version before: nothing after the horizons.
        var former = Array(model.bytes.dropLast(1 + 4 * 8))
        former[4] = 1
        let read = try LifetimeValueModel(bytes: former)
        #expect(read.meanBuyer == nil && read.purchases == model.purchases)
        #expect(read.reasons(frequency: 4, recency: 100, age: 130, monetaryValue: 9).isEmpty)
        #expect(try LifetimeValueModel(bytes: model.bytes).meanBuyer == mean)
        former.append(0)
        #expect(throws: CodingFailure.self) { try LifetimeValueModel(bytes: former) }
    }
}

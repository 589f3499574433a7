import Foundation
import Models
import Testing

/// Against lifetimes 0.11.3 on CDNOW: see Oracles/README.md.
@Suite struct GammaGammaOracleTests {
    struct File: Decodable {
        var expected: Expected
    }

    struct Expected: Decodable {
        var n: Int
        var n_returning: Int
        var bgnbd_params: BetaGeometricOracleTests.Parameters
        var rows: [Int]
        var plain: Case
        var penalised: Case

        enum CodingKeys: String, CodingKey {
            case n, n_returning, bgnbd_params
            case rows = "expected_rows_0based"
            case plain = "penalizer_0.0"
            case penalised = "penalizer_0.01"
        }
    }

    struct Parameters: Decodable {
        var p: Double
        var q: Double
        var v: Double
        var values: [Double] { [p, q, v] }
    }

    struct Case: Decodable {
        var params: Parameters
        var params_tight: Parameters
        var neg_log_likelihood_mean_with_penalty: Double
        var log_likelihood_unpenalised: Double
        var population_mean_p_v_over_q_minus_1: Double
        var conditional_expected_average_profit: [Double]
        var mean_cep_all: Double
        var mean_observed_returning: Double
        var clv_3_months: [Double]
        var clv_sum_all: Double
        var clv_mean_all: Double
        var clv_top10_rows: [Int]
    }

    private func expected() throws -> Expected {
        try OracleFile.decode(File.self, "gamma_gamma_cdnow.expected.json").expected
    }

    private func table() throws -> [[Double]] { try OracleFile.table("gamma_gamma_cdnow.input.csv") }

    private func spenders(_ table: [[Double]]) -> [PurchaseSummary] {
        table.filter { $0[1] > 0 }.map {
            PurchaseSummary(frequency: Int32($0[1]), recency: 0, age: 0, monetaryValue: $0[4])
        }
    }

    /// Where a month has 30 days, as the model counts, a week has 30 / 4.345.
    private func model(_ wanted: Expected, _ money: Parameters) -> LifetimeValueModel {
        let bgnbd = wanted.bgnbd_params
        return LifetimeValueModel(
            purchases: BetaGeometric(
                r: bgnbd.r, alpha: bgnbd.alpha * Self.week, a: bgnbd.a, b: bgnbd.b),
            spend: GammaGamma(p: money.p, q: money.q, v: money.v), discountMonthly: 0.01, margin: 1,
            acquisitionCost: 0, horizon: 90, horizons: [])
    }

    private static let week = 30 / 4.345

    @Test(arguments: [0.0, 0.01])
    func `the fit ends where lifetimes' does, and no higher`(_ penalty: Double) throws {
        let wanted = penalty == 0 ? try expected().plain : try expected().penalised
        let spenders = spenders(try table())
        #expect(spenders.count == (try expected().n_returning))
        let fit = GammaGammaFit(spenders, penalty: penalty, qAbove: 0)
        #expect(fit.converged)
        #expect(fit.gradient < 1e-8)
        let own = [fit.model.p, fit.model.q, fit.model.v]
        for (value, tight) in zip(own, wanted.params_tight.values) { #expect(near(value, tight, 1e-5)) }
        for (value, loose) in zip(own, wanted.params.values) { #expect(near(value, loose, 0.01)) }
        #expect(abs(fit.logLikelihood - wanted.log_likelihood_unpenalised) < 0.02)
        let objective =
            -fit.logLikelihood / Double(spenders.count) + penalty * own.reduce(0) { $0 + $1 * $1 }
        #expect(objective <= wanted.neg_log_likelihood_mean_with_penalty + 1e-12)
        #expect(near(objective, wanted.neg_log_likelihood_mean_with_penalty, 1e-8))
        #expect(near(fit.model.populationMean, wanted.population_mean_p_v_over_q_minus_1, 1e-3))
    }

    @Test func `above q = 1 the same maximum is found, and a mean exists where a penalty would drive it off`()
        throws
    {
        let spenders = spenders(try table())
        let free = GammaGammaFit(spenders, penalty: 0, qAbove: 0)
        let bound = GammaGammaFit(spenders, penalty: 0, qAbove: 1)
        #expect(near(bound.model.q, free.model.q, 1e-6))
        #expect(near(bound.logLikelihood, free.logLikelihood, 1e-12))
        let penalised = GammaGammaFit(spenders, penalty: 0.01, qAbove: 1)
        #expect(penalised.model.q > 1 && penalised.model.populationMean > 0)
    }

    @Test(arguments: [0.0, 0.01])
    func `given the parameters every amount and value is equal`(_ penalty: Double) throws {
        let expected = try expected()
        let wanted = penalty == 0 ? expected.plain : expected.penalised
        let table = try table()
        #expect(table.count == expected.n)
        let model = model(expected, wanted.params)
        let values = table.map { row in
            model.predict(
                frequency: row[1], recency: row[2] * Self.week, age: row[3] * Self.week,
                monetaryValue: row[4], horizonDays: 90
            ).value
        }
        let amounts = table.map { model.spend.expectedProfit(frequency: $0[1], monetaryValue: $0[4]) }
        for (index, row) in expected.rows.enumerated() {
            #expect(near(amounts[row], wanted.conditional_expected_average_profit[index], 1e-9))
            #expect(near(values[row], wanted.clv_3_months[index], 1e-7))
        }
        #expect(near(model.spend.populationMean, wanted.population_mean_p_v_over_q_minus_1, 1e-9))
        #expect(near(amounts.reduce(0, +) / Double(table.count), wanted.mean_cep_all, 1e-9))
        #expect(near(values.reduce(0, +), wanted.clv_sum_all, 1e-7))
        #expect(near(values.reduce(0, +) / Double(table.count), wanted.clv_mean_all, 1e-7))
        let observed = table.filter { $0[1] > 0 }.map { $0[4] }
        #expect(
            near(observed.reduce(0, +) / Double(observed.count), wanted.mean_observed_returning, 1e-12))
        let best = values.indices.sorted { values[$0] > values[$1] }.prefix(10)
        #expect(Array(best) == wanted.clv_top10_rows)
    }

    @Test func `with the own fit every amount and value is near`() throws {
        let expected = try expected()
        let table = try table()
        let fit = GammaGammaFit(spenders(table), penalty: 0, qAbove: 1).model
        let purchases = BetaGeometricFit(
            PurchaseTriplets(
                table.map { row in
                    PurchaseSummary(
                        frequency: Int32(row[1]), recency: Int32((row[2] * 100).rounded()),
                        age: Int32((row[3] * 100).rounded()))
                }), penalty: 0
        ).model
        let model = LifetimeValueModel(
            purchases: BetaGeometric(
                r: purchases.r, alpha: purchases.alpha / 100 * Self.week, a: purchases.a, b: purchases.b),
            spend: fit, discountMonthly: 0.01, margin: 1, acquisitionCost: 0, horizon: 90, horizons: [])
        for (index, row) in expected.rows.map({ table[$0] }).enumerated() {
            let one = model.predict(
                frequency: row[1], recency: row[2] * Self.week, age: row[3] * Self.week,
                monetaryValue: row[4], horizonDays: 90)
            #expect(near(one.value, expected.plain.clv_3_months[index], 5e-3))
            let amount = model.spend.expectedProfit(frequency: row[1], monetaryValue: row[4])
            #expect(near(amount, expected.plain.conditional_expected_average_profit[index], 2e-3))
        }
    }
}

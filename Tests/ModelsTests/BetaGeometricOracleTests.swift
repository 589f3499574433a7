import Foundation
import Models
import Testing

/// Against lifetimes 0.11.3 on CDNOW: see Oracles/README.md.
///
/// Times are hundredths of weeks here, whole numbers; a change of unit changes α by itself and the likelihood
/// by Σx times its logarithm.
@Suite struct BetaGeometricOracleTests {
    struct File: Decodable {
        var expected: Expected
    }

    struct Expected: Decodable {
        var rows: [Int]
        var plain: Case
        var penalised: Case
        var holdout: Holdout

        enum CodingKeys: String, CodingKey {
            case rows = "expected_rows_0based"
            case plain = "penalizer_0.0"
            case penalised = "penalizer_0.01"
            case holdout
        }
    }

    struct Parameters: Decodable {
        var r: Double
        var alpha: Double
        var a: Double
        var b: Double

        var values: [Double] { [r, alpha, a, b] }
        var model: BetaGeometric { BetaGeometric(r: r, alpha: alpha, a: a, b: b) }
    }

    struct Case: Decodable {
        var params: Parameters
        var params_tight: Parameters
        var standard_errors: Parameters
        var log_likelihood_unpenalised_weeks: Double
        var log_likelihood_unpenalised_weeks_tight: Double
        var negative_log_likelihood_mean_scaled_T_with_penalty: Double
        var conditional_expected_purchases_t39: [Double?]
        var conditional_expected_purchases_t39_exact: [Double]
        var probability_alive: [Double]
        var curve_t: [Double]
        var curve_expected_purchases: [Double]
        var probability_of_n_purchases_t39: [String: Double]
    }

    struct Holdout: Decodable {
        struct Row: Decodable {
            var n: Int
            var actual_mean: Double
            var predicted_mean: Double
        }
        var params: Parameters
        var mae: Double
        var rmse: Double
        var mean_actual: Double
        var mean_predicted: Double
        var total_actual: Double
        var total_predicted: Double
        var correlation: Double
        var table_by_frequency: [Row]
    }

    private static let unit = 100.0

    private func expected() throws -> Expected {
        try OracleFile.decode(File.self, "bgnbd_cdnow.expected.json").expected
    }

    private func buyers() throws -> [PurchaseSummary] {
        try OracleFile.table("bgnbd_cdnow.input.csv").map { row in
            func ticks(_ weeks: Double) -> Int32 { Int32((weeks * Self.unit).rounded()) }
            return PurchaseSummary(frequency: Int32(row[1]), recency: ticks(row[2]), age: ticks(row[3]))
        }
    }

    private func inWeeks(_ model: BetaGeometric) -> BetaGeometric {
        BetaGeometric(r: model.r, alpha: model.alpha / Self.unit, a: model.a, b: model.b)
    }

    @Test(arguments: [0.0, 0.01])
    func `the fit ends where lifetimes' does, and no higher`(_ penalty: Double) throws {
        let wanted = penalty == 0 ? try expected().plain : try expected().penalised
        let buyers = try buyers()
        let fit = BetaGeometricFit(PurchaseTriplets(buyers), penalty: penalty)
        #expect(fit.converged)
        #expect(fit.gradient < 1e-8)
        let model = inWeeks(fit.model)
        let own = [model.r, model.alpha, model.a, model.b]
        for (value, tight) in zip(own, wanted.params_tight.values) { #expect(near(value, tight, 1e-5)) }
        for (value, loose) in zip(own, wanted.params.values) {
            #expect(near(value, loose, penalty == 0 ? 0.01 : 0.005))
        }
        let purchases = buyers.reduce(0) { $0 + Double($1.frequency) }
        let inWeeks = fit.logLikelihood + purchases * log(Self.unit)
        #expect(abs(inWeeks - wanted.log_likelihood_unpenalised_weeks) < 0.01)
        #expect(abs(inWeeks - wanted.log_likelihood_unpenalised_weeks_tight) < 1e-5)
        let oldest = Double(buyers.map(\.age).max() ?? 0)
        let squares = [model.r, fit.model.alpha / oldest, model.a, model.b].reduce(0) { $0 + $1 * $1 }
        let scaled = fit.logLikelihood + purchases * log(oldest)
        let objective = -scaled / Double(buyers.count) + penalty * squares
        #expect(objective <= wanted.negative_log_likelihood_mean_scaled_T_with_penalty + 1e-12)
        #expect(near(objective, wanted.negative_log_likelihood_mean_scaled_T_with_penalty, 1e-8))
    }

    @Test func `standard errors are those of the curvature`() throws {
        let wanted = try expected().plain.standard_errors
        let fit = BetaGeometricFit(PurchaseTriplets(try buyers()), penalty: 0)
        var errors = try #require(fit.standardErrors)
        errors[1] /= Self.unit
        for (value, error) in zip(errors, wanted.values) { #expect(near(value, error, 1e-3)) }
    }

    @Test(arguments: [0.0, 0.01])
    func `given the parameters every expectation is equal`(_ penalty: Double) throws {
        let expected = try expected()
        let wanted = penalty == 0 ? expected.plain : expected.penalised
        let table = try OracleFile.table("bgnbd_cdnow.input.csv")
        let own = inWeeks(BetaGeometricFit(PurchaseTriplets(try buyers()), penalty: penalty).model)
        for (index, row) in expected.rows.map({ table[$0] }).enumerated() {
            func purchases(_ model: BetaGeometric) -> Double {
                model.expectedPurchases(in: 39, frequency: row[1], recency: row[2], age: row[3])
            }
            func alive(_ model: BetaGeometric) -> Double {
                model.probabilityAlive(frequency: row[1], recency: row[2], age: row[3])
            }
            let exact = wanted.conditional_expected_purchases_t39_exact[index]
            #expect(near(purchases(wanted.params.model), exact, 1e-10))
            #expect(near(purchases(own), exact, 5e-3))
            if let lifetimes = wanted.conditional_expected_purchases_t39[index] {
                #expect(near(purchases(wanted.params.model), lifetimes, 1e-8))
            }
            #expect(abs(alive(wanted.params.model) - wanted.probability_alive[index]) < 1e-10)
            #expect(abs(alive(own) - wanted.probability_alive[index]) < 2e-3)
        }
        for (t, curve) in zip(wanted.curve_t, wanted.curve_expected_purchases) {
            #expect(abs(wanted.params.model.expectedPurchases(in: t) - curve) <= 1e-10)
            #expect(near(own.expectedPurchases(in: t), curve, 1e-3))
        }
        let chances = wanted.params.model.probabilities(upTo: 7, in: 39)
        for n in 0...7 {
            let chance = try #require(wanted.probability_of_n_purchases_t39["\(n)"])
            #expect(near(chances[n], chance, 1e-8))
        }
    }

    @Test func `purchases after the calibration are foretold as well as lifetimes does`() throws {
        let wanted = try expected().holdout
        let table = try OracleFile.table("bgnbd_cdnow.holdout_input.csv")
        let buyers = table.map {
            PurchaseSummary(frequency: Int32($0[1]), recency: Int32($0[2]), age: Int32($0[3]))
        }
        let model = BetaGeometricFit(PurchaseTriplets(buyers), penalty: 0).model
        let weeks = [model.r, model.alpha / 7, model.a, model.b]
        for (value, other) in zip(weeks, wanted.params.values) { #expect(near(value, other, 0.01)) }
        let foretold = table.map {
            model.expectedPurchases(in: $0[5], frequency: $0[1], recency: $0[2], age: $0[3])
        }
        let errors = zip(foretold, table).map { $0 - $1[4] }
        let count = Double(table.count)
        let mae = errors.reduce(0) { $0 + abs($1) } / count
        let rmse = (errors.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
        #expect(near(mae, wanted.mae, 2e-3))
        #expect(near(rmse, wanted.rmse, 2e-3))
        let actual = table.reduce(0) { $0 + $1[4] }
        let sum = foretold.reduce(0, +)
        #expect(actual == wanted.total_actual)
        #expect(near(sum, wanted.total_predicted, 2e-3))
        #expect(near(actual / count, wanted.mean_actual, 1e-12))
        #expect(near(sum / count, wanted.mean_predicted, 2e-3))
        #expect(near(correlation(foretold, table.map { $0[4] }), wanted.correlation, 2e-3))
        for (frequency, row) in wanted.table_by_frequency.enumerated() {
            let members = table.indices.filter { min(7, Int(table[$0][1])) == frequency }
            #expect(members.count == row.n)
            let mean = members.reduce(0) { $0 + foretold[$1] } / Double(members.count)
            #expect(near(mean, row.predicted_mean, 5e-3))
            let came = members.reduce(0) { $0 + table[$1][4] } / Double(members.count)
            #expect(near(came, row.actual_mean, 1e-12))
        }
    }

    private func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let n = Double(a.count)
        let (meanA, meanB) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
        let both = zip(a, b).map { ($0 - meanA, $1 - meanB) }
        let (xy, xx, yy) = both.reduce((0.0, 0.0, 0.0)) {
            ($0.0 + $1.0 * $1.1, $0.1 + $1.0 * $1.0, $0.2 + $1.1 * $1.1)
        }
        return xy / (xx * yy).squareRoot()
    }
}

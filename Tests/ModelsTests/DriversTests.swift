import Foundation
import Models
import Testing

/// A report of drivers that names the wrong ones or is surer than it may be.
@Suite struct DriversTests {
    @Test func `coefficients that made the data are found within their standard errors`() throws {
        let carts = Carts(20_000, seed: 3)
        let fit = try carts.fit()
        #expect(Gate.judge(fit.evidence).adopted)
        for (name, truth) in zip(DriversModel.predictors, Carts.truth) {
            let coefficient = number(fit.parameters, "drivers", name, "coefficient")
            let error = number(fit.parameters, "drivers", name, "standard_error")
            #expect(abs(coefficient - truth) < 4 * error && error > 0)
            #expect(close(number(fit.parameters, "drivers", name, "odds_ratio"), exp(coefficient), 1e-12))
        }
        #expect(number(fit.parameters, "users") == 20_000)
        #expect(number(fit.metrics, "roc_auc") > 0.75)
        let cells = ["true_negatives", "false_positives", "false_negatives", "true_positives"].map {
            number(fit.parameters, "fit", "confusion", $0)
        }
        #expect(cells.reduce(0, +) == 20_000)
        #expect(number(fit.parameters, "fit", "report", "1", "support") == cells[2] + cells[3])
    }

    /// On the same eight columns: scikit-learn's `fair_raw`, whose rows for training are everybody here.
    @Test func `it is the library's fit of unscaled columns`() throws {
        let expected = try OutcomeOracle.json(
            "logistic.expected.json", as: LogisticOracleTests.Expected.self)
        let wanted = try #require(expected.expected["fair_raw"]).converged
        let (rows, labels, training) = try LogisticOracleTests.input("logistic.fair_input.csv")
        let chosen = rows.indices.filter { training[$0] }
        var carts = Carts(1, seed: 1)
        carts.predictors = (0..<8).map { column in chosen.map { rows[$0][column] } }
        carts.converted = chosen.map { labels[$0] }
        carts.heldOut = chosen.indices.map { $0 % 5 == 0 ? 1 : 0 }
        let fit = try carts.fit()
        for (own, coefficient) in zip(fit.model.coefficients, wanted.coef) {
            #expect(close(own, coefficient, 0.005))
        }
        #expect(close(fit.model.intercept, wanted.intercept, 0.005))
        #expect(close(number(fit.parameters, "fit", "roc_auc"), wanted.train.auc, 1e-4))
        let cells = ["true_negatives", "false_positives", "false_negatives", "true_positives"].map {
            Int(number(fit.parameters, "fit", "confusion", $0))
        }
        #expect(cells == wanted.train.confusion_tn_fp_fn_tp)
    }

    @Test func `what no report can be made of is refused`() throws {
        #expect(throws: FitRefusal.tooFewUsers(have: 99, need: 100)) { try Carts(99, seed: 1).fit() }
        var carts = Carts(300, seed: 1)
        carts.converted = carts.converted.map { _ in 0 }
        #expect(throws: FitRefusal.tooFewOutcomes(label: 1, have: 0, need: 10)) { try carts.fit() }
        carts = Carts(300, seed: 1)
        carts.predictors[7][5] = .infinity
        #expect(throws: FitRefusal.notFinite(column: "long_total_s", row: 5)) { try carts.fit() }
        carts = Carts(300, seed: 1)
        carts.converted[3] = 3
        #expect(throws: FitRefusal.impossibleLabel(row: 3)) { try carts.fit() }
        carts = Carts(300, seed: 1)
        carts.predictors.removeLast()
        #expect(throws: FitRefusal.unevenColumns) { try carts.fit() }
        carts = Carts(300, seed: 1)
        carts.heldOut = carts.heldOut.map { _ in 0 }
        #expect(throws: FitRefusal.nothingHeldOut) { try carts.fit() }
        // Constant columns and copies of one another have no standard errors, but coefficients.
        carts = Carts(300, seed: 1)
        carts.predictors[5] = carts.predictors[5].map { _ in 1 }
        let fit = try carts.fit()
        #expect(number(fit.parameters, "drivers", "sign_up", "coefficient") == 0)
        #expect(number(fit.parameters, "drivers", "sign_up", "standard_error").isNaN)
    }
}

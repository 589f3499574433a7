import Foundation
import Models
import Testing

/// Against scikit-learn 1.9.1 and, for standard errors, statsmodels 0.15.0: see Oracles/README.md.
@Suite struct LogisticOracleTests {
    struct Report: Decodable {
        var n: Int
        var log_loss: Double
        var auc: Double
        var average_precision: Double
        var brier: Double
        var confusion_tn_fp_fn_tp: [Int]
        var probabilities_first_50: [Double]?
    }
    struct Fit: Decodable {
        var coef: [Double]
        var intercept: Double
        var objective: Double
        var train: Report
        var test: Report
    }
    struct Case: Decodable {
        var converged: Fit
    }
    struct Expected: Decodable {
        var expected: [String: Case]
    }

    /// Features, labels and whether a row is for training.
    static func input(_ file: String) throws -> (rows: [[Double]], labels: [UInt8], training: [Bool]) {
        let cells = try OutcomeOracle.cells(file)
        return (
            try cells.map { try $0.dropLast(2).map { try #require(Double($0)) } },
            try cells.map { try #require(UInt8($0[$0.count - 2])) }, cells.map { $0.last == "train" }
        )
    }

    static func table(_ rows: [[Double]]) -> FeatureTable {
        FeatureTable(columns: rows[0].indices.map { column in rows.map { $0[column] } })
    }

    private func standardised(_ rows: [[Double]], by training: FeatureTable) -> [[Double]] {
        let (mean, scale) = training.standardisation
        return rows.map { row in row.indices.map { (row[$0] - mean[$0]) / scale[$0] } }
    }

    private func check(_ own: LogisticRegression, _ rows: [[Double]], _ labels: [UInt8], _ wanted: Report) {
        let probabilities = rows.map { own.probability($0) }
        let ranking = ScoreRanking(labels: labels, scores: probabilities)
        #expect(rows.count == wanted.n)
        #expect(close(logLoss(labels: labels, probabilities: probabilities), wanted.log_loss, 1e-4))
        #expect(close(ranking.areaUnderROC ?? .nan, wanted.auc, 1e-4))
        #expect(close(ranking.averagePrecision, wanted.average_precision, 1e-4))
        #expect(close(brierScore(labels: labels, probabilities: probabilities), wanted.brier, 1e-4))
        let confusion = Confusion(labels: labels, scores: probabilities, threshold: 0.5)
        #expect(
            [
                confusion.trueNegatives, confusion.falsePositives, confusion.falseNegatives,
                confusion.truePositives,
            ] == wanted.confusion_tn_fp_fn_tp)
        for (own, wanted) in zip(probabilities, wanted.probabilities_first_50 ?? []) {
            #expect(close(own, wanted, 1e-3))
        }
    }

    @Test(arguments: [
        "breast_cancer_standardised", "breast_cancer_raw_hard", "fair_raw", "fair_standardised",
        "fair_standardised_balanced",
    ])
    func `coefficients, objective and predictions are the library's`(_ name: String) throws {
        let expected = try OutcomeOracle.json("logistic.expected.json", as: Expected.self)
        let wanted = try #require(expected.expected[name]).converged
        let file = name.hasPrefix("fair") ? "logistic.fair_input.csv" : "logistic.breast_cancer_input.csv"
        var (rows, labels, training) = try LogisticOracleTests.input(file)
        if name.contains("standardised") {
            let learnt = rows.indices.filter { training[$0] }.map { rows[$0] }
            rows = standardised(rows, by: LogisticOracleTests.table(learnt))
        }
        let chosen = rows.indices.filter { training[$0] }
        let table = LogisticOracleTests.table(chosen.map { rows[$0] })
        let known = chosen.map { labels[$0] }
        let own = LogisticRegression(
            table, labels: known, weights: name.hasSuffix("balanced") ? balancedWeights(known) : nil)
        #expect(own.converged && own.gradient < 1e-6)
        #expect(close(own.objective / wanted.objective, 1, 1e-7))
        if name != "breast_cancer_raw_hard" {
            let tolerance = name == "fair_raw" ? 0.005 : 0.001
            for (own, wanted) in zip(own.coefficients, wanted.coef) {
                #expect(close(own, wanted, tolerance))
            }
            #expect(close(own.intercept, wanted.intercept, tolerance))
        }
        check(own, chosen.map { rows[$0] }, known, wanted.train)
        let rest = rows.indices.filter { !training[$0] }
        check(own, rest.map { rows[$0] }, rest.map { labels[$0] }, wanted.test)
    }

    struct Information: Decodable {
        struct Logit: Decodable {
            var coefficients: [Double]
            var standard_errors: [Double]
            var log_likelihood: Double
        }
        var standard_errors: Logit
    }

    @Test func `without a penalty standard errors are those of maximum likelihood`() throws {
        let wanted = try OutcomeOracle.json("outcome.expected.json", as: Information.self).standard_errors
        let (rows, labels, training) = try LogisticOracleTests.input("logistic.fair_input.csv")
        let chosen = rows.indices.filter { training[$0] }
        var config = LogisticConfig()
        config.c = 1e9
        let own = LogisticRegression(
            LogisticOracleTests.table(chosen.map { rows[$0] }), labels: chosen.map { labels[$0] },
            config: config)
        let estimates = [own.intercept] + own.coefficients
        let errors = try #require(own.standardErrors)
        for index in estimates.indices {
            #expect(close(estimates[index] / wanted.coefficients[index], 1, 1e-5))
            let error = index == 0 ? errors[errors.count - 1] : errors[index - 1]
            #expect(close(error / wanted.standard_errors[index], 1, 1e-5))
        }
        #expect(close(own.objective / config.c / -wanted.log_likelihood, 1, 1e-8))
    }
}

/// A learner that stops short, or that a degenerate design makes trap.
@Suite struct LogisticTests {
    private func sample(_ rows: Int, _ truth: [Double], _ intercept: Double, seed: UInt64) -> (
        table: FeatureTable, labels: [UInt8]
    ) {
        var generator = SeededGenerator(seed: seed)
        var columns = truth.map { _ in [Double]() }
        var labels: [UInt8] = []
        for _ in 0..<rows {
            let row = truth.map { _ in generator.normal() }
            for (index, value) in row.enumerated() { columns[index].append(value) }
            let eta = zip(truth, row).reduce(intercept) { $0 + $1.0 * $1.1 }
            labels.append(generator.uniform() < 1 / (1 + exp(-eta)) ? 1 : 0)
        }
        return (FeatureTable(columns: columns), labels)
    }

    @Test func `coefficients that made the data are found within their standard errors`() throws {
        let truth = [0.8, -1.2, 0, 0.3]
        let (table, labels) = sample(20_000, truth, -1, seed: 4)
        let fit = LogisticRegression(table, labels: labels)
        let errors = try #require(fit.standardErrors)
        for (index, value) in (truth + [-1]).enumerated() {
            let own = index < truth.count ? fit.coefficients[index] : fit.intercept
            #expect(abs(own - value) < 4 * errors[index])
            #expect(errors[index] < 0.05)
        }
    }

    @Test func `at the end the objective is flat in every direction`() {
        let (table, labels) = sample(500, [0.5, -0.5], 0.2, seed: 6)
        let fit = LogisticRegression(table, labels: labels)
        func objective(_ coefficients: [Double], _ intercept: Double) -> Double {
            var sum = coefficients.reduce(0) { $0 + $1 * $1 } / 2
            for row in 0..<table.rows {
                let eta = zip(coefficients, table.row(row)).reduce(intercept) { $0 + $1.0 * $1.1 }
                sum += log1p(exp(labels[row] != 0 ? -eta : eta))
            }
            return sum
        }
        let best = objective(fit.coefficients, fit.intercept)
        #expect(close(fit.objective / best, 1, 1e-12))
        for index in 0..<3 {
            for step in [-1e-3, 1e-3] {
                var coefficients = fit.coefficients
                if index < 2 { coefficients[index] += step }
                #expect(objective(coefficients, fit.intercept + (index == 2 ? step : 0)) > best)
            }
        }
    }

    @Test func `a row of weight three is as three rows`() {
        let (table, labels) = sample(200, [1, -1], 0, seed: 8)
        let weights = labels.indices.map { Double(1 + $0 % 3) }
        let repeated = labels.indices.flatMap { row in [Int](repeating: row, count: 1 + row % 3) }
        let weighted = LogisticRegression(table, labels: labels, weights: weights)
        let plain = LogisticRegression(table.taking(repeated), labels: repeated.map { labels[$0] })
        for (a, b) in zip(weighted.coefficients, plain.coefficients) { #expect(close(a, b, 1e-8)) }
        #expect(close(weighted.intercept, plain.intercept, 1e-8))
    }

    @Test func `units do not matter where there is next to no penalty`() {
        let (table, labels) = sample(400, [1, -1], 0, seed: 9)
        var config = LogisticConfig()
        config.c = 1e12
        let plain = LogisticRegression(table, labels: labels, config: config)
        let columns = [table.column(0).map { $0 * 1e6 + 1e9 }, Array(table.column(1))]
        let scaled = LogisticRegression(FeatureTable(columns: columns), labels: labels, config: config)
        #expect(close(scaled.coefficients[0] * 1e6 / plain.coefficients[0], 1, 1e-4))
        #expect(scaled.converged)
    }

    @Test func `constant, copied and separating columns end in finite numbers`() {
        var (table, labels) = sample(300, [1], 0, seed: 10)
        let own = Array(table.column(0))
        table = FeatureTable(columns: [own, own, own.map { _ in 7 }])
        let fit = LogisticRegression(table, labels: labels)
        #expect(fit.converged && fit.coefficients[2] == 0)
        #expect(close(fit.coefficients[0], fit.coefficients[1], 1e-9))
        #expect(fit.standardErrors == nil)
        let separated = LogisticRegression(
            FeatureTable(columns: [labels.map { Double($0) * 1e4 }]), labels: labels)
        #expect(separated.converged && separated.coefficients[0].isFinite)
        let single = LogisticRegression(table, labels: labels.map { _ in 1 })
        #expect(single.intercept.isFinite && single.probability(table.row(0)) > 0.99)
    }
}

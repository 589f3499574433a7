import Foundation
import Models
import Testing

/// Against SciPy 1.12.0: see Oracles/README.md.
@Suite struct StatisticsOracleTests {
    struct Input: Decodable {
        var tables: [String: [[Double]]]
        var wdbc_malignant: [String: [Double]]
        var wdbc_benign: [String: [Double]]
    }
    struct Chi: Decodable {
        var statistic: Double?
        var log10_p: Double?
        var p: Double?
        var dof: Int?
        var expected: [[Double]]?
        var cramers_v_of_this_statistic: Double?
        var error: String?
    }
    struct Welch: Decodable {
        var t: Double
        var df: Double
        var p: Double
        var log10_p: Double?
        var mean1: Double
        var mean2: Double
        var var1: Double
        var var2: Double
        var n1: Double?
        var n2: Double?
        var ci95_diff: [Double]?
    }
    struct Tail: Decodable {
        var x: Double?
        var t: Double?
        var df: Double
        var sf: Double?
        var p: Double?
        var log_sf: Double?
        var log10_p: Double?
        var log10_sf: Double?
    }
    struct Expected: Decodable {
        struct All: Decodable {
            var chi2: [String: [String: Chi]]
            var welch: [String: Welch]
            var tails: [String: [Tail]]
        }
        var expected: All
    }

    static let tables = [
        "device_converted", "small_2x2", "yates_overcorrect", "equal", "with_zero_cell", "zero_row",
        "zero_column", "fair_religious_2xk", "fair_rate_marriage_2xk", "fair_occupation_kx2",
        "yrs_married_x_children_rxc", "one_row_1xk",
    ]

    private func input() throws -> Input {
        try OutcomeOracle.json("chi2_welch.input.json", as: Input.self)
    }

    private func expected() throws -> Expected.All {
        try OutcomeOracle.json("chi2_welch.expected.json", as: Expected.self).expected
    }

    private func near(_ a: Double, _ b: Double, _ relative: Double) -> Bool {
        abs(a - b) <= relative * max(abs(b), 1e-300) || a == b
    }

    @Test(arguments: tables, ["yates", "no_yates"])
    func `chi-square tests are the library's, in the tail too`(_ name: String, _ correction: String) throws {
        let table = try #require(try input().tables[name])
        let wanted = try #require(try expected().chi2[name]?[correction])
        let own = ChiSquareTest(table, yates: correction == "yates")
        if wanted.error != nil {
            #expect(own == nil)
            return
        }
        let test = try #require(own)
        #expect(near(test.statistic, try #require(wanted.statistic), 1e-10))
        #expect(test.freedom == wanted.dof)
        #expect(near(test.p.log10, try #require(wanted.log10_p), 1e-6) || test.p.log10 == 0)
        #expect(near(test.p.value, try #require(wanted.p), 1e-8))
        for (row, wantedRow) in zip(test.expected, try #require(wanted.expected)) {
            for (a, b) in zip(row, wantedRow) { #expect(near(a, b, 1e-12)) }
        }
        if let v = wanted.cramers_v_of_this_statistic {
            #expect(near(try #require(test.cramersV), v, 1e-10))
        } else {
            #expect(test.cramersV == nil)
        }
    }

    @Test func `the published table of device and conversion gives the published numbers`() throws {
        let test = try #require(ChiSquareTest([[390_444, 9091], [3_621_810, 460_497]]))
        #expect(near(test.statistic, 31459.938266787663, 1e-12) && test.p.value == 0)
        let pair = try #require(
            ProportionPair(Proportion(460_497, of: 4_082_307), Proportion(9091, of: 399_535)))
        let welch = try #require(pair.welch)
        #expect(near(welch.t, 318.0330553859352, 1e-12))
        #expect(near(try #require(pair.chiSquare).statistic, 31459.938266787663, 1e-12))
        let wanted = try #require(try expected().welch["device_counts_row2_minus_row1"])
        #expect(near(welch.freedom, wanted.df, 1e-10))
        #expect(near(welch.p.log10, try #require(wanted.log10_p), 1e-6))
    }

    @Test(arguments: ["wdbc_mean_radius", "wdbc_mean_smoothness", "wdbc_fractal_dimension_error", "small"])
    func `Welch's tests are the library's`(_ name: String) throws {
        let wanted = try #require(try expected().welch[name])
        let own = WelchTest(
            SampleMoments(count: try #require(wanted.n1), mean: wanted.mean1, variance: wanted.var1),
            SampleMoments(count: try #require(wanted.n2), mean: wanted.mean2, variance: wanted.var2))
        let test = try #require(own)
        #expect(near(test.t, wanted.t, 1e-10) && near(test.freedom, wanted.df, 1e-10))
        #expect(near(test.p.value, wanted.p, 1e-8))
        let interval = try #require(wanted.ci95_diff)
        #expect(near(test.low, interval[0], 1e-8) && near(test.high, interval[1], 1e-8))
    }

    @Test func `moments of a sample are those the library took`() throws {
        let input = try input()
        let wanted = try #require(try expected().welch["wdbc_mean_radius"])
        let own = SampleMoments(try #require(input.wdbc_malignant["mean_radius"]))
        #expect(near(own.mean, wanted.mean1, 1e-12) && near(own.variance, wanted.var1, 1e-12))
    }

    @Test func `tails of chi-square and t hold where a probability is less than any Double`() throws {
        let tails = try expected().tails
        for tail in try #require(tails["chi2_sf"]) {
            let own = Distributions.chiSquareTail(try #require(tail.x), freedom: tail.df)
            if let log = tail.log_sf { #expect(near(own.log, log, 1e-9) || abs(own.log - log) < 1e-12) }
            if let sf = tail.sf { #expect(near(own.value, sf, 1e-8)) }
        }
        for tail in try #require(tails["t_sf_two_sided"]) {
            let own = Distributions.studentTails(try #require(tail.t), freedom: tail.df)
            if let p = tail.p { #expect(near(own.value, p, 1e-8), "t \(tail.t ?? 0) df \(tail.df)") }
            if let log = tail.log10_p { #expect(near(own.log10, log, 1e-6)) }
        }
    }
}

/// Against tables in print.
@Suite struct ProportionTests {
    private func near(_ a: Double?, _ b: Double, _ tolerance: Double) -> Bool {
        a.map { abs($0 - b) <= tolerance } ?? false
    }

    /// Newcombe (1998), Statistics in Medicine 17, 857–872, table I: Wilson's score interval.
    @Test(arguments: [
        (81.0, 263.0, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
    ])
    func `Wilson's intervals are the printed ones`(_ row: (Double, Double, Double, Double)) {
        let own = Proportion(row.0, of: row.1)
        #expect(near(own.low, row.2, 6e-5) && near(own.high, row.3, 6e-5))
    }

    /// Newcombe (1998), Statistics in Medicine 17, 873–890, table II, method 10.
    @Test(arguments: [
        (56.0, 70.0, 48.0, 80.0, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 20, 0.6791, 1),
    ])
    func `intervals of differences are the printed ones`(
        _ row: (Double, Double, Double, Double, Double, Double)
    ) throws {
        let own = try #require(ProportionPair(Proportion(row.0, of: row.1), Proportion(row.2, of: row.3)))
        #expect(near(own.low, row.4, 6e-5) && near(own.high, row.5, 6e-5))
    }

    @Test func `a whole of nothing has no share, and pairs with it are not compared`() {
        #expect(Proportion(0, of: 0).rate == nil)
        #expect(ProportionPair(Proportion(0, of: 0), Proportion(1, of: 2)) == nil)
        #expect(ProportionPair(Proportion(0, of: 3), Proportion(0, of: 2))?.chiSquare == nil)
    }

    @Test func `Holm's correction steps down and never beyond Bonferroni's`() {
        let p = [0.01, 0.04, 0.03, 0.005]
        #expect(zip(ManyComparisons.holm(p), [0.03, 0.06, 0.06, 0.02]).allSatisfy { abs($0 - $1) < 1e-15 })
        #expect(ManyComparisons.bonferroni(p) == [0.04, 0.16, 0.12, 0.02])
        #expect(ManyComparisons.holm([]) == [] && ManyComparisons.bonferroni([0.7, 0.9]) == [1, 1])
    }

    /// R's `mantelhaen.test(UCBAdmissions)`: admissions of men and women by department (Bickel et al. 1975).
    @Test func `the stratified test of Berkeley's admissions is R's`() throws {
        let departments: [(Double, Double, Double, Double)] = [
            (512, 313, 89, 19), (353, 207, 17, 8), (120, 205, 202, 391), (138, 279, 131, 244),
            (53, 138, 94, 299), (22, 351, 24, 317),
        ]
        let strata = departments.map {
            StratifiedTest.Stratum(
                successesA: $0.0, failuresA: $0.1, successesB: $0.2, failuresB: $0.3)
        }
        let test = try #require(StratifiedTest(strata))
        #expect(near(test.statistic, 1.4269, 5e-5) && near(test.p.value, 0.2323, 5e-5))
        #expect(near(test.oddsRatio, 0.9046968, 5e-8))
        #expect(near(test.low, 0.7719074, 5e-8) && near(test.high, 1.0603298, 5e-8))
        // A stratum that lacks a group or an outcome says nothing.
        let mute = StratifiedTest.Stratum(successesA: 3, failuresA: 4, successesB: 0, failuresB: 0)
        #expect(StratifiedTest(strata + [mute]) == test && StratifiedTest([mute]) == nil)
    }
}

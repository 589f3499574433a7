import Models
import Testing

/// A hypergeometric function that is slow, or wrong, or 0/0.
@Suite struct ExpectedPurchasesTests {
    struct File: Decodable {
        var columns: [String]
        var cases: [[Double]]
    }

    @Test func `expectations hold to nine digits up to z = 0.9999, at a = 1 and at a + b = 1`() throws {
        let file = try OracleFile.decode(File.self, "bgnbd_expectation.expected.json")
        #expect(file.cases.count == 441)
        var worst = 0.0
        for row in file.cases {
            let model = BetaGeometric(r: row[0], alpha: row[1], a: row[2], b: row[3])
            let value = model.expectedPurchases(
                in: row[7], frequency: row[4], recency: row[5], age: row[6])
            worst = max(worst, abs(value - row[8]) / row[8])
            #expect(near(value, row[8], 1e-9), "\(row): \(value)")
        }
        #expect(worst < 1e-9)
    }

    @Test func `more time is never less, and who has bought once is alive`() {
        let model = BetaGeometric(r: 0.24, alpha: 4.4, a: 0.8, b: 2.4)
        for frequency in [0.0, 1, 5, 60] {
            var last = 0.0
            for step in 0..<200 {
                let t = 0.01 * exponential(Double(step) / 12)
                let value = model.expectedPurchases(
                    in: t, frequency: frequency, recency: frequency * 2, age: 150)
                #expect(value > last && value.isFinite)
                last = value
            }
            #expect(model.expectedPurchases(in: 0, frequency: frequency, recency: 1, age: 2) == 0)
        }
        #expect(model.probabilityAlive(frequency: 0, recency: 0, age: 1e6) == 1)
        #expect(model.probabilityAlive(frequency: 300, recency: 10, age: 1e6) < 1e-100)
        #expect(model.probabilityAlive(frequency: 3, recency: 10, age: 10) > 0.5)
    }

    @Test func `chances of all numbers of purchases add up to one and have the mean expected`() {
        let model = BetaGeometric(r: 0.9, alpha: 8, a: 0.8, b: 2.4)
        let chances = model.probabilities(upTo: 400, in: 20)
        #expect(abs(chances.reduce(0, +) - 1) < 1e-12)
        let mean = chances.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
        #expect(near(mean, model.expectedPurchases(in: 20), 1e-10))
    }
}

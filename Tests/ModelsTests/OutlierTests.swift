import Models
import Testing

/// Bots are set apart, people are not.
@Suite struct OutlierTests {
    private func withBots(_ table: Table, _ bots: Int) -> Table {
        var table = table
        var generator = SeededGenerator(seed: 8)
        for bot in 0..<bots {
            let user = bot * 37 + 11
            for (index, name) in table.names.enumerated() {
                switch name {
                case "login": table.features[index][user] = 16_073 + Double(generator.below(3_000)) - 1_500
                case "begin_checkout":
                    table.features[index][user] = 15_613 + Double(generator.below(3_000)) - 1_500
                case "session_start": table.features[index][user] = 1
                default: table.features[index][user] = 0
                }
            }
        }
        return table
    }

    private func config(_ table: Table) -> SegmentsConfig {
        var config = table.config
        config.features = table.names.map { .init($0, counted: $0 != "long_total_s") }
        config.k = 6
        config.restarts = 2
        return config
    }

    @Test func `a handful of bots among a hundred thousand users is the sixth group`() throws {
        let table = withBots(visitors(100_000, seed: 21), 5)
        let fit = try table.fit(config(table))
        #expect(fit.model.outliers == 5)
        #expect(fit.model.segments.count == 5)
        #expect(Set(fit.model.segments.map(\.name)).count == 5)
        #expect(fit.model.segments.reduce(0) { $0 + $1.users } + 5 == 100_000)
        #expect(table.row(11).withUnsafeBufferPointer { fit.model.assign(features: $0.baseAddress!) } == 255)
        #expect(fit.model.name(of: 255) == "outlier")
        #expect(fit.model.outlierUpper[7] == .infinity)
    }

    @Test func `ordinary users with up to three hundred events are nobody's outliers`() throws {
        let table = visitors(20_000, seed: 22)
        let fit = try table.fit(config(table))
        #expect(fit.model.outliers == 0)
        #expect(fit.model.segments.count == 6)
    }

    @Test(arguments: [1, 3, 6])
    func `bots stand out of a small table too`(_ bots: Int) throws {
        let table = withBots(visitors(400, seed: 23), bots)
        #expect(try table.fit(config(table)).model.outliers == UInt64(bots))
    }

    @Test func `where a twentieth is far outside the bound rises until it is a hundredth`() throws {
        var table = visitors(2_000, seed: 24)
        for user in 0..<100 { table.features[3][user] = 20_000 + Double(user) }
        #expect(try table.fit(config(table)).model.outliers <= 20)
    }

    @Test func `distance 0 sets nobody apart`() throws {
        let table = withBots(visitors(400, seed: 25), 3)
        var config = config(table)
        config.outlierDistance = 0
        let fit = try table.fit(config)
        #expect(fit.model.outliers == 0)
        #expect(fit.model.outlierUpper.allSatisfy { $0 == .infinity })
    }
}

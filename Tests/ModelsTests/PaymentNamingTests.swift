import Models
import Testing

/// Groups of buyers are called by how they pay, and told where they should come to.
@Suite struct PaymentNamingTests {
    private static let names = [
        "purchase_span_d", "item_lines", "method_line_mean", "other_line_mean", "method_count", "gender",
        "age",
    ]

    /// Buyers around given means, with a tenth of deviation.
    private func buyers(_ groups: [(row: [Double], revenue: Double, users: Int)], seed: UInt64 = 4) -> Table {
        var generator = SeededGenerator(seed: seed)
        var features = Self.names.map { _ in [Double]() }
        var revenue: [Double] = []
        for group in groups {
            for _ in 0..<group.users {
                for (index, mean) in group.row.enumerated() {
                    features[index].append(max(0, mean * (1 + generator.normal() / 10)))
                }
                revenue.append(group.revenue)
            }
        }
        var table = Table(features, names: Self.names)
        table.revenue = revenue
        return table
    }

    private let star: (row: [Double], revenue: Double, users: Int) =
        ([300, 40, 30, 25, 20, 0.5, 40], 1_100, 120)
    private let supporter: (row: [Double], revenue: Double, users: Int) =
        ([200, 25, 8, 8, 2, 0.5, 40], 200, 300)
    private let dear: (row: [Double], revenue: Double, users: Int) =
        ([10, 2, 60, 80, 0.3, 0.5, 40], 160, 180)

    private func config(_ table: Table, k: Int = 3) -> SegmentsConfig {
        var config = table.config
        config.features = table.names.map { .init($0, counted: false) }
        config.k = k
        config.naming = .payments
        config.outlierDistance = 0
        return config
    }

    @Test func `active, cheap and dear buyers get the published names and aim at the star`() throws {
        let table = buyers([star, supporter, dear])
        let model = try table.fit(config(table)).model
        let byName = Dictionary(uniqueKeysWithValues: model.segments.map { ($0.name, $0) })
        #expect(byName["star"]?.users == 120)
        #expect(byName["supporter"]?.users == 300)
        #expect(byName["value"]?.users == 180)
        #expect(model.segments.allSatisfy { $0.target == byName["star"]?.id })
        #expect(try SegmentsModel(bytes: model.bytes) == model)
    }

    @Test func `without a star nobody has a target, and a name that is not deserved is not given`() throws {
        // None uses the method more than the others, and the active ones are poor.
        let table = buyers([
            ([300, 40, 2, 2, 5, 0.5, 40], 80, 200), ([5, 1, 2, 2, 5, 0.5, 40], 300, 200),
        ])
        let model = try table.fit(config(table, k: 2)).model
        #expect(!model.segments.contains { $0.name == "star" })
        #expect(model.segments.allSatisfy { $0.target == nil })
    }

    @Test func `names and ids stay with their groups when they grow and drift`() throws {
        let first = try buyers([star, supporter, dear]).fit(config(buyers([star, supporter, dear]))).model
        var grown = [star, supporter, dear]
        grown[0].users = 80
        grown[2].users = 400
        for index in 0..<3 { grown[index].row = grown[index].row.map { $0 * 1.05 } }
        let table = buyers(grown, seed: 9)
        let second = try table.fit(config(table), previous: first).model
        for segment in first.segments {
            #expect(second.segments.first { $0.id == segment.id }?.name == segment.name)
        }
        #expect(second.segments.first { $0.name == "star" }?.users == 80)
    }

    @Test func `buyers by value are called by revenue and by the silence of their purchases`() throws {
        var generator = SeededGenerator(seed: 6)
        let names = ["days_since_last", "frequency", "monetary_value", "T_d"]
        let groups: [(row: [Double], revenue: Double, users: Int)] = [
            ([10, 12, 90, 300], 1_300, 40), ([15, 6, 40, 280], 280, 200), ([20, 0.2, 30, 25], 35, 300),
            ([250, 5, 45, 330], 270, 150),
        ]
        var features = names.map { _ in [Double]() }
        var revenue: [Double] = []
        for group in groups {
            for _ in 0..<group.users {
                for (index, mean) in group.row.enumerated() {
                    features[index].append(max(0, mean * (1 + generator.normal() / 10)))
                }
                revenue.append(group.revenue)
            }
        }
        var table = Table(features, names: names)
        table.revenue = revenue
        table.daysSinceLastPurchase = features[0]
        table.daysSinceFirstEvent = features[3]
        // Everybody was here yesterday: only their purchases tell them apart.
        table.daysSinceLastEvent = features[0].map { _ in 1 }
        var config = table.config
        config.features = names.map { .init($0, counted: false) }
        config.k = 4
        config.naming = .value
        config.outlierDistance = 0
        let model = try table.fit(config).model
        let sizes = Dictionary(uniqueKeysWithValues: model.segments.map { ($0.name, $0.users) })
        #expect(sizes == ["vip": 40, "loyal": 200, "newcomer": 300, "at_risk": 150])
    }
}

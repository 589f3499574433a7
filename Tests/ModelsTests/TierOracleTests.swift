import Foundation
import Testing

@testable import Models

/// Against pandas 2.1.4 and numpy 1.26.4: see Oracles/README.md.
@Suite struct TierOracleTests {
    private func file(_ name: String) throws -> Data {
        let folder = try #require(Bundle.module.resourceURL)
        return try Data(contentsOf: folder.appending(path: "Oracles/\(name)"))
    }

    private func column(_ name: String) throws -> [Double] {
        try String(decoding: try file(name), as: UTF8.self).split(separator: "\n").dropFirst().map {
            try #require(Double($0))
        }
    }

    /// The expected rows: a column by name.
    private struct Quartiles {
        let expected: [String: Any]
        private let columns: [String]
        private let rows: [[Any]]

        init(_ data: Data) throws {
            let whole = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            expected = try #require(whole["expected"] as? [String: Any])
            columns = try #require(expected["columns"] as? [String])
            rows = try #require(expected["rows"] as? [[Any]])
        }

        func column(_ name: String) throws -> [Double] {
            let place = try #require(columns.firstIndex(of: name))
            return try rows.map { try #require(($0[place] as? NSNumber)?.doubleValue) }
        }

        func codes(_ name: String) throws -> [Int] { try column(name).map { Int($0) } }

        func edges(_ variable: String) throws -> [Double] {
            let raw = try #require(expected["qcut_raw"] as? [String: [String: Any]])
            return try #require(raw[variable]?["quantiles_linear"] as? [NSNumber]).map(\.doubleValue)
        }
    }

    private static let variables = ["recency_days", "frequency", "monetary"]

    @Test(arguments: variables)
    func `edges and codes of a quartile cut are pandas'`(_ variable: String) throws {
        let oracle = try Quartiles(try file("rfm_qcut.expected.json"))
        let values = try oracle.column(variable)
        let edges = QuantileEdges(sorted: values.sorted(), levels: 4)
        let expected = try oracle.edges(variable)
        for (edge, wanted) in zip(edges.values, expected[1...3]) { #expect(abs(edge - wanted) <= 1e-9) }
        // Duplicate edges dropped: the levels that are left, counted without gaps.
        let distinct = Set(expected[1...3]).subtracting([expected[0], expected[4]]).sorted()
        let dropped = values.map { value in distinct.count { $0 < value } }
        #expect(try oracle.codes("\(variable)_qcut_drop") == dropped)
        // Ranked first, ties by row: a cut of the ranks.
        var ranks = [Double](repeating: 0, count: values.count)
        let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        for (rank, row) in order.enumerated() { ranks[row] = Double(rank + 1) }
        let ranked = QuantileEdges(sorted: ranks.sorted(), levels: 4)
        #expect(try oracle.codes("\(variable)_qcut_rank_first") == ranks.map { ranked.level(of: $0) - 1 })
    }

    @Test func `the levels of a fit are those of the rule by quartiles`() throws {
        let oracle = try Quartiles(try file("rfm_qcut.expected.json"))
        let values = try Self.variables.map { try oracle.column($0) }
        let buyers = Buyers(
            values[0].indices.map {
                (daysSinceLast: values[0][$0], frequency: values[1][$0] - 1, monetaryValue: values[2][$0])
            })
        let fit = try buyers.fit()
        #expect(Gate.judge(fit.evidence).adopted)
        let rule = try #require(fit.model.rule)
        for (variable, name) in ["R_rule", "F_rule", "M_rule"].enumerated() {
            let levels = values[0].indices.map { row in
                rule.levels(
                    TierValues(
                        daysSinceLast: values[0][row], frequency: values[1][row] - 1,
                        monetaryValue: values[2][row], age: 0))[variable]
            }
            #expect(try oracle.codes(name) == levels, "\(name)")
        }
    }

    @Test(arguments: ["cdnow_amount", "cdnow_cds", "randhie_mdvis"])
    func `quantiles are numpy's, ties or not`(_ name: String) throws {
        let whole = try #require(
            try JSONSerialization.jsonObject(with: try file("quantiles.expected.json")) as? [String: Any])
        let expected = try #require(whole["expected"] as? [String: Any])
        let shares = try #require(expected["p"] as? [NSNumber]).map(\.doubleValue)
        let wanted = try #require((expected[name] as? [String: Any])?["linear"] as? [NSNumber])
        let sorted = try column("quantiles.\(name).csv").sorted()
        var compared = 0
        for (share, value) in zip(shares, wanted) where share > 0 && share < 1 {
            // The least number of levels that has an edge at this share.
            let levels = try #require(
                [2, 4, 10, 20, 100, 200, 1000, 10_000].first { levels in
                    let place = share * Double(levels)
                    return abs(place - place.rounded()) < 1e-9
                })
            let edges = QuantileEdges(sorted: sorted, levels: levels)
            let edge = edges.values[Int((share * Double(levels)).rounded()) - 1]
            #expect(abs(edge - value.doubleValue) <= 1e-9, "\(share)")
            compared += 1
        }
        #expect(compared == 14)
    }
}

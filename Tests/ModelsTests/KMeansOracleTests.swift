import Foundation
import Models
import Testing

/// Against scikit-learn 1.9.1, best of 50 starts: see Oracles/README.md.
@Suite struct KMeansOracleTests {
    struct Expected: Decodable {
        struct Case: Decodable {
            var mean: [Double]
            var sd_population: [Double]
            var inertia: [String: Double]
            var inertia_best_of_300: [String: Double]
            var silhouette: [String: Double]
            var sizes: [String: [Int]]
            var elbow_chord_k: Int
        }
        var expected: [String: Case]
    }

    private func file(_ name: String) throws -> Data {
        let folder = try #require(Bundle.module.resourceURL)
        return try Data(contentsOf: folder.appending(path: "Oracles/\(name)"))
    }

    private func table(_ name: String, skipping: Int) throws -> Table {
        let lines = String(decoding: try file(name), as: UTF8.self).split(separator: "\n").dropFirst()
        let rows = try lines.map { line in
            try line.split(separator: ",").dropFirst(skipping).map { try #require(Double($0)) }
        }
        return Table(rows[0].indices.map { column in rows.map { $0[column] } })
    }

    private func input(_ name: String) throws -> Table {
        switch name {
        case "wine_standard": return try table("kmeans.wine_input.csv", skipping: 0)
        case "rfm_log":
            var table = try table("kmeans.input.csv", skipping: 1)
            table.features = table.features.map { $0.map { log1p($0) } }
            return table
        default: return try table("kmeans.input.csv", skipping: 1)
        }
    }

    @Test(arguments: ["rfm_standard", "rfm_log", "wine_standard"])
    func `inertia is within a thousandth of the best of fifty starts`(_ name: String) throws {
        let expected = try #require(
            try JSONDecoder().decode(Expected.self, from: file("kmeans.expected.json")).expected[name])
        let table = try input(name)
        var config = table.config
        config.k = 0
        config.curve = 10
        config.restarts = 20
        config.outlierDistance = 0
        let fit = try table.fit(config)
        for (index, value) in expected.mean.enumerated() {
            #expect(abs(fit.model.mean[index] - value) <= 1e-9 * abs(value))
            #expect(abs(fit.model.scale[index] - expected.sd_population[index]) <= 1e-9 * abs(value))
        }
        let inertia = try #require(fit.parameters.first { $0.key == "inertia_by_k" }?.value)
        let silhouette = try #require(fit.parameters.first { $0.key == "silhouette_by_k" }?.value)
        for k in 1...10 {
            guard case .number(let own)? = inertia["\(k)"] else {
                Issue.record("no inertia for \(k)")
                return
            }
            let best = try #require(expected.inertia["\(k)"])
            // The fixture's own exception: fifty starts miss the best by this much themselves.
            let loose = name == "wine_standard" && k >= 5
            let bound =
                loose ? try #require(expected.inertia_best_of_300["\(k)"]) * 1.02 : best * 1.001
            #expect(own <= bound, "\(name) k=\(k): \(own) against \(best)")
            if let wanted = expected.silhouette["\(k)"], case .number(let mean)? = silhouette["\(k)"],
                abs(own - best) < 1e-5 * best
            {
                #expect(abs(mean - wanted) < 0.01, "\(name) k=\(k)")
            }
        }
        #expect(fit.model.segments.count == expected.elbow_chord_k)
        let sizes = try #require(expected.sizes["\(expected.elbow_chord_k)"])
        for (own, wanted) in zip(fit.model.segments.map { Int($0.users) }.sorted(by: >), sizes) {
            #expect(abs(own - wanted) <= table.users / 50)
        }
    }
}

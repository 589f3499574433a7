import Foundation
import Models
import Testing

/// Against scikit-learn 1.9.1, best of 50 starts: see Oracles/README.md.
@Suite struct KMeansOracleTests {
    struct Expected: Decodable {
        struct Case: Decodable {
            var n: Int
            var mean: [Double]
            var sd_population: [Double]
            var inertia: [String: Double]
            var inertia_best_of_300: [String: Double]
            var silhouette: [String: Double]
            var sizes: [String: [Int]]
            var hit_rate_within_0_1pct_of_50: [String: Double]
            var centers_k4_by_size_desc: [[Double]]
            var centers_k4_original_units: [[Double]]
            var k4_sizes: [Int]
            var elbow_chord_k: Int
            var elbow_chord_distance: [Double]
            var best_silhouette_k: Int
        }
        var expected: [String: Case]
    }

    private static let names = ["rfm_standard", "rfm_log", "wine_standard"]

    private func file(_ name: String) throws -> Data {
        let folder = try #require(Bundle.module.resourceURL)
        return try Data(contentsOf: folder.appending(path: "Oracles/\(name)"))
    }

    private func expected(_ name: String) throws -> Expected.Case {
        // A dot in a key is no Swift name.
        let text = String(decoding: try file("kmeans.expected.json"), as: UTF8.self)
            .replacingOccurrences(of: "within_0.1pct", with: "within_0_1pct")
        return try #require(try JSONDecoder().decode(Expected.self, from: Data(text.utf8)).expected[name])
    }

    private func table(_ name: String) throws -> Table {
        let isWine = name == "wine_standard"
        let text = String(
            decoding: try file(isWine ? "kmeans.wine_input.csv" : "kmeans.input.csv"), as: UTF8.self)
        let rows = try text.split(separator: "\n").dropFirst().map { line in
            try line.split(separator: ",").dropFirst(isWine ? 0 : 1).map { try #require(Double($0)) }
        }
        return Table(rows[0].indices.map { column in rows.map { $0[column] } })
    }

    private func config(_ name: String, _ table: Table) -> SegmentsConfig {
        var config = table.config
        config.k = 0
        config.curve = 10
        config.restarts = 20
        config.outlierDistance = 0
        config.transform = name == "rfm_log" ? .logStandard : .standard
        return config
    }

    private func curve(_ fit: SegmentsFit, _ key: String) throws -> [String: Double] {
        guard case .object(let members)? = fit.parameters.first(where: { $0.key == key })?.value else {
            throw CodingFailure.badMagic
        }
        var values: [String: Double] = [:]
        for member in members {
            if case .number(let value) = member.value { values[member.key] = value }
        }
        return values
    }

    @Test(arguments: names)
    func `features are standardised as scikit-learn does it`(_ name: String) throws {
        let expected = try expected(name)
        let table = try table(name)
        let model = try table.fit(config(name, table)).model
        #expect(table.users == expected.n)
        for (index, value) in expected.mean.enumerated() {
            #expect(abs(model.mean[index] - value) <= 1e-9 * abs(value))
            let deviation = expected.sd_population[index]
            #expect(abs(model.scale[index] - deviation) <= 1e-9 * deviation)
        }
    }

    @Test(arguments: names)
    func `inertia is within a thousandth of the best of fifty starts`(_ name: String) throws {
        let expected = try expected(name)
        let table = try table(name)
        let inertia = try curve(table.fit(config(name, table)), "inertia_by_k")
        #expect(inertia.count == 10)
        let whole = Double(table.users * table.features.count)
        #expect(abs((inertia["1"] ?? 0) - whole) <= 1e-12 * whole, "n·d for one cluster")
        for (k, own) in inertia {
            let best = try #require(expected.inertia[k])
            // The fixture's own exception: fifty starts miss the best by this much themselves.
            let loose = name == "wine_standard" && (Int(k) ?? 0) >= 5
            let bound = loose ? try #require(expected.inertia_best_of_300[k]) * 1.02 : best * 1.001
            #expect(own <= bound, "\(name) k=\(k): \(own) against \(best)")
        }
    }

    @Test(arguments: names)
    func `the silhouettes are those of the same partitions, and the elbow is where it was`(
        _ name: String
    ) throws {
        let expected = try expected(name)
        let table = try table(name)
        let fit = try table.fit(config(name, table))
        let inertia = try curve(fit, "inertia_by_k")
        let silhouette = try curve(fit, "silhouette_by_k")
        #expect(silhouette["1"] == nil && silhouette.count == 9)
        var compared = 0
        for (k, wanted) in expected.silhouette {
            let best = try #require(expected.inertia[k])
            guard abs((inertia[k] ?? 0) - best) < 1e-5 * best else { continue }
            compared += 1
            #expect(abs((silhouette[k] ?? 0) - wanted) < 0.01, "\(name) k=\(k)")
        }
        // On wine fifty starts of either miss the best from four clusters on.
        #expect(compared >= (name == "wine_standard" ? 1 : 4), "so many came to the same partition")
        let known = silhouette.filter { expected.silhouette[$0.key] != nil }
        #expect(known.max { $0.value < $1.value }?.key == "\(expected.best_silhouette_k)")
        let curve = (1...10).map { inertia["\($0)"] ?? .nan }
        for (index, wanted) in expected.elbow_chord_distance.enumerated() {
            let along = Double(index) / 9
            let below = (1 - along) - (curve[index] - curve[9]) / (curve[0] - curve[9])
            #expect(abs(below - wanted) < 0.01, "\(name) k=\(index + 1)")
        }
        #expect(fit.model.segments.count == expected.elbow_chord_k)
    }

    @Test(arguments: names)
    func `the clusters have the sizes of the best of fifty starts`(_ name: String) throws {
        let expected = try expected(name)
        let table = try table(name)
        for (k, wanted) in expected.sizes {
            var config = config(name, table)
            config.k = Int(k) ?? 0
            config.curve = 0
            let fit = try table.fit(config)
            let best = try #require(expected.inertia[k])
            let isCommon = try #require(expected.hit_rate_within_0_1pct_of_50[k]) >= 0.2
            let difference = fit.model.inertia / best - 1
            guard abs(difference) < 1e-5 || isCommon && difference > 0 else { continue }
            let sizes = fit.model.segments.map { Int($0.users) }.sorted(by: >)
            #expect(sizes.count == wanted.count)
            for (own, size) in zip(sizes, wanted) {
                #expect(abs(own - size) <= table.users / 50, "\(name) k=\(k): \(sizes) against \(wanted)")
            }
        }
    }

    /// On raw RFM the best four clusters give one customer a cluster of their own: real, not an error, and no
    /// reason to call that customer anything.
    @Test(arguments: ["rfm_standard", "rfm_log"])
    func `the best four clusters are the published ones, a singleton included`(_ name: String) throws {
        let expected = try expected(name)
        let table = try table(name)
        var config = config(name, table)
        config.k = 4
        config.curve = 0
        let model = try table.fit(config).model
        let segments = model.segments.sorted { $0.users > $1.users }
        #expect(segments.map { Int($0.users) } == expected.k4_sizes)
        for (segment, centre) in zip(segments, expected.centers_k4_by_size_desc) {
            for (own, wanted) in zip(segment.centroid, centre) {
                #expect(abs(own - wanted) < 1e-6 * max(1, abs(wanted)))
            }
        }
        for (segment, centre) in zip(segments, expected.centers_k4_original_units) {
            for (index, wanted) in centre.enumerated() {
                let own = segment.centroid[index] * model.scale[index] + model.mean[index]
                #expect(abs(own - wanted) < 1e-6 * max(1, abs(wanted)))
            }
        }
        if name == "rfm_standard" {
            #expect(segments[3].users == 1)
            #expect(!["vip", "loyal", "newcomer", "dormant", "at_risk"].contains(segments[3].name))
        }
    }
}

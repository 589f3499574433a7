import Foundation
import Models
import Testing

/// Croston, SBA, SBJ and TSB against the formulas by hand in `intermittent.expected.json`, tolerance 1e-10.
@Suite struct IntermittentOracleTests {
    private struct Fit: Decodable {
        var in_sample: [Double]
        var forecast: Double
        var size_level: Double?
        var interval_level: Double?
        var probability_level: Double?
    }

    /// Members of one case by name: numbers, texts and fits, read as they are asked for.
    private static func cases() throws -> (inputs: [String: [Double]], expected: [String: [String: Any]]) {
        let inputs = try OracleFile.decode([String: [Double]].self, "intermittent.input.json")
        let whole = try JSONSerialization.jsonObject(with: OracleFile.data("intermittent.expected.json"))
        let object = try #require((whole as? [String: Any])?["expected"] as? [String: [String: Any]])
        return (inputs, object)
    }

    private static let variants: [(String, IntermittentDemand.Variant)] = [
        ("croston", .croston), ("sba", .sba), ("sbj", .sbj), ("tsb", .tsb),
    ]

    private func close(_ value: Double?, _ expected: Double?) -> Bool {
        guard let value, let expected else { return value == nil && expected == nil }
        return abs(value - expected) <= 1e-10 * max(1, abs(expected))
    }

    @Test func `every variant foretells every period as the formulas do`() throws {
        let (inputs, expected) = try Self.cases()
        var compared = 0
        for (name, series) in inputs {
            for (label, variant) in Self.variants {
                for alpha in [0.1, 0.2] {
                    let key = label == "tsb" ? "tsb_a\(alpha)_b0.1" : "\(label)_a\(alpha)"
                    let data = try JSONSerialization.data(withJSONObject: try #require(expected[name]?[key]))
                    let fit = try JSONDecoder().decode(Fit.self, from: data)
                    let model = IntermittentDemand(variant, alpha: alpha, beta: 0.1)
                    let before = model.inSample(series)
                    #expect(zip(before, fit.in_sample).allSatisfy { close($0, $1) }, "\(name) \(key)")
                    let (forecast, levels) = model.run(series) { _ in }
                    #expect(close(forecast, fit.forecast), "\(name) \(key): \(forecast), not \(fit.forecast)")
                    #expect(close(levels.size, fit.size_level), "\(name) \(key) size")
                    #expect(close(levels.interval, fit.interval_level), "\(name) \(key) interval")
                    #expect(close(levels.probability, fit.probability_level), "\(name) \(key) probability")
                    compared += 1
                }
            }
        }
        #expect(compared == inputs.count * 8)
    }

    @Test func `series are told apart as Syntetos, Boylan and Croston do`() throws {
        let (inputs, expected) = try Self.cases()
        for (name, series) in inputs {
            let demand = DemandClass(series)
            let entry = try #require(expected[name])
            #expect(close(demand.averageInterval, entry["adi_n_over_nonzero"] as? Double), "\(name)")
            #expect(close(demand.squaredVariation, entry["cv2_sample"] as? Double), "\(name)")
            #expect(demand.kind?.rawValue == entry["class_syntetos_boylan"] as? String, "\(name)")
        }
    }

    @Test func `simple smoothing from the first value equals the oracle's`() throws {
        let (inputs, expected) = try Self.cases()
        for (name, series) in inputs {
            let value = Smoothing(alpha: 0.1).forecast(after: series, horizon: 1)[0]
            #expect(close(value, expected[name]?["ses_a0.1_from_first"] as? Double), "\(name)")
        }
    }
}

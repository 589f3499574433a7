import Foundation
import Models
import Testing

/// The reference results that the learners of outcomes are held against: see Oracles/README.md.
enum OutcomeOracle {
    static func data(_ name: String) throws -> Data {
        let folder = try #require(Bundle.module.resourceURL)
        return try Data(contentsOf: folder.appending(path: "Oracles/\(name)"))
    }

    static func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: data(name))
    }

    /// The cells of a comma-separated file, without its head.
    static func cells(_ name: String) throws -> [[Substring]] {
        String(decoding: try data(name), as: UTF8.self).split(separator: "\n").dropFirst().map {
            $0.split(separator: ",")
        }
    }
}

func close(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool { abs(a - b) <= tolerance }

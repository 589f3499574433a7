import Foundation
import Testing

/// Reference results beside the tests: see Oracles/README.md.
enum OracleFile {
    static func data(_ name: String) throws -> Data {
        let folder = try #require(Bundle.module.resourceURL)
        return try Data(contentsOf: folder.appending(path: "Oracles/\(name)"))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        try JSONDecoder().decode(type, from: data(name))
    }

    /// Rows of numbers without the heading.
    static func table(_ name: String) throws -> [[Double]] {
        let lines = String(decoding: try data(name), as: UTF8.self).split(separator: "\n").dropFirst()
        return try lines.map { try $0.split(separator: ",").map { try #require(Double($0)) } }
    }
}

/// Within a share of the expected value.
func near(_ value: Double, _ expected: Double, _ share: Double) -> Bool {
    abs(value - expected) <= share * abs(expected)
}

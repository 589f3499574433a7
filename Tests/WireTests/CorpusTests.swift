import Core
import Foundation
import Testing
import Wire

/// Folder of the hostile input: under `ROOST_SHARED`, or `shared` beside the package or above it, where a
/// worktree has it.
private let corpora: URL? = {
    let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    var candidates: [URL] = []
    if let named = ProcessInfo.processInfo.environment["ROOST_SHARED"] {
        candidates = [URL(filePath: named)]
    } else {
        var folder = root
        for _ in 0..<2 {
            folder.deleteLastPathComponent()
            candidates.append(folder.appending(path: "shared"))
        }
    }
    return candidates.map { $0.appending(path: "data/corpora") }
        .first { FileManager.default.fileExists(atPath: $0.path) }
}()

private let skipped: Comment = "SKIPPED: there is no ../shared/data/corpora, nor in ROOST_SHARED"

private func files(_ folder: String) throws -> [(name: String, bytes: [UInt8])] {
    let folder = try #require(corpora).appending(path: folder)
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .sorted { $0.path < $1.path }
        .map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
}

private let fieldCodes: Set<RejectionCode> = [.notObject, .missingField, .badField]
private let jsonCodes: Set<RejectionCode> = [.badJSON, .badUTF8, .tooDeep]

@Suite(.enabled(if: corpora != nil, skipped)) struct CorpusTests {
    @Test func whatMustParseIsRefusedForItsFieldsAtMost() throws {
        let cases = try files("JSONTestSuite/test_parsing").filter { $0.name.hasPrefix("y_") }
        #expect(cases.count > 90)
        for (name, bytes) in cases {
            // A newline between values is white space in JSON and the end of a line here.
            let log = decoded(bytes.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
            #expect(log.events.isEmpty && log.rejections.count == 1, "\(name)")
            #expect(log.codes.allSatisfy(fieldCodes.contains), "\(name): \(log.rejections)")
        }
    }

    @Test func whatMustNotParseIsRefused() throws {
        let cases = try files("JSONTestSuite/test_parsing").filter { $0.name.hasPrefix("n_") }
        #expect(cases.count > 180)
        for (name, bytes) in cases {
            let log = decoded(bytes)
            #expect(log.events.isEmpty && log.controls.isEmpty, "\(name)")
            if !bytes.contains(0x0A) {
                #expect(log.codes.allSatisfy(jsonCodes.contains), "\(name): \(log.rejections)")
            }
        }
    }

    @Test func everyLineIsEitherTakenOrRefused() throws {
        for folder in ["JSONTestSuite/test_parsing", "JSONTestSuite/test_transform", "blns"] {
            for (name, bytes) in try files(folder) {
                let log = decoded(bytes)
                let lines = bytes.split(separator: 0x0A).enumerated().filter { index, line in
                    let text = index == 0 && line.starts(with: [0xEF, 0xBB, 0xBF]) ? line.dropFirst(3) : line
                    return !text.allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
                }
                #expect(
                    log.events.count + log.rejections.count + log.controls.count == lines.count, "\(name)")
            }
        }
    }

    @Test func naughtyStringsPassUnaltered() throws {
        let text = try #require(try files("blns").first { $0.name == "blns.txt" }).bytes
        let strings = text.split(separator: 0x0A).filter { (1...256).contains($0.count) }
        #expect(strings.count > 400)
        for string in strings {
            let quoted = quoted(Array(string))
            let log = decoded(
                Array("{\"user_id\":".utf8) + quoted + Array(",\"ts\":1,\"event\":".utf8) + quoted
                    + Array(",\"event_id\":".utf8) + quoted + Array("}".utf8))
            let expected = String(decoding: string, as: UTF8.self)
            #expect(log.events.count == 1, "\(expected)")
            #expect(log.events.first?.user == Array(string))
            #expect(log.events.first?.name == expected && log.events.first?.id == expected)
        }
    }
}

/// A JSON string of the bytes, with only the escapes that must be.
private func quoted(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x22]
    for byte in bytes {
        switch byte {
        case 0x22, 0x5C: out += [0x5C, byte]
        case 0..<0x20:
            let hex = String(byte, radix: 16)
            out += Array("\\u\(String(repeating: "0", count: 4 - hex.count))\(hex)".utf8)
        default: out.append(byte)
        }
    }
    return out + [0x22]
}

import Foundation
import Testing

/// Who may import whom, as STYLE.md has it: SwiftPM does not enforce it (an import of an undeclared
/// sibling compiles once that module is built), so the `import` lines are read and held against the table.
@Suite("Import table")
struct ImportTableTests {
    /// Ours and the system's modules that a target's files may name.
    private static let table: [String: Set<String>] = [
        "Core": ["Glibc", "Synchronization", "Dispatch"],
        "Wire": [
            "Core", "CSimdjson", "CZlib", "CEpoll", "CTLS", "CCurl", "Glibc", "Synchronization",
            "Dispatch",
        ],
        "Models": ["Glibc", "CXGBoost"],
        "Engine": ["Core", "Models", "CMachine", "Glibc", "Synchronization", "Dispatch"],
        "Store": ["Core", "CSQLite", "CChecksum", "Glibc", "Synchronization", "Dispatch", "Foundation"],
        "Status": [
            "Core", "CDashboard", "CMicroHTTPD", "Glibc", "Synchronization", "Dispatch", "Foundation",
            "FoundationEssentials",
        ],
        "roost": [
            "Core", "Wire", "Engine", "Models", "Store", "Status", "Glibc", "Synchronization", "Dispatch",
            "Foundation",
        ],
    ]

    private static let libraries = [
        "CSimdjson", "CZlib", "CSQLite", "CChecksum", "CMachine", "CEpoll", "CTLS", "CMicroHTTPD", "CXGBoost",
        "CDashboard",
        "CCurl",
    ]

    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test("every import of every file stands in the table")
    func importsStandInTheTable() throws {
        let files = try Self.sources()
        #expect(!files.isEmpty)
        for file in files {
            let allowed = try #require(Self.table[file.target], "\(file.path) belongs to no known target")
            for module in file.imports {
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test("each target of the table has files", arguments: table.keys.sorted())
    func everyTargetHasFiles(target: String) throws {
        #expect(try Self.sources().contains { $0.target == target })
    }

    @Test("each C library is imported by exactly one file", arguments: libraries)
    func everyLibraryHasOneImportingFile(library: String) throws {
        let importing = try Self.sources().filter { $0.imports.contains(library) }.map(\.path)
        #expect(importing.count == 1, "\(library) is imported by \(importing)")
    }

    @Test("the package depends on no Swift package")
    func thePackageHasNoDependencies() throws {
        let manifest = try String(contentsOf: Self.root.appending(path: "Package.swift"), encoding: .utf8)
        let code = manifest.split(separator: "\n").map { $0.prefix(upTo: Self.comment(in: $0)) }
        #expect(!code.contains { $0.contains(".package(") })
    }

    @Test(
        "the module is read out of any form of import",
        arguments: [
            ("import Core", "Core"), ("package import Core", "Core"), ("  @testable import Wire", "Wire"),
            ("public import struct Foundation.Data", "Foundation"), ("import Store // why", "Store"),
            ("@preconcurrency internal import Dispatch", "Dispatch"), ("import Glibc.stdio", "Glibc"),
        ])
    func modulesAreRead(line: String, module: String) {
        #expect(Self.module(ofImport: line[...]) == module)
    }

    @Test(
        "what only looks like an import is none",
        arguments: ["// import Core", "let text = \"import Core\"", "importer.run()", "func important() {}"])
    func lookalikesAreNone(line: String) {
        #expect(Self.module(ofImport: line[...]) == nil)
    }

    // MARK: Reading

    private struct Source {
        /// From the package's root.
        var path: String
        /// First folder under Sources.
        var target: String
        var imports: Set<String>
    }

    private static func sources() throws -> [Source] { try read.get() }

    private static let read = Result { try readSources() }

    private static func readSources() throws -> [Source] {
        let folder = root.appending(path: "Sources")
        let walk = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        return try walk.compactMap { $0 as? URL }
            .filter { $0.pathExtension == "swift" }
            .map { url in
                let parts = url.pathComponents.dropFirst(folder.pathComponents.count)
                let text = try String(contentsOf: url, encoding: .utf8)
                return Source(
                    path: "Sources/" + parts.joined(separator: "/"), target: parts.first ?? "",
                    imports: Set(text.split(separator: "\n").compactMap { module(ofImport: $0) }))
            }
    }

    /// The module that a line imports; nil where it imports none.
    private static func module(ofImport line: Substring) -> String? {
        var words = line.prefix(upTo: comment(in: line)).split(whereSeparator: \.isWhitespace)[...]
        let levels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
        let kinds: Set<Substring> = [
            "struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor",
        ]
        while let word = words.first, word.hasPrefix("@") || levels.contains(word) { words.removeFirst() }
        guard words.popFirst() == "import" else { return nil }
        if let word = words.first, kinds.contains(word) { words.removeFirst() }
        return words.first?.split(separator: ".").first.map(String.init)
    }

    /// Where a line's comment begins, or its end.
    private static func comment(in line: Substring) -> Substring.Index {
        line.firstRange(of: "//")?.lowerBound ?? line.endIndex
    }
}

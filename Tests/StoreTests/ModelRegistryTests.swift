import Core
import Store
import Testing

/// Every candidate is kept with its figures; the one in use is never dropped.
struct ModelRegistryTests {
    private func candidate(_ version: Int, adopted: Bool, name: String = "segments") -> ModelView {
        ModelView(
            name: name, version: version, adopted: adopted, reason: adopted ? "better" : "no better",
            fittedAt: wallStart + Int64(version), seconds: 1.25, dataUsers: 100,
            dataFrom: version == 1 ? nil : wallStart, dataTo: wallStart + 5,
            parameters: .object([.init("k", .integer(6)), .init("inertia", .number(0.1))]),
            metrics: .object([.init("silhouette", .number(1 / 3))]),
            baseline: .object([.init("name", .string("größte\n")), .init("none", .null)]))
    }

    @Test func `candidates come back as they were stored, newest first`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/registry.db"
        do {
            let registry = try ModelRegistry.open(path: path)
            #expect(try registry.inUse("segments") == nil)
            for version in 1...4 {
                try registry.store(
                    candidate(version, adopted: version % 2 == 1), bytes: [UInt8(version)],
                    record: UInt64(version) * 10, keep: 50)
            }
            try registry.store(candidate(1, adopted: false, name: "clv"), bytes: [], record: 99, keep: 50)
        }
        let registry = try ModelRegistry.open(path: path)
        #expect(try registry.names() == ["clv", "segments"])
        let history = try registry.history(of: "segments")
        #expect(history.map(\.version) == [4, 3, 2, 1])
        #expect(history.map(\.adopted) == [false, true, false, true])
        let stored = candidate(2, adopted: false)
        #expect(history[2].parameters == stored.parameters)
        #expect(history[2].metrics == stored.metrics)
        #expect(history[2].baseline == stored.baseline)
        #expect(history[2].dataFrom == wallStart)
        #expect(history[3].dataFrom == nil)
        let used = try #require(try registry.inUse("segments"))
        #expect((used.view.version, used.bytes, used.record) == (3, [3], 30))
        #expect(try registry.inUse("clv") == nil)
        #expect(try registry.lastVersion(of: "segments") == 4)
        #expect(try registry.lastVersion(of: "none") == 0)
        let figures = try #require(try registry.figures(of: "segments", version: 2))
        #expect(String(decoding: figures.parameters, as: UTF8.self) == #"{"k":6,"inertia":0.1}"#)
    }

    @Test func `the same version again is one version`() throws {
        let directory = try TemporaryDirectory()
        let registry = try ModelRegistry.open(path: directory.path + "/registry.db")
        for _ in 0..<3 {
            try registry.store(candidate(1, adopted: true), bytes: [1], record: 10, keep: 5)
        }
        #expect(try registry.history(of: "segments").count == 1)
    }

    @Test func `old versions go, the one in use stays`() throws {
        let directory = try TemporaryDirectory()
        let registry = try ModelRegistry.open(path: directory.path + "/registry.db")
        for version in 1...12 {
            try registry.store(
                candidate(version, adopted: version == 3 || version == 4), bytes: [UInt8(version)],
                record: UInt64(version), keep: 5)
        }
        #expect(try registry.history(of: "segments").map(\.version) == [12, 11, 10, 9, 8, 4])
        #expect(try registry.inUse("segments")?.bytes == [4])
    }

    @Test func `an adoption that the journal does not know is taken back`() throws {
        let directory = try TemporaryDirectory()
        let registry = try ModelRegistry.open(path: directory.path + "/registry.db")
        for version in 1...4 {
            try registry.store(
                candidate(version, adopted: version != 3), bytes: [UInt8(version)], record: 0, keep: 5)
        }
        try registry.store(candidate(9, adopted: true, name: "clv"), bytes: [9], record: 0, keep: 5)
        #expect(try registry.disown("segments", after: 4) == [])
        #expect(try registry.disown("segments", after: 1) == [2, 4])
        #expect(try registry.history(of: "segments").map(\.adopted) == [false, false, false, true])
        #expect(try registry.history(of: "segments")[0].reason.contains("never in use"))
        #expect(try registry.history(of: "segments")[1].reason == "no better")
        #expect(try registry.inUse("segments")?.bytes == [1])
        #expect(try registry.inUse("clv")?.bytes == [9])
        #expect(try registry.disown("segments", after: 1) == [])
    }

    @Test func `what is in use until the next one's adoption is on record is kept`() throws {
        let directory = try TemporaryDirectory()
        let registry = try ModelRegistry.open(path: directory.path + "/registry.db")
        try registry.store(candidate(1, adopted: true), bytes: [1], record: 0, keep: 1)
        try registry.store(candidate(2, adopted: true), bytes: [2], record: 0, keep: 1, inUse: 1)
        #expect(try registry.history(of: "segments").map(\.version) == [2, 1])
        try registry.store(candidate(3, adopted: true), bytes: [3], record: 0, keep: 1, inUse: 2)
        #expect(try registry.history(of: "segments").map(\.version) == [3, 2])
    }
}

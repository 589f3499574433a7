import Core
import Testing

@testable import Store
@testable import StoreSupport

/// One store, one process, one format.
struct DataDirectoryTests {
    private func open(
        _ system: any FileSystem, _ path: String = "/data", process: Int32 = 100, seed: UInt64 = 1,
        format: Int64 = 1, upgrades: [DataDirectory.Upgrade] = []
    ) throws(DataDirectoryError) -> DataDirectory {
        var chance = Randomness(seed: seed)
        return try DataDirectory.open(
            path, process: process, fileSystem: system, format: format, upgrades: upgrades, using: &chance)
    }

    private func identity(_ system: any FileSystem, seed: UInt64 = 1) throws -> StoreIdentity {
        try open(system, seed: seed).identity
    }

    private func write(_ text: String, as path: String, in system: FaultyFileSystem) throws {
        try system.open(path, .create).write(Array(text.utf8), at: 0)
    }

    @Test func `a new directory gets a layout and an identity that stays`() throws {
        let system = FaultyFileSystem()
        let first = try identity(system, seed: 1)
        #expect(try identity(system, seed: 2) == first)
        #expect(first.store != first.journal)
        #expect(try identity(FaultyFileSystem(), seed: 2) != first)
        #expect(StoreUUID(text: first.store.description) == first.store)
        #expect(StoreUUID(text: "no-uuid") == nil)
        let directory = try open(system)
        let (isNew, journal) = (directory.isNew, directory.journal)
        #expect(!isNew)
        #expect(journal == "/data/journal")
    }

    @Test func `a second instance is refused and told who has it`() throws {
        let real = try TemporaryDirectory()
        for (system, path) in [
            (FaultyFileSystem() as any FileSystem, "/data"), (DiskFileSystem(), real.path + "/data"),
        ] {
            let first = try open(system, path, process: 4711)
            #expect(throws: DataDirectoryError.inUse(path: path, process: 4711)) {
                _ = try open(system, path, process: 4712)
            }
            let isNew = first.isNew
            #expect(isNew)
        }
    }

    @Test func `the lock goes with the one who had it`() throws {
        let real = try TemporaryDirectory()
        for process: Int32 in 1...3 {
            let directory = try open(DiskFileSystem(), real.path + "/data", process: process)
            let isNew = directory.isNew
            #expect(isNew == (process == 1))
        }
    }

    @Test func `a newer format is refused with a sentence, whatever else it says`() throws {
        let system = FaultyFileSystem()
        _ = try identity(system)
        try write(#"{"format":2,"lineage":[]}"#, as: "/data/store.json", in: system)
        let error = #expect(throws: DataDirectoryError.self) { _ = try open(system) }
        #expect(error == .newerFormat(path: "/data", found: 2, known: 1))
        #expect(
            error?.description
                == "/data has format 2, written by a newer version; this one knows up to 1")
    }

    @Test func `an older format is brought up step by step, and not again`() throws {
        let system = FaultyFileSystem()
        let first = try identity(system)
        let upgraded = try open(system, format: 3, upgrades: [addDirectory, addFile])
        let identity = upgraded.identity
        #expect(identity == first)
        #expect(try system.list("/data/two") == ["three"])
        let text = String(decoding: try contents("/data/store.json", in: system), as: UTF8.self)
        #expect(text.hasPrefix(#"{"format":3,"#))
    }

    @Test func `an identity that is missing beside a journal, or damaged, is refused`() throws {
        let system = FaultyFileSystem()
        _ = try identity(system)
        for text in [
            "", "{", #"{"format":1}"#, #"{"format":"1"}"#, #"{"format":1,"store":"x","journal":"y"}"#,
        ] {
            try write(text, as: "/data/store.json", in: system)
            let error = #expect(throws: DataDirectoryError.self) { _ = try open(system) }
            guard case .identityDamaged("/data/store.json", _)? = error else {
                Issue.record("\(text): \(String(describing: error))")
                continue
            }
        }
        try write("", as: "/data/journal/00000000000000000001.journal", in: system)
        try system.unlink("/data/store.json")
        #expect(throws: DataDirectoryError.identityMissing(path: "/data/store.json")) {
            _ = try open(system)
        }
    }

    @Test(arguments: [false, true])
    func `a power cut at any operation of the creation does no harm`(afterEffect: Bool) throws {
        let whole = FaultyFileSystem()
        _ = try identity(whole)
        var chance = Randomness(seed: 1)
        for operation in 0..<whole.operations {
            let system = FaultyFileSystem()
            system.cutPower(at: operation, afterEffect: afterEffect)
            #expect(throws: DataDirectoryError.self) { _ = try identity(system) }
            for kept in [FaultyFileSystem.Kept.nothing, .everything, .some, .some] {
                let after = system.restart(keeping: kept, using: &chance)
                let found = try identity(after, seed: 3)
                #expect(try identity(after, seed: 4) == found)
            }
        }
    }
}

@Sendable private func addDirectory(_ path: String, _ system: any FileSystem) throws(FileError) {
    try system.createDirectory(path + "/two")
}

@Sendable private func addFile(_ path: String, _ system: any FileSystem) throws(FileError) {
    try system.open(path + "/two/three", .create).write([3], at: 0)
}

import Core
import Testing

@testable import Store
@testable import StoreSupport

/// A snapshot is whole or not there, and the one before stays until it is.
struct SnapshotTests {
    private func snapshots(_ system: FaultyFileSystem) throws -> Snapshots {
        try Snapshots(directory: "", fileSystem: system)
    }

    @Test func `what was written is read back, by name, newest first`() throws {
        let system = FaultyFileSystem()
        let store = try snapshots(system)
        #expect(try store.load(name: "ledger") == nil)
        try store.write(name: "ledger", position: 5, payload: [1, 2, 3])
        try store.write(name: "ledger-2", position: 900, payload: [])
        try store.write(name: "ledger", position: 70, payload: payload(1, length: 3000))
        #expect(try store.load(name: "ledger")?.payload == payload(1, length: 3000))
        #expect(try store.load(name: "ledger")?.position == 70)
        #expect(try store.load(name: "ledger-2")?.payload == [])
        #expect(try store.list().map(\.position) == [70, 900])
        try store.write(name: "ledger", position: 70, payload: [4])
        #expect(try store.load(name: "ledger")?.payload == [4])
    }

    @Test func `any bit flipped is noticed, with the file's name`() throws {
        let system = FaultyFileSystem()
        try snapshots(system).write(name: "partition-07", position: 5, payload: [1, 2, 3])
        let file = try #require(try files(of: system).first)
        for index in file.bytes.indices {
            for bit in 0..<8 {
                var bytes = file.bytes
                bytes[index] ^= 1 << UInt8(bit)
                let damaged = try snapshots(fileSystem(holding: [(file.path, bytes)]))
                let error = #expect(throws: SnapshotError.self) { try damaged.load(name: "partition-07") }
                guard case .damaged(file.path, _)? = error else {
                    Issue.record("bit \(bit) of byte \(index): \(String(describing: error))")
                    return
                }
            }
        }
        for length in file.bytes.indices {
            let cut = try snapshots(fileSystem(holding: [(file.path, Array(file.bytes[..<length]))]))
            #expect(throws: SnapshotError.self) { try cut.load(name: "partition-07") }
        }
        let longer = try snapshots(fileSystem(holding: [(file.path, file.bytes + [0])]))
        #expect(throws: SnapshotError.damaged(path: file.path, .length)) {
            try longer.load(name: "partition-07")
        }
    }

    @Test func `a damaged newest gives way to the one before, and says so`() throws {
        let old = FaultyFileSystem()
        try snapshots(old).write(name: "a", position: 5, payload: [1])
        let new = FaultyFileSystem()
        try snapshots(new).write(name: "a", position: 6, payload: [2])
        var newer = try files(of: new)[0]
        newer.bytes[newer.bytes.count - 1] ^= 1
        let store = try snapshots(fileSystem(holding: try files(of: old) + [newer]))
        let loaded = try #require(try store.load(name: "a"))
        #expect(loaded == .init(position: 5, payload: [1], damage: .damaged(path: newer.path, .payload)))
    }

    @Test func `a newer format is refused by name`() throws {
        let system = FaultyFileSystem()
        try snapshots(system).write(name: "a", position: 5, payload: [1])
        var file = try files(of: system)[0]
        file.bytes[8] = 9
        let checksum = Checksum.crc32c(
            Array("a".utf8), continuing: Checksum.crc32c(Array(file.bytes[..<36])))
        for byte in 0..<4 { file.bytes[36 + byte] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * byte)) }
        let store = try snapshots(fileSystem(holding: [file]))
        #expect(throws: SnapshotError.newerFormat(path: file.path, found: 9, known: 1)) {
            try store.load(name: "a")
        }
    }

    @Test(arguments: [false, true])
    func `at every power cut the old or the new is there, whole`(afterEffect: Bool) throws {
        var chance = Randomness(seed: 9)
        let (first, second) = (payload(1, length: 1300), payload(2, length: 1700))
        func write(_ system: FaultyFileSystem) throws {
            let store = try snapshots(system)
            try store.write(name: "a", position: 1, payload: first)
            try store.write(name: "a", position: 2, payload: second)
        }
        let whole = FaultyFileSystem()
        try snapshots(whole).write(name: "a", position: 1, payload: first)
        let firstDone = whole.operations
        try snapshots(whole).write(name: "a", position: 2, payload: second)
        for operation in 0..<whole.operations {
            let system = FaultyFileSystem()
            system.cutPower(at: operation, afterEffect: afterEffect)
            #expect(throws: SnapshotError.self) { try write(system) }
            for kept in [FaultyFileSystem.Kept.nothing, .everything, .some, .some, .some] {
                let after = system.restart(keeping: kept, using: &chance)
                let store = try snapshots(after)
                let loaded = try store.load(name: "a")
                let allowed: [[UInt8]?] = operation < firstDone ? [nil, first] : [first, second]
                #expect(allowed.contains(loaded?.payload), "operation \(operation), \(kept)")
                #expect(loaded?.damage == nil)
                try store.write(name: "a", position: 3, payload: [7])
                #expect(try after.list("").count == 1)
            }
        }
    }

    @Test(arguments: [FileError.Operation.open, .write])
    func `without room the old one stays and nothing is left over`(operation: FileError.Operation) throws {
        let system = FaultyFileSystem()
        let store = try snapshots(system)
        try store.write(name: "a", position: 1, payload: [1])
        system.inject(.init(operation: operation, code: 28, partBytes: 10))
        let error = #expect(throws: SnapshotError.self) {
            try store.write(name: "a", position: 2, payload: [2])
        }
        guard case .noSpace? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try system.list("").count == 1)
        #expect(try store.load(name: "a")?.payload == [1])
    }
}

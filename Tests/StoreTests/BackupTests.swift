import Core
import Testing

@testable import Store

/// A backup that does not start, starts damaged, or passes for the store it was taken of.
struct BackupTests {
    private let disk = DiskFileSystem()

    private func open(_ path: String, seed: UInt64 = 1) throws(DataDirectoryError) -> DataDirectory {
        var chance = Randomness(seed: seed)
        return try DataDirectory.open(path, process: 1, fileSystem: disk, using: &chance)
    }

    /// A store with a snapshot at record 2 of 3, a journal, and triggers.
    private func fill(_ directory: borrowing DataDirectory) throws -> [(name: String, bytes: Int64)] {
        var journal = try Journal.open(
            directory: directory.journal, store: directory.identity.journal, segmentBytes: 1 << 20,
            fileSystem: disk, from: 1)
        try commit([100, 200, 300], to: &journal)
        let snapshots = try Snapshots(directory: directory.snapshots, fileSystem: disk)
        try snapshots.write(name: "ledger", position: 2, payload: [1, 2, 3])
        var outbox = try Outbox.open(path: directory.outbox)
        try outbox.append(
            through: 3, triggers: [(3, [trigger("a"), trigger("b")])], wallNow: wallStart)
        _ = try Cursors.open(path: directory.cursors)
        _ = try DeadLetters.open(path: directory.deadLetters)
        _ = try ModelRegistry.open(path: directory.registry)
        return journal.segmentFiles
    }

    @discardableResult
    private func back(up source: String, to target: String) throws -> (BackupManifest, StoreIdentity) {
        let directory = try open(source)
        let segments = try fill(directory)
        var backup = try BackupWriter(from: source, to: target, fileSystem: disk)
        try backup.copyState()
        try backup.copyJournal(segments)
        let identity = directory.identity
        return (try backup.finish(identity, record: 3, takenAt: wallStart), identity)
    }

    @Test func `a backup starts as a store of its own, with everything in it`() throws {
        let home = try TemporaryDirectory()
        let (source, target) = (home.path + "/data", home.path + "/backup")
        let (manifest, identity) = try back(up: source, to: target)
        #expect(BackupManifest(manifest.bytes) == manifest)
        do {
            let restored = try open(target, seed: 7)
            let (known, from) = (restored.identity, restored.restored)
            #expect(known.store != identity.store)
            #expect(known.journal == identity.journal)
            #expect(from == manifest)
            let journal = try Journal.open(
                directory: restored.journal, store: known.journal, segmentBytes: 1, fileSystem: disk, from: 3)
            #expect(try entries(journal).map(\.payload.count) == [100, 200, 300])
            let outbox = try Outbox.open(path: restored.outbox)
            #expect(numbers(try lines(outbox)) == [1, 2])
            #expect(outbox.lastRecord == 3)
        }
        // A crash before what follows from the restore is settled: it is still known, the id is not new.
        do {
            let again = try open(target, seed: 8)
            let (known, from) = (again.identity, again.restored)
            #expect(from == manifest)
            try again.settleRestore(in: disk)
            let once = try disk.list(target).filter { $0.hasSuffix(".json") }
            #expect(once == ["store.json"])
            #expect(known.store != identity.store)
        }
        let used = try open(target, seed: 9)
        let from = used.restored
        #expect(from == nil)
    }

    @Test func `a damaged, shortened or mixed backup is refused by name`() throws {
        let home = try TemporaryDirectory()
        let (source, target) = (home.path + "/data", home.path + "/backup")
        let (manifest, _) = try back(up: source, to: target)
        #expect(manifest.files.count == 6)
        for file in manifest.files {
            let path = "\(target)/\(file.name)"
            let whole = try disk.open(path, .read).readAll()
            var flipped = whole
            flipped[whole.count / 2] ^= 4
            for bytes in [flipped, Array(whole.dropLast()), whole + [0]] {
                try disk.open(path, .create).write(bytes, at: 0)
                let error = #expect(throws: DataDirectoryError.self) { _ = try open(target) }
                #expect(
                    error == .backupDamaged(path: target, reason: "\(file.name) is not as it was written"))
            }
            try disk.unlink(path)
            let error = #expect(throws: DataDirectoryError.self) { _ = try open(target) }
            #expect(error == .backupDamaged(path: target, reason: "\(file.name) is missing"))
            try disk.open(path, .create).write(whole, at: 0)
        }
        let stray = target + "/outbox.db-wal"
        try disk.open(stray, .create).write([1], at: 0)
        let error = #expect(throws: DataDirectoryError.self) { _ = try open(target) }
        #expect(error?.description.contains("restore into an empty directory") == true)
        try disk.unlink(stray)
        let restored = try open(target)
        let from = restored.restored
        #expect(from != nil)
    }

    @Test func `any flipped bit of the manifest, and another store's identity, are refused`() throws {
        let home = try TemporaryDirectory()
        let (source, target) = (home.path + "/data", home.path + "/backup")
        let (manifest, identity) = try back(up: source, to: target)
        let whole = manifest.bytes
        for index in whole.indices {
            var flipped = whole
            flipped[index] ^= 2
            let read = BackupManifest(flipped)
            #expect(read == nil || read == manifest)
            // But for its last newline it must be there wholly.
            if index < whole.count - 1 { #expect(BackupManifest(Array(whole[..<index])) == nil) }
        }
        let other = StoreIdentity(store: identity.store, journal: identity.store)
        try disk.open(target + "/store.json", .create).write(DataDirectory.identityBytes(other), at: 0)
        let error = #expect(throws: DataDirectoryError.self) { _ = try open(target) }
        #expect(error == .backupDamaged(path: target, reason: "store.json is of another store"))
    }

    @Test func `the list of erasures may be the newer one of the store that was lost`() throws {
        let home = try TemporaryDirectory()
        let (source, target) = (home.path + "/data", home.path + "/backup")
        try back(up: source, to: target)
        try disk.open(target + "/erasures.ndjson", .create).write([], at: 0)
        let restored = try open(target)
        let from = restored.restored
        #expect(from != nil)
    }

    @Test func `a copy that is not finished does not start`() throws {
        let home = try TemporaryDirectory()
        let (source, target) = (home.path + "/data", home.path + "/backup")
        let directory = try open(source)
        let segments = try fill(directory)
        var backup = try BackupWriter(from: source, to: target, fileSystem: disk)
        try backup.copyState()
        try backup.copyJournal(segments)
        #expect(throws: DataDirectoryError.identityMissing(path: target + "/store.json")) {
            _ = try open(target)
        }
    }

    @Test func `nothing is written over`() throws {
        let home = try TemporaryDirectory()
        try disk.open(home.path + "/file", .create).write([1], at: 0)
        #expect(throws: BackupError.notEmpty(path: home.path)) {
            _ = try BackupWriter(from: "/nowhere", to: home.path, fileSystem: disk)
        }
        #expect(try disk.list(home.path) == ["file"])
    }

    @Test func `a journal that does not reach the snapshots makes no backup`() throws {
        let home = try TemporaryDirectory()
        let (source, target) = (home.path + "/data", home.path + "/backup")
        let directory = try open(source)
        let segments = try fill(directory)
        var backup = try BackupWriter(from: source, to: target, fileSystem: disk)
        try backup.copyState()
        let identity = directory.identity
        try backup.copyJournal(segments.map { ($0.name, $0.bytes - 1) })
        let error = #expect(throws: BackupError.self) {
            _ = try backup.finish(identity, record: 3, takenAt: wallStart)
        }
        #expect(error == .damaged(path: target, reason: "the journal ends at 2, not 3"))
        #expect(try !disk.list(target).contains(BackupManifest.name))
    }

    @Test func `a directory of format 1 is brought up`() throws {
        let home = try TemporaryDirectory()
        var chance = Randomness(seed: 1)
        do {
            let old = try DataDirectory.open(
                home.path + "/data", process: 1, fileSystem: disk, format: 1, upgrades: [], using: &chance)
            _ = try fill(old)
        }
        let (identity, isNew) = try { () throws in
            let new = try open(home.path + "/data")
            return (new.identity, new.isNew)
        }()
        #expect(!isNew)
        let text = String(decoding: try contents(home.path + "/data/store.json", in: disk), as: UTF8.self)
        #expect(text.hasPrefix(#"{"format":2,"#))
        #expect(text.contains(identity.store.description))
        let error = #expect(throws: DataDirectoryError.self) {
            _ = try DataDirectory.open(
                home.path + "/data", process: 1, fileSystem: disk, format: 1, upgrades: [], using: &chance)
        }
        #expect(
            error?.description
                == "\(home.path)/data has format 2, written by a newer version; this one knows up to 1")
    }
}

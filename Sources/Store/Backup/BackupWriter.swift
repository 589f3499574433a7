package import Core

/// Copies a data directory in use, part by part, in an order in which what is copied fits together:
/// snapshots, then the databases, then the journal, which reaches furthest.
///
/// While it copies, no snapshot may be written and no segment removed.
package struct BackupWriter {
    private let source: String
    private let target: String
    private let fileSystem: any FileSystem
    private var files: [BackupManifest.Entry] = []

    private static let databases = ["cursors.db", "deadletters.db", "registry.db", "outbox.db"]

    /// Creates the directory, or takes an empty one; its parent must exist.
    package init(from source: String, to target: String, fileSystem: any FileSystem) throws(BackupError) {
        self.source = source
        self.target = target
        self.fileSystem = fileSystem
        try Self.reporting(target) { () throws(FileError) in try fileSystem.ensureDirectory(target) }
        let found = try Self.reporting(target) { () throws(FileError) in try fileSystem.list(target) }
        guard found.isEmpty else { throw .notEmpty(path: target) }
        try Self.reporting(target) { () throws(FileError) in
            try fileSystem.ensureDirectory("\(target)/journal")
            try fileSystem.ensureDirectory("\(target)/snapshots")
        }
    }

    /// Everything but the journal.
    package mutating func copyState() throws(BackupError) {
        let names = try Self.reporting(source) { () throws(FileError) in
            try fileSystem.list("\(source)/snapshots").filter { !$0.hasSuffix(temporarySuffix) }
        }
        for name in names { try copy("snapshots/\(name)") }
        let kept = try Self.reporting(source) { () throws(FileError) in try fileSystem.list(source) }
        for name in [ErasureRegister.pendingName, ErasureRegister.doneName] where kept.contains(name) {
            try copy(name)
        }
        for name in Self.databases { try copyDatabase(name) }
    }

    /// The journal as far as it is committed, which must be no less than when `copyState` ended.
    package mutating func copyJournal(_ segments: [(name: String, bytes: Int64)]) throws(BackupError) {
        for segment in segments { try copy("journal/\(segment.name)", bytes: segment.bytes) }
    }

    /// Writes identity and manifest and reads everything back.
    ///
    /// - Parameter record: last journal record of the copied segments.
    package func finish(
        _ identity: StoreIdentity, record: UInt64, takenAt: EventTime
    ) throws(BackupError) -> BackupManifest {
        let manifest = BackupManifest(
            identity: identity, record: record, takenAt: takenAt, files: files)
        try Self.reporting(target) { () throws(FileError) in
            for folder in ["/journal", "/snapshots", ""] { try fileSystem.syncDirectory(target + folder) }
        }
        try verify(identity, record: record)
        if let damage = try Self.reporting(
            target, { () throws(FileError) in try manifest.damage(of: target, in: fileSystem) })
        {
            throw .damaged(path: target, reason: damage)
        }
        try Self.reporting(target) { () throws(FileError) in
            let layout = DataDirectory.identityBytes(identity)
            for (name, bytes) in [("store.json", layout), (BackupManifest.name, manifest.bytes)] {
                try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
                    try fileSystem.replace(name, in: target, with: [UnsafeRawBufferPointer(buffer)])
                }
            }
        }
        return manifest
    }

    /// Snapshots and journal records must read back, and reach each other.
    private func verify(_ identity: StoreIdentity, record: UInt64) throws(BackupError) {
        do {
            let snapshots = try Snapshots(directory: "\(target)/snapshots", fileSystem: fileSystem)
            var least = record
            for name in Set(try snapshots.list().map(\.name)) {
                least = min(least, try snapshots.load(name: name)?.position ?? 0)
            }
            let journal = try Journal.open(
                directory: "\(target)/journal", store: identity.journal, segmentBytes: .max,
                fileSystem: fileSystem, from: least + 1)
            guard journal.committedRecord == record + 1 else {
                throw BackupError.damaged(
                    path: target, reason: "the journal ends at \(journal.committedRecord - 1), not \(record)")
            }
            if journal.firstRecord <= record {
                try journal.replay(from: max(least + 1, journal.firstRecord)) { _, _, _ in }
            }
        } catch let error as BackupError {
            throw error
        } catch {
            throw .damaged(path: target, reason: "\(error)")
        }
    }

    private mutating func copy(_ name: String, bytes: Int64? = nil) throws(BackupError) {
        let (from, to) = ("\(source)/\(name)", "\(target)/\(name)")
        let system = fileSystem
        let copied = try Self.reporting(to) { () throws(FileError) in
            try FileCopy.copy(from, to: to, bytes: bytes, in: system)
        }
        files.append(BackupManifest.Entry(name: name, bytes: copied.bytes, checksum: copied.checksum))
    }

    /// A database as of one moment, while others write to it; nothing of what it has deleted is in it.
    private mutating func copyDatabase(_ name: String) throws(BackupError) {
        let to = "\(target)/\(name)"
        do throws(DatabaseError) {
            try Database.open(path: "\(source)/\(name)").copy(to: to)
            try Database.open(path: to).check()
        } catch { throw .database(error) }
        let system = fileSystem
        let copied = try Self.reporting(to) { () throws(FileError) in
            try system.open(to, .update).sync()
            return try FileCopy.checksum(of: to, in: system)
        }
        files.append(BackupManifest.Entry(name: name, bytes: copied.bytes, checksum: copied.checksum))
    }

    private static func reporting<Result>(
        _ path: String, _ body: () throws(FileError) -> Result
    ) throws(BackupError) -> Result {
        do throws(FileError) { return try body() } catch {
            throw error.isNoSpace ? .noSpace(path: path) : .file(error)
        }
    }
}

extension Database {
    /// Writes a compact copy, as of now, into a file that does not exist.
    func copy(to path: String) throws(DatabaseError) {
        let statement = try prepare("VACUUM INTO ?")
        try statement.bind(1, path)
        try statement.run()
    }

    /// Reads every page; throws where one is damaged.
    func check() throws(DatabaseError) {
        let check = try prepare("PRAGMA quick_check")
        guard try check.step(), check.text(0) == "ok" else {
            throw .corrupt(path: path, message: check.text(0))
        }
    }
}

/// Why a backup could not be taken.
package enum BackupError: Error, Equatable, Sendable, CustomStringConvertible {
    case notEmpty(path: String)
    case noSpace(path: String)
    case file(FileError)
    case database(DatabaseError)
    case damaged(path: String, reason: String)

    package var description: String {
        switch self {
        case .notEmpty(let path): "\(path) is not empty"
        case .noSpace(let path): "no room on disk for \(path)"
        case .file(let error): "\(error)"
        case .database(let error): "\(error)"
        case .damaged(let path, let reason): "\(path) does not read back: \(reason)"
        }
    }
}

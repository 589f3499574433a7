import Core

/// The daemon's directory: where everything lies, whose it is, and that nobody else uses it.
///
///     lock              held while this value lives; names the process that has it
///     store.json        format and identity
///     journal/          segment files
///     snapshots/        state at journal positions
///     *.db              outbox, cursors, registry, dead letters
package struct DataDirectory: ~Copyable {
    /// Leads a directory from one format to the next; must survive being run again after a crash.
    package typealias Upgrade =
        @Sendable (_ directory: String, any FileSystem) throws(FileError) -> Void

    package let path: String
    package let identity: StoreIdentity
    /// Whether this start has created it.
    package let isNew: Bool
    /// The backup that it was restored from, until `settleRestore`.
    package let restored: BackupManifest?
    private let lock: any File

    /// Layout of the directory and its files as this version writes them.
    ///
    /// 2: the journal may hold erasures, which what knows format 1 only cannot apply.
    package static let format: Int64 = 2
    /// `upgrades[i]` leads from format i + 1 to i + 2.
    private static let upgrades: [Upgrade] = [admitErasures]
    private static let identityName = "store.json"

    package var journal: String { "\(path)/journal" }
    package var snapshots: String { "\(path)/snapshots" }
    package var outbox: String { "\(path)/outbox.db" }
    package var cursors: String { "\(path)/cursors.db" }
    package var registry: String { "\(path)/registry.db" }
    package var deadLetters: String { "\(path)/deadletters.db" }

    /// Locks the directory, creating it where it is missing (its parent must exist), and brings an older
    /// format up to this one. The lock is held until the value is gone.
    /// - Parameters:
    ///   - process: id of this process, told to a second one that is refused.
    ///   - generator: draws the identity of a new store.
    package static func open(
        _ path: String, process: Int32, fileSystem: any FileSystem,
        using generator: inout some RandomNumberGenerator
    ) throws(DataDirectoryError) -> DataDirectory {
        try open(
            path, process: process, fileSystem: fileSystem, format: format, upgrades: upgrades,
            using: &generator)
    }

    /// The same for another format: what a test of the upgrade needs.
    static func open(
        _ path: String, process: Int32, fileSystem: any FileSystem, format: Int64, upgrades: [Upgrade],
        using generator: inout some RandomNumberGenerator
    ) throws(DataDirectoryError) -> DataDirectory {
        let lock: any File
        do {
            try fileSystem.ensureDirectory(path)
            lock = try fileSystem.open("\(path)/lock", .createOrKeep)
        } catch { throw .file(error) }
        try take(lock, of: path, for: process)
        do {
            try fileSystem.createDirectory("\(path)/journal")
            try fileSystem.createDirectory("\(path)/snapshots")
            try fileSystem.removeTemporaries(in: path)
            try fileSystem.syncDirectory(path)
        } catch { throw .file(error) }
        let layout = Layout(path: path, fileSystem: fileSystem, format: format, upgrades: upgrades)
        try layout.restore(using: &generator)
        if let identity = try layout.load() {
            return DataDirectory(
                path: path, identity: identity, isNew: false, restored: try layout.restored(), lock: lock)
        }
        let identity = try layout.create(using: &generator)
        return DataDirectory(path: path, identity: identity, isNew: true, restored: nil, lock: lock)
    }

    /// What the backup did not know has been taken up: the directory is as any other.
    package func settleRestore(in fileSystem: any FileSystem) throws(DataDirectoryError) {
        guard restored != nil else { return }
        do throws(FileError) {
            try fileSystem.unlink("\(path)/\(BackupManifest.restoredName)")
            try fileSystem.syncDirectory(path)
        } catch { throw .file(error) }
    }

    /// The identity file of this format.
    static func identityBytes(_ identity: StoreIdentity) -> [UInt8] {
        Layout.bytes(identity, format: format)
    }

    private static func take(
        _ lock: any File, of path: String, for process: Int32
    ) throws(DataDirectoryError) {
        let holder: [UInt8]?
        do {
            holder = try lock.tryLock() ? nil : try lock.readAll()
            if holder == nil {
                try lock.truncate(to: 0)
                try lock.write(Array("\(process)\n".utf8), at: 0)
            }
        } catch { throw .file(error) }
        guard let holder else { return }
        let digits = String(decoding: holder, as: UTF8.self).prefix { $0.isNumber }
        throw .inUse(path: path, process: Int32(digits))
    }
}

/// Nothing is to be changed: records of erasure come after what is there.
@Sendable private func admitErasures(_ directory: String, _ fileSystem: any FileSystem) throws(FileError) {}

/// The identity file.
private struct Layout {
    let path: String
    let fileSystem: any FileSystem
    let format: Int64
    let upgrades: [DataDirectory.Upgrade]

    private static let name = "store.json"
    private var file: String { "\(path)/\(Layout.name)" }

    /// The identity on disk, nil where nothing is; an older format is brought up first.
    func load() throws(DataDirectoryError) -> StoreIdentity? {
        let names: [String]
        let used: Bool
        do {
            names = try fileSystem.list(path)
            used = try !fileSystem.list("\(path)/journal").isEmpty
        } catch { throw .file(error) }
        guard names.contains(Layout.name) else {
            if used { throw .identityMissing(path: file) }
            return nil
        }
        let bytes: [UInt8]
        do { bytes = try fileSystem.open(file, .read).readAll() } catch { throw .file(error) }
        let (found, identity) = try parse(bytes)
        guard found <= format else { throw .newerFormat(path: path, found: found, known: format) }
        for version in found..<format {
            do { try upgrades[Int(version) - 1](path, fileSystem) } catch { throw .file(error) }
            try write(identity, format: version + 1)
        }
        return identity
    }

    /// Makes a backup that is started for the first time a store of its own: checks that it is whole, and
    /// gives it a new store id, by which producers notice. Done again where a crash came between.
    func restore(using generator: inout some RandomNumberGenerator) throws(DataDirectoryError) {
        let name = "\(path)/\(BackupManifest.name)"
        guard let manifest = try manifest(name) else { return }
        let damage: String?
        let bytes: [UInt8]
        do throws(FileError) {
            damage = try manifest.damage(of: path, in: fileSystem)
            bytes = try fileSystem.open(file, .read).readAll()
        } catch { throw .file(error) }
        if let damage { throw .backupDamaged(path: path, reason: damage) }
        let (found, identity) = try parse(bytes)
        guard identity.journal == manifest.journal else {
            throw .backupDamaged(path: path, reason: "\(Layout.name) is of another store")
        }
        let renewed = StoreIdentity(store: StoreUUID(using: &generator), journal: identity.journal)
        try write(renewed, format: found)
        do throws(FileError) {
            try fileSystem.rename(name, to: "\(path)/\(BackupManifest.restoredName)")
            try fileSystem.syncDirectory(path)
        } catch { throw .file(error) }
    }

    func restored() throws(DataDirectoryError) -> BackupManifest? {
        try manifest("\(path)/\(BackupManifest.restoredName)")
    }

    private func manifest(_ name: String) throws(DataDirectoryError) -> BackupManifest? {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try fileSystem.open(name, .read).readAll() } catch {
            if error.isMissing { return nil }
            throw .file(error)
        }
        guard let manifest = BackupManifest(bytes) else {
            throw .backupDamaged(path: path, reason: "its manifest \(name) does not read back")
        }
        return manifest
    }

    func create(
        using generator: inout some RandomNumberGenerator
    ) throws(DataDirectoryError) -> StoreIdentity {
        let identity = StoreIdentity(
            store: StoreUUID(using: &generator), journal: StoreUUID(using: &generator))
        try write(identity, format: format)
        return identity
    }

    private func write(_ identity: StoreIdentity, format: Int64) throws(DataDirectoryError) {
        let bytes = Self.bytes(identity, format: format)
        do {
            try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
                try fileSystem.replace(Layout.name, in: path, with: [UnsafeRawBufferPointer(bytes)])
            }
        } catch { throw .file(error) }
    }

    static func bytes(_ identity: StoreIdentity, format: Int64) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("format")
        writer.value(format)
        writer.key("store")
        writer.value(identity.store.description)
        writer.key("journal")
        writer.value(identity.journal.description)
        writer.endObject()
        writer.newline()
        return writer.bytes
    }

    private func parse(_ bytes: [UInt8]) throws(DataDirectoryError) -> (Int64, StoreIdentity) {
        let tree: JSONValue
        do { tree = try JSONReader.parse(bytes) } catch {
            throw .identityDamaged(path: file, reason: error.description)
        }
        guard case .integer(let found)? = tree["format"], found >= 1 else {
            throw .identityDamaged(path: file, reason: "it has no format")
        }
        // A newer format may name the rest otherwise; the number alone decides about it.
        guard found <= format else { throw .newerFormat(path: path, found: found, known: format) }
        guard case .string(let store)? = tree["store"], case .string(let journal)? = tree["journal"],
            let storeID = StoreUUID(text: store), let journalID = StoreUUID(text: journal)
        else { throw .identityDamaged(path: file, reason: "it has no store and journal ids") }
        return (found, StoreIdentity(store: storeID, journal: journalID))
    }
}

/// Why a data directory cannot be used.
package enum DataDirectoryError: Error, Equatable, Sendable {
    /// Another process has it; nil where that one has not written its id yet.
    case inUse(path: String, process: Int32?)
    case newerFormat(path: String, found: Int64, known: Int64)
    /// There is a journal and nothing that says whose.
    case identityMissing(path: String)
    case identityDamaged(path: String, reason: String)
    /// A backup that is not whole.
    case backupDamaged(path: String, reason: String)
    case file(FileError)
}

extension DataDirectoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .inUse(let path, let process):
            "\(path) is in use by " + (process.map { "process \($0)" } ?? "another process")
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found), written by a newer version; this one knows up to \(known)"
        case .identityMissing(let path): "\(path) is missing although there is a journal beside it"
        case .identityDamaged(let path, let reason): "\(path) cannot be used: \(reason)"
        case .backupDamaged(let path, let reason):
            "the backup in \(path) cannot be used: \(reason)"
        case .file(let error): "data directory: \(error)"
        }
    }
}

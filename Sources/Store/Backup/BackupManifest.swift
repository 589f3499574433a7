package import Core

/// What a backup consists of: `backup.json`, written last. A directory with it has not been used since;
/// the first start checks every file against it, takes a new store id and removes it.
package struct BackupManifest: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// Path within the directory.
        package var name: String
        package var bytes: Int64
        package var checksum: UInt32
    }

    /// Store it was taken of.
    package var store: StoreUUID
    /// What journal and snapshots are bound to, as in the identity file.
    package var journal: StoreUUID
    /// Last journal record in it.
    package var record: UInt64
    package var takenAt: EventTime
    package var files: [Entry]

    package static let name = "backup.json"
    /// The manifest of a backup in use whose erasures have not been settled yet.
    package static let restoredName = "restored.json"
    /// May be replaced before the first start by that of the store that was lost, so that what was erased
    /// since is erased again.
    static let replaceable = ErasureRegister.doneName

    package init(identity: StoreIdentity, record: UInt64, takenAt: EventTime, files: [Entry]) {
        store = identity.store
        journal = identity.journal
        self.record = record
        self.takenAt = takenAt
        self.files = files
    }

    /// One line that says it, and one with the checksum of that.
    package var bytes: [UInt8] {
        let line = self.line
        return line + Array("{\"crc32c\":\(Checksum.crc32c(line))}\n".utf8)
    }

    private var line: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("store")
        writer.value(store.description)
        writer.key("journal")
        writer.value(journal.description)
        writer.key("record")
        writer.value(record)
        writer.key("taken_at")
        writer.value(takenAt.microseconds)
        writer.key("files")
        writer.beginArray()
        for file in files {
            writer.beginObject()
            writer.key("name")
            writer.value(file.name)
            writer.key("bytes")
            writer.value(file.bytes)
            writer.key("crc32c")
            writer.value(Int64(file.checksum))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        writer.newline()
        return writer.bytes
    }

    /// Reads what `bytes` gave; nil for anything else.
    package init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = Array(bytes[...end])
        let tree: JSONValue
        let check: JSONValue
        // Which byte is wrong does not matter: a manifest is whole or of no use.
        do throws(JSONReadError) {
            tree = try JSONReader.parse(line)
            check = try JSONReader.parse(Array(bytes[(end + 1)...]))
        } catch { return nil }
        guard check["crc32c"] == .integer(Int64(Checksum.crc32c(line))),
            case .string(let text)? = tree["store"], let store = StoreUUID(text: text),
            case .string(let other)? = tree["journal"], let journal = StoreUUID(text: other),
            case .integer(let record)? = tree["record"], case .integer(let takenAt)? = tree["taken_at"],
            case .array(let elements)? = tree["files"]
        else { return nil }
        self.init(
            identity: StoreIdentity(store: store, journal: journal), record: UInt64(bitPattern: record),
            takenAt: EventTime(microseconds: takenAt),
            files: [])
        for element in elements {
            guard case .string(let name)? = element["name"], case .integer(let bytes)? = element["bytes"],
                case .integer(let checksum)? = element["crc32c"], let crc = UInt32(exactly: checksum)
            else { return nil }
            files.append(Entry(name: name, bytes: bytes, checksum: crc))
        }
    }

    /// Holds the files of a directory against the manifest.
    ///
    /// - Returns: what is wrong, nil where nothing is.
    package func damage(of directory: String, in fileSystem: any FileSystem) throws(FileError) -> String? {
        for file in files where file.name != Self.replaceable {
            do throws(FileError) {
                let found = try FileCopy.checksum(of: "\(directory)/\(file.name)", in: fileSystem)
                if found.bytes != file.bytes || found.checksum != file.checksum {
                    return "\(file.name) is not as it was written"
                }
            } catch {
                guard error.isMissing else { throw error }
                return "\(file.name) is missing"
            }
        }
        let known = Set(files.map(\.name)).union([
            "lock", "store.json", Self.name, Self.replaceable, "journal", "snapshots",
        ])
        for folder in ["", "journal/", "snapshots/"] {
            for name in try fileSystem.list("\(directory)/\(folder)") where !known.contains(folder + name) {
                return "\(folder)\(name) is not part of it; restore into an empty directory"
            }
        }
        return nil
    }
}

/// Copies files with their checksums.
enum FileCopy {
    private static let windowBytes = 1 << 20

    /// Copies the first bytes of a file, or all, durably but for its name.
    static func copy(
        _ source: String, to target: String, bytes limit: Int64? = nil, in fileSystem: any FileSystem
    ) throws(FileError) -> (bytes: Int64, checksum: UInt32) {
        let output = try fileSystem.open(target, .create)
        let result = try read(source, limit: limit, in: fileSystem) { (part, offset) throws(FileError) in
            try output.write(part, at: offset)
        }
        try output.sync()
        return result
    }

    static func checksum(
        of path: String, in fileSystem: any FileSystem
    ) throws(FileError) -> (bytes: Int64, checksum: UInt32) {
        try read(path, limit: nil, in: fileSystem) { (_, _) throws(FileError) in }
    }

    private static func read(
        _ path: String, limit: Int64?, in fileSystem: any FileSystem,
        _ take: (UnsafeRawBufferPointer, Int64) throws(FileError) -> Void
    ) throws(FileError) -> (bytes: Int64, checksum: UInt32) {
        let file = try fileSystem.open(path, .read)
        var end = limit ?? 0
        if limit == nil { end = try file.size() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: windowBytes, alignment: 16)
        defer { buffer.deallocate() }
        var (offset, checksum): (Int64, UInt32) = (0, 0)
        while offset < end {
            let wanted = Int(min(Int64(windowBytes), end - offset))
            let count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<wanted]), at: offset)
            if count == 0 { break }
            let part = UnsafeRawBufferPointer(rebasing: buffer[0..<count])
            checksum = Checksum.crc32c(part, continuing: checksum)
            try take(part, offset)
            offset += Int64(count)
        }
        return (offset, checksum)
    }
}

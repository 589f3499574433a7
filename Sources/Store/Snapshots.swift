/// State at a journal position, one file per name and position: `NAME-POSITION.snap`.
///
///     "ROOSTSNP" | format u32 | name bytes u32 | position u64 | payload bytes u64 | payload CRC u32
///     | CRC of all before, and of the name, u32 | name | payload
///
/// A file appears under its name only when it is whole and on disk, and the one before it goes only
/// after that. Snapshots of different names may be written at once.
package struct Snapshots: Sendable {
    package struct Entry: Equatable, Sendable {
        package var name: String
        package var position: UInt64
        package var path: String
    }

    /// A snapshot read back.
    package struct Loaded: Equatable, Sendable {
        package var position: UInt64
        package var payload: [UInt8]
        /// Damage of a newer file of the same name, where this one stands in for it.
        package var damage: SnapshotError?
    }

    private let directory: String
    private let fileSystem: any FileSystem

    static let version: UInt32 = 1
    private static let magic = Array("ROOSTSNP".utf8)
    private static let fixedBytes = 40
    private static let suffix = ".snap"

    /// Removes what a crash left unfinished.
    package init(directory: String, fileSystem: any FileSystem) throws(SnapshotError) {
        self.directory = directory
        self.fileSystem = fileSystem
        do { try fileSystem.removeTemporaries(in: directory) } catch { throw .file(error) }
    }

    /// Every snapshot file, by name, then position. Other files are passed over.
    package func list() throws(SnapshotError) -> [Entry] {
        let names: [String]
        do { names = try fileSystem.list(directory) } catch { throw .file(error) }
        return names.compactMap(entry).sorted { ($0.name, $0.position) < ($1.name, $1.position) }
    }

    /// Keeps state durably, then removes older snapshots of the name.
    ///
    /// - Parameters:
    ///   - name: letters, digits, `-` and `_`.
    ///   - position: number of the last journal record the state includes.
    package func write(
        name: String, position: UInt64, payload: UnsafeRawBufferPointer
    ) throws(SnapshotError) {
        precondition(name.utf8.allSatisfy(Snapshots.isNameByte) && !name.isEmpty, "bad snapshot name")
        let header = Snapshots.header(name: name, position: position, payload: payload)
        do {
            try header.withUnsafeBufferPointer { (head) throws(FileError) in
                try fileSystem.replace(
                    Snapshots.fileName(name, position), in: directory,
                    with: [UnsafeRawBufferPointer(head), payload])
            }
        } catch {
            throw error.isNoSpace ? .noSpace(path: error.path) : .file(error)
        }
        try removeOlder(of: name, than: position)
    }

    package func write(name: String, position: UInt64, payload: [UInt8]) throws(SnapshotError) {
        try payload.withUnsafeBufferPointer { (buffer) throws(SnapshotError) in
            try write(name: name, position: position, payload: UnsafeRawBufferPointer(buffer))
        }
    }

    /// The newest whole snapshot of a name, nil where there is no file of it at all.
    ///
    /// A damaged file is passed over for an older one, where a crash left one, and told about in the
    /// result; where no file is whole, the damage of the newest is thrown. Whether an older one is of use
    /// depends on the journal reaching back to it, which `Journal.open` checks.
    package func load(name: String) throws(SnapshotError) -> Loaded? {
        var damage: SnapshotError?
        for entry in try list().reversed() where entry.name == name {
            do {
                let payload = try read(entry)
                return Loaded(position: entry.position, payload: payload, damage: damage)
            } catch {
                guard case .damaged = error else { throw error }
                damage = damage ?? error
            }
        }
        if let damage { throw damage }
        return nil
    }

    private func removeOlder(of name: String, than position: UInt64) throws(SnapshotError) {
        let older = try list().filter { $0.name == name && $0.position < position }
        guard !older.isEmpty else { return }
        do {
            for entry in older { try fileSystem.unlink(entry.path) }
            try fileSystem.syncDirectory(directory)
        } catch { throw .file(error) }
    }

    // MARK: Format

    private func read(_ entry: Entry) throws(SnapshotError) -> [UInt8] {
        let file: any File
        let size: Int64
        let head: [UInt8]
        do {
            file = try fileSystem.open(entry.path, .read)
            size = try file.size()
            let nameBytes = entry.name.utf8.count
            head = try Snapshots.read(
                file, at: 0, count: Int(min(size, Int64(Snapshots.fixedBytes + nameBytes))))
        } catch { throw .file(error) }
        let (payloadBytes, checksum) = try Snapshots.check(head, of: entry)
        guard UInt64(size) == UInt64(head.count) + payloadBytes else {
            throw .damaged(path: entry.path, .length)
        }
        let payload: [UInt8]
        do {
            payload = try Snapshots.read(file, at: Int64(head.count), count: Int(payloadBytes))
        } catch { throw .file(error) }
        guard Checksum.crc32c(payload) == checksum else { throw .damaged(path: entry.path, .payload) }
        return payload
    }

    /// Payload length and CRC of a header that is whole and of this entry.
    private static func check(
        _ head: [UInt8], of entry: Entry
    ) throws(SnapshotError) -> (bytes: UInt64, checksum: UInt32) {
        guard head.count >= fixedBytes, Array(head[0..<8]) == magic else {
            throw .damaged(path: entry.path, .header)
        }
        var fields = ByteCursor(Array(head[8..<fixedBytes]))
        let version: UInt32 = fields.littleEndian()
        let nameBytes: UInt32 = fields.littleEndian()
        let position: UInt64 = fields.littleEndian()
        let payloadBytes: UInt64 = fields.littleEndian()
        let payloadChecksum: UInt32 = fields.littleEndian()
        let headerChecksum: UInt32 = fields.littleEndian()
        let name = Array(head[fixedBytes...])
        let checksum = Checksum.crc32c(name, continuing: Checksum.crc32c(Array(head[0..<fixedBytes - 4])))
        guard checksum == headerChecksum, Int(nameBytes) == name.count else {
            throw .damaged(path: entry.path, .header)
        }
        guard version <= Snapshots.version else {
            throw .newerFormat(path: entry.path, found: version, known: Snapshots.version)
        }
        guard name == Array(entry.name.utf8), position == entry.position else {
            throw .damaged(path: entry.path, .name)
        }
        return (payloadBytes, payloadChecksum)
    }

    private static func header(
        name: String, position: UInt64, payload: UnsafeRawBufferPointer
    ) -> [UInt8] {
        var bytes = magic
        let nameBytes = Array(name.utf8)
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: UInt32(nameBytes.count))
        bytes.append(littleEndian: position)
        bytes.append(littleEndian: UInt64(payload.count))
        bytes.append(littleEndian: Checksum.crc32c(payload))
        let checksum = Checksum.crc32c(nameBytes, continuing: Checksum.crc32c(bytes))
        bytes.append(littleEndian: checksum)
        return bytes + nameBytes
    }

    private static func read(_ file: any File, at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            do throws(FileError) {
                done = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    // MARK: Names

    private static func fileName(_ name: String, _ position: UInt64) -> String {
        let digits = String(position)
        return name + "-" + String(repeating: "0", count: 20 - digits.count) + digits + suffix
    }

    private func entry(fileName: String) -> Entry? {
        guard fileName.hasSuffix(Snapshots.suffix) else { return nil }
        let stem = fileName.dropLast(Snapshots.suffix.count)
        guard let dash = stem.lastIndex(of: "-"), dash > stem.startIndex else { return nil }
        let digits = stem[stem.index(after: dash)...]
        guard digits.utf8.count == 20, let position = UInt64(digits) else { return nil }
        return Entry(name: String(stem[..<dash]), position: position, path: "\(directory)/\(fileName)")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}

/// Why a snapshot could not be written or read.
package enum SnapshotError: Error, Equatable, Sendable {
    package enum Damage: String, Sendable {
        case header = "its header is damaged"
        case name = "its header names another snapshot"
        case length = "its length is not the one in its header"
        case payload = "its checksum does not match"
    }

    /// No room: the temporary file is gone and the snapshot before is kept.
    case noSpace(path: String)
    case file(FileError)
    case damaged(path: String, Damage)
    case newerFormat(path: String, found: UInt32, known: UInt32)
}

extension SnapshotError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSpace(let path): "no room on disk for \(path)"
        case .file(let error): "snapshots: \(error)"
        case .damaged(let path, let damage): "\(path) cannot be used: \(damage.rawValue)"
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found), written by a newer version; this one knows up to \(known)"
        }
    }
}

/// Takes little-endian words from the front of bytes whose length is known to suffice.
private struct ByteCursor {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func littleEndian<Word: FixedWidthInteger>() -> Word {
        defer { place += MemoryLayout<Word>.size }
        return bytes.withUnsafeBytes {
            Word(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Word.self))
        }
    }
}

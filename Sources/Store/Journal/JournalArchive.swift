/// Segments that a cut has moved away instead of removing them: never read by the daemon again, but they
/// hold what was erased since.
package struct JournalArchive {
    private let directory: String
    private let store: StoreUUID
    private let fileSystem: any FileSystem
    private static let bufferBytes = 4 << 20

    package init(directory: String, store: StoreUUID, fileSystem: any FileSystem) {
        self.directory = directory
        self.store = store
        self.fileSystem = fileSystem
    }

    /// Writes segments anew in which records change; numbers and kinds of records stay. A segment is the
    /// old one or the new one, whole, whatever happens.
    ///
    /// - Parameters:
    ///   - through: segments that begin later are not looked into.
    ///   - change: gives a record's new payload, nil where it stays as it is.
    /// - Returns: how many segments were written anew.
    package func rewrite(
        through record: UInt64,
        _ change: (_ number: UInt64, _ kind: UInt8, _ payload: UnsafeRawBufferPointer) throws -> [UInt8]?
    ) throws -> Int {
        try fileSystem.removeTemporaries(in: directory)
        var rewritten = 0
        for name in try fileSystem.list(directory) {
            guard let first = JournalFormat.first(ofFileName: name), first <= record else { continue }
            if try isConcerned(name, first, change) {
                try rewrite(name, first, change)
                rewritten += 1
            }
        }
        return rewritten
    }

    private func isConcerned(
        _ name: String, _ first: UInt64,
        _ change: (UInt64, UInt8, UnsafeRawBufferPointer) throws -> [UInt8]?
    ) throws -> Bool {
        var isConcerned = false
        try read(name, first) { header, payload in
            if try change(header.number, header.kind, payload) == nil { return true }
            isConcerned = true
            return false
        }
        return isConcerned
    }

    private func rewrite(
        _ name: String, _ first: UInt64,
        _ change: (UInt64, UInt8, UnsafeRawBufferPointer) throws -> [UInt8]?
    ) throws {
        let temporary = "\(directory)/\(name)\(temporarySuffix)"
        let output = try fileSystem.open(temporary, .create)
        var buffer = JournalFormat.header(store: store, first: first)
        var offset: Int64 = 0
        let seed = Checksum.crc32c(store.bytes)
        try read(name, first) { header, payload in
            let changed = try change(header.number, header.kind, payload)
            func append(_ bytes: UnsafeRawBufferPointer) {
                JournalFormat.append(
                    bytes, kind: header.kind, number: header.number, place: header.place, seed: seed,
                    to: &buffer)
            }
            if let changed { changed.withUnsafeBytes(append) } else { append(payload) }
            if buffer.count >= Self.bufferBytes {
                try output.write(buffer, at: offset)
                offset += Int64(buffer.count)
                buffer.removeAll(keepingCapacity: true)
            }
            return true
        }
        try output.write(buffer, at: offset)
        try output.sync()
        try fileSystem.rename(temporary, to: "\(directory)/\(name)")
        try fileSystem.syncDirectory(directory)
    }

    /// Hands over records in order until the body has seen enough.
    private func read(
        _ name: String, _ first: UInt64, _ body: (RecordHeader, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let path = "\(directory)/\(name)"
        let file = try fileSystem.open(path, .read)
        var reader = SegmentReader(
            file: file, end: try file.size(), expected: first, seed: Checksum.crc32c(store.bytes))
        while true {
            switch try reader.next() {
            case .record(let header, let payload): if try !body(header, payload) { return }
            case .end: return
            case .invalid(let damage):
                throw JournalError.corrupt(path: path, offset: reader.offset, damage: damage)
            }
        }
    }
}

/// The log that everything follows from: segment files of numbered, checked records.
///
/// Owned and called by one queue; every call is synchronous. Records get their numbers when appended and
/// are on disk when `commit` returns. A segment file is named by its first record's number; only the last
/// one is written. Layout: `JournalFormat`.
package struct Journal: ~Copyable {
    struct Segment {
        var first: UInt64
        var path: String
        /// Bytes that count; for the last segment those committed.
        var bytes: Int64
    }

    let fileSystem: any FileSystem
    let directory: String
    let archive: String?
    let store: StoreUUID
    let seed: UInt32
    let segmentBytes: Int64
    /// Ascending; never empty.
    var kept: [Segment]
    /// The last segment, for writing.
    var file: any File
    /// Number of the first record that is not on disk yet.
    private var committed: UInt64
    /// Records appended since the last commit.
    private var buffer: [UInt8] = []
    private var failure: JournalError?

    /// Number that the next record gets.
    package private(set) var nextRecord: UInt64

    /// Memory that the write buffer may keep after a commit, bytes.
    private static let keptBufferBytes = 16 << 20

    init(
        fileSystem: any FileSystem, directory: String, archive: String?, store: StoreUUID,
        segmentBytes: Int64, kept: [Segment], file: any File, nextRecord: UInt64
    ) {
        self.fileSystem = fileSystem
        self.directory = directory
        self.archive = archive
        self.store = store
        self.seed = Checksum.crc32c(store.bytes)
        self.segmentBytes = segmentBytes
        self.kept = kept
        self.file = file
        self.nextRecord = nextRecord
        committed = nextRecord
    }

    /// Bytes of all segment files, without what is not committed.
    package var bytes: Int64 { kept.reduce(0) { $0 + $1.bytes } }
    package var segments: Int { kept.count }
    /// Committed records in the files.
    package var records: UInt64 { committed - kept[0].first }
    /// Number of the first record in the files.
    package var firstRecord: UInt64 { kept[0].first }
    /// Number that follows the last record on disk.
    package var committedRecord: UInt64 { committed }
    /// Bytes appended and not committed.
    package var pendingBytes: Int { buffer.count }

    /// Puts a record behind the others in memory; it is on disk after `commit`.
    /// - Returns: the record's number, one more than the one before.
    package mutating func append(kind: UInt8, payload: UnsafeRawBufferPointer) -> UInt64 {
        let place = Int(nextRecord - committed)
        precondition(payload.count <= JournalFormat.payloadBytesMax, "the record is too long")
        precondition(place < JournalFormat.recordsPerCommit, "too many records in one commit")
        JournalFormat.append(
            payload, kind: kind, number: nextRecord, place: place, seed: seed, to: &buffer)
        nextRecord += 1
        return nextRecord - 1
    }

    package mutating func append(kind: UInt8, payload: [UInt8]) -> UInt64 {
        payload.withUnsafeBytes { append(kind: kind, payload: $0) }
    }

    /// Makes everything appended durable: one write, one fdatasync.
    ///
    /// After `.noSpace` the records still wait and the call may be repeated. After `.fatal` nothing is
    /// tried again: every later call throws the same.
    package mutating func commit() throws(JournalError) {
        if let failure { throw failure }
        guard !buffer.isEmpty else { return }
        if kept[kept.count - 1].bytes >= segmentBytes { try beginSegment() }
        let last = kept.count - 1
        do {
            try file.write(buffer, at: kept[last].bytes)
        } catch {
            try rollBack(after: error, to: kept[last].bytes)
        }
        do { try file.syncData() } catch { throw fail(error) }
        kept[last].bytes += Int64(buffer.count)
        committed = nextRecord
        buffer.removeAll(keepingCapacity: buffer.capacity <= Journal.keptBufferBytes)
    }

    /// Takes back what a failed write left in the file, then throws what the failure means.
    private mutating func rollBack(after error: FileError, to length: Int64) throws(JournalError) {
        guard error.isNoSpace else { throw fail(error) }
        do { try file.truncate(to: length) } catch { throw fail(error) }
        throw .noSpace(path: file.path)
    }

    /// Ends the journal's life: what is on disk is not known any more.
    mutating func fail(_ error: FileError) -> JournalError {
        failure = .fatal(error)
        return .fatal(error)
    }

    /// Closes the last segment, which is wholly on disk, and opens the one that begins with the first
    /// waiting record.
    mutating func beginSegment() throws(JournalError) {
        let path = "\(directory)/\(JournalFormat.fileName(first: committed))"
        do {
            file = try Journal.createSegment(path, store: store, first: committed, in: fileSystem)
        } catch {
            guard error.isNoSpace, error.operation != .fsync else { throw fail(error) }
            do {
                try fileSystem.unlink(path)
            } catch {
                guard error.isMissing else { throw fail(error) }
            }
            throw .noSpace(path: path)
        }
        kept.append(Segment(first: committed, path: path, bytes: Int64(JournalFormat.headerBytes)))
        do { try fileSystem.syncDirectory(directory) } catch { throw fail(error) }
    }

    /// Writes an empty segment and makes its contents, not yet its name, durable.
    static func createSegment(
        _ path: String, store: StoreUUID, first: UInt64, in fileSystem: any FileSystem
    ) throws(FileError) -> any File {
        let file = try fileSystem.open(path, .create)
        try file.write(JournalFormat.header(store: store, first: first), at: 0)
        try file.sync()
        return file
    }
}

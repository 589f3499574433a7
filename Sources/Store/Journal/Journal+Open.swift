extension Journal {
    /// Opens the journal of a directory, or begins it where there is none, and mends what a crash left.
    ///
    /// The tail of the last segment that is no whole record is cut off, on disk; a last segment without a
    /// whole header goes. Anything else that does not fit is an error. Afterwards every record that can
    /// be replayed is on disk, also if the crash came between write and fsync. Segments that lie wholly
    /// below `from` are not looked into.
    /// - Parameters:
    ///   - store: the id in every file's header.
    ///   - segmentBytes: a commit begins a new segment once the last has grown to this.
    ///   - archive: where `cut` moves segments; nil: it removes them.
    ///   - from: the first record that is needed; 1 for a new store.
    package static func open(
        directory: String, store: StoreUUID, segmentBytes: Int64, archive: String? = nil,
        fileSystem: any FileSystem, from: UInt64
    ) throws(JournalError) -> Journal {
        let opener = JournalOpener(
            fileSystem: fileSystem, directory: directory, store: store,
            seed: Checksum.crc32c(store.bytes))
        let (kept, file, next) = try opener.open(from: from)
        return Journal(
            fileSystem: fileSystem, directory: directory, archive: archive, store: store,
            segmentBytes: segmentBytes, kept: kept, file: file, nextRecord: next)
    }
}

/// Finds the segments of a directory and settles the last one.
private struct JournalOpener {
    let fileSystem: any FileSystem
    let directory: String
    let store: StoreUUID
    let seed: UInt32

    func open(
        from: UInt64
    ) throws(JournalError) -> (kept: [Journal.Segment], file: any File, next: UInt64) {
        var kept = try reportingFiles { () throws(FileError) in try segments() }
        try dropUnfinishedLast(of: &kept)
        if kept.isEmpty {
            guard from <= 1 else { throw .missing(directory: directory, from: 1, through: from - 1) }
            return try begin()
        }
        let start = kept.lastIndex { $0.first <= from } ?? 0
        guard kept[start].first <= from else {
            throw .missing(directory: directory, from: from, through: kept[0].first - 1)
        }
        for segment in kept[start...] { try checkHeader(of: segment) }
        let (file, next) = try settle(&kept[kept.count - 1])
        guard from <= next else { throw .missing(directory: directory, from: next, through: from - 1) }
        return (kept, file, next)
    }

    private func segments() throws(FileError) -> [Journal.Segment] {
        var found: [Journal.Segment] = []
        for name in try fileSystem.list(directory) {
            guard let first = JournalFormat.first(ofFileName: name) else { continue }
            let path = "\(directory)/\(name)"
            let size = try fileSystem.open(path, .read).size()
            found.append(Journal.Segment(first: first, path: path, bytes: size))
        }
        return found.sorted { $0.first < $1.first }
    }

    private func begin() throws(JournalError) -> ([Journal.Segment], any File, UInt64) {
        let path = "\(directory)/\(JournalFormat.fileName(first: 1))"
        let file = try reportingFiles { () throws(FileError) in
            let file = try Journal.createSegment(path, store: store, first: 1, in: fileSystem)
            try fileSystem.syncDirectory(directory)
            return file
        }
        let bytes = Int64(JournalFormat.headerBytes)
        return ([Journal.Segment(first: 1, path: path, bytes: bytes)], file, 1)
    }

    // MARK: Headers

    private enum HeaderState {
        case whole
        case broken
    }

    private func header(of segment: Journal.Segment) throws(JournalError) -> HeaderState {
        let bytes = try reportingFiles { () throws(FileError) in
            try read(segment.path, at: 0, count: min(segment.bytes, Int64(JournalFormat.headerBytes)))
        }
        guard bytes.count == JournalFormat.headerBytes, Array(bytes[0..<8]) == JournalFormat.magic else {
            return .broken
        }
        let (version, first, checksum) = bytes.withUnsafeBytes {
            (
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self)),
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 32, as: UInt64.self)),
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 40, as: UInt32.self))
            )
        }
        guard Checksum.crc32c(Array(bytes[0..<40])) == checksum else { return .broken }
        guard version <= JournalFormat.version else {
            throw .newerFormat(path: segment.path, found: version, known: JournalFormat.version)
        }
        guard Array(bytes[16..<32]) == store.bytes else { throw .foreign(path: segment.path) }
        guard first == segment.first else {
            throw .corrupt(path: segment.path, offset: 32, damage: .headerNumber)
        }
        return .whole
    }

    private func checkHeader(of segment: Journal.Segment) throws(JournalError) {
        guard try header(of: segment) == .whole else {
            throw .corrupt(path: segment.path, offset: 0, damage: .header)
        }
    }

    /// A segment is used only once its header is on disk; a last one without is what a crash between
    /// the two left, unless records stand in it.
    private func dropUnfinishedLast(of kept: inout [Journal.Segment]) throws(JournalError) {
        guard let last = kept.last, try header(of: last) == .broken else { return }
        let tail = try tail(of: last, from: 0)
        guard !tail.holdsRecord(last.first, seed: seed) else {
            throw .corrupt(path: last.path, offset: 0, damage: .header)
        }
        try reportingFiles { () throws(FileError) in
            try fileSystem.unlink(last.path)
            try fileSystem.syncDirectory(directory)
        }
        kept.removeLast()
    }

    // MARK: The last segment

    /// Cuts the tail that no commit finished, and makes the rest durable.
    private func settle(_ segment: inout Journal.Segment) throws(JournalError) -> (any File, UInt64) {
        let path = segment.path
        let file = try reportingFiles { () throws(FileError) in try fileSystem.open(path, .update) }
        var reader = SegmentReader(file: file, end: segment.bytes, expected: segment.first, seed: seed)
        var lastCommit: Int64 = 0
        scan: while true {
            let place = reader.offset
            let outcome: SegmentReader.Outcome
            do { outcome = try reader.next() } catch { throw .file(error) }
            switch outcome {
            case .record(let header, _): if header.place == 0 { lastCommit = place }
            case .end: break scan
            case .invalid(let damage):
                let tail = try tail(of: segment, from: place)
                guard tail.verdict(expected: reader.expected, seed: seed) == .torn else {
                    throw .corrupt(path: path, offset: place, damage: damage)
                }
                try reportingFiles { () throws(FileError) in try file.truncate(to: place) }
                segment.bytes = place
                break scan
            }
        }
        let end = segment.bytes
        try reportingFiles { () throws(FileError) in
            try rewrite(file, from: lastCommit, to: end)
            try file.sync()
            try fileSystem.syncDirectory(directory)
        }
        return (file, reader.expected)
    }

    /// Writes the last commit once more. Where its fsync failed, the system shows from memory what the
    /// disk does not have, and another fsync alone would not write it.
    private func rewrite(_ file: any File, from start: Int64, to end: Int64) throws(FileError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: SegmentReader.windowBytes, alignment: 16)
        defer { buffer.deallocate() }
        var offset = start
        while offset < end {
            let wanted = Int(min(Int64(buffer.count), end - offset))
            let count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<wanted]), at: offset)
            guard count > 0 else { return }
            try file.write(UnsafeRawBufferPointer(rebasing: buffer[0..<count]), at: offset)
            offset += Int64(count)
        }
    }

    private func tail(of segment: Journal.Segment, from offset: Int64) throws(JournalError) -> SegmentTail {
        let bytes = try reportingFiles { () throws(FileError) in
            try read(segment.path, at: offset, count: segment.bytes - offset)
        }
        return SegmentTail(bytes: bytes, offset: offset)
    }

    // MARK: Files

    private func read(_ path: String, at offset: Int64, count: Int64) throws(FileError) -> [UInt8] {
        let file = try fileSystem.open(path, .read)
        var bytes = [UInt8](repeating: 0, count: Int(count))
        let done = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(FileError) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        bytes.removeLast(bytes.count - done)
        return bytes
    }

    private func reportingFiles<Result>(
        _ body: () throws(FileError) -> Result
    ) throws(JournalError) -> Result {
        do {
            return try body()
        } catch {
            if error.isNoSpace { throw .noSpace(path: error.path) }
            throw .file(error)
        }
    }
}

/// Reads one segment file forwards through a window, checking every record.
struct SegmentReader: ~Copyable {
    enum Outcome {
        /// A whole record; the payload is valid until the next call.
        case record(RecordHeader, payload: UnsafeRawBufferPointer)
        /// The file ends exactly here.
        case end
        case invalid(JournalDamage)
    }

    let file: any File
    /// Bytes of the file that count.
    let end: Int64
    /// Where the next record begins.
    private(set) var offset: Int64
    private(set) var expected: UInt64
    private let seed: UInt32
    private var window: UnsafeMutableRawBufferPointer
    private var windowStart: Int64 = 0
    private var windowCount = 0

    static let windowBytes = 1 << 20

    /// - Parameters:
    ///   - expected: number of the first record after the header.
    ///   - seed: CRC of the store's id.
    init(file: any File, end: Int64, expected: UInt64, seed: UInt32) {
        self.file = file
        self.end = end
        self.expected = expected
        self.seed = seed
        offset = Int64(JournalFormat.headerBytes)
        window = .allocate(byteCount: SegmentReader.windowBytes, alignment: 16)
    }

    deinit { window.deallocate() }

    /// The record at `offset`; moves on only when it is whole.
    mutating func next() throws(FileError) -> Outcome {
        if offset == end { return .end }
        guard let fixed = try bytes(JournalFormat.recordOverhead) else { return .invalid(.cutShort) }
        let header = RecordHeader(fixed)
        guard let record = try bytes(header.totalBytes) else { return .invalid(.cutShort) }
        guard JournalFormat.recordChecksum(record, seed: seed) == header.checksum else {
            return .invalid(.checksum)
        }
        guard header.number == expected else { return .invalid(.number) }
        offset += Int64(header.totalBytes)
        expected += 1
        return .record(
            header, payload: UnsafeRawBufferPointer(rebasing: record[JournalFormat.recordOverhead...]))
    }

    /// The next `count` bytes from `offset`, nil where the file is shorter.
    private mutating func bytes(_ count: Int) throws(FileError) -> UnsafeRawBufferPointer? {
        guard Int64(count) <= end - offset else { return nil }
        if offset < windowStart || offset + Int64(count) > windowStart + Int64(windowCount) {
            try slide(toHold: count)
            if windowCount < count { return nil }
        }
        let start = Int(offset - windowStart)
        return UnsafeRawBufferPointer(rebasing: window[start..<start + count])
    }

    private mutating func slide(toHold count: Int) throws(FileError) {
        if window.count < count {
            window.deallocate()
            window = .allocate(byteCount: count + SegmentReader.windowBytes, alignment: 16)
        }
        let wanted = Int(min(Int64(window.count), end - offset))
        windowStart = offset
        windowCount = 0
        windowCount = try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: window[0..<wanted]), at: offset)
        file.prefetch(at: offset + Int64(wanted), count: window.count)
    }
}

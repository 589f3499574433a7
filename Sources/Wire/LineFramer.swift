import Glibc

/// Cuts a byte stream into slabs of whole lines, in one reused buffer.
///
/// Read into `withFreeSpace`, say how much came with `received`, then take pieces with `next` until it
/// returns nil. A line longer than the limit is skipped up to its newline and reported once; what is
/// kept of it does not depend on how the stream was cut into reads.
package struct LineFramer: ~Copyable {
    package enum Piece {
        /// Whole lines, newlines included, valid until the framer is next changed. Take them with `consume`.
        case lines(UnsafeRawBufferPointer)
        /// A line beyond the limit: its first bytes, and how long it was without its newline. Taken already.
        case tooLong(prefix: [UInt8], length: Int)
    }

    private struct LongLine {
        var prefix: [UInt8]
        var length: Int
    }

    /// Bytes behind every slab that may be read (never written) by a vectorised decoder.
    package static let padding = 64

    /// Bytes read at once: few at first, more where reads come full.
    private var readBytes: Int
    private let mostBytes: Int
    private let lineBytes: Int
    private let keptBytes: Int
    private var storage: UnsafeMutableRawBufferPointer
    /// Whole lines not yet taken are `start..<whole`, the line still growing `whole..<end`.
    private var start = 0
    private var whole = 0
    private var end = 0
    /// The last read filled the room it was given.
    private var cameFull = false
    /// The over-long line being skipped.
    private var skipping: LongLine?
    /// One that has ended and stands before `start`.
    private var ended: LongLine?

    /// - Parameters:
    ///   - readBytes: most bytes read at once.
    ///   - lineBytes: longest line, without its newline or CRLF.
    ///   - keptBytes: what is kept of a longer one.
    package init(readBytes: Int, lineBytes: Int, keptBytes: Int) {
        precondition(readBytes > 0 && lineBytes > 0)
        mostBytes = readBytes
        self.readBytes = min(readBytes, LineFramer.firstBytes)
        self.lineBytes = lineBytes
        self.keptBytes = min(keptBytes, lineBytes)
        storage = LineFramer.allocate(2 * self.readBytes)
    }

    /// What a connection that has little to say reads at once.
    private static let firstBytes = 64 << 10

    deinit { storage.deallocate() }

    /// Room for `usable` bytes, the newline that `finish` may add, and the padding.
    private static func allocate(_ usable: Int) -> UnsafeMutableRawBufferPointer {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: usable + 1 + padding, alignment: 64)
        _ = memset(buffer.baseAddress! + usable, 0, 1 + padding)
        return buffer
    }

    private var usable: Int { storage.count - 1 - LineFramer.padding }

    /// A line has begun and not ended.
    package var hasPartialLine: Bool { end > whole || skipping != nil }

    /// There is a piece to take.
    package var hasWholeLines: Bool { start < whole || ended != nil }

    /// Gives free space to read into, at most `readBytes`. All whole lines must have been taken.
    package mutating func withFreeSpace<Result>(
        _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        precondition(!hasWholeLines, "lines are waiting to be taken")
        if cameFull { readBytes = min(2 * readBytes, mostBytes) }
        cameFull = false
        makeRoom()
        let count = min(usable - end, readBytes)
        return body(UnsafeMutableRawBufferPointer(rebasing: storage[end..<end + count]))
    }

    private mutating func makeRoom() {
        let partial = end - start
        let base = storage.baseAddress!
        let small = 2 * readBytes
        if usable - partial < readBytes || (usable > 2 * small && partial < readBytes) {
            let grown = LineFramer.allocate(max(small, 2 * partial + readBytes))
            memcpy(grown.baseAddress!, base + start, partial)
            storage.deallocate()
            storage = grown
        } else if start > 0 {
            memmove(base, base + start, partial)
        }
        start = 0
        whole = 0
        end = partial
    }

    /// Takes note of bytes read into the free space.
    /// - Returns: whether a line ended among them.
    @discardableResult
    package mutating func received(_ count: Int) -> Bool {
        var from = end
        cameFull = count == readBytes
        end += count
        if skipping != nil {
            guard let newline = firstNewline(from..<end) else {
                skipping!.length += count
                end = from
                return false
            }
            skipping!.length += newline - from
            ended = skipping
            skipping = nil
            from = newline + 1
            start = from
            whole = from
        }
        if let newline = lastNewline(from..<end) { whole = newline + 1 }
        // One more than the limit may be a carriage return.
        if end - whole > lineBytes + 1 { beginSkipping() }
        return whole > from || ended != nil
    }

    private mutating func beginSkipping() {
        skipping = LongLine(prefix: Array(storage[whole..<whole + keptBytes]), length: end - whole)
        end = whole
    }

    private func firstNewline(_ range: Range<Int>) -> Int? {
        guard !range.isEmpty, let base = UnsafeRawPointer(storage.baseAddress) else { return nil }
        guard let found = memchr(base + range.lowerBound, 0x0A, range.count) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    private func lastNewline(_ range: Range<Int>) -> Int? {
        let base = storage.baseAddress!
        var index = range.upperBound
        while index > range.lowerBound {
            index -= 1
            if base.load(fromByteOffset: index, as: UInt8.self) == 0x0A { return index }
        }
        return nil
    }

    /// The next piece in the order of the stream; nil when more must be read.
    package mutating func next() -> Piece? {
        if let line = ended {
            ended = nil
            return .tooLong(prefix: line.prefix, length: line.length)
        }
        guard start < whole else { return nil }
        guard whole - start > lineBytes + 1, let long = firstLongLine() else {
            return .lines(UnsafeRawBufferPointer(rebasing: storage[start..<whole]))
        }
        if long.lowerBound > start {
            return .lines(UnsafeRawBufferPointer(rebasing: storage[start..<long.lowerBound]))
        }
        let prefix = Array(storage[start..<start + keptBytes])
        start = long.upperBound + 1
        return .tooLong(prefix: prefix, length: long.count)
    }

    /// The first whole line beyond the limit, without its newline.
    private func firstLongLine() -> Range<Int>? {
        var line = start
        while let newline = firstNewline(line..<whole) {
            let hasReturn = newline > line && storage[newline - 1] == 0x0D
            if newline - line - (hasReturn ? 1 : 0) > lineBytes { return line..<newline }
            line = newline + 1
        }
        return nil
    }

    /// Takes the first bytes of the last `lines` piece; they must end with a line.
    package mutating func consume(_ count: Int) {
        precondition(count <= whole - start)
        start += count
    }

    /// The stream has ended cleanly: what is left is a line without its newline.
    package mutating func finish() {
        if let line = skipping {
            ended = line
            skipping = nil
        } else if end > whole {
            storage[end] = 0x0A
            end += 1
            whole = end
        }
    }
}

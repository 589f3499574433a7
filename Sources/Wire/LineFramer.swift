package import Core

/// A line that was given up because it would not end.
package struct OverlongLine: Sendable, Equatable {
    /// Its beginning, as much as a dead letter keeps.
    package var prefix: [UInt8]
    /// Bytes of it that came, its newline included.
    package var byteCount: Int
}

/// What the framer has to hand on, in the order of the stream.
package enum Frame {
    /// Whole lines (at the end of the stream: the last one without its newline) with
    /// `EventDecoder.padding` readable bytes behind them; valid until the framer is next changed.
    case lines(UnsafeRawBufferPointer, isStreamStart: Bool)
    case overlong(OverlongLine)
}

/// Cuts a stream of bytes into slabs of whole lines, however it was cut on its way here.
///
/// Fed by hand: read into `freeSpace()`, say how much came by `filled(_:)`, take frames from `next()`
/// until there is none. The rest of a line waits at the front of the buffer, which grows up to the
/// longest line allowed; of a longer one only the beginning is kept until its newline comes.
package struct LineFramer: ~Copyable {
    private let lineBytes: Int
    private let readBytes: Int
    private let prefixBytes: Int
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes not yet handed on: `start..<end`; up to `scanned` there is no newline.
    private var start = 0
    private var scanned = 0
    private var end = 0
    private var isStreamStart = true
    private var overlong: OverlongLine?

    package init(limits: Limits) {
        lineBytes = limits.lineBytes
        readBytes = limits.readBytes
        prefixBytes = limits.deadLetterBytes
        capacity = limits.readBytes
        base = .allocate(byteCount: capacity + EventDecoder.padding, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: capacity + EventDecoder.padding)
    }

    deinit { base.deallocate() }

    /// Bytes of a line whose newline has not come.
    package var pendingBytes: Int { end - start + (overlong?.byteCount ?? 0) }

    /// Room for what comes next, at least a quarter of `Limits.readBytes`. All frames must have been taken.
    package mutating func freeSpace() -> UnsafeMutableRawBufferPointer {
        if start > 0 {
            base.copyMemory(from: base + start, byteCount: end - start)
            end -= start
            scanned -= start
            start = 0
        }
        if end == 0 && capacity > readBytes { resize(to: readBytes) }
        if capacity - end < max(readBytes / 4, 1) {
            resize(to: min(2 * capacity, lineBytes + 2 + readBytes) + readBytes / 4 + 1)
        }
        return UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end)
    }

    /// So many bytes were written to the beginning of `freeSpace()`.
    package mutating func filled(_ count: Int) {
        precondition(count >= 0 && count <= capacity - end)
        end += count
    }

    /// The next frame of what has come, nil when more must come first.
    package mutating func next() -> Frame? {
        if overlong != nil { return endOfOverlong() }
        if let newline = lastNewline() { return lines(upTo: newline + 1) }
        scanned = end
        // One more than the limit may be a carriage return.
        if end - start > lineBytes + 1 { beginOverlong() }
        return nil
    }

    /// The stream has ended cleanly: its last line, where that has no newline.
    package mutating func finish() -> Frame? {
        if let line = overlong {
            overlong = nil
            return .overlong(line)
        }
        return start < end ? lines(upTo: end) : nil
    }

    private mutating func lines(upTo stop: Int) -> Frame {
        let slab = UnsafeRawBufferPointer(start: base + start, count: stop - start)
        let first = isStreamStart
        isStreamStart = false
        start = stop
        scanned = end
        return .lines(slab, isStreamStart: first)
    }

    private func lastNewline() -> Int? {
        let bytes = UnsafeRawBufferPointer(start: base, count: end)
        return bytes[scanned..<end].lastIndex(of: 0x0A)
    }

    private mutating func beginOverlong() {
        let kept = UnsafeRawBufferPointer(start: base + start, count: min(prefixBytes, end - start))
        overlong = OverlongLine(prefix: Array(kept), byteCount: end - start)
        isStreamStart = false
        start = end
    }

    private mutating func endOfOverlong() -> Frame? {
        guard var line = overlong else { return nil }
        let bytes = UnsafeRawBufferPointer(start: base, count: end)
        guard let newline = bytes[start..<end].firstIndex(of: 0x0A) else {
            line.byteCount += end - start
            overlong = line
            start = end
            scanned = end
            return nil
        }
        let stop = newline + 1
        line.byteCount += stop - start
        start = stop
        scanned = stop
        overlong = nil
        return .overlong(line)
    }

    private mutating func resize(to wanted: Int) {
        let padded = wanted + EventDecoder.padding
        let new = UnsafeMutableRawPointer.allocate(byteCount: padded, alignment: 64)
        new.initializeMemory(as: UInt8.self, repeating: 0, count: padded)
        new.copyMemory(from: base, byteCount: end)
        base.deallocate()
        base = new
        capacity = wanted
    }
}

import Core
import Wire

/// Reads logs one after the other as an acked connection would take them from `roost replay`: the same lines
/// count, under the same bounds, in batches of the same kind.
struct HistoryReader: ~Copyable {
    private let settings: Settings
    private let key: HashKey
    private let needsSource: Bool
    private var feed = LineFeed(skipping: 0)
    private var framer: LineFramer
    private var decoder: EventDecoder
    /// Lines on their way from the feed to the framer.
    private var outgoing: [UInt8] = []
    private var isStreamStart = true
    /// Data lines before each file.
    private(set) var starts: [(path: String, line: UInt64)] = []

    /// - Parameter needsSource: batches bring their lines, for the clock may refuse some.
    init(_ settings: Settings, key: HashKey, needsSource: Bool) {
        self.settings = settings
        self.key = key
        self.needsSource = needsSource
        framer = LineFramer(
            readBytes: settings.limits.readBytes, lineBytes: settings.limits.lineBytes,
            keptBytes: settings.limits.deadLetterBytes)
        decoder = EventDecoder(settings: settings)
    }

    /// Control lines, which a replay would have held back.
    var heldBack: UInt64 { feed.heldBack }
    /// Data lines read.
    var lines: UInt64 { feed.lines }

    /// Reads a file to its end.
    ///
    /// - Parameters:
    ///   - told: bytes read of the file and lines of all so far, after each piece.
    ///   - body: takes each batch, in order, not sealed.
    mutating func read(
        _ path: String, told: (_ bytes: Int64, _ lines: UInt64) -> Void, _ body: (EventBatch) throws -> Void
    ) throws {
        starts.append((path, feed.lines))
        var source = try ByteSource(path: path)
        var more = true
        while more {
            more = try feed.fill { buffer throws(CommandFailure) in try source.read(into: &buffer) }
            if !more { feed.endFile() }
            while feed.hasWhole {
                _ = feed.take(atMost: .max, into: &outgoing)
                try frame(body)
            }
            told(source.position, feed.lines)
        }
    }

    /// Where a data line stands: its file, and its number among the data lines of that file, from 1.
    func place(of line: UInt64) -> (path: String, line: UInt64) {
        let start = starts.last { $0.line <= line } ?? ("", 0)
        return (start.path, line - start.line + 1)
    }

    private mutating func frame(_ body: (EventBatch) throws -> Void) throws {
        var offset = 0
        while offset < outgoing.count {
            let lines = outgoing
            let count = framer.withFreeSpace { space in
                let count = min(space.count, lines.count - offset)
                lines.withUnsafeBytes {
                    space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
                }
                return count
            }
            framer.received(count)
            offset += count
            while let piece = framer.next() {
                switch piece {
                case .tooLong(let prefix, let length): try body(tooLong(prefix, length))
                case .lines(let slab): try decode(slab, body)
                }
                isStreamStart = false
            }
        }
        outgoing.removeAll(keepingCapacity: true)
    }

    /// The feed lets no control line through, so that the decoder stops only where a batch is full.
    private mutating func decode(
        _ slab: UnsafeRawBufferPointer, _ body: (EventBatch) throws -> Void
    ) throws {
        var decoded = decoder.decode(slab, streamStart: isStreamStart)
        if needsSource { decoded.batch.source = Array(slab[..<decoded.consumed]) }
        if !decoded.batch.isEmpty { try body(decoded.batch) }
        var consumed = decoded.consumed
        if case .control(let range) = decoded.stop { consumed = min(range.upperBound + 1, slab.count) }
        framer.consume(consumed)
    }

    private func tooLong(_ prefix: [UInt8], _ length: Int) -> EventBatch {
        var batch = EventBatch()
        batch.rejections = [
            Rejection(
                line: 0, code: .lineTooLong,
                detail: "the line has \(length) bytes; at most \(settings.limits.lineBytes) are taken",
                raw: prefix)
        ]
        batch.lineCount = 1
        batch.byteCount = length + 1
        return batch
    }
}

extension EventBatch {
    /// The batch without the rows after an instant, its lines numbered anew; how many those were, and which line
    /// each kept one was, nil where all are kept.
    func leavingOut(after instant: Int64) -> (batch: EventBatch, left: Int, lines: [UInt32]?) {
        guard rows.contains(where: { $0.time > instant }) else { return (self, 0, nil) }
        var rest = self
        rest.rows.removeAll { $0.time > instant }
        rest.dropUnownedItems()
        let kept = (rest.rows.map(\.line) + rejections.map(\.line)).sorted()
        func number(_ line: UInt32) -> UInt32 { UInt32(kept.partitioningIndex { $0 >= line }) }
        for index in rest.rows.indices { rest.rows[index].line = number(rest.rows[index].line) }
        for index in rest.rejections.indices {
            rest.rejections[index].line = number(rest.rejections[index].line)
        }
        rest.lineCount = UInt32(kept.count)
        if !source.isEmpty { rest.keepSource(of: kept) }
        return (rest, rows.count - rest.rows.count, kept)
    }
}

extension EventBatch {
    /// Of the lines themselves those that are kept: the clock may still refuse some of them.
    private mutating func keepSource(of lines: [UInt32]) {
        source = source.withUnsafeBytes { bytes in
            var finder = DataLines(bytes: bytes)
            return lines.flatMap { Array(finder.line($0 + sourceSkipped)) + [0x0A] }
        }
        sourceSkipped = 0
    }
}

extension [UInt32] {
    /// First index whose element fulfils what all after it fulfil.
    fileprivate func partitioningIndex(where reached: (UInt32) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if reached(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

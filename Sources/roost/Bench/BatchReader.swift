import Core
import Wire

/// Decodes a log as a connection would, batch by batch, and keeps the time of it.
struct BatchReader: ~Copyable {
    private let file: File
    private var framer: LineFramer
    private var decoder: EventDecoder
    private let clock = SystemTime()
    private(set) var readMicroseconds: Int64 = 0
    private(set) var decodeMicroseconds: Int64 = 0
    private(set) var lines: Int64 = 0

    init(_ path: String, _ settings: Settings) throws(SystemFailure) {
        file = try File(reading: path)
        let limits = settings.limits
        framer = LineFramer(
            readBytes: limits.readBytes, lineBytes: limits.lineBytes, keptBytes: limits.deadLetterBytes)
        decoder = EventDecoder(settings: settings)
    }

    /// - Parameter body: called with every batch, in order; not sealed.
    mutating func forEach(_ body: (inout EventBatch) throws -> Void) throws {
        var ended = false
        var isStreamStart = true
        while !ended {
            let start = clock.monotonic()
            let count = try framer.withFreeSpace { space in Result { try file.read(into: space) } }.get()
            ended = count == 0
            if ended { framer.finish() } else { framer.received(count) }
            readMicroseconds += clock.monotonic() - start
            while let piece = framer.next() {
                guard case .lines(let slab) = piece else { continue }
                try decode(slab, isStreamStart, body)
                framer.consume(slab.count)
                isStreamStart = false
            }
        }
    }

    private mutating func decode(
        _ slab: UnsafeRawBufferPointer, _ isStreamStart: Bool, _ body: (inout EventBatch) throws -> Void
    ) throws {
        var at = 0
        while at < slab.count {
            let start = clock.monotonic()
            var decoded = decoder.decode(
                slab: UnsafeRawBufferPointer(rebasing: slab[at...]), isStreamStart: isStreamStart && at == 0)
            decodeMicroseconds += clock.monotonic() - start
            lines += Int64(decoded.batch.lineCount)
            at += decoded.consumed
            try body(&decoded.batch)
        }
    }
}

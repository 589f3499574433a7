import Core
import Glibc

/// Sends its share of a log over one acknowledged connection as fast as it is taken.
///
/// Of N feeders, feeder i sends the lines that begin in pieces i, i + N, … of the file, up to some offset.
struct Feeder: ~Copyable {
    /// What came of it; times are the monotonic clock's, microseconds.
    struct Result: Sendable {
        var firstByte: Int64 = 0
        var synced: Int64 = 0
        var acknowledged: Int64 = 0
        var rejected: Int64 = 0
    }

    private static let pieceBytes = 1 << 20

    private let socket: Socket
    private let file: File
    private let producer: String
    private let index: Int
    private let count: Int
    private let end: Int64
    private let clock = SystemTime()
    private var cutter = LineCutter()
    private var welcomed = false
    private var isSynced = false
    private var result = Result()

    /// - Parameter end: lines that begin there or later are not sent.
    init(
        _ file: consuming File, to socket: consuming Socket, producer: String, index: Int, of count: Int,
        until end: Int64
    ) {
        self.file = file
        self.socket = socket
        self.producer = producer
        self.index = index
        self.count = count
        self.end = end
    }

    mutating func run() throws -> Result {
        try send(Array("{\"$hello\":{\"producer\":\"\(producer)\"}}\n".utf8))
        while !welcomed { try receive(milliseconds: 1000) }
        result.firstByte = clock.monotonic()
        var piece = index
        while Int64(piece) * Int64(Self.pieceBytes) < end, let lines = try lines(ofPiece: piece) {
            try send(lines)
            piece += count
        }
        try send(Array("{\"$sync\":{}}\n".utf8))
        while !isSynced { try receive(milliseconds: 1000) }
        result.synced = clock.monotonic()
        return result
    }

    private mutating func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let ready = try socket.wait(toSend: true, milliseconds: 1000)
            if ready.canReceive { try take() }
            if ready.canSend { sent += try socket.sendNow(bytes[sent...]) }
        }
    }

    private mutating func receive(milliseconds: Int32) throws {
        if try socket.wait(toSend: false, milliseconds: milliseconds).canReceive { try take() }
    }

    private mutating func take() throws {
        guard let bytes = try socket.receive() else {
            throw CommandFailure("the daemon closed the connection")
        }
        for line in cutter.take(bytes) {
            guard let answer = try Reply.tree(line).members.first else { continue }
            switch answer.key {
            case "$welcome": welcomed = true
            case "$ack": result.acknowledged = answer.value["next"]?.whole ?? 0
            case "$reject": result.rejected += 1
            case "$synced": isSynced = true
            default:
                throw CommandFailure("the daemon answered \(String(decoding: line, as: UTF8.self))")
            }
        }
    }

    /// Lines that begin in a piece of the file; nil behind its end.
    private func lines(ofPiece piece: Int) throws -> [UInt8]? {
        let start = piece * Self.pieceBytes
        // From the byte before, which says whether a line begins at `start`.
        var bytes = try read(at: max(0, start - 1), Self.pieceBytes + (start == 0 ? 0 : 1))
        if bytes.count <= (start == 0 ? 0 : 1) { return nil }
        var from = 0
        if start > 0 {
            guard let newline = bytes.firstIndex(of: 0x0A) else { return [] }
            from = newline + 1
        }
        let end = max(0, start - 1) + bytes.count
        if from < bytes.count, bytes[bytes.count - 1] != 0x0A {
            let rest = try read(at: end, Self.pieceBytes)
            bytes += rest[..<(rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.count)]
        }
        return Array(bytes[from..<max(from, self.end(of: bytes, from: max(0, start - 1)))])
    }

    /// Where sending ends within bytes of the file.
    private func end(of bytes: [UInt8], from offset: Int) -> Int {
        let rest = end - Int64(offset)
        guard rest < Int64(bytes.count) else { return bytes.count }
        return bytes[max(0, Int(rest) - 1)...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
    }

    private func read(at offset: Int, _ most: Int) throws(SystemFailure) -> [UInt8] {
        var failure: SystemFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, filled in
            while filled < most {
                let count = pread(
                    file.descriptor, buffer.baseAddress! + filled, most - filled, off_t(offset + filled))
                if count > 0 {
                    filled += count
                } else if count == 0 {
                    return
                } else if errno != EINTR {
                    failure = SystemFailure("cannot read")
                    return
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

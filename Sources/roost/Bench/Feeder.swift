import Core
import Glibc

/// Sends its share of a log over one acknowledged connection as fast as it is taken, from the file to the
/// socket without a copy here: what the sender costs is not to be measured.
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

    private static let pieceBytes: Int64 = 1 << 20

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
        let size = file.size ?? 0
        let last = try lineStart(from: min(end, size))
        var piece = index
        while true {
            let begin = Int64(piece) * Self.pieceBytes
            guard begin < last else { break }
            let from = try lineStart(from: begin)
            try sendFile(from, min(last, try lineStart(from: min(size, begin + Self.pieceBytes))))
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

    private mutating func sendFile(_ from: Int64, _ end: Int64) throws {
        var offset = from
        while offset < end {
            let ready = try socket.wait(toSend: true, milliseconds: 1000)
            if ready.canReceive { try take() }
            if ready.canSend {
                offset += Int64(try socket.sendNow(file, from: offset, atMost: Int(end - offset)))
            }
        }
    }

    /// Where the first line begins that begins at an offset or behind it.
    private func lineStart(from offset: Int64) throws(SystemFailure) -> Int64 {
        if offset == 0 { return 0 }
        // From the byte before, which says whether a line begins here.
        var place = offset - 1
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = pread(file.descriptor, &bytes, bytes.count, off_t(place))
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw SystemFailure("cannot read") }
            if count == 0 { return place }
            if let newline = bytes[..<count].firstIndex(of: 0x0A) { return place + Int64(newline) + 1 }
            place += Int64(count)
        }
    }
}

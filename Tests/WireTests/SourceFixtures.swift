import Core
import Glibc
import Synchronization
import Testing
import Wire

/// A log source: listens, and hands out what connects. Every wait ends with a failure.
final class TestSource: Sendable {
    let socket: ListeningSocket
    var address: ListenAddress { ListenAddress(socket.address)! }

    init(_ address: String = "127.0.0.1:0") throws {
        socket = try ListeningSocket(address)
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        let descriptor = socket.descriptor.number
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        _ = fcntl(descriptor, F_SETFL, 0)
    }

    /// Waits for the daemon to connect.
    func accept() throws -> SourcePeer {
        let descriptor = Glibc.accept(socket.descriptor.number, nil, nil)
        guard descriptor >= 0 else { throw ClientFailure(call: "accept", code: errno) }
        return SourcePeer(Descriptor(descriptor))
    }
}

/// The source's end of one connection.
struct SourcePeer: Sendable {
    let descriptor: Descriptor

    init(_ descriptor: Descriptor) {
        self.descriptor = descriptor
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(
            descriptor.number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientFailure(call: "send", code: errno) }
            bytes = bytes.dropFirst(count)
        }
    }

    func endWriting() { shutdown(descriptor.number, Int32(SHUT_WR)) }

    /// What the daemon has written until it ended its side; a reset counts as an end.
    func rest() throws -> [UInt8] {
        var all: [UInt8] = []
        var space = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor.number, &space, space.count, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { return all }
            guard count > 0 else { throw ClientFailure(call: "recv", code: errno) }
            all += space[..<count]
        }
    }
}

/// Tails over a fake intake.
struct TailRig {
    let tails: SourceTails
    let intake: FakeIntake
    let counters = Counters()
    let messages = Recorder<String>()

    init(_ addresses: [ListenAddress], holding: Bool = false, _ change: (inout Limits) -> Void = { _ in }) {
        intake = FakeIntake(holding: holding)
        let messages = messages
        let log = Log { level, text in messages.append("\(level.text): \(text)") }
        var limits = Limits.tiny
        change(&limits)
        var chance = Randomness(seed: 3)
        tails = SourceTails(
            addresses,
            context: IngestContext(
                limits: limits, intake: intake, key: HashKey(k0: 1, k1: 2), token: "secret", isTailed: true,
                time: SystemTime(), counters: counters, log: log),
            chance: &chance, log: log
        ) { FakeDecoder() }
    }
}

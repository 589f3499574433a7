import Core
import Dispatch
import Glibc
import Synchronization
import Testing
import Wire

/// The real clocks, as the daemon has them.
struct SystemTime: TimeSource {
    private func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
    func wall() -> EventTime { EventTime(microseconds: read(CLOCK_REALTIME)) }
    func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }
}

/// Seconds after which a test fails instead of hanging: far more than a busy machine needs.
private let patience = 120

/// Collects sentences and lets a test wait for one.
final class Recorder<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func append(_ value: Value) {
        values.withLock { $0.append(value) }
        arrived.signal()
    }

    var all: [Value] { values.withLock { $0 } }

    /// Waits until `count` values are there; false when patience ends.
    func wait(for count: Int) -> Bool {
        while all.count < count {
            if arrived.wait(timeout: .now() + .seconds(patience)) == .timedOut { return false }
        }
        return true
    }
}

/// Runs what blocks on a thread of its own, so that no executor waits for it.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    let queue = DispatchQueue(label: "test.blocking")
    return try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Result { try body() }) }
    }
}

/// The other side of what blocks: begun at once on a thread of its own. A task would wait for a turn in the
/// pool, where whole suites may stand before it, while this side's patience runs out.
final class Beside<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () throws -> Value) {
        DispatchQueue(label: "test.beside").async {
            let result = Result { try body() }
            self.result.withLock { $0 = result }
            self.ended.signal()
        }
    }

    /// Waits for it; only to be asked once, on a thread that may block.
    func outcome() -> Result<Value, any Error> {
        guard ended.wait(timeout: .now() + .seconds(patience)) == .success,
            let result = result.withLock({ $0 })
        else { return .failure(ClientFailure(call: "wait", code: ETIMEDOUT)) }
        return result
    }
}

struct ClientFailure: Error { var call: String, code: Int32 }

/// A blocking client over loopback; every wait ends with a failure when patience does.
final class TestClient: Sendable {
    let descriptor: Int32
    private let buffer = Mutex<[UInt8]>([])

    init(_ address: String, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4)
        }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = UInt16(address.split(separator: ":").last!)!.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &name.sin_addr)
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw ClientFailure(call: "connect", code: errno) }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientFailure(call: "send", code: errno) }
            sent += count
        }
    }

    /// Sends without waiting until the socket takes no more for half a second.
    func fill(_ chunk: [UInt8], limit: Int) -> Int {
        var sent = 0
        while sent < limit {
            let count = chunk.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
                continue
            }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&waiting, 1, 500) == 0 { return sent }
        }
        return sent
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes so that the peer sees a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        // The descriptor itself is closed once, at the end; this takes its place.
        let null = open("/dev/null", O_RDONLY)
        dup2(null, descriptor)
        close(null)
    }

    /// The next line; nil at the end of the stream or at a reset.
    func line() throws -> String? {
        while true {
            let found: String? = buffer.withLock { buffer in
                guard let newline = buffer.firstIndex(of: 0x0A) else { return nil }
                defer { buffer.removeFirst(newline + 1) }
                return String(decoding: buffer[..<newline], as: UTF8.self)
            }
            if let found { return found }
            guard try receive() else { return nil }
        }
    }

    func lines(_ count: Int) throws -> [String] {
        var result: [String] = []
        while result.count < count, let line = try line() { result.append(line) }
        return result
    }

    /// Everything up to the end.
    func rest() throws -> String {
        while try receive() {}
        return buffer.withLock { String(decoding: $0, as: UTF8.self) }
    }

    private func receive() throws -> Bool {
        var space = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &space, space.count, 0)
        if count == 0 { return false }
        if count < 0 {
            if errno == ECONNRESET { return false }
            throw ClientFailure(call: "recv", code: errno)
        }
        buffer.withLock { $0 += space[..<count] }
        return true
    }
}

import Dispatch
import Glibc

/// What came back.
struct Answer: Sendable {
    var status = 0
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

struct ClientError: Error { var what: String }

/// A blocking HTTP client that lets a test write any bytes; used on its own thread, see `onThread`.
final class HTTPClient {
    /// Seconds after which a test fails instead of hanging: far more than a busy machine needs.
    private static let patience = 600

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// - Parameter receiveBuffer: bytes the kernel may keep for us; small ones make a slow reader.
    init(_ address: String, receiveBuffer: Int32? = nil) throws {
        let colon = address.lastIndex(of: ":")!
        let host = address[..<colon].filter { $0 != "[" && $0 != "]" }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(address[address.index(after: colon)...]), &hints, &found) == 0,
            let info = found?.pointee
        else { throw ClientError(what: "address \(address)") }
        defer { freeaddrinfo(found) }
        descriptor = socket(info.ai_family, info.ai_socktype, 0)
        var timeout = timeval(tv_sec: HTTPClient.patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        guard Glibc.connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 else {
            let reason = errno
            Glibc.close(descriptor)
            throw ClientError(what: "connect: \(reason)")
        }
    }

    deinit { Glibc.close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientError(what: "send: \(errno)") }
            sent += count
        }
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// False at the end of the stream or when the connection was reset.
    func readMore() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0, errno == EAGAIN { throw ClientError(what: "nothing came in \(HTTPClient.patience) s") }
        guard count > 0 else { return false }
        buffer.append(contentsOf: chunk[..<count])
        return true
    }

    func readToEnd() throws -> [UInt8] {
        while try readMore() {}
        defer { buffer = [] }
        return buffer
    }

    private func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard try readMore() else { throw ClientError(what: "closed after \(buffer.count) bytes") }
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffer.count < count {
            guard try readMore() else { throw ClientError(what: "closed in a body") }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// Status line and headers.
    func readHead() throws -> Answer {
        var answer = Answer()
        let first = try line()
        let parts = first.split(separator: " ")
        guard parts.count > 1, let status = Int(parts[1]) else {
            throw ClientError(what: "no status line: \(first)")
        }
        answer.status = status
        while true {
            let header = try line()
            if header.isEmpty { break }
            let colon = header.firstIndex(of: ":")!
            let value = header[header.index(after: colon)...].drop { $0 == " " }
            answer.headers.append((String(header[..<colon]), String(value)))
        }
        return answer.status == 100 ? try readHead() : answer
    }

    func readAnswer(hasBody: Bool = true) throws -> Answer {
        var answer = try readHead()
        guard hasBody else { return answer }
        if answer.header("Transfer-Encoding") == "chunked" {
            while let size = Int(try line(), radix: 16) {
                answer.body += try take(size)
                _ = try line()
                if size == 0 { break }
            }
        } else if let length = answer.header("Content-Length").flatMap({ Int($0) }) {
            answer.body = try take(length)
        }
        return answer
    }

    func ask(
        _ method: String, _ target: String, headers: [String] = [], body: [UInt8]? = nil
    ) throws -> Answer {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: roost"] + headers
        if let body { lines.append("Content-Length: \(body.count)") }
        try send(Array((lines + ["", ""]).joined(separator: "\r\n").utf8) + (body ?? []))
        return try readAnswer(hasBody: method != "HEAD")
    }
}

/// Runs what blocks on a thread of its own, for the pool that tests run on must stay free.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "client").async { continuation.resume(with: Result { try work() }) }
    }
}

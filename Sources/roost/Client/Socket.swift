import Core
import Glibc
import Wire

/// A TCP connection to a daemon. Owns the descriptor; blocking unless said otherwise.
struct Socket: ~Copyable {
    private let descriptor: Int32
    /// Nil: plain.
    private let enciphered: EncipheredSocket?

    /// Tries every address of the host in turn.
    /// - Parameter tls: whom to trust where the port is enciphered; nil: it is plain.
    init(connecting address: ListenAddress, tls: TLSContext? = nil) throws(CommandFailure) {
        let number = try Self.connected(to: address)
        let session = try tls.map { (tls) throws(CommandFailure) in
            try Self.enciphered(number, to: address.host, by: tls)
        }
        descriptor = number
        enciphered = session
    }

    private static func enciphered(
        _ descriptor: Int32, to host: String, by tls: TLSContext
    ) throws(CommandFailure) -> EncipheredSocket {
        do throws(CommandFailure) {
            return try EncipheredSocket(descriptor, to: host, by: tls)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func connected(to address: ListenAddress) throws(CommandFailure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard code == 0 else {
            throw CommandFailure("cannot resolve \(address.host): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var failure = SystemFailure("cannot connect to \(address.host):\(address.port)", code: ECONNREFUSED)
        var next = list
        while let entry = next?.pointee {
            let candidate = socket(entry.ai_family, entry.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            if candidate >= 0, connect(candidate, entry.ai_addr, entry.ai_addrlen) == 0 {
                var on: Int32 = 1
                // Only a matter of speed.
                _ = setsockopt(
                    candidate, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                return candidate
            }
            failure = SystemFailure("cannot connect to \(address.host):\(address.port)")
            if candidate >= 0 { close(candidate) }
            next = entry.ai_next
        }
        throw CommandFailure("\(failure); is the daemon running?")
    }

    deinit { close(descriptor) }

    /// Sends all of it.
    func send(_ bytes: [UInt8]) throws(SystemFailure) {
        var rest = bytes[...]
        if let enciphered {
            _ = try enciphered.send(rest, waiting: true)
            return
        }
        while !rest.isEmpty { rest = rest.dropFirst(try sendSome(rest, flags: Int32(MSG_NOSIGNAL))) }
    }

    /// Sends what the system takes at once; 0 where it takes nothing now.
    func sendNow(_ bytes: ArraySlice<UInt8>) throws(SystemFailure) -> Int {
        if let enciphered { return try enciphered.send(bytes, waiting: false) }
        return try sendSome(bytes, flags: Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// Sends what the system takes at once of a part of a file, which costs this process no copy; 0 where it
    /// takes nothing now, or the file has ended.
    func sendNow(_ file: borrowing File, from offset: Int64, atMost most: Int) throws(SystemFailure) -> Int {
        // Not to wait is a matter of the descriptor here, not of the call.
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SystemFailure("cannot send")
        }
        defer { _ = fcntl(descriptor, F_SETFL, flags) }
        while true {
            var place = off_t(offset)
            let count = sendfile(descriptor, file.descriptor, &place, most)
            if count >= 0 { return count }
            if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
            if errno != EINTR { throw SystemFailure("cannot send") }
        }
    }

    private func sendSome(_ bytes: ArraySlice<UInt8>, flags: Int32) throws(SystemFailure) -> Int {
        while true {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 { return count }
            if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
            if errno != EINTR { throw SystemFailure("cannot send") }
        }
    }

    /// Waits for bytes. Nil: the other side has closed.
    func receive(atMost most: Int = 256 << 10) throws(SystemFailure) -> [UInt8]? {
        if let enciphered { return try enciphered.receive(atMost: most) }
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, initialized in
                count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                initialized = max(0, count)
            }
            if count > 0 { return bytes }
            if count == 0 { return nil }
            if errno != EINTR { throw SystemFailure("cannot receive") }
        }
    }

    /// Says that nothing more will be sent.
    func finishSending() throws(SystemFailure) {
        try enciphered?.finishSending()
        if shutdown(descriptor, Int32(SHUT_WR)) != 0 { throw SystemFailure("cannot end sending") }
    }

    struct Readiness {
        var canReceive: Bool
        var canSend: Bool
    }

    /// Waits until the connection has something, or the time is over.
    func wait(toSend: Bool, milliseconds: Int32) throws(SystemFailure) -> Readiness {
        if enciphered?.hasMore == true { return Readiness(canReceive: true, canSend: toSend) }
        var entry = pollfd()
        entry.fd = descriptor
        entry.events = Int16(POLLIN) | (toSend ? Int16(POLLOUT) : 0)
        if poll(&entry, 1, milliseconds) < 0, errno != EINTR { throw SystemFailure("cannot wait") }
        let ended = entry.revents & Int16(POLLHUP | POLLERR) != 0
        var canReceive = ended || entry.revents & Int16(POLLIN) != 0
        if canReceive, let enciphered { canReceive = try enciphered.look() }
        return Readiness(
            canReceive: canReceive,
            canSend: entry.revents & Int16(POLLOUT) != 0)
    }
}

/// Cuts a stream into lines; keeps what has no newline yet.
struct LineCutter {
    private var rest: [UInt8] = []

    /// Lines completed by these bytes, without their newlines.
    mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
        rest.append(contentsOf: bytes)
        guard let last = rest.lastIndex(of: 0x0A) else { return [] }
        let lines = rest[..<last].split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        rest.removeSubrange(...last)
        return lines
    }
}

/// JSON that the daemon sends, as a tree.
enum Reply {
    static func tree(_ bytes: [UInt8]) throws(CommandFailure) -> JSONValue {
        do throws(JSON5Error) {
            return try JSON5Reader.read(String(decoding: bytes, as: UTF8.self)).value
        } catch {
            throw CommandFailure("the daemon's answer is not JSON: \(error.reason)")
        }
    }
}

extension JSONValue {
    var text: String? { if case .string(let text) = self { text } else { nil } }

    var whole: Int64? {
        switch self {
        case .integer(let number): number
        case .number(let number): Int64(exactly: number)
        default: nil
        }
    }

    var real: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    var members: [Member] { if case .object(let members) = self { members } else { [] } }
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}

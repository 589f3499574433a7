import Core
import Glibc

/// A connection on its way out: looked up, begun, and made.
enum Dialling {
    enum Beginning: Sendable {
        /// Wait until the descriptor can be written.
        case begun(Descriptor, peer: String)
        case failed(String)
    }

    /// Looks the host up, which may take long, and begins to connect without waiting.
    ///
    /// - Parameter attempt: of a host with several addresses the next is taken each time.
    static func begin(_ address: ListenAddress, attempt: Int) -> Beginning {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, String(address.port), &hints, &list)
        guard code == 0 else { return .failed(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        let found = Array(sequence(first: list) { $0?.pointee.ai_next }.prefix { $0 != nil })
        guard !found.isEmpty, let entry = found[attempt % found.count]?.pointee else {
            return .failed("the host has no address")
        }
        return connecting(entry)
    }

    private static func connecting(_ entry: addrinfo) -> Beginning {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(entry.ai_family, type, 0)
        guard number >= 0 else { return .failed(SystemCalls.describe(errno)) }
        let descriptor = Descriptor(number)
        // A source whose machine has vanished is noticed within two minutes, for nothing is ever sent to it.
        SystemCalls.setOption(number, SOL_SOCKET, SO_KEEPALIVE, 1)
        SystemCalls.setOption(number, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        SystemCalls.setOption(number, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
        SystemCalls.setOption(number, Int32(IPPROTO_TCP), TCP_KEEPCNT, 6)
        guard connect(number, entry.ai_addr, entry.ai_addrlen) == 0 || errno == EINPROGRESS else {
            return .failed(SystemCalls.describe(errno))
        }
        var storage = sockaddr_storage()
        memcpy(&storage, entry.ai_addr, min(Int(entry.ai_addrlen), MemoryLayout<sockaddr_storage>.size))
        return .begun(descriptor, peer: SocketAddress(storage).host)
    }

    /// Once the descriptor can be written: why there is no connection, nil where there is one.
    static func reasonAgainst(_ descriptor: Int32) -> String? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else {
            return SystemCalls.describe(errno)
        }
        if code != 0 { return SystemCalls.describe(code) }
        // A port of this machine that nobody listens at may be given to the very socket that dials it.
        guard let here = name(getsockname, descriptor), let there = name(getpeername, descriptor) else {
            return SystemCalls.describe(ENOTCONN)
        }
        return here == there ? "nobody listens there" : nil
    }

    private static func name(
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32,
        _ descriptor: Int32
    ) -> String? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &length) }
        }
        return result == 0 ? SocketAddress(storage).text : nil
    }
}

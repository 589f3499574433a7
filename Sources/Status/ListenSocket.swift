import Glibc

/// A bound, listening TCP socket; closed with its owner unless given away.
struct ListenSocket: ~Copyable {
    private let descriptor: Int32
    /// `host:port` with the port in use.
    var address: String { ListenSocket.name(of: descriptor) }

    /// - Parameter address: `host:port`, `[v6]:port`; port 0 asks for a free one.
    init(_ address: String) throws(StatusError) {
        let (host, port) = try ListenSocket.split(address)
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &found)
        guard code == 0 else {
            throw .unknownHost(address: address, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(found) }
        var failure = EADDRNOTAVAIL
        var candidate = found
        while let info = candidate?.pointee {
            let descriptor = ListenSocket.bound(to: info)
            if descriptor >= 0 {
                self.descriptor = descriptor
                return
            }
            failure = errno
            candidate = info.ai_next
        }
        throw .cannotBind(address: address, errno: failure)
    }

    deinit { close(descriptor) }

    /// Descriptors that connections leave to files, databases and fits.
    private static let sparedDescriptors = 24

    /// Whether so many descriptors are free: the lowest free number is given first.
    static var descriptorIsSpare: Bool {
        var bound = rlimit()
        let probe = fcntl(0, F_DUPFD_CLOEXEC, 0)
        guard probe >= 0 else { return errno == EBADF }
        close(probe)
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &bound) == 0 else { return true }
        return UInt64(probe) + UInt64(sparedDescriptors) < bound.rlim_cur
    }

    /// The descriptor, for an owner that closes it.
    consuming func giveAway() -> Int32 {
        let descriptor = self.descriptor
        discard self
        return descriptor
    }

    private static func split(_ address: String) throws(StatusError) -> (host: String, port: String) {
        guard let colon = address.lastIndex(of: ":"), colon != address.startIndex,
            UInt16(address[address.index(after: colon)...]) != nil
        else { throw .badAddress(address) }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { throw .badAddress(address) }
        return (String(host), String(address[address.index(after: colon)...]))
    }

    /// The listening descriptor, or -1 with `errno`.
    private static func bound(to info: addrinfo) -> Int32 {
        let kind = info.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(info.ai_family, kind, info.ai_protocol)
        guard descriptor >= 0 else { return -1 }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, listen(descriptor, SOMAXCONN) == 0 {
            return descriptor
        }
        let reason = errno
        close(descriptor)
        errno = reason
        return -1
    }

    private static func name(of descriptor: Int32) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let code = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(descriptor, address, &length)
                return getnameinfo(
                    address, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        precondition(code == 0, "a socket that listens has a name")
        let hostText = host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let portText = port.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return hostText.contains(":") ? "[\(hostText)]:\(portText)" : "\(hostText):\(portText)"
    }
}

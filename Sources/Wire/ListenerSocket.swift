import Glibc

/// Why a port could not be opened; names the address and the reason.
package enum ListenFailure: Error, Equatable, CustomStringConvertible {
    /// Not `host:port` with an IP literal or `localhost`.
    case badAddress(String)
    case system(address: String, call: String, code: Int32)

    package var description: String {
        switch self {
        case .badAddress(let text):
            "cannot listen on \"\(text)\": not host:port with an IPv4 address, an [IPv6] address or localhost"
        case .system(let address, let call, let code):
            "cannot listen on \(address): \(call): \(SystemCalls.describe(code))"
        }
    }
}

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress {
    private var storage: sockaddr_storage

    init(_ storage: sockaddr_storage) { self.storage = storage }

    /// Reads `127.0.0.1:7001`, `[::1]:7001`, `localhost:7001`.
    init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = String(text[..<colon])
        storage = sockaddr_storage()
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard setIPv6(host, port) else { return nil }
        } else {
            guard setIPv4(host == "localhost" ? "127.0.0.1" : host, port) else { return nil }
        }
    }

    private mutating func setIPv4(_ host: String, _ port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return false }
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
        return true
    }

    private mutating func setIPv6(_ host: String, _ port: UInt16) -> Bool {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return false }
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
        return true
    }

    var family: Int32 { Int32(storage.ss_family) }

    var length: socklen_t {
        socklen_t(
            family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }

    /// The IP address; an IPv4 one that came through an IPv6 socket reads as IPv4.
    var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        withUnsafeBytes(of: storage) { bytes in
            if family == AF_INET6 {
                var address = bytes.load(as: sockaddr_in6.self).sin6_addr
                inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
            } else {
                var address = bytes.load(as: sockaddr_in.self).sin_addr
                inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
            }
        }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return host.hasPrefix("::ffff:") && host.contains(".") ? String(host.dropFirst(7)) : host
    }

    var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            family == AF_INET6
                ? UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
                : UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
        }
    }

    var text: String { family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A bound, listening, non-blocking socket.
package struct ListeningSocket: Sendable {
    package let descriptor: Descriptor
    /// The address in use, `host:port`.
    package let address: String

    /// Binds and listens. Port 0 takes a free one.
    package init(_ text: String) throws(ListenFailure) {
        guard let wanted = SocketAddress(text) else { throw .badAddress(text) }
        func failure(_ call: String) -> ListenFailure {
            .system(address: text, call: call, code: errno)
        }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(wanted.family, type, 0)
        guard number >= 0 else { throw failure("socket") }
        descriptor = Descriptor(number)
        SystemCalls.setOption(number, SOL_SOCKET, SO_REUSEADDR, 1)
        guard wanted.withPointer({ bind(number, $0, wanted.length) }) == 0 else { throw failure("bind") }
        guard listen(number, 1024) == 0 else { throw failure("listen") }
        var bound = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &bound) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
        }
        guard named == 0 else { throw failure("getsockname") }
        address = SocketAddress(bound).text
    }
}

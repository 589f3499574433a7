import Glibc

/// A file descriptor, closed when its last owner lets go of it. Owners are the channel of a connection
/// and the cancel handlers of its sources, so that it outlives every source that watches it.
package final class Descriptor: Sendable {
    package let number: Int32

    /// Takes ownership.
    package init(_ number: Int32) { self.number = number }

    deinit { _ = close(number) }
}

/// What the kernel said to a read or a write of a non-blocking socket.
package enum Transfer: Equatable, Sendable {
    case bytes(Int)
    /// The peer has ended its side cleanly.
    case end
    /// Nothing now; wait until the descriptor is ready.
    case wait
    /// Reset, broken or otherwise lost, with `errno`.
    case lost(Int32)
}

/// What the kernel said to an accept.
package enum Acceptance: Sendable {
    case connection(Descriptor, peer: String)
    case wait
    /// The peer left before it was accepted; go on with the next.
    case gone
    /// No descriptors or memory: rest a while, with `errno`.
    case exhausted(Int32)
}

/// The few calls of the system that the sockets need.
package enum SystemCalls {
    package static func describe(_ code: Int32) -> String { String(cString: strerror(code)) }

    package static func receive(_ descriptor: Int32, into space: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = recv(descriptor, space.baseAddress, space.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN || errno == EWOULDBLOCK ? .wait : .lost(errno)
        }
    }

    package static func transmit(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN || errno == EWOULDBLOCK ? .wait : .lost(errno)
        }
    }

    /// Descriptors that connections leave to files, databases, fits and the status port.
    static let sparedDescriptors = 48

    /// Whether a connection's descriptor leaves so many others free: the lowest free number is given first.
    static func isSpare(_ descriptor: Int32) -> Bool {
        var bound = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &bound) == 0 else { return true }
        return UInt64(descriptor) + UInt64(sparedDescriptors) < bound.rlim_cur
    }

    /// Ends our side; the peer reads what was written and then the end.
    package static func endWriting(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Accepts one connection, non-blocking, closed on exec, without delay of small writes, and probed
    /// by the kernel while silent, so that a peer that vanished is noticed.
    package static func acceptConnection(_ listener: Int32) -> Acceptance {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                accept(listener, $0, &length)
            }
        }
        guard accepted >= 0 else {
            switch errno {
            case EAGAIN, EWOULDBLOCK: return .wait
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(errno)
            default: return .gone
            }
        }
        let descriptor = Descriptor(accepted)
        guard fcntl(accepted, F_SETFL, O_NONBLOCK) == 0, fcntl(accepted, F_SETFD, FD_CLOEXEC) == 0 else {
            return .gone
        }
        setOption(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        setOption(accepted, SOL_SOCKET, SO_KEEPALIVE, 1)
        setOption(accepted, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        return .connection(descriptor, peer: SocketAddress(address).host)
    }

    /// Sets an option that improves a socket but is not needed for it to work.
    static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

import Dispatch

/// A non-blocking socket with its watch and what is still to be sent, enciphered where the port says so. Lives
/// inside one connection and is used on its queue only.
///
/// The descriptor is closed once: when the channel and its watch have let go of it.
final class ConnectionChannel {
    private var descriptor: Descriptor?
    private var watch: SocketWatch?
    private var tls: EncipheredInput?
    private var isReading = false
    private var isWaitingToWrite = false
    private var unsent: [UInt8] = []
    private var sent = 0

    /// Handlers run on `queue`.
    /// - Parameter tls: nil: plain.
    init(
        descriptor: Descriptor, queue: DispatchQueue, tls: TLSSession? = nil,
        onReadable: @escaping @Sendable () -> Void, onWritable: @escaping @Sendable () -> Void
    ) {
        self.descriptor = descriptor
        self.tls = tls.map { EncipheredInput($0) }
        watch = SocketWatch(descriptor, queue: queue, onReadable: onReadable, onWritable: onWritable)
    }

    deinit { close() }

    var isOpen: Bool { descriptor != nil }

    /// Whether plain bytes can go both ways: at once, or when both sides have shaken hands.
    var isEstablished: Bool { tls?.session.isEstablished ?? true }

    /// Bytes handed over and not yet taken by the kernel.
    var unsentBytes: Int { unsent.count - sent }

    /// Turns reading on or off; off, the peer's window fills.
    func setReading(_ wanted: Bool) {
        guard wanted != isReading else { return }
        isReading = wanted
        watch?.setReading(wanted)
        if wanted { readOn() }
    }

    func receive(into space: UnsafeMutableRawBufferPointer) -> Transfer {
        guard let descriptor else { return .end }
        guard tls != nil else { return SystemCalls.receive(descriptor.number, into: space) }
        let result = tls?.receive(descriptor.number, into: space) ?? .end
        // What the handshake answers. A failure shows when the socket is read again.
        _ = send { [] }
        readOn()
        return result
    }

    /// What was deciphered and had no room is nothing that the kernel knows of.
    private func readOn() {
        if isReading, tls?.hasMore == true { watch?.tell(readable: true, writable: false) }
    }

    /// Sends what is left and then what `next` gives, until it gives nothing or the kernel takes no
    /// more; then the watch wakes the connection. Before both sides have shaken hands, `next` is not asked.
    /// - Returns: `.bytes` with what the kernel took, or `.lost`.
    func send(_ next: () -> [UInt8]) -> Transfer {
        guard let descriptor else { return .bytes(0) }
        var taken = 0
        while true {
            if unsentBytes == 0 {
                unsent = tls.map { Self.enciphered(next, by: $0.session) } ?? next()
                sent = 0
                guard !unsent.isEmpty else { break }
            }
            let result = unsent.withUnsafeBytes { bytes in
                SystemCalls.transmit(descriptor.number, UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
            switch result {
            case .bytes(let count):
                sent += count
                taken += count
            case .wait, .end:
                waitToWrite(true)
                return .bytes(taken)
            case .lost: return result
            }
        }
        waitToWrite(false)
        return .bytes(taken)
    }

    private static func enciphered(_ next: () -> [UInt8], by session: TLSSession) -> [UInt8] {
        let own = session.takeOutput()
        guard own.isEmpty, session.isEstablished else { return own }
        // A session that breaks here says so to the next read.
        return session.write(next()) ? session.takeOutput() : []
    }

    private func waitToWrite(_ wanted: Bool) {
        guard wanted != isWaitingToWrite else { return }
        isWaitingToWrite = wanted
        watch?.setWriting(wanted)
    }

    /// Ends our side of the stream, when everything is sent; the peer can still send.
    func endWriting() {
        guard let descriptor else { return }
        if let tls {
            tls.session.end()
            _ = send { [] }
        }
        SystemCalls.endWriting(descriptor.number)
    }

    func close() {
        // So that the peer knows that nothing was cut off; what its kernel does not take at once is not waited for.
        if let tls, descriptor != nil {
            tls.session.end()
            _ = send { [] }
        }
        watch?.cancel()
        watch = nil
        descriptor = nil
    }
}

/// Reads an enciphered socket as if it were a plain one.
private struct EncipheredInput {
    let session: TLSSession
    /// Plain bytes, or the end, that the kernel will not tell of.
    private(set) var hasMore = false

    init(_ session: TLSSession) { self.session = session }

    private static let slab = 64 << 10
    /// `EPROTO`: what came is not what was agreed upon.
    private static let protocolError: Int32 = 71
    /// `ECONNRESET`: a stream that does not say that it is over was cut.
    private static let cut: Int32 = 104

    mutating func receive(_ descriptor: Int32, into space: UnsafeMutableRawBufferPointer) -> Transfer {
        hasMore = false
        var filled = 0
        while filled < space.count {
            switch session.read(into: UnsafeMutableRawBufferPointer(rebasing: space[filled...])) {
            case .bytes(let count): filled += count
            case .end: return filled > 0 ? more(filled) : .end
            case .broken: return filled > 0 ? more(filled) : .lost(Self.protocolError)
            case .wait:
                let transfer = feed(from: descriptor)
                if case .bytes = transfer { continue }
                if filled > 0 { return .bytes(filled) }
                return transfer == .end ? .lost(Self.cut) : transfer
            }
        }
        return more(filled)
    }

    private mutating func more(_ filled: Int) -> Transfer {
        hasMore = true
        return .bytes(filled)
    }

    private func feed(from descriptor: Int32) -> Transfer {
        withUnsafeTemporaryAllocation(byteCount: Self.slab, alignment: 16) { slab in
            let transfer = SystemCalls.receive(descriptor, into: slab)
            guard case .bytes(let count) = transfer else { return transfer }
            let bytes = UnsafeRawBufferPointer(rebasing: slab[..<count])
            return session.feed(bytes) ? transfer : .lost(Self.protocolError)
        }
    }
}

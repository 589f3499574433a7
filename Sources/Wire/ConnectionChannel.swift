import Dispatch

/// A non-blocking socket with its watch and what is still to be sent. Lives inside one connection and is
/// used on its queue only.
///
/// The descriptor is closed once: when the channel and its watch have let go of it.
final class ConnectionChannel {
    private var descriptor: Descriptor?
    private var watch: SocketWatch?
    private var isReading = false
    private var isWaitingToWrite = false
    private var unsent: [UInt8] = []
    private var sent = 0

    /// Handlers run on `queue`.
    init(
        descriptor: Descriptor, queue: DispatchQueue, onReadable: @escaping @Sendable () -> Void,
        onWritable: @escaping @Sendable () -> Void
    ) {
        self.descriptor = descriptor
        watch = SocketWatch(descriptor, queue: queue, onReadable: onReadable, onWritable: onWritable)
    }

    deinit { close() }

    var isOpen: Bool { descriptor != nil }

    /// Bytes handed over and not yet taken by the kernel.
    var unsentBytes: Int { unsent.count - sent }

    /// Turns reading on or off; off, the peer's window fills.
    func setReading(_ wanted: Bool) {
        guard wanted != isReading else { return }
        isReading = wanted
        watch?.setReading(wanted)
    }

    func receive(into space: UnsafeMutableRawBufferPointer) -> Transfer {
        guard let descriptor else { return .end }
        return SystemCalls.receive(descriptor.number, into: space)
    }

    /// Sends what is left and then what `next` gives, until it gives nothing or the kernel takes no
    /// more; then the watch wakes the connection.
    /// - Returns: `.bytes` with what the kernel took, or `.lost`.
    func send(_ next: () -> [UInt8]) -> Transfer {
        guard let descriptor else { return .bytes(0) }
        var taken = 0
        while true {
            if unsentBytes == 0 {
                unsent = next()
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

    private func waitToWrite(_ wanted: Bool) {
        guard wanted != isWaitingToWrite else { return }
        isWaitingToWrite = wanted
        watch?.setWriting(wanted)
    }

    /// Ends our side of the stream; the peer can still send.
    func endWriting() {
        if let descriptor { SystemCalls.endWriting(descriptor.number) }
    }

    func close() {
        watch?.cancel()
        watch = nil
        descriptor = nil
    }
}

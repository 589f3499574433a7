import Dispatch

/// A non-blocking socket with its Dispatch sources and what is still to be sent. Lives inside one
/// connection and is used on its queue only.
///
/// The descriptor is closed once: when the channel is closed and the cancel handlers of its sources,
/// which hold it, have run.
final class ConnectionChannel {
    private var descriptor: Descriptor?
    private let queue: DispatchQueue
    private var readable: (any DispatchSourceRead)?
    private var writable: (any DispatchSourceWrite)?
    private var isReading = false
    private var isWaitingToWrite = false
    private var unsent: [UInt8] = []
    private var sent = 0
    private let onWritable: @Sendable () -> Void

    /// Handlers run on `queue`.
    init(
        descriptor: Descriptor, queue: DispatchQueue, onReadable: @escaping @Sendable () -> Void,
        onWritable: @escaping @Sendable () -> Void
    ) {
        self.descriptor = descriptor
        self.queue = queue
        self.onWritable = onWritable
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor.number, queue: queue)
        source.setEventHandler(handler: onReadable)
        source.setCancelHandler { withExtendedLifetime(descriptor) {} }
        readable = source
    }

    deinit { close() }

    var isOpen: Bool { descriptor != nil }

    /// Bytes handed over and not yet taken by the kernel.
    var unsentBytes: Int { unsent.count - sent }

    /// Turns reading on or off; off, the peer's window fills.
    func setReading(_ wanted: Bool) {
        guard wanted != isReading, let readable else { return }
        isReading = wanted
        if wanted { readable.resume() } else { readable.suspend() }
    }

    func receive(into space: UnsafeMutableRawBufferPointer) -> Transfer {
        guard let descriptor else { return .end }
        return SystemCalls.receive(descriptor.number, into: space)
    }

    /// Sends what is left and then what `next` gives, until it gives nothing or the kernel takes no
    /// more; then the write source wakes the connection.
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
                waitToWrite(descriptor)
                return .bytes(taken)
            case .lost: return result
            }
        }
        if isWaitingToWrite {
            isWaitingToWrite = false
            writable?.suspend()
        }
        return .bytes(taken)
    }

    private func waitToWrite(_ descriptor: Descriptor) {
        guard !isWaitingToWrite else { return }
        isWaitingToWrite = true
        if writable == nil {
            let source = DispatchSource.makeWriteSource(fileDescriptor: descriptor.number, queue: queue)
            source.setEventHandler(handler: onWritable)
            source.setCancelHandler { withExtendedLifetime(descriptor) {} }
            writable = source
        }
        writable?.resume()
    }

    /// Ends our side of the stream; the peer can still send.
    func endWriting() {
        if let descriptor { SystemCalls.endWriting(descriptor.number) }
    }

    /// A suspended source must be resumed to be cancelled and released.
    func close() {
        readable?.cancel()
        if !isReading { readable?.resume() }
        writable?.cancel()
        if !isWaitingToWrite { writable?.resume() }
        readable = nil
        writable = nil
        descriptor = nil
    }
}

import CEpoll
import Dispatch
import Synchronization

/// Tells on a queue when a socket can be read or written, as long as that is asked for.
///
/// In the place of Dispatch's sources: on Linux, when a peer is gone (`EPOLLHUP`), Dispatch lets another
/// thread free what it knows of the descriptor while its event loop still reads it. One reset connection of
/// some hundred thousand ended the process by that.
final class SocketWatch: Sendable {
    private struct State {
        var isReading = false
        var isWriting = false
        /// What the kernel has been asked for and has not told yet.
        var asked = (reading: false, writing: false)
        var isKnown = false
        var isOver = false
        var onReadable: (@Sendable () -> Void)?
        var onWritable: (@Sendable () -> Void)?
        /// Under what the watches know this one.
        var token: UInt64 = 0
    }

    /// Until a socket is looked at that the kernel could not be asked for.
    private static let pauseMilliseconds = 100

    private let descriptor: Descriptor
    private let queue: DispatchQueue
    private let state: Mutex<State>

    /// Handlers run on `queue`, where all else is called too, and are let go of by `cancel`.
    init(
        _ descriptor: Descriptor, queue: DispatchQueue, onReadable: (@Sendable () -> Void)? = nil,
        onWritable: (@Sendable () -> Void)? = nil
    ) {
        self.descriptor = descriptor
        self.queue = queue
        state = Mutex(State(onReadable: onReadable, onWritable: onWritable))
        let token = SocketWatches.shared.add(self)
        state.withLock { $0.token = token }
    }

    func setReading(_ wanted: Bool) {
        state.withLock { state in
            state.isReading = wanted
            ask(&state)
        }
    }

    func setWriting(_ wanted: Bool) {
        state.withLock { state in
            state.isWriting = wanted
            ask(&state)
        }
    }

    /// No handler is called after this. The descriptor is closed when whoever else holds it lets go too.
    func cancel() {
        let handlers = state.withLock { state in
            let handlers = (state.onReadable, state.onWritable)
            guard !state.isOver else { return handlers }
            SocketWatches.shared.remove(state.token, state.isKnown ? descriptor.number : nil)
            state.isOver = true
            (state.onReadable, state.onWritable) = (nil, nil)
            return handlers
        }
        // What they hold may end with them, which must not be within the lock.
        withExtendedLifetime(handlers) {}
    }

    private func ask(_ state: inout State) {
        let wanted = (reading: state.isReading, writing: state.isWriting)
        guard !state.isOver, wanted != state.asked else { return }
        let isAsked = SocketWatches.shared.ask(
            descriptor.number, state.token, isKnown: state.isKnown, reading: wanted.reading,
            writing: wanted.writing)
        guard isAsked else {
            // The kernel has no room for it now: the handlers are called as if it had told.
            queue.asyncAfter(deadline: .now() + .milliseconds(Self.pauseMilliseconds)) {
                self.told(true, true)
            }
            return
        }
        state.isKnown = true
        state.asked = wanted
    }

    /// The kernel has told: once, so that it is asked again when the handlers have done their part.
    func tell(readable: Bool, writable: Bool) {
        queue.async { self.told(readable, writable) }
    }

    private func told(_ readable: Bool, _ writable: Bool) {
        let onReadable = state.withLock { state in
            state.asked = (false, false)
            return readable && state.isReading ? state.onReadable : nil
        }
        onReadable?()
        let onWritable = state.withLock { state in
            writable && state.isWriting ? state.onWritable : nil
        }
        onWritable?()
        state.withLock { ask(&$0) }
    }
}

/// All watches of the process, and the one thread that waits for what the kernel tells of their sockets.
private final class SocketWatches: Sendable {
    static let shared = SocketWatches()

    private struct Table {
        var watches: [UInt64: SocketWatch] = [:]
        /// Never used twice, so that what was told of a socket that is gone reaches nobody.
        var next: UInt64 = 1
    }

    private static let toldAtOnce = 64

    private let table = Mutex(Table())
    private let epoll = epoll_open()
    private let queue = DispatchQueue(label: "roost.sockets", qos: .userInitiated)

    private init() {
        precondition(epoll >= 0, "no epoll instance")
        queue.async { [self] in
            while true { tellOn() }
        }
    }

    private func tellOn() {
        withUnsafeTemporaryAllocation(of: epoll_ready.self, capacity: Self.toldAtOnce) { ready in
            guard let base = ready.baseAddress else { return }
            let count = epoll_await(epoll, base, Int32(Self.toldAtOnce))
            precondition(count >= 0, "epoll does not wait")
            for told in ready[..<Int(count)] {
                let watch = table.withLock { $0.watches[told.token] }
                watch?.tell(readable: told.readable, writable: told.writable)
            }
        }
    }

    func add(_ watch: SocketWatch) -> UInt64 {
        table.withLock { table in
            defer { table.next += 1 }
            table.watches[table.next] = watch
            return table.next
        }
    }

    /// - Parameter descriptor: nil where the kernel was never asked for it.
    func remove(_ token: UInt64, _ descriptor: Int32?) {
        if let descriptor { _ = epoll_forget(epoll, descriptor) }
        // Let go of outside the lock.
        let removed = table.withLock { $0.watches.removeValue(forKey: token) }
        withExtendedLifetime(removed) {}
    }

    func ask(_ descriptor: Int32, _ token: UInt64, isKnown: Bool, reading: Bool, writing: Bool) -> Bool {
        epoll_ask(epoll, descriptor, token, isKnown, reading, writing) == 0
    }
}

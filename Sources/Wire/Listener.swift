package import Core
import Dispatch

/// A socket that was accepted, and from where.
package struct AcceptedSocket: Sendable {
    package let descriptor: Descriptor
    /// The peer's IP address.
    package let peer: String
}

/// A connection as its listener sees it.
package protocol PortConnection: AnyObject, Sendable {
    /// Begins to read.
    func start()
    /// Takes no more, completes what is in flight, says it, closes.
    func drain()
}

/// An open port: accepts within its bounds, hands each socket to a connection, and ends them in order.
package actor Listener {
    /// Open connections at a time, in all and from one address.
    package struct Bounds: Sendable {
        package var total: Int
        package var perPeer: Int
        package init(total: Int, perPeer: Int) {
            self.total = total
            self.perPeer = perPeer
        }
    }

    /// Which counters the port moves.
    package struct Metrics: Sendable {
        package var open: Counters.Metric
        package var accepted: Counters.Metric?
        package var refused: Counters.Metric
        package init(open: Counters.Metric, accepted: Counters.Metric?, refused: Counters.Metric) {
            self.open = open
            self.accepted = accepted
            self.refused = refused
        }
    }

    package typealias Open =
        @Sendable (AcceptedSocket, _ onEnd: @escaping @Sendable () -> Void) -> any PortConnection

    /// Pause after the system had no descriptor for a connection, milliseconds.
    private static let exhaustedPause = 100

    /// The address in use, `host:port`.
    package nonisolated let address: String

    private let executor: QueueExecutor
    private let socket: ListeningSocket
    private let name: String
    private let bounds: Bounds
    private let metrics: Metrics
    private let counters: Counters
    private let exhausted: LogThrottle
    private let refused: LogThrottle
    private let accept: @Sendable (Int32) -> Acceptance
    private let openConnection: Open
    private var source: (any DispatchSourceRead)?
    private var connections: [UInt64: any PortConnection] = [:]
    private var peers: [String: Int] = [:]
    private var nextID: UInt64 = 0
    private var isStopping = false
    private var stopped: [CheckedContinuation<Void, Never>] = []

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Binds and listens; nothing is accepted before `start`.
    /// - Parameters:
    ///   - accept: replaced by tests.
    ///   - open: makes the connection of an accepted socket; it must call `onEnd` once when it is over.
    package init(
        address: String, name: String, bounds: Bounds, metrics: Metrics, counters: Counters,
        time: any TimeSource, log: Log,
        accept: @escaping @Sendable (Int32) -> Acceptance = SystemCalls.acceptConnection,
        open: @escaping Open
    ) throws(ListenFailure) {
        let socket = try ListeningSocket(address)
        self.socket = socket
        self.address = socket.address
        self.name = name
        self.bounds = bounds
        self.metrics = metrics
        self.counters = counters
        self.accept = accept
        exhausted = LogThrottle(log: log, time: time)
        refused = LogThrottle(log: log, time: time)
        openConnection = open
        executor = QueueExecutor(label: "roost.\(name).listener", target: .global(qos: .userInitiated))
    }

    /// Begins to accept.
    package func start() {
        guard source == nil, !isStopping else { return }
        let socket = socket
        let source = DispatchSource.makeReadSource(
            fileDescriptor: socket.descriptor.number, queue: executor.queue)
        source.setEventHandler { self.assumeIsolated { $0.acceptWaiting() } }
        source.setCancelHandler { withExtendedLifetime(socket) {} }
        self.source = source
        source.resume()
    }

    /// Accepts no more, ends all connections in order, and returns when the last is closed.
    package func stop() async {
        isStopping = true
        source?.cancel()
        source = nil
        for connection in connections.values { connection.drain() }
        guard !connections.isEmpty else { return }
        await withCheckedContinuation { stopped.append($0) }
    }

    /// Accepts what waits, a bounded number at a time.
    private func acceptWaiting() {
        for _ in 0..<64 {
            guard source != nil else { return }
            switch accept(socket.descriptor.number) {
            case .connection(let descriptor, let peer):
                admit(AcceptedSocket(descriptor: descriptor, peer: peer))
            case .wait: return
            case .gone: continue
            case .exhausted(let code): return rest(code)
            }
        }
    }

    private func admit(_ accepted: AcceptedSocket) {
        let peer = accepted.peer
        guard SystemCalls.isSpare(accepted.descriptor.number) else {
            counters.add(metrics.refused)
            return exhausted(
                .error, "\(name): refused a connection from \(peer): too few descriptors are left")
        }
        guard connections.count < bounds.total, peers[peer, default: 0] < bounds.perPeer else {
            counters.add(metrics.refused)
            refused(.warning, "\(name): refused a connection from \(peer): too many are open")
            return
        }
        nextID += 1
        let id = nextID
        peers[peer, default: 0] += 1
        if let metric = metrics.accepted { counters.add(metric) }
        counters.add(metrics.open)
        let queue = executor.queue
        let connection = openConnection(accepted) {
            queue.async { self.assumeIsolated { $0.ended(id, peer: peer) } }
        }
        connections[id] = connection
        connection.start()
    }

    /// The process has no descriptor left: the waiting connection would wake us at once again.
    private func rest(_ code: Int32) {
        exhausted(
            .error, "\(name): cannot accept: \(SystemCalls.describe(code)); trying again in a moment")
        source?.suspend()
        let suspended = source
        executor.queue.asyncAfter(deadline: .now() + .milliseconds(Listener.exhaustedPause)) {
            self.assumeIsolated { $0.wake() }
        }
        resting = suspended
    }

    private func wake() {
        resting?.resume()
        resting = nil
    }

    private func ended(_ id: UInt64, peer: String) {
        guard connections.removeValue(forKey: id) != nil else { return }
        counters.add(metrics.open, -1)
        if let count = peers[peer], count > 1 { peers[peer] = count - 1 } else { peers[peer] = nil }
        guard isStopping, connections.isEmpty else { return }
        for continuation in stopped { continuation.resume() }
        stopped = []
    }

    /// The source while it is suspended; resumed even after `stop`, since only then it can be cancelled.
    private var resting: (any DispatchSourceRead)?
}

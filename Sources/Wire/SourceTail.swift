package import Core
import Dispatch

/// Reads one source (`listen.sources`): connects to it, takes its lines as those of a plain client, and
/// connects again, after a wait that grows, whenever the connection fails or ends.
///
/// Each connection is a stream of its own: what the source gives again is taken again, for plain lines have
/// no numbers. Nothing is ever written to a source.
package actor SourceTail {
    private enum Phase {
        case idle
        /// The host is looked up, or the time until the next attempt passes.
        case waiting
        case dialling(Descriptor, peer: String, SocketWatch)
        case reading(any PortConnection)
    }

    /// How the tail waits between attempts; microseconds.
    package struct Timing: Sendable {
        package var least: Int64
        package var most: Int64
        /// For a connection to be made.
        package var connect: Int64

        package init(_ limits: Limits) {
            least = limits.sourceRetryLeast
            most = max(limits.sourceRetryLeast, limits.sourceRetryMost)
            connect = limits.sourceConnectTimeout
        }
    }

    private let executor: QueueExecutor
    /// Where host names are looked up, which may block for long.
    private let lookup = DispatchQueue(label: "roost.source.lookup")
    private let address: ListenAddress
    private let name: String
    private let timing: Timing
    private let counters: Counters
    private let failing: LogThrottle
    private let connected: LogThrottle
    private let openConnection: Listener.OpenSource
    private var backoff: SourceBackoff
    private var chance: Randomness
    private var phase = Phase.idle
    private var attempt = 0
    private var isStopping = false
    private var stopped: [CheckedContinuation<Void, Never>] = []

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - address: `host:port`; the host may be a name.
    ///   - chance: of the waits between attempts.
    ///   - open: makes the connection that reads a socket.
    package init(
        _ address: ListenAddress, timing: Timing, chance: Randomness, counters: Counters,
        time: any TimeSource,
        log: Log, open: @escaping Listener.OpenSource
    ) {
        executor = QueueExecutor(label: "roost.source", target: .global(qos: .userInitiated))
        self.address = address
        name = address.text
        self.timing = timing
        self.chance = chance
        self.counters = counters
        failing = LogThrottle(log: log, time: time)
        connected = LogThrottle(log: log, time: time)
        openConnection = open
        backoff = SourceBackoff(least: timing.least, most: timing.most)
    }

    /// Begins to connect.
    package func start() {
        guard case .idle = phase, !isStopping else { return }
        dial()
    }

    /// Connects no more, lets what was read be committed, and returns when the connection is closed.
    package func stop() async {
        isStopping = true
        switch phase {
        case .idle, .waiting: return
        case .dialling(_, _, let watch):
            phase = .waiting
            watch.cancel()
        case .reading(let connection):
            connection.drain()
            await withCheckedContinuation { stopped.append($0) }
        }
    }

    // MARK: Connecting

    private nonisolated func onQueue(_ body: @escaping @Sendable (isolated SourceTail) -> Void) {
        executor.queue.async { self.assumeIsolated(body) }
    }

    private func onQueue(
        after microseconds: Int64, _ body: @escaping @Sendable (isolated SourceTail) -> Void
    ) {
        let deadline = DispatchTime.now() + .microseconds(Int(microseconds))
        executor.queue.asyncAfter(deadline: deadline) { self.assumeIsolated(body) }
    }

    private func dial() {
        phase = .waiting
        attempt += 1
        let (address, attempt) = (address, attempt)
        lookup.async {
            let beginning = Dialling.begin(address, attempt: attempt)
            self.onQueue { $0.began(beginning) }
        }
    }

    private func began(_ beginning: Dialling.Beginning) {
        guard !isStopping else { return }
        switch beginning {
        case .failed(let reason): failed(reason)
        case .begun(let descriptor, let peer):
            let watch = SocketWatch(
                descriptor, queue: executor.queue, onWritable: { self.assumeIsolated { $0.answered() } })
            phase = .dialling(descriptor, peer: peer, watch)
            watch.setWriting(true)
            let attempt = attempt
            onQueue(after: timing.connect) { $0.gaveUp(attempt) }
        }
    }

    private func answered() {
        guard case .dialling(let descriptor, let peer, let watch) = phase else { return }
        // From now on the connection may watch the descriptor.
        watch.cancel()
        dialled(descriptor, peer: peer)
    }

    private func gaveUp(_ attempt: Int) {
        guard self.attempt == attempt, case .dialling(_, _, let watch) = phase else { return }
        phase = .waiting
        watch.cancel()
        failed("no answer in time")
    }

    private func dialled(_ descriptor: Descriptor, peer: String) {
        if let reason = Dialling.reasonAgainst(descriptor.number) { return failed(reason) }
        counters.add(.sourceConnections)
        counters.add(.sourceConnectionsTotal)
        connected(.info, "source \(name): connected")
        let connection = openConnection(
            AcceptedSocket(descriptor: descriptor, peer: peer),
            { self.onQueue { $0.backoff.reset() } }, { self.onQueue { $0.ended() } })
        phase = .reading(connection)
        connection.start()
    }

    private func failed(_ reason: String) {
        counters.add(.sourceFailures)
        failing(.warning, "source \(name): cannot connect: \(reason); trying again")
        retry()
    }

    private func ended() {
        counters.add(.sourceConnections, -1)
        phase = .waiting
        for continuation in stopped { continuation.resume() }
        stopped = []
        guard !isStopping else { return }
        failing(.warning, "source \(name): the connection ended; connecting again")
        retry()
    }

    private func retry() {
        phase = .waiting
        onQueue(after: backoff.wait(using: &chance)) { tail in
            if !tail.isStopping { tail.dial() }
        }
    }
}

extension Listener {
    /// As `Open`, for a socket that the daemon has connected.
    package typealias OpenSource =
        @Sendable (
            AcceptedSocket, _ onUsable: @escaping @Sendable () -> Void,
            _ onEnd: @escaping @Sendable () -> Void
        ) -> any PortConnection
}

/// All sources that are read.
package struct SourceTails: Sendable {
    private let tails: [SourceTail]

    /// - Parameters:
    ///   - addresses: `host:port` each.
    ///   - context: with `isTailed`.
    ///   - makeDecoder: called once for each connection.
    package init<Decoder: SlabDecoder & ~Copyable>(
        _ addresses: [ListenAddress], context: IngestContext, chance: inout some RandomNumberGenerator,
        log: Log,
        makeDecoder: @escaping @Sendable () -> Decoder
    ) {
        precondition(context.isTailed)
        tails = addresses.map { address in
            SourceTail(
                address, timing: SourceTail.Timing(context.limits), chance: Randomness(seed: chance.next()),
                counters: context.counters, time: context.time, log: log
            ) { accepted, onUsable, onEnd in
                IngestConnection(
                    accepted, context: context, makeDecoder: makeDecoder, onUsable: onUsable, onEnd: onEnd)
            }
        }
    }

    package func start() async {
        for tail in tails { await tail.start() }
    }

    /// Ends all of them in order.
    package func stop() async {
        await withTaskGroup(of: Void.self) { group in
            for tail in tails { group.addTask { await tail.stop() } }
        }
    }
}

package import Core
import Dispatch

/// What all connections of the trigger port share.
package struct SubscriberContext: Sendable {
    package let limits: Limits
    package let source: any TriggerSource
    package let token: String?
    /// Nil: connections are plain.
    package let tls: TLSContext?
    package let time: any TimeSource
    package let counters: Counters

    /// - Parameters:
    ///   - token: what the line that starts a stream must give; nil where none is asked for.
    ///   - tls: certificate of the port; nil: connections are plain.
    package init(
        limits: Limits, source: any TriggerSource, token: String? = nil, tls: TLSContext? = nil,
        time: any TimeSource,
        counters: Counters
    ) {
        self.limits = limits
        self.source = source
        self.token = token
        self.tls = tls
        self.time = time
        self.counters = counters
    }
}

/// One socket of the trigger port: writes the pages that `SubscriberProtocol` asks for while the
/// subscriber takes them.
package actor SubscriberConnection: PortConnection {
    /// Longest control line of a subscriber, bytes.
    private static let lineBytes = 64 << 10

    private let executor: QueueExecutor
    private let context: SubscriberContext
    /// Until the channel has it: who is last to let go of it closes it.
    private var descriptor: Descriptor?
    private let onEnd: @Sendable () -> Void
    private var framer: LineFramer
    private var machine: SubscriberProtocol
    private var deadlines: ConnectionDeadlines
    private var channel: ConnectionChannel?
    private var alarm: ConnectionAlarm?
    private var observation: UInt64?
    private var peerHasEnded = false
    private var isLingering = false
    /// Lines can go both ways: after the handshake, where there is one.
    private var isEstablished = false

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter onEnd: called once, when the socket is closed.
    package init(
        _ accepted: AcceptedSocket, context: SubscriberContext, onEnd: @escaping @Sendable () -> Void
    ) {
        executor = QueueExecutor(label: "roost.subscriber", target: .global(qos: .userInitiated))
        self.context = context
        descriptor = accepted.descriptor
        self.onEnd = onEnd
        framer = LineFramer(readBytes: 4096, lineBytes: SubscriberConnection.lineBytes, keptBytes: 0)
        let now = context.time.monotonic()
        machine = SubscriberProtocol(limits: context.limits, token: context.token, now: now)
        deadlines = ConnectionDeadlines(
            lineTimeout: context.limits.lineTimeout, idleTimeout: context.limits.idleTimeout, now: now)
    }

    package nonisolated func start() { onQueue { $0.open() } }

    /// Sends what is buffered and closes.
    package nonisolated func drain() {
        onQueue {
            $0.machine.drain()
            $0.pump()
        }
    }

    private nonisolated func onQueue(_ body: @escaping @Sendable (isolated SubscriberConnection) -> Void) {
        executor.queue.async { self.assumeIsolated(body) }
    }

    private func open() {
        guard let descriptor else { return }
        self.descriptor = nil
        channel = ConnectionChannel(
            descriptor: descriptor, queue: executor.queue, tls: context.tls?.accept(),
            onReadable: { self.assumeIsolated { $0.readable() } },
            onWritable: { self.assumeIsolated { $0.pump() } })
        alarm = ConnectionAlarm(queue: executor.queue) { self.assumeIsolated { $0.rang() } }
        if let channel { establish(channel) }
        observation = context.source.observe { seq in
            self.onQueue { $0.act { $0.committed(seq) } }
        }
        pump()
    }

    // MARK: Reading

    private func readable() {
        guard let channel, !peerHasEnded else { return }
        let result = framer.withFreeSpace { channel.receive(into: $0) }
        establish(channel)
        switch result {
        case .bytes(let count):
            if !isLingering { take(count) }
        case .end:
            peerHasEnded = true
            deadlines.peerEnded(at: context.time.monotonic())
        case .wait: break
        case .lost: return close()
        }
        pump()
    }

    /// Silence counts from the moment on from which something can be said.
    private func establish(_ channel: ConnectionChannel) {
        guard !isEstablished, channel.isEstablished else { return }
        isEstablished = true
        machine.begins(at: context.time.monotonic())
    }

    private func take(_ count: Int) {
        let now = context.time.monotonic()
        let lineEnded = framer.received(count)
        deadlines.progressed(at: now)
        deadlines.line(isPartial: framer.hasPartialLine, lineEnded: lineEnded, at: now)
        while let piece = framer.next() {
            switch piece {
            case .tooLong(_, let length): machine.receivedOverlong(bytes: length)
            case .lines(let slab):
                for line in slab.split(separator: 0x0A) {
                    perform(machine.received(UnsafeRawBufferPointer(rebasing: line), now: now))
                }
                framer.consume(slab.count)
            }
        }
    }

    // MARK: Acting

    private func act(_ event: (inout SubscriberProtocol) -> [SubscriberProtocol.Action]) {
        guard channel != nil else { return }
        perform(event(&machine))
        pump()
    }

    private func perform(_ actions: [SubscriberProtocol.Action]) {
        for action in actions {
            switch action {
            case .read(let read, let filter, let id):
                context.source.read(after: read.after, limit: read.limit, filter: filter) { page in
                    self.onQueue { connection in
                        let now = connection.context.time.monotonic()
                        connection.act { $0.page(page, id: id, now: now) }
                    }
                }
            case .cursor(let name, let id):
                context.source.cursor(of: name) { cursor in
                    self.onQueue { $0.act { $0.found(cursor: cursor, id: id) } }
                }
            case .store(let seq, let name):
                context.source.store(cursor: seq, of: name) {
                    self.onQueue { $0.act { $0.storedCursor() } }
                }
            }
        }
    }

    /// Brings everything up to date after an event: writes, reads on in the outbox while the subscriber
    /// takes what is sent, turns reading on or off, closes.
    private func pump() {
        guard let channel else { return }
        let now = context.time.monotonic()
        guard case .bytes(let count) = channel.send({ machine.takeOutput() }) else { return close() }
        if count > 0 { deadlines.progressed(at: now) }
        context.counters.add(.triggersSent, Int64(machine.takeTriggersWritten()))
        perform(machine.readOn())
        if machine.mayClose, channel.unsentBytes == 0 {
            guard !peerHasEnded else { return close() }
            if !isLingering { linger(channel) }
        }
        channel.setReading((isLingering || machine.wantsInput) && !peerHasEnded)
        if machine.isOver { deadlines.linger(from: now) }
        // One that listens may be silent for as long as it likes; one that has ended its side is given
        // up when there is nothing to send either, for it may be gone altogether.
        deadlines.isOwing = isEstablished && !peerHasEnded && !framer.hasPartialLine
        let tick = isEstablished ? machine.nextTick : nil
        alarm?.arm(for: min(tick ?? .max, deadlines.next), now: now)
    }

    /// What still comes is read and dropped until the peer ends, so that the last answer is not
    /// destroyed by a reset.
    private func linger(_ channel: ConnectionChannel) {
        isLingering = true
        channel.endWriting()
        framer = LineFramer(readBytes: 4096, lineBytes: 1, keptBytes: 0)
    }

    private func rang() {
        alarm?.rang()
        let now = context.time.monotonic()
        if deadlines.expired(at: now) != nil { return close() }
        if isEstablished { perform(machine.tick(now: now) { context.source.now() }) }
        pump()
    }

    private func close() {
        guard let channel else { return }
        self.channel = nil
        alarm = nil
        channel.close()
        machine.drain()
        if let observation { context.source.cancel(observation) }
        observation = nil
        onEnd()
    }
}

extension Listener {
    /// Opens the trigger port.
    package static func triggers(
        address: String, context: SubscriberContext, log: Log
    ) throws(ListenFailure) -> Listener {
        let total = context.limits.triggerConnections
        return try Listener(
            address: address, name: "triggers", bounds: Bounds(total: total, perPeer: total),
            metrics: Metrics(
                open: .triggerSubscribers, accepted: nil, refused: .triggerSubscribersRefused),
            counters: context.counters, time: context.time, log: log
        ) { accepted, onEnd in
            SubscriberConnection(accepted, context: context, onEnd: onEnd)
        }
    }
}

import Core
import Dispatch

/// One socket of the ingest port: reads slabs, decodes each into one batch, hands it to the intake and
/// writes what `IngestProtocol` says. At most `Limits.batchesInFlight` batches are uncommitted; then it
/// reads no more, and TCP holds the sender.
package actor IngestConnection<Decoder: SlabDecoder & ~Copyable>: PortConnection {
    private let executor: QueueExecutor
    private let context: IngestContext
    /// Until the channel has it: who is last to let go of it closes it.
    private var descriptor: Descriptor?
    private let peer: String
    private let onEnd: @Sendable () -> Void
    private var onUsable: (@Sendable () -> Void)?
    private var decoder: Decoder
    private var framer: LineFramer
    private var machine: IngestProtocol
    private var deadlines: ConnectionDeadlines
    private var channel: ConnectionChannel?
    private var alarm: ConnectionAlarm?
    private var isAtStart = true
    private var peerHasEnded = false
    private var isReading = false
    private var isLingering = false

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - onUsable: called once, when a line has come that could be used.
    ///   - onEnd: called once, when the socket is closed.
    package init(
        _ accepted: AcceptedSocket, context: IngestContext, makeDecoder: @Sendable () -> Decoder,
        onUsable: (@Sendable () -> Void)? = nil, onEnd: @escaping @Sendable () -> Void
    ) {
        executor = QueueExecutor(label: "roost.ingest", target: .global(qos: .userInitiated))
        self.context = context
        descriptor = accepted.descriptor
        peer = accepted.peer
        self.onUsable = onUsable
        self.onEnd = onEnd
        decoder = makeDecoder()
        let limits = context.limits
        framer = LineFramer(
            readBytes: limits.readBytes, lineBytes: limits.lineBytes, keptBytes: limits.deadLetterBytes)
        machine = IngestProtocol(limits: limits, token: context.token, isTailed: context.isTailed)
        // A source may be silent for as long as it likes, in the middle of a line too.
        deadlines = ConnectionDeadlines(
            lineTimeout: context.isTailed ? .max / 4 : limits.lineTimeout,
            idleTimeout: context.isTailed ? .max / 4 : limits.idleTimeout, now: context.time.monotonic())
    }

    package nonisolated func start() { onQueue { $0.open() } }

    /// Takes no more, lets what is in flight complete, says it and closes.
    package nonisolated func drain() {
        onQueue {
            $0.machine.drain()
            $0.pump()
        }
    }

    private nonisolated func onQueue(_ body: @escaping @Sendable (isolated IngestConnection) -> Void) {
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
        pump()
    }

    // MARK: Reading

    private func readable() {
        guard let channel, !peerHasEnded else { return }
        // A few full reads in a row, then others have their turn; the source fires again.
        for _ in 0..<4 {
            guard isLingering || machine.wantsInput else { break }
            var room = 0
            let result = framer.withFreeSpace { space in
                room = space.count
                return channel.receive(into: space)
            }
            switch result {
            case .bytes(let count):
                take(count)
                if count == room { continue }
            case .end: peerHasEnded = true
            case .wait: break
            case .lost: return close()
            }
            break
        }
        pump()
    }

    private func take(_ count: Int) {
        guard !isLingering else { return }
        let now = context.time.monotonic()
        let lineEnded = framer.received(count)
        deadlines.progressed(at: now)
        deadlines.line(isPartial: framer.hasPartialLine, lineEnded: lineEnded, at: now)
        process()
    }

    /// Decodes whole lines as long as the protocol takes them.
    private func process() {
        machine.share(
            among: Int(
                context.counters.value(.ingestConnections) + context.counters.value(.sourceConnections)))
        while machine.wantsInput, let piece = framer.next() {
            switch piece {
            case .tooLong(let prefix, let length): tooLong(prefix, length)
            case .lines(let slab): decode(slab)
            }
            isAtStart = false
        }
    }

    private func decode(_ slab: UnsafeRawBufferPointer) {
        var decoded = decoder.decode(slab, streamStart: isAtStart)
        if let limit = context.latestAccepted {
            decoded.batch.refuseFuture(after: limit, lines: slab, keptBytes: context.limits.deadLetterBytes)
        }
        if context.intake.needsSource { decoded.batch.source = Array(slab[..<decoded.consumed]) }
        decoded.batch.seal(key: context.key)
        var consumed = decoded.consumed
        if !decoded.batch.isEmpty { perform(machine.received(decoded.batch)) }
        if machine.hasUsable, let told = onUsable.take() { told() }
        if case .control(let range) = decoded.stop {
            consumed = range.lowerBound
            if machine.wantsInput {
                perform(machine.received(control: UnsafeRawBufferPointer(rebasing: slab[range])))
                consumed = slab[range.lowerBound...].firstIndex(of: 0x0A).map { $0 + 1 } ?? slab.count
            }
        }
        framer.consume(consumed)
    }

    private func tooLong(_ prefix: [UInt8], _ length: Int) {
        guard context.isTailed || !ControlLine.begins(prefix) else {
            return machine.receivedOverlongControl(bytes: length)
        }
        var batch = EventBatch()
        batch.rejections = [
            Rejection(
                line: 0, code: .lineTooLong,
                detail: "the line has \(length) bytes; at most \(context.limits.lineBytes) are taken",
                raw: prefix)
        ]
        batch.lineCount = 1
        batch.byteCount = length + 1
        perform(machine.received(batch))
    }

    /// The stream has ended cleanly and every whole line of it is taken.
    private func finishInput() {
        if framer.hasPartialLine, machine.takesLastLine {
            framer.finish()
            process()
        }
        if !framer.hasWholeLines { machine.ended() }
    }

    // MARK: Acting

    private func perform(_ actions: [IngestProtocol.Action]) {
        for action in actions { perform(action) }
    }

    private func perform(_ action: IngestProtocol.Action) {
        let intake = context.intake
        switch action {
        case .submit(var submission):
            if submission.batch.route.starts.isEmpty { submission.batch.seal(key: context.key) }
            intake.submit(submission) { receipt in
                self.onQueue { $0.answered { $0.completed(receipt) } }
            }
        case .hello(let producer, let from):
            intake.hello(
                producer: producer, from: from,
                fence: { self.onQueue { $0.answered { $0.fenced() } } },
                completion: { answer in self.onQueue { $0.answered { $0.answered(answer) } } })
        case .sync(let id):
            intake.sync {
                self.onQueue {
                    $0.machine.synced(id: id)
                    $0.pump()
                }
            }
        case .note(let profile, let user): intake.note(profile, of: user)
        case .advance(let time, let id):
            intake.advance(to: time) { answer in
                self.onQueue {
                    $0.machine.advanced(id: id, answer)
                    $0.pump()
                }
            }
        case .goodbye(let session): intake.goodbye(session)
        case .report(let report): context.report(report, peer: peer)
        }
    }

    private func answered(_ event: (inout IngestProtocol) -> [IngestProtocol.Action]) {
        perform(event(&machine))
        pump()
    }

    /// Brings everything up to date after an event: takes lines that were held back, writes what is to
    /// be written, turns reading on or off, closes.
    private func pump() {
        guard let channel else { return }
        let now = context.time.monotonic()
        // Writing makes room for answers, which may let lines in that were held back.
        repeat {
            process()
            if peerHasEnded, machine.wantsInput { finishInput() }
            guard case .bytes(let count) = channel.send({ machine.takeOutput() }) else { return close() }
            if count > 0 { deadlines.progressed(at: now) }
        } while machine.wantsInput && framer.hasWholeLines
        if machine.mayClose, channel.unsentBytes == 0 {
            guard machine.speaks, !peerHasEnded else { return close() }
            if !isLingering { linger(channel) }
        }
        let wanted = (isLingering || machine.wantsInput) && !peerHasEnded
        if wanted, !isReading { deadlines.resumed(at: now) }
        isReading = wanted
        channel.setReading(wanted)
        deadlines.isOwing = machine.owes
        if machine.isEnding, !machine.owes { deadlines.linger(from: now) }
        alarm?.arm(for: deadlines.next, now: now)
    }

    /// Everything is said. What still comes is read and dropped until the peer ends: a socket closed
    /// with unread bytes is reset, and the reset would destroy the last answer on its way.
    private func linger(_ channel: ConnectionChannel) {
        isLingering = true
        channel.endWriting()
        framer = LineFramer(readBytes: 4096, lineBytes: 1, keptBytes: 0)
    }

    private func rang() {
        alarm?.rang()
        let expiry = deadlines.expired(at: context.time.monotonic())
        switch expiry {
        case .line:
            context.counters.add(.ingestConnectionsSlowClosed)
            machine.expired(code: "line_timeout", detail: "a line took too long to become whole")
        case .idle:
            context.counters.add(.ingestConnectionsIdleClosed)
            machine.expired(code: "idle", detail: "nothing was read or written for too long")
        case .linger: return close()
        case nil: break
        }
        pump()
    }

    private func close() {
        guard let channel else { return }
        self.channel = nil
        alarm = nil
        if context.isTailed, framer.hasPartialLine { context.counters.add(.sourceUnfinishedLines) }
        channel.close()
        perform(machine.closed())
        onEnd()
    }
}

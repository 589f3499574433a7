package import Core

// What comes from the daemon: receipts and answers, and what is said of them in which order.

extension IngestProtocol {
    /// The fate of the oldest submission that has none yet.
    package mutating func completed(_ receipt: Receipt) -> [Action] {
        guard phase != .dead, !fencedOff,
            let index = pending.firstIndex(where: { if case .receipt = $0 { true } else { false } }),
            case .receipt(let firstLine, let numbered, let known) = pending[index]
        else { return [] }
        submissionsInFlight -= 1
        rejectionsInFlight -= known
        switch receipt {
        case .committed(let next, let rejections, _):
            let reply = numbered ? rejects(rejections, firstLine: firstLine) : []
            pending[index] = .done(reply: reply, ack: numbered ? next : nil)
            release()
            return []
        case .fenced: return fenced()
        case .closed:
            stop()
            return []
        }
    }

    /// The answer to `$hello`.
    package mutating func answered(_ answer: HelloAnswer) -> [Action] {
        guard case .welcoming(let producer, let from) = mode, phase != .dead, !fencedOff else {
            if case .welcome(let session, _, _) = answer, !fencedOff { return [.goodbye(session)] }
            return []
        }
        switch answer {
        case .welcome(let session, let next, let store):
            mode = .producing(session: session, number: from ?? next, known: next)
            settle(
                ControlLine.compose("$welcome") { writer in
                    writer.key("producer")
                    writer.value(producer)
                    writer.key("next")
                    writer.value(next)
                    writer.key("store")
                    writer.value(store)
                }
            ) { if case .welcome = $0 { true } else { false } }
        case .ahead(let next):
            mode = .refused
            let failure = ControlFailure.refused(
                code: "ahead", detail: "from is beyond the next line, which is \(next)")
            settle(failure.line) { if case .welcome = $0 { true } else { false } }
        case .tooManyProducers:
            mode = .refused
            let failure = ControlFailure.refused(
                code: "over_limit", detail: "limits.producers names are known already")
            settle(failure.line) { if case .welcome = $0 { true } else { false } }
        case .closed: stop()
        }
        return []
    }

    /// Everything before the `$sync` of this id is durable and visible.
    package mutating func synced(id: UInt64) {
        var lines: UInt64 = 0
        for case .sync(id, let count) in pending { lines = count }
        settle(
            ControlLine.compose("$synced") { writer in
                writer.key("lines")
                writer.value(lines)
            }
        ) { if case .sync(id, _) = $0 { true } else { false } }
    }

    /// The answer to the `$advance` of this id.
    package mutating func advanced(id: UInt64, _ answer: AdvanceAnswer) {
        let reply =
            switch answer {
            case .advanced(let watermark):
                ControlLine.compose("$advanced") { writer in
                    writer.key("watermark")
                    writer.value(watermark)
                }
            case .refused(let code, let detail): ControlLine.error(code: code, detail: detail)
            }
        settle(reply) { if case .advance(id) = $0 { true } else { false } }
    }

    /// A later connection has taken the name.
    package mutating func fenced() -> [Action] {
        guard phase != .dead, !fencedOff else { return [] }
        let producer: String
        switch mode {
        case .producing(let session, _, _): producer = session.name
        case .welcoming(let name, _): producer = name
        case .plain, .refused: return []
        }
        fencedOff = true
        end(saying: .refused(code: "fenced", detail: "a later connection said $hello as \(producer)"))
        return [.report(.fenced(producer: producer))]
    }

    /// The daemon stops: take no more, let what is in flight complete, say it, close.
    package mutating func drain() {
        if phase == .open { phase = .ending }
    }

    /// The connection is gone. Ends the session, unless a later connection has it.
    package mutating func closed() -> [Action] {
        guard !isClosed else { return [] }
        isClosed = true
        phase = .dead
        pending = []
        output = []
        ack = nil
        guard !fencedOff, case .producing(let session, _, _) = mode else { return [] }
        return [.goodbye(session)]
    }

    // MARK: Answers in order

    /// Says a failure in its turn.
    mutating func say(_ failure: ControlFailure) {
        speaks = true
        pending.append(.done(reply: failure.line, ack: nil))
        release()
    }

    /// Nothing owed before is said any more: this, and the end.
    mutating func end(saying failure: ControlFailure) {
        speaks = true
        pending = []
        submissionsInFlight = 0
        rejectionsInFlight = 0
        writeAck()
        output += failure.line
        phase = .ending
    }

    private mutating func stop() {
        if speaks {
            end(saying: .refused(code: "stopping", detail: "the daemon is stopping; nothing more is taken"))
        } else {
            phase = .dead
        }
    }

    private mutating func settle(_ reply: [UInt8], where isOwed: (Owed) -> Bool) {
        guard let index = pending.firstIndex(where: isOwed) else { return }
        pending[index] = .done(reply: reply, ack: nil)
        release()
    }

    /// Moves what is done at the head to the output. Rejects may overtake an ack, which only grows;
    /// other replies come after the acks of all before them.
    mutating func release() {
        var count = 0
        for case .done(let reply, let next) in pending.prefix(while: { $0.isDone }) {
            count += 1
            if next == nil, !reply.isEmpty { writeAck() }
            output += reply
            if let next { ack = max(ack ?? 0, next) }
        }
        pending.removeFirst(count)
    }

    mutating func writeAck() {
        guard let next = ack else { return }
        ack = nil
        output += ControlLine.compose("$ack") { writer in
            writer.key("next")
            writer.value(next)
        }
    }

    private func rejects(_ rejections: [Rejection], firstLine: UInt64) -> [UInt8] {
        guard !rejections.isEmpty else { return [] }
        var writer = JSONWriter(capacity: rejections.count * IngestProtocol.rejectBytes)
        for rejection in rejections {
            writer.beginObject()
            writer.key("$reject")
            writer.beginObject()
            writer.key("line")
            writer.value(firstLine + UInt64(rejection.line))
            writer.key("code")
            writer.value(rejection.code.text)
            writer.key("detail")
            writer.value(rejection.detail)
            writer.endObject()
            writer.endObject()
            writer.newline()
        }
        return writer.bytes
    }
}

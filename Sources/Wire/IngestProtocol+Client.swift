package import Core

// What comes from the client: lines, control lines, the end, silence.

extension IngestProtocol {
    /// Data lines, decoded, in order.
    package mutating func received(_ batch: consuming EventBatch) -> [Action] {
        guard case .open = phase, !batch.isEmpty else { return [] }
        guard authorized else { return refuseUnauthorized() }
        lines += UInt64(batch.lineCount)
        switch mode {
        case .plain: return receivedPlain(batch)
        case .welcoming: preconditionFailure("data lines are held back until the welcome")
        case .refused:
            end(saying: .refused(code: "not_welcome", detail: "data lines after a $hello that was refused"))
            return []
        case .producing(let session, let number, let known):
            let count = UInt64(batch.lineCount)
            mode = .producing(session: session, number: number + count, known: known)
            if number + count <= known {
                pending.append(.done(reply: [], ack: known))
                release()
                return []
            }
            let skipped = number < known ? UInt32(known - number) : 0
            let rest = skipped == 0 ? batch : batch.droppingLines(skipped)
            return [submit(rest, session: session, firstLine: number + UInt64(skipped))]
        }
    }

    private mutating func receivedPlain(_ batch: consuming EventBatch) -> [Action] {
        guard !usableSeen else { return [submit(batch, session: nil, firstLine: 0)] }
        let wanted = limits.unusableLines - unusable
        let leading = batch.rows.first.map { Int($0.line) } ?? Int(batch.lineCount)
        guard leading >= wanted else {
            usableSeen = !batch.rows.isEmpty
            unusable += leading
            return [submit(batch, session: nil, firstLine: 0)]
        }
        phase = .ending
        let kept = batch.keepingRejections(wanted)
        return [
            submit(kept, session: nil, firstLine: 0), .report(.unusable(lines: limits.unusableLines)),
        ]
    }

    private mutating func submit(
        _ batch: consuming EventBatch, session: ProducerSession?, firstLine: UInt64
    ) -> Action {
        let rejections = session == nil ? 0 : batch.rejections.count
        submissionsInFlight += 1
        rejectionsInFlight += rejections
        pending.append(
            .receipt(firstLine: firstLine, numbered: session != nil, rejections: rejections))
        return .submit(Submission(batch: batch, producer: session, firstLine: firstLine))
    }

    /// A control line, without its newline.
    package mutating func received(control bytes: UnsafeRawBufferPointer) -> [Action] {
        guard case .open = phase else { return [] }
        if isTailed { return received(EventBatch(refusing: bytes, keptBytes: limits.deadLetterBytes)) }
        do throws(ControlFailure) {
            let line = try ControlLine(bytes)
            guard authorized || line.name == "$hello" else { return refuseUnauthorized(answering: true) }
            return try follow(line)
        } catch {
            guard authorized else { return refuseUnauthorized(answering: true) }
            say(error)
            return []
        }
    }

    /// A control line beyond the limit of a line.
    package mutating func receivedOverlongControl(bytes: Int) {
        guard case .open = phase else { return }
        say(.tooLong(bytes: bytes))
    }

    private mutating func follow(_ line: ControlLine) throws(ControlFailure) -> [Action] {
        switch line.name {
        case "$hello": return try hello(line)
        case "$sync":
            try line.allow()
            let id = nextIdentity()
            pending.append(.sync(id: id, lines: lines))
            return [.sync(id: id)]
        case "$advance":
            try line.allow("to")
            guard let text = try line.string("to") else { throw .missing("to") }
            guard let time = InstantText.parse(text) else {
                throw .wrong(member: "to", wanted: "an instant such as 2025-01-01T00:00:00Z")
            }
            let id = nextIdentity()
            pending.append(.advance(id: id))
            return [.advance(to: time, id: id)]
        case "$consent": return [try consent(line)]
        case "$profile": return [try profile(line)]
        default: throw .unknown(line.name)
        }
    }

    private func consent(_ line: ControlLine) throws(ControlFailure) -> Action {
        try line.allow("user", "granted", "channel")
        guard let granted = try line.flag("granted") else { throw .missing("granted") }
        var profile = ContactProfile()
        if let channel = try line.string("channel") {
            guard (1...200).contains(channel.utf8.count) else {
                throw .wrong(member: "channel", wanted: "a text of 1 to 200 bytes")
            }
            profile.set(channel, granted: granted)
        } else {
            profile.granted = granted
        }
        return .note(profile, user: Array(try line.label("user").utf8))
    }

    private func profile(_ line: ControlLine) throws(ControlFailure) -> Action {
        try line.allow("user", "name", "language", "timezone", "consent")
        func text(_ key: String) throws(ControlFailure) -> String {
            let text = try line.string(key) ?? ""
            guard text.utf8.count <= 256 else {
                throw .wrong(member: key, wanted: "a text of at most 256 bytes")
            }
            return text
        }
        var profile = ContactProfile()
        profile.name = try text("name")
        profile.language = try text("language").lowercased()
        profile.zone = try text("timezone")
        profile.granted = try line.flag("consent")
        return .note(profile, user: Array(try line.label("user").utf8))
    }

    private mutating func hello(_ line: ControlLine) throws(ControlFailure) -> [Action] {
        try line.allow("producer", "from", "token")
        let producer = try line.label("producer")
        let from = try line.number("from").map { UInt64($0) }
        let given = try line.string("token")
        if case .producing = mode {
            throw .refused(code: "already_welcome", detail: "this connection has said $hello before")
        }
        guard token.map({ ControlLine.matches(given ?? "", $0) }) ?? true else {
            return refuseUnauthorized(answering: true)
        }
        authorized = true
        mode = .welcoming(producer: producer, from: from)
        speaks = true
        pending.append(.welcome)
        return [.hello(producer: producer, from: from)]
    }

    private mutating func refuseUnauthorized(answering: Bool = false) -> [Action] {
        if answering || speaks {
            end(saying: .refused(code: "unauthorized", detail: "this port asks for a token in $hello"))
        } else {
            phase = .ending
        }
        return [.report(.unauthorized)]
    }

    private mutating func nextIdentity() -> UInt64 {
        nextID += 1
        speaks = true
        return nextID
    }

    /// The client has ended its side: say what is owed, then close.
    package mutating func ended() {
        if case .open = phase { phase = .ending }
    }

    /// The client was silent, or slow with a line, for too long.
    package mutating func expired(code: String, detail: String) {
        if speaks { end(saying: .refused(code: code, detail: detail)) } else { phase = .dead }
    }
}

extension EventBatch {
    /// One line from a source that would be a control line from a client.
    fileprivate init(refusing control: UnsafeRawBufferPointer, keptBytes: Int) {
        self.init()
        rejections = [
            Rejection(
                line: 0, code: .missingField, detail: "a control line, and a source is not answered",
                raw: Array(control.prefix(keptBytes)))
        ]
        lineCount = 1
        byteCount = control.count + 1
    }
}

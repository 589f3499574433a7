package import Core

/// What a connection of the trigger port says and hears, without any I/O: events go in, actions come
/// out. Pages are asked for only while there is room for them, so a subscriber that does not read costs
/// at most its buffer.
package struct SubscriberProtocol {
    package enum Action: Sendable {
        /// Read a page; give it back with this id.
        case read(TriggerStream.Read, TriggerFilter, id: UInt64)
        case cursor(of: String, id: UInt64)
        case store(seq: Int64, of: String)
    }

    private struct Heartbeat {
        var every: Int64
        var next: Int64
    }

    /// Microseconds without a word after which the stream starts at now.
    package static let grace: Int64 = 200_000
    private static let shortestHeartbeat: Int64 = 10_000

    private let bufferBytes: Int
    private let token: String?
    private var openedAt: Int64
    private var isAuthorized: Bool
    private var stream: TriggerStream?
    /// The stream began because nothing was said; saying something begins another.
    private var isImplicit = false
    /// A start was asked for and its cursor is being looked up.
    private var startID: UInt64?
    private var startFilter = TriggerFilter()
    private var nextID: UInt64 = 0
    private var readID: UInt64?
    private var consumer: String?
    private var acknowledged: Int64 = 0
    private var isStoring = false
    private var stored: Int64 = 0
    private var heartbeat: Heartbeat?
    private var isEnding = false
    private var output: [UInt8] = []
    /// Trigger lines put into the output since last asked.
    package private(set) var triggersWritten = 0

    /// - Parameters:
    ///   - token: what the line that starts the stream must give, nil where none is asked for.
    ///   - now: microseconds of a clock that only goes forward.
    package init(limits: Limits, token: String?, now: Int64) {
        bufferBytes = limits.subscriberBufferBytes
        self.token = token
        isAuthorized = token == nil
        openedAt = now
    }

    /// The connection can be spoken on from now on: a handshake came first.
    package mutating func begins(at now: Int64) { openedAt = now }

    // MARK: What the connection asks

    /// Input may be read: answers have room.
    package var wantsInput: Bool { !isEnding && output.count < bufferBytes }

    /// Everything is said and the connection is over.
    package var mayClose: Bool { isEnding && output.isEmpty && !isStoring }

    package var isOver: Bool { isEnding }

    package mutating func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    package mutating func takeTriggersWritten() -> Int {
        defer { triggersWritten = 0 }
        return triggersWritten
    }

    /// The next instant at which `tick` has something to do.
    package var nextTick: Int64? {
        if isEnding { return nil }
        let grace =
            stream == nil && startID == nil && isAuthorized ? openedAt + SubscriberProtocol.grace : nil
        return [grace, heartbeat?.next].compactMap { $0 }.min()
    }

    // MARK: What came from the subscriber

    /// A line, without its newline.
    package mutating func received(_ line: UnsafeRawBufferPointer, now: Int64) -> [Action] {
        guard !isEnding, line.contains(where: { $0 > 0x20 }) else { return [] }
        do throws(ControlFailure) {
            return try follow(try ControlLine(line), now: now)
        } catch {
            output += error.line
            return []
        }
    }

    package mutating func receivedOverlong(bytes: Int) {
        output += ControlFailure.tooLong(bytes: bytes).line
    }

    private mutating func follow(_ line: ControlLine, now: Int64) throws(ControlFailure) -> [Action] {
        switch line.name {
        case "$tail":
            try line.allow("types", "include_holdout", "token")
            return try begin(line) { .now }
        case "$resume":
            try line.allow("after", "types", "include_holdout", "token")
            guard let after = try line.number("after") else { throw .missing("after") }
            return try begin(line) { .after(after) }
        case "$consumer":
            try line.allow("name", "types", "include_holdout", "token")
            return try beginConsumer(line)
        case "$ack":
            try line.allow("seq")
            guard let seq = try line.number("seq") else { throw .missing("seq") }
            return try acknowledge(seq)
        case "$heartbeat":
            try line.allow("every")
            guard let text = try line.string("every") else { throw .missing("every") }
            guard let every = DurationText.parse(text), every >= SubscriberProtocol.shortestHeartbeat
            else {
                throw .wrong(member: "every", wanted: "a length of time of at least 10ms, such as \"10s\"")
            }
            heartbeat = Heartbeat(every: every, next: now + every)
            return []
        default: throw .unknown(line.name)
        }
    }

    /// Refuses a second start, except where the first came of silence: the line may have been slow.
    private mutating func admit(_ line: ControlLine) throws(ControlFailure) -> TriggerFilter {
        let filter = TriggerFilter(
            types: try line.strings("types"), includeHoldout: try line.flag("include_holdout") ?? false)
        let given = try line.string("token")
        guard startID == nil, stream == nil || isImplicit else {
            throw .refused(code: "already_started", detail: "this connection's stream has started before")
        }
        if let token, !isAuthorized {
            guard let given, ControlLine.matches(given, token) else {
                isEnding = true
                throw .refused(code: "unauthorized", detail: "this port asks for a token")
            }
            isAuthorized = true
        }
        isImplicit = false
        return filter
    }

    private mutating func begin(
        _ line: ControlLine, at start: () -> TriggerStream.Start
    ) throws(ControlFailure) -> [Action] {
        let filter = try admit(line)
        stream = TriggerStream(start: start(), filter: filter)
        readID = nil
        return readOn()
    }

    private mutating func beginConsumer(_ line: ControlLine) throws(ControlFailure) -> [Action] {
        let name = try line.label("name")
        // Names of the daemon's own, such as its sinks.
        if name.hasPrefix("$") { throw .wrong(member: "name", wanted: "a name that does not begin with $") }
        startFilter = try admit(line)
        stream = nil
        readID = nil
        consumer = name
        nextID += 1
        startID = nextID
        return [.cursor(of: name, id: nextID)]
    }

    private mutating func acknowledge(_ seq: Int64) throws(ControlFailure) -> [Action] {
        guard let consumer else {
            throw .refused(code: "no_consumer", detail: "$ack is for a connection that said $consumer")
        }
        guard let stream, seq <= stream.through else {
            throw .refused(code: "bad_field", detail: "seq is beyond what was sent")
        }
        guard seq > acknowledged else { return [] }
        acknowledged = seq
        guard !isStoring else { return [] }
        return [store(of: consumer)]
    }

    private mutating func store(of consumer: String) -> Action {
        isStoring = true
        stored = acknowledged
        return .store(seq: acknowledged, of: consumer)
    }

    /// The daemon stops, or the subscriber is gone: send what is written and close.
    package mutating func drain() { isEnding = true }

    // MARK: What came from the daemon

    /// The answer to `.cursor`.
    package mutating func found(cursor: Int64?, id: UInt64) -> [Action] {
        guard id == startID, !isEnding else { return [] }
        startID = nil
        acknowledged = cursor ?? 0
        stored = acknowledged
        stream = TriggerStream(start: cursor.map { .after($0) } ?? .oldest, filter: startFilter)
        return readOn()
    }

    /// The answer to `.store`; the newest ack since then is stored next.
    package mutating func storedCursor() -> [Action] {
        isStoring = false
        guard let consumer, acknowledged > stored else { return [] }
        return [store(of: consumer)]
    }

    /// Triggers up to this number are in the outbox.
    package mutating func committed(_ seq: Int64) -> [Action] {
        stream?.committed(seq)
        return readOn()
    }

    /// The answer to `.read`.
    package mutating func page(_ page: TriggerPage, id: UInt64, now: Int64) -> [Action] {
        guard id == readID, !isEnding else { return [] }
        readID = nil
        switch stream?.page(page) {
        case .lines(let lines, let count):
            if count > 0 {
                output += lines
                triggersWritten += count
                postpone(from: now)
            }
            return readOn()
        case .gap(let oldest, let last): endMisplaced("gap", oldest, last)
        case .future(let oldest, let last): endMisplaced("future", oldest, last)
        case nil: break
        }
        return []
    }

    private mutating func endMisplaced(_ code: String, _ oldest: Int64, _ last: Int64) {
        output += ControlLine.compose("$error") { writer in
            writer.key("code")
            writer.value(code)
            writer.key("oldest")
            writer.value(oldest)
            writer.key("last")
            writer.value(last)
        }
        isEnding = true
    }

    /// Reads on if there is room; called also when output was written.
    package mutating func readOn() -> [Action] {
        guard !isEnding, readID == nil, let read = stream?.nextRead(room: bufferBytes - output.count),
            let filter = stream?.filter
        else { return [] }
        nextID += 1
        readID = nextID
        return [.read(read, filter, id: nextID)]
    }

    // MARK: Time

    private mutating func postpone(from now: Int64) {
        if let every = heartbeat?.every { heartbeat?.next = now + every }
    }

    /// Time has passed.
    /// - Parameters:
    ///   - now: microseconds of the clock that only goes forward.
    ///   - clock: now in the daemon's clock, for a heartbeat.
    package mutating func tick(now: Int64, clock: () -> EventTime) -> [Action] {
        guard !isEnding else { return [] }
        if let beat = heartbeat, now >= beat.next {
            // One that was not taken yet says as much as a second would.
            if let stream, stream.hasStarted, output.isEmpty { writeHeartbeat(clock(), last: stream.through) }
            postpone(from: now)
        }
        guard stream == nil, startID == nil, isAuthorized, now >= openedAt + SubscriberProtocol.grace
        else { return [] }
        isImplicit = true
        stream = TriggerStream(start: .now, filter: TriggerFilter())
        return readOn()
    }

    private mutating func writeHeartbeat(_ clock: EventTime, last: Int64) {
        output += ControlLine.compose("$heartbeat") { writer in
            writer.key("now")
            if clock < .earliestAccepted { writer.null() } else { writer.value(clock) }
            writer.key("last")
            writer.value(last)
        }
    }
}

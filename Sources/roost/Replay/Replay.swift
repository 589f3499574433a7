import Core

/// What `roost replay` was asked for.
struct ReplayRequest {
    var files: [String]
    var address: ListenAddress
    /// Lines a second; nil: as fast as they are taken.
    var rate: Double?
    /// Nil: a name of this run.
    var producer: String?
    var access = Access.plain
    var plain = false
    /// Where to move the event clock afterwards, as the user wrote it.
    var advance: String?
}

/// Feeds logs to the ingest port: what is acknowledged is on disk, and what is not taken is told.
struct Replay: ~Copyable {
    private let request: ReplayRequest
    private let socket: Socket
    private let clock: any TimeSource
    private let producer: String
    private var feed = LineFeed(skipping: 0)
    private var bar: ProgressBar
    private var cutter = LineCutter()
    private var outgoing: [UInt8] = []
    private var sentOfOutgoing = 0
    private var acknowledged: UInt64 = 0
    private var firstLine: UInt64 = 0
    private(set) var sent: UInt64 = 0
    private(set) var rejected: UInt64 = 0
    private var started: Int64 = 0
    private var bytesBefore: Int64 = 0

    /// Answers that something waits for.
    private enum Awaited {
        case welcome
        case synced
        case advanced
    }
    private var arrived: Set<Awaited> = []
    /// Where `$advance` has moved the watermark.
    private var advanced: String?

    init(_ request: ReplayRequest, clock: any TimeSource = SystemTime()) throws(CommandFailure) {
        var total: Int64? = 0
        for path in request.files {
            let size = path == "-" ? nil : try ByteSource(path: path).size
            total = total.flatMap { sum in size.map { sum + $0 } }
        }
        var random = SystemRandomNumberGenerator()
        socket = try Socket(connecting: request.address, tls: request.access.tls)
        producer = request.producer ?? "replay-" + String(random.next() as UInt64, radix: 16)
        bar = ProgressBar(total: total, unit: "lines")
        self.request = request
        self.clock = clock
    }

    mutating func run() throws {
        if !request.plain { try greet() }
        started = clock.monotonic()
        for path in request.files { try send(path) }
        try drain()
        if request.plain {
            try socket.finishSending()
            while let _ = try socket.receive() {}
        } else {
            try ask("{\"$sync\":{}}", awaiting: .synced)
            if let time = request.advance { try advance(to: time) }
        }
        bar.finish()
        report()
        if let advanced { Terminal.complain("the clock is at \(Terminal.harmless(advanced))\n") }
    }

    private mutating func greet() throws {
        var hello = JSONWriter()
        hello.beginObject()
        hello.key("$hello" as StaticString)
        hello.beginObject()
        hello.key("producer" as StaticString)
        hello.value(producer)
        if let token = request.access.token {
            hello.key("token" as StaticString)
            hello.value(token)
        }
        hello.endObject()
        hello.endObject()
        try ask(hello.text, awaiting: .welcome)
        if firstLine > 0 {
            Terminal.complain(
                "\(producer): the first \(Readable.count(Int64(firstLine))) lines are there already\n")
        }
        feed = LineFeed(skipping: firstLine)
    }

    private mutating func advance(to time: String) throws {
        var line = JSONWriter()
        line.beginObject()
        line.key("$advance" as StaticString)
        line.beginObject()
        line.key("to" as StaticString)
        line.value(time)
        line.endObject()
        line.endObject()
        try ask(line.text, awaiting: .advanced)
    }

    private mutating func ask(_ line: String, awaiting answer: Awaited) throws {
        outgoing.append(contentsOf: Array("\(line)\n".utf8))
        while !arrived.contains(answer) { try pump(milliseconds: 200) }
        arrived.remove(answer)
    }

    private mutating func send(_ path: String) throws {
        var source = try ByteSource(path: path)
        var more = true
        while more {
            more = try feed.fill { buffer throws(CommandFailure) in try source.read(into: &buffer) }
            if !more { feed.endFile() }
            while feed.hasWhole {
                let count = feed.take(atMost: allowance(), into: &outgoing)
                sent += UInt64(count)
                bar.update(done: bytesBefore + source.position, units: Int64(feed.lines))
                repeat { try pump(milliseconds: feed.hasWhole ? pause() : 0) } while pendingBytes > 1 << 20
            }
        }
        bytesBefore += source.position
    }

    private var pendingBytes: Int { outgoing.count - sentOfOutgoing }

    /// Lines that may be sent now.
    private func allowance() -> Int {
        guard let rate = request.rate else { return .max }
        let due = rate * Double(clock.monotonic() - started) / 1e6
        return max(0, Int(due) - Int(sent))
    }

    /// Until the next line is due, milliseconds.
    private func pause() -> Int32 {
        guard let rate = request.rate, allowance() == 0 else { return 0 }
        return Int32(min(200, max(1, 1000 / rate)))
    }

    private mutating func drain() throws {
        while pendingBytes > 0 { try pump(milliseconds: 200) }
    }

    /// Sends and receives what can be without waiting longer than told.
    private mutating func pump(milliseconds: Int32) throws {
        let wantsToSend = pendingBytes > 0
        let ready = try socket.wait(toSend: wantsToSend, milliseconds: wantsToSend ? 200 : milliseconds)
        if ready.canReceive { try receive() }
        guard ready.canSend, wantsToSend else { return }
        do throws(SystemFailure) {
            sentOfOutgoing += try socket.sendNow(outgoing[sentOfOutgoing...])
        } catch {
            throw lost("\(error)")
        }
        if sentOfOutgoing == outgoing.count {
            outgoing.removeAll(keepingCapacity: true)
            sentOfOutgoing = 0
        }
    }

    private mutating func receive() throws {
        let bytes: [UInt8]?
        do throws(SystemFailure) {
            bytes = try socket.receive()
        } catch {
            throw lost("\(error)")
        }
        guard let bytes else { throw lost("the daemon closed the connection") }
        for line in cutter.take(bytes) { try take(try Reply.tree(line)) }
    }

    private func lost(_ reason: String) -> CommandFailure {
        if request.plain { return CommandFailure("\(reason); a plain connection cannot tell what was taken") }
        return CommandFailure(
            "\(reason); \(Readable.count(Int64(acknowledged))) lines are safe; "
                + "--producer \(producer) goes on after them")
    }

    private mutating func take(_ reply: JSONValue) throws(CommandFailure) {
        guard let member = reply.members.first else { return }
        switch member.key {
        case "$welcome":
            firstLine = UInt64(max(0, member.value["next"]?.whole ?? 0))
            acknowledged = firstLine
            arrived.insert(.welcome)
        case "$ack": acknowledged = UInt64(max(0, member.value["next"]?.whole ?? 0))
        case "$reject":
            rejected += 1
            bar.clear()
            let line = member.value["line"]?.whole ?? 0
            let detail = Terminal.harmless(member.value["detail"]?.text ?? "")
            Terminal.complain("line \(line): \(member.value["code"]?.text ?? "?"): \(detail)\n")
        case "$synced": arrived.insert(.synced)
        case "$advanced":
            advanced = member.value["watermark"]?.text
            arrived.insert(.advanced)
        case "$error":
            let detail = Terminal.harmless(member.value["detail"]?.text ?? "")
            throw lost("\(member.value["code"]?.text ?? "error"): \(detail)")
        default: break
        }
    }

    private func report() {
        var parts = ["\(Readable.count(Int64(sent))) lines sent"]
        if !request.plain {
            parts.append("\(Readable.count(Int64(acknowledged - min(acknowledged, firstLine)))) on disk")
            parts.append("\(Readable.count(Int64(rejected))) rejected")
        }
        if feed.heldBack > 0 {
            parts.append("\(Readable.count(Int64(feed.heldBack))) control lines not sent")
        }
        Terminal.complain(parts.joined(separator: ", ") + "\n")
    }
}

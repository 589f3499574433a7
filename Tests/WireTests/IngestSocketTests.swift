import Core
import Testing
import Wire

/// An open ingest port over a fake intake.
struct IngestPort {
    let listener: Listener
    let intake: FakeIntake
    let counters = Counters()
    let messages = Recorder<String>()

    init(limits: Limits = Limits(), holding: Bool = false, token: String? = nil, wallNow: EventTime? = nil)
        async throws
    {
        intake = FakeIntake(holding: holding, wallNow: wallNow)
        let messages = messages
        let log = Log { level, text in messages.append("\(level.text): \(text)") }
        let context = IngestContext(
            limits: limits, intake: intake, key: HashKey(k0: 1, k1: 2), token: token, time: SystemTime(),
            counters: counters, log: log)
        listener = try Listener.ingest(address: "127.0.0.1:0", context: context, log: log) { FakeDecoder() }
        await listener.start()
    }

    func client() throws -> TestClient { try TestClient(listener.address) }
}

/// Risk: what the protocol decides does not reach the socket, or a connection is never given back.
struct IngestSocketTests {
    @Test func `plain lines are taken, the last one without newline at a clean end too`() async throws {
        let port = try await IngestPort()
        let answer = try await blocking {
            let client = try port.client()
            try client.send("a,1,x\n\nb,1,x\n!bad\nc,1,x")
            client.endWriting()
            return try client.rest()
        }
        #expect(answer == "", "a plain client is never written a byte")
        #expect(port.intake.lines == ["a", "b", "!", "c"])
        await port.listener.stop()
        #expect(port.counters.value(.ingestConnections) == 0)
        #expect(port.counters.value(.ingestConnectionsTotal) == 1)
    }

    @Test func `after a reset the unfinished line does not count`() async throws {
        let port = try await IngestPort()
        let taken = try await blocking {
            let client = try port.client()
            try client.send("a,1,x\nb,1,x\nc,1,x")
            _ = port.intake.submitted.wait(for: 1)
            client.reset()
            return true
        }
        #expect(taken)
        await port.listener.stop()
        #expect(port.intake.lines == ["a", "b"])
    }

    @Test func `after hello the unfinished line does not count, and acks are read after the half close`()
        async throws
    {
        let port = try await IngestPort()
        let answer = try await blocking {
            let client = try port.client()
            try client.send("{\"$hello\":{\"producer\":\"p\"}}\na,1,x\nb,1,x\nc,1,x")
            client.endWriting()
            return try client.rest()
        }
        #expect(
            answer == """
                {"$welcome":{"producer":"p","next":1,"store":"store-1"}}
                {"$ack":{"next":3}}

                """)
        #expect(port.intake.lines == ["a", "b"])
        #expect(port.intake.departed.wait(for: 1))
        await port.listener.stop()
    }

    @Test func `cut at every byte, the stream means the same`() async throws {
        let port = try await IngestPort()
        let text =
            "a,1,x\r\n{\"$hello\":{\"producer\":\"P\"}}\nb,1,y\n!bad\n\n{\"$sync\":{}}\nc,1,x\n{\"$sync\":{}}\n"
        let bytes = Array(text.utf8)
        for cut in 1..<bytes.count {
            let producer = "p\(cut)"
            let answers = try await blocking {
                let client = try port.client()
                let sent = String(decoding: bytes, as: UTF8.self)
                    .replacing("\"P\"", with: "\"\(producer)\"")
                let at = min(cut, sent.utf8.count - 1)
                try client.send(Array(sent.utf8.prefix(at)))
                try client.send(Array(sent.utf8.dropFirst(at)))
                var lines: [String] = []
                while lines.count(where: { $0.contains("$synced") }) < 2, let line = try client.line() {
                    if !line.contains("$ack") { lines.append(line) }
                }
                return lines
            }
            #expect(
                answers == [
                    #"{"$welcome":{"producer":"\#(producer)","next":1,"store":"store-1"}}"#,
                    #"{"$reject":{"line":2,"code":"bad_json","detail":"unusable"}}"#,
                    #"{"$synced":{"lines":3}}"#, #"{"$synced":{"lines":4}}"#,
                ], "cut at \(cut)")
        }
        #expect(port.intake.lines.count == 4 * (bytes.count - 1))
        await port.listener.stop()
    }

    @Test func `a second hello of a name fences the first connection`() async throws {
        let port = try await IngestPort()
        let (first, second) = try await blocking {
            let old = try port.client()
            try old.send("{\"$hello\":{\"producer\":\"p\"}}\na,1,x\n")
            let before = try old.lines(2)
            let new = try port.client()
            try new.send("{\"$hello\":{\"producer\":\"p\"}}\nb,1,x\n{\"$sync\":{}}\n")
            let answers = try new.lines(3)
            // What is still sent is dropped, and the answer is not lost to a reset.
            try old.send("late,1,x\n")
            return (before + [try old.rest()], answers)
        }
        #expect(first[1] == #"{"$ack":{"next":2}}"#)
        #expect(first[2].hasPrefix(#"{"$error":{"code":"fenced""#))
        #expect(second.first == #"{"$welcome":{"producer":"p","next":2,"store":"store-1"}}"#)
        #expect(second.last == #"{"$synced":{"lines":1}}"#)
        #expect(port.intake.lines == ["a", "b"])
        await port.listener.stop()
    }

    @Test func `an intake that does not complete fills the sender's socket, and nothing is lost`()
        async throws
    {
        let port = try await IngestPort(limits: .tiny, holding: true)
        let line = Array("someone,1,purchase\n".utf8)
        let chunk = Array((0..<4096).map { _ in line }.joined())
        let (sent, taken) = try await blocking {
            let client = try port.client()
            var sent = client.fill(chunk, limit: 1 << 30)
            let whole = (sent + line.count - 1) / line.count * line.count
            let submissions = port.intake.submitted.all.count
            port.intake.release()
            try client.send(Array(line.suffix(whole - sent)))
            sent = whole
            client.endWriting()
            _ = try client.rest()
            return (sent / line.count, submissions)
        }
        #expect(taken == Limits.tiny.batchesInFlight)
        #expect(sent < (64 << 20) / line.count, "the sender was held")
        #expect(port.intake.lines.count == sent)
        await port.listener.stop()
    }

    @Test func `an acked client that never reads is held, and others are served`() async throws {
        var limits = Limits.tiny
        limits.ingestConnectionsPerPeer = 8
        let port = try await IngestPort(limits: limits)
        let chunk = Array(String(repeating: "!\n", count: 4096).utf8)
        let (sent, answer) = try await blocking {
            let deaf = try TestClient(port.listener.address, receiveBuffer: 4096)
            try deaf.send("{\"$hello\":{\"producer\":\"deaf\"}}\n")
            let sent = deaf.fill(chunk, limit: 1 << 30)
            let other = try port.client()
            try other.send("{\"$hello\":{\"producer\":\"other\"}}\nb,1,x\n{\"$sync\":{}}\n")
            return (sent, try other.lines(3).last)
        }
        #expect(sent < 256 << 20)
        #expect(answer == #"{"$synced":{"lines":1}}"#)
        await port.listener.stop()
    }

    @Test func `lines beyond the limit are rejected once, wherever they are cut`() async throws {
        let port = try await IngestPort(limits: .tiny)
        let answers = try await blocking {
            let client = try port.client()
            try client.send("{\"$hello\":{\"producer\":\"p\"}}\na,1,x\n")
            let long = String(repeating: "z", count: 10_000)
            try client.send(long + "\nb,1,x\n" + long + "\n{\"$sync\":{}}\n")
            var lines: [String] = []
            while lines.last?.contains("$synced") != true, let line = try client.line() {
                if !line.contains("$ack") { lines.append(line) }
            }
            return lines
        }
        #expect(answers.count == 4)
        #expect(answers[1].hasPrefix(#"{"$reject":{"line":2,"code":"line_too_long""#))
        #expect(answers[2].hasPrefix(#"{"$reject":{"line":4,"code":"line_too_long""#))
        #expect(answers.last == #"{"$synced":{"lines":4}}"#)
        #expect(port.intake.lines == ["a", "!", "b", "!"])
        await port.listener.stop()
    }

    @Test func `a stream of something else is closed with one log line`() async throws {
        let port = try await IngestPort()
        let answer = try await blocking {
            let client = try port.client()
            try client.send(String(repeating: "GET / HTTP/1.1\r\n", count: 120))
            return try client.rest()
        }
        #expect(answer == "")
        #expect(port.messages.all.count == 1)
        #expect(port.messages.all.first?.contains("first 100 lines are unusable") == true)
        #expect(port.counters.value(.ingestConnectionsClosedUnusable) == 1)
        await port.listener.stop()
        #expect(port.intake.lines.count == 100)
    }

    @Test func `a line that does not become whole and a silent peer are closed and counted`() async throws {
        var limits = Limits.tiny
        limits.lineTimeout = 30_000
        limits.idleTimeout = 90_000
        let port = try await IngestPort(limits: limits)
        let (slow, idle) = try await blocking {
            let slow = try port.client()
            try slow.send("a,1,x\nnever whole")
            let first = try slow.rest()
            let idle = try port.client()
            try idle.send("{\"$hello\":{\"producer\":\"p\"}}\n")
            return (first, try idle.rest())
        }
        #expect(slow == "")
        #expect(idle.contains(#"{"$error":{"code":"idle""#))
        await port.listener.stop()
        #expect(port.counters.value(.ingestConnectionsSlowClosed) == 1)
        #expect(port.counters.value(.ingestConnectionsIdleClosed) == 1)
        #expect(port.intake.lines == ["a"])
    }

    @Test func `a stop lets what is in flight complete and writes the last acks`() async throws {
        let port = try await IngestPort(holding: true)
        let client = try port.client()
        try await blocking {
            try client.send("a,1,x\nb,1,x\n{\"$sync\":{}}\n")
            _ = port.intake.submitted.wait(for: 1)
        }
        async let stopped: Void = port.listener.stop()
        let answer = try await blocking {
            port.intake.release()
            return try client.rest()
        }
        #expect(answer == "" || answer == "{\"$synced\":{\"lines\":2}}\n")
        #expect(port.intake.lines == ["a", "b"])
        client.endWriting()
        await stopped
        #expect(port.counters.value(.ingestConnections) == 0)
    }

    @Test func `an acked client that is gone before its answers takes nothing with it`() async throws {
        let port = try await IngestPort(limits: .tiny)
        try await blocking {
            for round in 1...5 {
                let client = try port.client()
                try client.send("{\"$hello\":{\"producer\":\"p\(round)\"}}\n")
                _ = try client.line()
                try client.send(String(repeating: "!\n", count: 100))
                if round % 2 == 0 { client.reset() }
            }
            #expect(port.intake.departed.wait(for: 5))
            let last = try port.client()
            try last.send("{\"$hello\":{\"producer\":\"q\"}}\na,1,x\n")
            #expect(try last.lines(2).last == #"{"$ack":{"next":2}}"#)
        }
        await port.listener.stop()
        #expect(port.counters.value(.ingestConnections) == 0)
    }

    @Test func `with a token plain lines are refused`() async throws {
        let port = try await IngestPort(token: "secret")
        let (plain, welcomed) = try await blocking {
            let plain = try port.client()
            try plain.send("a,1,x\n")
            let friend = try port.client()
            try friend.send("{\"$hello\":{\"producer\":\"p\",\"token\":\"secret\"}}\nb,1,x\n")
            return (try plain.rest(), try friend.lines(2).last)
        }
        #expect(plain == "")
        #expect(welcomed == #"{"$ack":{"next":2}}"#)
        #expect(port.intake.lines == ["b"])
        await port.listener.stop()
    }
}

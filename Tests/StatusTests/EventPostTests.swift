import Core
import Testing

@testable import Status

/// Lines over HTTP must reach the daemon whole, and no body may be larger than allowed.
@Suite struct EventPostTests {
    @Test func `the answer tells accepted and rejected lines`() async throws {
        let daemon = try Daemon(
            FakeSource {
                $0.ingest = IngestAnswer(
                    accepted: 2,
                    rejected: [Rejection(line: 0, code: .badJSON, detail: "at byte 3", raw: [])])
            })
        let body = Array("{\n{}\n{}\n".utf8)
        let type = "Content-Type: application/x-www-form-urlencoded"
        let answer = try await daemon.ask("POST", "/v1/events", headers: [type], body: body)
        #expect(answer.status == 200)
        #expect(
            answer.text
                == #"{"accepted":2,"rejected":[{"line":0,"code":"bad_json","detail":"at byte 3"}]}"# + "\n")
        #expect(daemon.source.seen.bodies == [body])
        #expect(daemon.source.seen.gzips == [false])
    }

    @Test func `an empty body is an empty batch`() async throws {
        let daemon = try Daemon()
        #expect(
            try await daemon.ask("POST", "/v1/events", body: []).text == "{\"accepted\":0,\"rejected\":[]}\n")
    }

    @Test func `gzip is passed on as it is, other encodings are refused`() async throws {
        let daemon = try Daemon()
        let body: [UInt8] = [0x1F, 0x8B, 0, 10, 13, 255]
        for name in ["gzip", "GZIP", "x-gzip"] {
            let encoding = ["Content-Encoding: \(name)"]
            #expect(try await daemon.ask("POST", "/v1/events", headers: encoding, body: body).status == 200)
        }
        #expect(daemon.source.seen.bodies == [body, body, body])
        #expect(daemon.source.seen.gzips == [true, true, true])
        let brotli = ["Content-Encoding: br"]
        #expect(try await daemon.ask("POST", "/v1/events", headers: brotli, body: body).status == 415)
    }

    @Test func `the source's refusal of a body is its own`() async throws {
        let answer = try await Daemon().ask("POST", "/v1/events", body: Array("bad".utf8))
        #expect(answer.status == 400)
        #expect(answer.text.contains("bad_gzip"))
    }

    @Test func `chunks are put together`() async throws {
        let daemon = try Daemon()
        let address = daemon.address
        let answer = try await onThread {
            let client = try HTTPClient(address)
            try client.send("POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in ["{\"a", "\":1}\n", "{}"] { try client.send("\(part.utf8.count)\r\n\(part)\r\n") }
            try client.send("0\r\n\r\n")
            return try client.readAnswer()
        }
        #expect(answer.status == 200)
        #expect(daemon.source.seen.bodies == [Array("{\"a\":1}\n{}".utf8)])
    }

    @Test func `a large body arrives byte for byte`() async throws {
        let daemon = try Daemon()
        var chance = Randomness(seed: 7)
        let body = (0..<3_000_001).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
        #expect(try await daemon.ask("POST", "/v1/events", body: body).status == 200)
        #expect(daemon.source.seen.bodies == [body])
    }

    @Test func `a body of the limit passes, one byte more is 413`() async throws {
        var limits = Limits()
        limits.httpBodyBytes = 100_000
        let daemon = try Daemon(limits: limits)
        let body = [UInt8](repeating: 10, count: 100_001)
        #expect(try await daemon.ask("POST", "/v1/events", body: Array(body.dropLast())).status == 200)
        let answer = try await daemon.ask("POST", "/v1/events", body: body)
        #expect(answer.status == 413)
        #expect(answer.text.contains(#""code":"body_too_large""#))
        let address = daemon.address
        let chunked = try await onThread {
            let client = try HTTPClient(address)
            try client.send("POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try client.send("186a1\r\n")
            try client.send(body)
            try client.send("\r\n0\r\n\r\n")
            return try client.readAnswer()
        }
        #expect(chunked.status == 413)
        #expect(daemon.source.seen.bodies.count == 1)
        #expect(try await daemon.ask("POST", "/v1/events", body: []).status == 200)
    }

    @Test func `a client that asks first need not send what is refused`() async throws {
        var limits = Limits()
        limits.httpBodyBytes = 1000
        let daemon = try Daemon(limits: limits)
        let expect = ["Expect: 100-continue", "Content-Length: 5000000000"]
        #expect(try await daemon.ask("POST", "/v1/events", headers: expect).status == 413)
        let small = try await daemon.ask(
            "POST", "/v1/events", headers: ["Expect: 100-continue"], body: Array("{}".utf8))
        #expect(small.status == 200)
    }

    @Test func `a body that never ends is cut off`() async throws {
        var limits = Limits()
        limits.httpBodyBytes = 10_000
        let daemon = try Daemon(limits: limits)
        let address = daemon.address
        let wasCut = try await onThread {
            let client = try HTTPClient(address)
            try client.send("POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = Array("1000\r\n".utf8) + [UInt8](repeating: 10, count: 4096) + Array("\r\n".utf8)
            do {
                for _ in 0..<100_000 { try client.send(chunk) }
                return false
            } catch is ClientError {
                return true
            }
        }
        #expect(wasCut)
        #expect(try await daemon.get("/healthz").status == 200)
    }

    @Test func `bodies beyond what may wait together are told to come again`() async throws {
        let gate = Signal()
        var limits = Limits()
        limits.httpBodyBytes = 1000
        let daemon = try Daemon(FakeSource { $0.ingestGate = gate }, limits: limits)
        let body = [UInt8](repeating: 10, count: 1000)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { try await daemon.ask("POST", "/v1/events", body: body).status }
            }
            while daemon.source.seen.bodies.count < 4 { _ = try await daemon.get("/healthz") }
            let fifth = try await daemon.ask("POST", "/v1/events", body: body)
            #expect(fifth.status == 503)
            #expect(fifth.text.contains(#""code":"busy""#))
            #expect(fifth.header("Retry-After") == "1")
            gate.set()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [200, 200, 200, 200])
        #expect(try await daemon.ask("POST", "/v1/events", body: body).status == 200)
    }
}

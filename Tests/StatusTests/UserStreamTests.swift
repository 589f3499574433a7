import Core
import Testing

@testable import Status

/// The list of users must be whole, come in pieces, and be given back however it ends.
@Suite struct UserStreamTests {
    @Test func `ten thousand users come as lines, in order, with the list's position`() async throws {
        let list = FakeList(total: 10_000, template: UserGoldenTests.example)
        let daemon = try Daemon(FakeSource { $0.list = list })
        let answer = try await daemon.get("/v1/users?segment=loyal")
        #expect(answer.status == 200)
        #expect(answer.header("as_of") == "2024-12-09T00:00:00Z")
        #expect(answer.header("last_seq") == "1042")
        #expect(answer.header("X-Roost-As-Of") == "2024-12-09T00:00:00Z")
        #expect(answer.header("X-Roost-Last-Seq") == "1042")
        let lines = answer.text.split(separator: "\n")
        #expect(lines.count == 10_000)
        let expected = UserGoldenTests.golden.replacing("18.172369", with: "user-9999")
        #expect(lines.last.map(String.init) == expected)
        #expect(lines.enumerated().allSatisfy { $1.hasPrefix(#"{"user":"user-\#($0)","#) })
        await list.closed.wait()
        #expect(list.closings == 1)
    }

    @Test func `an empty list is an empty body`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.get("/v1/users")
        #expect(answer.status == 200 && answer.body.isEmpty)
        await daemon.source.script.list.closed.wait()
    }

    /// 10,000 users of 5 kB; the kernel keeps a few megabytes at most.
    private func largeList() -> FakeList {
        var user = UserView()
        user.profile = [Named("region", String(repeating: "x", count: 5000))]
        return FakeList(total: 10_000, pieceSize: 50, template: user)
    }

    @Test func `a client that does not read holds up only its own list`() async throws {
        let list = largeList()
        let daemon = try Daemon(FakeSource { $0.list = list })
        let address = daemon.address
        let produced = try await onThread {
            let slow = try HTTPClient(address, receiveBuffer: 4096)
            try slow.send("GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try slow.readHead().status == 200)
            let other = try HTTPClient(address)
            for _ in 0..<300 { #expect(try other.ask("GET", "/healthz").status == 200) }
            return list.produced
        }
        #expect(produced < 5_000)
        await list.closed.wait()
        #expect(list.closings == 1)
    }

    @Test func `a client that goes away gives its list back`() async throws {
        let list = largeList()
        let daemon = try Daemon(FakeSource { $0.list = list })
        let address = daemon.address
        try await onThread {
            let client = try HTTPClient(address, receiveBuffer: 4096)
            try client.send("GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = try client.readHead()
        }
        await list.closed.wait()
        #expect(list.produced < 10_000)
        #expect(try await daemon.get("/v1/status").status == 200)
    }

    @Test func `HTTP 1.0 gets the same lines and then the end`() async throws {
        let daemon = try Daemon(FakeSource { $0.list = FakeList(total: 250) })
        let address = daemon.address
        let bytes = try await onThread {
            let client = try HTTPClient(address)
            try client.send("GET /v1/users HTTP/1.0\r\n\r\n")
            return try client.readToEnd()
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1."))
        #expect(text.split(separator: #"{"user":"#).count == 251)
    }
}

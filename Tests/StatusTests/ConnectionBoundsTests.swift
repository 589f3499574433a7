import Core
import Testing

@testable import Status

/// Strangers, slow ones and many ones must not keep others from being answered.
@Suite struct ConnectionBoundsTests {
    @Test func `thirty-two clients ask at once, each over one connection`() async throws {
        let daemon = try Daemon(
            FakeSource { $0.users[Array("18.172369".utf8)] = UserGoldenTests.example })
        let address = daemon.address
        let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<32 {
                group.addTask {
                    try await onThread {
                        let client = try HTTPClient(address)
                        return try (0..<20).flatMap { round in
                            [
                                try client.ask("GET", "/v1/users/18.172369").status,
                                try client.ask("GET", "/v1/users/x\(round)").status,
                                try client.ask("POST", "/v1/events", body: Array("{}\n".utf8)).status,
                            ]
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(statuses.count == 32 * 60)
        #expect(statuses.filter { $0 == 200 }.count == 32 * 40)
        #expect(statuses.filter { $0 == 404 }.count == 32 * 20)
        #expect(daemon.source.counters.value(.httpRequests) == 32 * 60)
    }

    @Test func `a connection beyond the limit is closed and counted, a freed place is given again`()
        async throws
    {
        var limits = Limits()
        limits.statusConnections = 2
        let daemon = try Daemon(limits: limits)
        let address = daemon.address
        let third = try await onThread {
            let first = try HTTPClient(address)
            #expect(try first.ask("GET", "/healthz").status == 200)
            let second = try HTTPClient(address)
            #expect(try second.ask("GET", "/healthz").status == 200)
            return try HTTPClient(address).readToEnd()
        }
        #expect(third.isEmpty)
        #expect(daemon.source.counters.value(.httpConnectionsRefused) == 1)
        // The places of the two become free when the daemon has seen them go; until then asking again fails.
        try await onThread {
            while true {
                do {
                    if try HTTPClient(address).ask("GET", "/healthz").status == 200 { return }
                } catch is ClientError {
                    continue
                }
            }
        }
    }

    @Test func `a client that dribbles its headers is cut off, others are answered meanwhile`() async throws {
        let daemon = try Daemon(requestSeconds: 1)
        let address = daemon.address
        let (rest, meanwhile) = try await onThread {
            let slow = try HTTPClient(address)
            try slow.send("GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            let other = try HTTPClient(address)
            let meanwhile = try other.ask("GET", "/healthz").status
            // A byte now and then, each within the library's own patience.
            do {
                while try other.ask("GET", "/healthz").status == 200 { try slow.send("y") }
            } catch is ClientError {}
            return (try slow.readToEnd(), meanwhile)
        }
        #expect(rest.isEmpty)
        #expect(meanwhile == 200)
    }

    @Test func `a body that dribbles is cut off too`() async throws {
        let daemon = try Daemon(requestSeconds: 1)
        let address = daemon.address
        let rest = try await onThread {
            let slow = try HTTPClient(address)
            try slow.send("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            let other = try HTTPClient(address)
            do {
                while try other.ask("GET", "/healthz").status == 200 { try slow.send("y") }
            } catch is ClientError {}
            return try slow.readToEnd()
        }
        #expect(!String(decoding: rest, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        #expect(daemon.source.seen.bodies.isEmpty)
    }

    @Test func `an answer that takes longer than a client may is still given`() async throws {
        let gate = Signal()
        let daemon = try Daemon(FakeSource { $0.refitGate = gate }, requestSeconds: 1)
        let address = daemon.address
        async let answer = daemon.ask("POST", "/v1/models/segments/refit")
        await daemon.source.refitBegan.wait()
        // An idle connection that is cut off shows that more than the patience has passed.
        let idle = try await onThread { try HTTPClient(address).readToEnd() }
        #expect(idle.isEmpty)
        gate.set()
        #expect(try await answer.status == 200)
    }

    @Test(arguments: [
        "{\"user_id\":\"a\",\"event_name\":\"login\",\"event_timestamp\":1}\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
        "\n\n\n", "GET\n", "\0\0\0\0\n", "GET / HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nno colon here\r\n\r\n",
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func `garbage ends its own connection and nothing else`(garbage: String) async throws {
        let daemon = try Daemon()
        let address = daemon.address
        _ = try await onThread {
            let client = try HTTPClient(address)
            for _ in 0..<3 {
                do { try client.send(garbage) } catch is ClientError { break }
            }
            client.endSending()
            return try client.readToEnd()
        }
        #expect(try await daemon.get("/v1/status").status == 200)
        #expect(daemon.source.seen.bodies.isEmpty)
    }

    @Test func `headers without end are refused`() async throws {
        let daemon = try Daemon()
        let address = daemon.address
        let bytes = try await onThread {
            let client = try HTTPClient(address)
            do {
                try client.send("GET /v1/status HTTP/1.1\r\n")
                for _ in 0..<2000 { try client.send("X-More: \(String(repeating: "z", count: 200))\r\n") }
            } catch is ClientError {}
            return try client.readToEnd()
        }
        #expect(!String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        #expect(try await daemon.get("/healthz").status == 200)
    }

    @Test func `requests may be sent ahead on one connection`() async throws {
        let daemon = try Daemon()
        let address = daemon.address
        let statuses = try await onThread {
            let client = try HTTPClient(address)
            let targets = ["/healthz", "/v1/users/x", "/v1/status"]
            try client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
            return try targets.map { _ in try client.readAnswer().status }
        }
        #expect(statuses == [200, 404, 200])
    }

    @Test func `a client that has closed its sending side still gets its answer`() async throws {
        let daemon = try Daemon()
        let address = daemon.address
        for target in ["/healthz", "/v1/users", "/nowhere"] {
            let bytes = try await onThread {
                let client = try HTTPClient(address)
                try client.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                client.endSending()
                return try client.readToEnd()
            }
            #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 "))
        }
    }
}

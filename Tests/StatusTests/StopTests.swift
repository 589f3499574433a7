import Core
import Testing

@testable import Status

/// Opening and closing the port, with requests under way.
@Suite struct StopTests {
    @Test func `port 0 asks for a free one, IPv6 is written in brackets`() async throws {
        let four = try Daemon()
        #expect(four.address.hasPrefix("127.0.0.1:") && !four.address.hasSuffix(":0"))
        let six = try Daemon(address: "[::1]:0")
        #expect(six.address.hasPrefix("[::1]:") && !six.address.hasSuffix(":0"))
        #expect(try await six.get("/healthz").status == 200)
    }

    @Test func `an address that cannot be had is named`() throws {
        let first = try Daemon()
        #expect(throws: StatusError.cannotBind(address: first.address, errno: 98)) {
            try Daemon(address: first.address)
        }
        for bad in ["nonsense", "127.0.0.1", ":7003", "127.0.0.1:70000", "127.0.0.1:", "[]:1"] {
            #expect(throws: StatusError.badAddress(bad)) { try Daemon(address: bad) }
        }
    }

    @Test func `stopping ends a request that waits, and the port is free again`() async throws {
        let gate = Signal()
        let daemon = try Daemon(FakeSource { $0.refitGate = gate })
        let address = daemon.address
        async let bytes = onThread {
            let client = try HTTPClient(address)
            try client.send("POST /v1/models/segments/refit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            return try client.readToEnd()
        }
        await daemon.source.refitBegan.wait()
        daemon.server.stop()
        #expect(!String(decoding: try await bytes, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        gate.set()
        await daemon.server.drain()
        let again = try Daemon(address: address)
        #expect(try await again.get("/healthz").status == 200)
        daemon.server.stop()
    }

    @Test func `stopping in the middle of a list gives it back once`() async throws {
        let gate = Signal()
        let list = FakeList(total: 100, gate: gate)
        let daemon = try Daemon(FakeSource { $0.list = list })
        let address = daemon.address
        let head = try await onThread {
            let client = try HTTPClient(address)
            try client.send("GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n")
            let head = try client.readHead()
            daemon.server.stop()
            return head
        }
        #expect(head.status == 200)
        gate.set()
        await daemon.server.drain()
        await list.closed.wait()
        #expect(list.closings == 1)
    }

    @Test func `a list whose next piece nobody fetches any more is given back`() {
        final class Pieces: PieceSource {
            let closed = Signal()
            func next() async -> [UInt8]? { nil }
            func close() { closed.set() }
        }
        let pieces = Pieces()
        let stream = PieceStream(pieces)
        let reading = withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { stream.read(into: $0) }
        guard case .empty = reading else {
            Issue.record("nothing has been fetched yet, and there was \(reading)")
            return
        }
        stream.giveUpFetching()
        #expect(!pieces.closed.isSet)
        stream.end()
        #expect(pieces.closed.isSet)
    }

    @Test func `starting and stopping under fire harms nobody`() async throws {
        for _ in 0..<20 {
            let daemon = try Daemon(FakeSource { $0.list = FakeList(total: 1000) })
            let address = daemon.address
            let began = Signal()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await onThread {
                            do {
                                while true {
                                    let client = try HTTPClient(address)
                                    began.set()
                                    _ = try client.ask("GET", "/v1/users")
                                    _ = try client.ask("GET", "/v1/status")
                                }
                            } catch is ClientError {}
                        }
                    }
                }
                await began.wait()
                daemon.server.stop()
                try await group.waitForAll()
            }
            await daemon.server.drain()
        }
    }
}

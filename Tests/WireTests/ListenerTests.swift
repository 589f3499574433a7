import Core
import Glibc
import Synchronization
import Testing
import Wire

/// Risk: the port is not where it should be, takes too many, or stops taking any.
struct ListenerTests {
    @Test(arguments: [
        ("127.0.0.1:0", "127.0.0.1:"), ("localhost:0", "127.0.0.1:"), ("[::1]:0", "[::1]:"),
        ("0.0.0.0:0", "0.0.0.0:"),
    ])
    func `the address in use is told as text`(wanted: String, prefix: String) throws {
        let socket = try ListeningSocket(wanted)
        #expect(socket.address.hasPrefix(prefix))
        #expect(!socket.address.hasSuffix(":0"))
    }

    @Test(arguments: ["", "127.0.0.1", "example.org:80", "127.0.0.1:99999", "[::1:7", ":7001", "1.2.3.4:-1"])
    func `an address that is none is refused by name`(text: String) {
        #expect(throws: ListenFailure.badAddress(text)) { _ = try ListeningSocket(text) }
    }

    @Test func `a port in use is refused with address and reason`() throws {
        let first = try ListeningSocket("127.0.0.1:0")
        do throws(ListenFailure) {
            _ = try ListeningSocket(first.address)
            Issue.record("bound twice")
        } catch {
            #expect(error == .system(address: first.address, call: "bind", code: EADDRINUSE))
            #expect(error.description.contains("\(first.address): bind: Address already in use"))
        }
    }

    @Test func `connections beyond the bounds are closed and counted, and freed places are given again`()
        async throws
    {
        var limits = Limits.tiny
        limits.ingestConnectionsPerPeer = 2
        let port = try await IngestPort(limits: limits)
        try await blocking {
            let first = try port.client()
            let second = try port.client()
            for client in [first, second] {
                try client.send("{\"$sync\":{}}\n")
                #expect(try client.line() == #"{"$synced":{"lines":0}}"#)
            }
            let third = try port.client()
            #expect(try third.rest() == "")
            first.endWriting()
            #expect(try first.rest() == "")
        }
        #expect(port.counters.value(.ingestConnectionsRefused) == 1)
        #expect(port.messages.all.contains { $0.contains("too many are open") })
        // The place is given back just after the client has seen the end.
        try await blocking {
            var answer: String?
            while answer == nil {
                let next = try port.client()
                do { try next.send("{\"$sync\":{}}\n") } catch is ClientFailure { continue }
                answer = try next.line()
            }
            #expect(answer == #"{"$synced":{"lines":0}}"#)
        }
        await port.listener.stop()
    }

    @Test func `without descriptors accepting rests and goes on by itself`() async throws {
        let failures = Mutex(2)
        let accepted = Recorder<String>()
        let messages = Recorder<String>()
        let listener = try Listener(
            address: "127.0.0.1:0", name: "test", bounds: Listener.Bounds(total: 8, perPeer: 8),
            metrics: Listener.Metrics(
                open: .ingestConnections, accepted: nil, refused: .ingestConnectionsRefused),
            counters: Counters(), time: SystemTime(), log: Log { _, text in messages.append(text) },
            accept: { number in
                let fails = failures.withLock { count in
                    defer { count -= 1 }
                    return count > 0
                }
                return fails ? .exhausted(EMFILE) : SystemCalls.acceptConnection(number)
            },
            open: { socket, onEnd in
                accepted.append(socket.peer)
                return Closing(onEnd)
            })
        await listener.start()
        let peers = try await blocking {
            let client = try TestClient(listener.address)
            #expect(accepted.wait(for: 1))
            _ = try client.rest()
            return accepted.all
        }
        #expect(peers == ["127.0.0.1"])
        #expect(messages.all.count == 1, "the second is suppressed")
        #expect(messages.all.first?.contains("Too many open files") == true)
        await listener.stop()
    }
}

/// Ends as soon as it begins.
private final class Closing: PortConnection {
    let onEnd: @Sendable () -> Void
    init(_ onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }
    func start() { onEnd() }
    func drain() {}
}

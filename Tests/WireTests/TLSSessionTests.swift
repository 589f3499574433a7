import Core
import Foundation
import Testing

@testable import Wire

/// Risk: bytes are lost, doubled or changed between the plain side and the socket, or a stranger is believed.
struct TLSSessionTests {
    private static let fixtures = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")
    private static let certificate = fixtures.appending(path: "loopback_certificate.pem").path
    private static let key = fixtures.appending(path: "loopback_key.pem").path

    /// Two sides of one connection, and what each has read.
    private final class Pair {
        let server: TLSSession
        let client: TLSSession
        private(set) var atServer: [UInt8] = []
        private(set) var atClient: [UInt8] = []
        private(set) var serverEnd = TLSSession.Reading.wait
        private(set) var clientEnd = TLSSession.Reading.wait
        private var chance: Randomness

        init(host: String, trusting authorities: String?, seed: UInt64) throws {
            server = try TLSContext.server(certificate: certificate, key: key).accept()
            client = try #require(try TLSContext.client(authorities: authorities).connect(to: host))
            chance = Randomness(seed: seed)
        }

        /// Carries enciphered bytes to and fro, in pieces cut anywhere, until nobody has any.
        func settle() {
            var moved = true
            while moved {
                moved = false
                (atServer, serverEnd) = read(server, atServer, serverEnd)
                (atClient, clientEnd) = read(client, atClient, clientEnd)
                moved = carry(client, server) || moved
                (atServer, serverEnd) = read(server, atServer, serverEnd)
                moved = carry(server, client) || moved
            }
        }

        private func carry(_ from: TLSSession, _ to: TLSSession) -> Bool {
            let bytes = from.takeOutput()
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + 1 + Int(chance.next() % 977))
                #expect(bytes[start..<end].withUnsafeBytes { to.feed($0) })
                start = end
                if to === server {
                    (atServer, serverEnd) = read(server, atServer, serverEnd)
                } else {
                    (atClient, clientEnd) = read(client, atClient, clientEnd)
                }
            }
            return !bytes.isEmpty
        }

        private func read(
            _ session: TLSSession, _ known: [UInt8], _ end: TLSSession.Reading
        ) -> ([UInt8], TLSSession.Reading) {
            var known = known
            while true {
                var room = [UInt8](repeating: 0, count: 1 + Int(chance.next() % 40_000))
                let result = room.withUnsafeMutableBytes { session.read(into: $0) }
                guard case .bytes(let count) = result else { return (known, end == .wait ? result : end) }
                known += room[..<count]
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `what one side writes the other reads, wherever it is cut`(seed: UInt64) throws {
        let pair = try Pair(host: "127.0.0.1", trusting: Self.certificate, seed: seed)
        #expect(!pair.client.write([1]), "nothing goes before the handshake")
        pair.settle()
        #expect(pair.server.isEstablished && pair.client.isEstablished)
        var chance = Randomness(seed: seed)
        var (up, down): ([UInt8], [UInt8]) = ([], [])
        for _ in 0..<20 {
            let more = (0..<Int(chance.next() % 50_000)).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
            #expect(pair.client.write(more))
            up += more
            let answer = Array(more.prefix(Int(chance.next() % 3000)))
            #expect(pair.server.write(answer))
            down += answer
            pair.settle()
        }
        #expect(pair.atServer == up)
        #expect(pair.atClient == down)
        #expect(pair.serverEnd == .wait)
        pair.client.end()
        pair.settle()
        #expect(pair.serverEnd == .end)
        #expect(pair.server.write([7]), "its own side is still open")
        pair.settle()
        #expect(pair.atClient.last == 7)
    }

    @Test func `a client does not believe a certificate of another host, or one that nobody vouches for`()
        throws
    {
        for (host, authorities) in [("roost.example", Self.certificate), ("127.0.0.1", nil)] {
            let pair = try Pair(host: host, trusting: authorities, seed: 1)
            pair.settle()
            #expect(pair.clientEnd == .broken)
            #expect(!pair.client.isEstablished && !pair.server.isEstablished)
            #expect(!pair.client.reason.isEmpty)
        }
        let named = try Pair(host: "localhost", trusting: Self.certificate, seed: 1)
        named.settle()
        #expect(named.server.isEstablished)
    }

    @Test func `what is no handshake breaks the session`() throws {
        let server = try TLSContext.server(certificate: Self.certificate, key: Self.key).accept()
        let line = Array("{\"user\":\"a\"}\n".utf8)
        #expect(line.withUnsafeBytes { server.feed($0) })
        var room = [UInt8](repeating: 0, count: 64)
        #expect(room.withUnsafeMutableBytes { server.read(into: $0) } == .broken)
        #expect(!server.write([1]))
    }

    @Test func `files that hold no certificate, no key, or the key of another are refused with a reason`()
        throws
    {
        let missing = Self.fixtures.appending(path: "no_such.pem").path
        for (certificate, key) in [(missing, Self.key), (Self.certificate, missing), (Self.key, Self.key)] {
            let failure = #expect(throws: TLSFailure.self) {
                _ = try TLSContext.server(certificate: certificate, key: key)
            }
            #expect(failure?.description.contains("cannot be read") == true)
        }
    }
}

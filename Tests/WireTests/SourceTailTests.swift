import Core
import Glibc
import Testing
import Wire

/// Risk: a source's lines are lost, doubled or half taken, something is written to it, or it is given up.
struct SourceTailTests {
    @Test func `lines are taken, the one without an end is not, and every end is followed by a connection`()
        async throws
    {
        let source = try TestSource()
        let rig = TailRig([source.address])
        await rig.tails.start()
        let written = try await blocking {
            var written: [[UInt8]] = []
            for round in 1...4 {
                let peer = try source.accept()
                try peer.send("a\(round),1,x\n\n!bad\nb\(round),1,x\nhalf,1,x")
                peer.endWriting()
                written.append(try peer.rest())
            }
            return written
        }
        #expect(written == [[], [], [], []])
        await rig.tails.stop()
        #expect(rig.intake.lines == (1...4).flatMap { ["a\($0)", "!", "b\($0)"] })
        #expect(rig.counters.value(.sourceUnfinishedLines) >= 4)
        #expect(rig.counters.value(.sourceConnectionsTotal) >= 4)
        #expect(rig.counters.value(.sourceConnections) == 0)
        #expect(rig.counters.value(.ingestConnections) == 0)
    }

    @Test func `cut at every byte, the same lines are taken`() async throws {
        let source = try TestSource()
        let rig = TailRig([source.address])
        await rig.tails.start()
        let text = Array("a,1,x\r\n{\"$sync\":{}}\n\nb,1,y\nc,1,z\n".utf8)
        try await blocking {
            for cut in 0...text.count {
                let peer = try source.accept()
                try peer.send(String(decoding: text[..<cut], as: UTF8.self))
                try peer.send(String(decoding: text[cut...], as: UTF8.self))
                peer.endWriting()
                #expect(try peer.rest() == [])
            }
        }
        await rig.tails.stop()
        let once = ["a", "!", "b", "c"]
        #expect(rig.intake.lines == (0...text.count).flatMap { _ in once })
    }

    @Test func `what would be a control line is kept as unusable and never answered`() async throws {
        let source = try TestSource()
        let rig = TailRig([source.address])
        await rig.tails.start()
        let long = String(repeating: "z", count: 9000)
        let written = try await blocking {
            let peer = try source.accept()
            try peer.send(
                "{\"$hello\":{\"producer\":\"p\"}}\na,1,x\n{\"$sync\":{}}\n{\"$nonsense\n{\"$sync\":\(long)\nb,1,x\n"
            )
            peer.endWriting()
            return try peer.rest()
        }
        #expect(written == [])
        await rig.tails.stop()
        #expect(rig.intake.lines == ["!", "a", "!", "!", "!", "b"])
    }

    @Test func `a source of something else is closed and tried again`() async throws {
        let source = try TestSource()
        let rig = TailRig([source.address])
        await rig.tails.start()
        try await blocking {
            for _ in 1...3 {
                let peer = try source.accept()
                try peer.send(String(repeating: "HTTP/1.1 200 OK\r\n", count: 150))
                #expect(try peer.rest() == [])
            }
            let peer = try source.accept()
            try peer.send("a,1,x\n")
            peer.endWriting()
            _ = try peer.rest()
        }
        await rig.tails.stop()
        #expect(rig.counters.value(.ingestConnectionsClosedUnusable) == 3)
        #expect(rig.intake.lines == Array(repeating: "!", count: 300) + ["a"])
    }

    @Test func `a host that is not there yet is tried until it is`() async throws {
        let address = try ListeningSocket("127.0.0.1:0").address
        let rig = TailRig([try #require(ListenAddress(address))])
        await rig.tails.start()
        try await blocking {
            #expect(rig.messages.wait(for: 1))
            let source = try TestSource(address)
            let peer = try source.accept()
            try peer.send("a,1,x\n")
            peer.endWriting()
            _ = try peer.rest()
        }
        await rig.tails.stop()
        #expect(rig.messages.all.first?.contains("cannot connect: Connection refused; trying again") == true)
        #expect(rig.counters.value(.sourceFailures) > 0)
        #expect(rig.intake.lines.first == "a")
    }

    @Test func `a host that has no address is tried again, and a stop does not wait for it`() async throws {
        let rig = TailRig([try #require(ListenAddress("no such host:7"))])
        await rig.tails.start()
        try await blocking { #expect(rig.messages.wait(for: 1)) }
        await rig.tails.stop()
        #expect(rig.counters.value(.sourceFailures) > 0)
        #expect(rig.counters.value(.sourceConnections) == 0)
    }

    @Test func `silence is no reason to close, in the middle of a line neither`() async throws {
        let source = try TestSource()
        let rig = TailRig([source.address]) { limits in
            limits.lineTimeout = 10_000
            limits.idleTimeout = 10_000
        }
        await rig.tails.start()
        try await blocking {
            let peer = try source.accept()
            try peer.send("a,1,x\nb,1,")
            #expect(rig.intake.submitted.wait(for: 1))
            // Longer than both; nothing comes, not even the end.
            var readable = pollfd(fd: peer.descriptor.number, events: Int16(POLLIN), revents: 0)
            #expect(poll(&readable, 1, 100) == 0)
            try peer.send("x\n")
            #expect(rig.intake.submitted.wait(for: 2))
        }
        await rig.tails.stop()
        #expect(rig.intake.lines == ["a", "b"])
    }

    @Test func `a stop lets what was taken be committed and closes the connection`() async throws {
        let source = try TestSource()
        let rig = TailRig([source.address], holding: true)
        await rig.tails.start()
        let peer = try await blocking {
            let peer = try source.accept()
            try peer.send("a,1,x\nb,1,x\n")
            #expect(rig.intake.submitted.wait(for: 1))
            return peer
        }
        async let stopped: Void = rig.tails.stop()
        let written = try await blocking {
            rig.intake.release()
            return try peer.rest()
        }
        await stopped
        #expect(written == [])
        #expect(rig.intake.lines.first == "a")
        #expect(rig.counters.value(.sourceConnections) == 0)
    }

    @Test func `several sources are read side by side`() async throws {
        let sources = try (0..<3).map { _ in try TestSource() }
        let rig = TailRig(sources.map(\.address))
        await rig.tails.start()
        try await blocking {
            let peers = try sources.map { try $0.accept() }
            for (number, peer) in peers.enumerated() { try peer.send("s\(number),1,x\n") }
            #expect(rig.intake.submitted.wait(for: 3))
            // The peers' ends are open until here.
            withExtendedLifetime(peers) { #expect(rig.counters.value(.sourceConnections) == 3) }
        }
        await rig.tails.stop()
        #expect(Set(rig.intake.lines) == ["s0", "s1", "s2"])
    }
}

/// Risk: a lost source is hammered, or many come back at the same instant.
struct SourceBackoffTests {
    @Test func `waits double up to the bound, and chance takes half at most`() {
        var backoff = SourceBackoff(least: 500, most: 30_000)
        var chance = Randomness(seed: 11)
        for round in 0..<40 {
            let full = min(30_000, 500 << min(round, 20))
            let wait = backoff.wait(using: &chance)
            #expect(wait <= Int64(full) && wait >= Int64(full / 2), "round \(round)")
        }
        backoff.reset()
        #expect(backoff.wait(using: &chance) <= 500)
    }

    @Test func `the same seed waits the same, another does not`() {
        func waits(_ seed: UInt64) -> [Int64] {
            var backoff = SourceBackoff(least: 1_000_000, most: 1_000_000_000)
            var chance = Randomness(seed: seed)
            return (0..<8).map { _ in backoff.wait(using: &chance) }
        }
        #expect(waits(1) == waits(1))
        #expect(waits(1) != waits(2))
    }

    @Test func `the greatest bounds do not overflow`() {
        var backoff = SourceBackoff(least: .max / 2, most: .max)
        var chance = Randomness(seed: 1)
        for _ in 0..<4 { #expect(backoff.wait(using: &chance) > 0) }
    }
}

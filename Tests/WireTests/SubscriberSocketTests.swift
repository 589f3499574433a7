import Core
import Testing
import Wire

/// An open trigger port over an outbox in memory.
struct TriggerPort {
    let listener: Listener
    let source: FakeTriggers
    let counters = Counters()

    init(_ source: FakeTriggers, limits: Limits = Limits()) async throws {
        self.source = source
        let context = SubscriberContext(
            limits: limits, source: source, time: SystemTime(), counters: counters)
        listener = try Listener.triggers(address: "127.0.0.1:0", context: context, log: .silent)
        await listener.start()
    }

    func client() throws -> TestClient { try TestClient(listener.address) }
}

/// Risk: triggers reach the socket late, twice, not at all, or fill the memory.
struct SubscriberSocketTests {
    private func expected(_ range: ClosedRange<Int64>, where include: (Int64) -> Bool = { $0 % 10 != 0 })
        -> [String]
    {
        range.filter(include).map(FakeTriggers.line)
    }

    @Test func `a resumed stream is complete and in order, and goes on live`() async throws {
        let port = try await TriggerPort(FakeTriggers(last: 1000))
        let lines = try await blocking {
            let client = try port.client()
            try client.send("{\"$resume\":{\"after\":100}}\n")
            let before = try client.lines(810)
            for _ in 0..<10 { port.source.append(3) }
            return before + (try client.lines(27))
        }
        #expect(lines == expected(101...1030))
        await port.listener.stop()
        #expect(port.source.cancelled.all.count == 1)
        #expect(port.counters.value(.triggersSent) == 837)
        #expect(port.counters.value(.triggerSubscribers) == 0)
    }

    @Test func `a silent subscriber gets what comes from now on`() async throws {
        let port = try await TriggerPort(FakeTriggers(last: 500))
        let line = try await blocking {
            let client = try port.client()
            _ = port.source.readAfter.wait(for: 1)
            // The head is being read; what is appended after the answer is new.
            try client.send("{\"$heartbeat\":{\"every\":\"10ms\"}}\n")
            #expect(try client.line()?.hasSuffix("\"last\":500}}") == true)
            port.source.append(1)
            var line = try client.line()
            while line?.contains("$heartbeat") == true { line = try client.line() }
            return line
        }
        #expect(line == FakeTriggers.line(501))
        await port.listener.stop()
    }

    @Test func `a filter skips long stretches without stopping`() async throws {
        let port = try await TriggerPort(FakeTriggers(last: 5000, stretch: 7))
        let lines = try await blocking {
            let client = try port.client()
            try client.send("{\"$resume\":{\"after\":0,\"types\":[\"even\"],\"include_holdout\":true}}\n")
            return try client.lines(2500)
        }
        #expect(lines == expected(1...5000) { $0 % 2 == 0 })
        await port.listener.stop()
    }

    @Test func `a consumer that comes back goes on after its last ack`() async throws {
        let port = try await TriggerPort(FakeTriggers(last: 9))
        let (first, second) = try await blocking {
            let client = try port.client()
            try client.send("{\"$consumer\":{\"name\":\"push\"}}\n")
            let first = try client.lines(9)
            try client.send("{\"$ack\":{\"seq\":4}}\n")
            _ = port.source.stored.wait(for: 1)
            let again = try port.client()
            try again.send("{\"$consumer\":{\"name\":\"push\"}}\n")
            return (first, try again.lines(5))
        }
        #expect(first == expected(1...9))
        #expect(second == expected(5...9))
        await port.listener.stop()
    }

    @Test func `a gap is answered and the connection closed`() async throws {
        let port = try await TriggerPort(FakeTriggers(oldest: 50, last: 60))
        let answer = try await blocking {
            let client = try port.client()
            try client.send("{\"$resume\":{\"after\":3}}\n{\"$ack\":")
            return try client.rest()
        }
        #expect(answer == "{\"$error\":{\"code\":\"gap\",\"oldest\":50,\"last\":60}}\n")
        await port.listener.stop()
    }

    @Test func `a subscriber that does not read is paused, and gets everything when it does`() async throws {
        let last: Int64 = 1_000_000
        let port = try await TriggerPort(FakeTriggers(last: last, stretch: 1000), limits: .tiny)
        let (paused, lines) = try await blocking {
            let slow = try TestClient(port.listener.address, receiveBuffer: 4096)
            try slow.send("{\"$resume\":{\"after\":0}}\n")
            let other = try port.client()
            try other.send("{\"$resume\":{\"after\":\(last - 100)}}\n")
            #expect(try other.lines(90).count == 90, "others are served")
            // Reading in the outbox has stopped once a heartbeat's while passes without a read.
            try other.send("{\"$heartbeat\":{\"every\":\"100ms\"}}\n")
            var reads = -1
            while reads != port.source.readAfter.all.count {
                reads = port.source.readAfter.all.count
                _ = try other.lines(2)
            }
            let place = port.source.readAfter.all.filter { $0 < last / 2 }.max() ?? last
            let first = try slow.lines(90_000)
            return (place, first)
        }
        #expect(paused < last / 2, "the outbox was not read to its end")
        #expect(lines == expected(1...99_999))
        await port.listener.stop()
    }

    @Test func `a subscriber that has ended its side still listens, and is given up when it is silent`()
        async throws
    {
        var limits = Limits()
        limits.idleTimeout = 100_000
        let port = try await TriggerPort(FakeTriggers(last: 3), limits: limits)
        let answer = try await blocking {
            let client = try port.client()
            try client.send("{\"$resume\":{\"after\":0}}\n")
            client.endWriting()
            return try client.rest()
        }
        #expect(answer == expected(1...3).map { $0 + "\n" }.joined())
        await port.listener.stop()
    }

    @Test func `subscribers beyond the bound are refused and counted`() async throws {
        var limits = Limits()
        limits.triggerConnections = 1
        let port = try await TriggerPort(FakeTriggers(), limits: limits)
        let answer = try await blocking {
            let first = try port.client()
            _ = port.source.observed.wait(for: 1)
            let second = try port.client()
            let answer = try second.rest()
            first.endWriting()
            return answer
        }
        #expect(answer == "")
        #expect(port.counters.value(.triggerSubscribersRefused) == 1)
        await port.listener.stop()
    }
}

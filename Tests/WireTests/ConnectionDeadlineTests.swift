import Core
import Testing
import Wire

/// Risk: a peer that trickles or sleeps holds its place for ever, or one that waits for us is closed.
struct ConnectionDeadlineTests {
    private func deadlines() -> ConnectionDeadlines {
        ConnectionDeadlines(lineTimeout: 30, idleTimeout: 300, now: 1000)
    }

    @Test func `silence expires after the idle time`() {
        var deadlines = deadlines()
        #expect(deadlines.next == 1300)
        #expect(deadlines.expired(at: 1299) == nil)
        #expect(deadlines.expired(at: 1300) == .idle)
    }

    @Test func `a line must become whole in time, however often a byte of it comes`() {
        var deadlines = deadlines()
        deadlines.line(isPartial: true, lineEnded: false, at: 1010)
        for now in stride(from: Int64(1011), to: 1040, by: 1) {
            deadlines.progressed(at: now)
            deadlines.line(isPartial: true, lineEnded: false, at: now)
            #expect(deadlines.expired(at: now) == nil)
        }
        #expect(deadlines.expired(at: 1040) == .line)
    }

    @Test func `another line has its own time`() {
        var deadlines = deadlines()
        deadlines.line(isPartial: true, lineEnded: false, at: 1010)
        deadlines.line(isPartial: true, lineEnded: true, at: 1035)
        #expect(deadlines.expired(at: 1040) == nil)
        deadlines.line(isPartial: false, lineEnded: true, at: 1050)
        #expect(deadlines.next == 1300)
    }

    @Test func `while the daemon owes something nothing expires`() {
        var deadlines = deadlines()
        deadlines.line(isPartial: true, lineEnded: false, at: 1010)
        deadlines.isOwing = true
        #expect(deadlines.expired(at: 9000) == nil)
        deadlines.isOwing = false
        #expect(deadlines.expired(at: 9029) == nil)
        #expect(deadlines.expired(at: 9030) == .line)
    }

    @Test func `a peer that is told goodbye is given up when it takes nothing more`() {
        var deadlines = deadlines()
        deadlines.linger(from: 2000)
        #expect(deadlines.next == 2000 + ConnectionDeadlines.lingerTime)
        deadlines.progressed(at: 5000)
        deadlines.linger(from: 5000)
        #expect(deadlines.next == 5000 + ConnectionDeadlines.lingerTime)
        #expect(deadlines.expired(at: 4999 + ConnectionDeadlines.lingerTime) == nil)
        #expect(deadlines.expired(at: 5000 + ConnectionDeadlines.lingerTime) == .linger)
        deadlines.progressed(at: 60_000_000)
        deadlines.linger(from: 60_000_000)
        #expect(deadlines.next == 2000 + ConnectionDeadlines.lingerTimeTotal, "nor for ever by trickling")
    }
}

import Core
import Testing
import Wire

/// Risk: a line of the future moves the clock, or disappears.
struct IngestFutureTests {
    @Test func `lines too far ahead become rejections with their text, the others stay`() {
        var batch = batch("!bad", "a,101,late", "b,50,early", "c,102,other", "d,100,early")
        Array("!bad\n\na,101,late\r\nb,50,early\n  \nc,102,other\nd,100,early\n".utf8)
            .withUnsafeBytes {
                batch.refuseFuture(after: EventTime(microseconds: 100), lines: $0, keptBytes: 6)
            }
        #expect(summary(batch) == ["!", "!", "b", "!", "d"])
        #expect(batch.lineCount == 5)
        #expect(batch.rejections.map(\.line) == [0, 1, 3])
        #expect(batch.rejections.map(\.code) == [.badJSON, .futureTimestamp, .futureTimestamp])
        #expect(
            batch.rejections.map { String(decoding: $0.raw, as: UTF8.self) } == ["!bad", "a,101,", "c,102,"])
        #expect(batch.dictionary.count == 1, "a refused line leaves no name behind")
        #expect(batch.rows.map { batch.string($0.name) } == ["early", "early"])
    }

    @Test func `under the wall clock a connection refuses lines of the future`() async throws {
        let port = try await IngestPort(wallNow: EventTime(microseconds: 1_000))
        let answers = try await blocking {
            let client = try port.client()
            try client.send(
                "{\"$hello\":{\"producer\":\"p\"}}\na,300001001,x\nb,300001000,x\n{\"$sync\":{}}\n")
            return try client.lines(3)
        }
        #expect(answers[1].hasPrefix(#"{"$reject":{"line":1,"code":"future_timestamp""#))
        #expect(port.intake.lines == ["!", "b"])
        await port.listener.stop()
    }
}

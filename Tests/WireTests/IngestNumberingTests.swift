import Core
import Testing
import Wire

/// Risk: a line is taken twice, not at all, or acknowledged before it is on disk.
struct IngestNumberingTests {
    @Test func `a plain connection is never written a byte`() {
        var script = Script()
        script.lines(batch("a,1,x", "!bad"))
        script.commit(next: 0, [rejection(1)])
        script.machine.ended()
        #expect(script.read() == [])
        #expect(!script.machine.speaks)
        #expect(script.machine.mayClose)
    }

    @Test func `hello is welcomed with the next number, and lines are numbered from it`() {
        var script = Script()
        script.hello(next: 7)
        script.lines(batch("a,1,x", "b,1,x"))
        script.lines(batch("c,1,x"))
        #expect(script.read() == [#"{"$welcome":{"producer":"p","next":7,"store":"s"}}"#])
        #expect(script.submissions.map(\.firstLine) == [7, 9])
        #expect(script.submissions[0].producer == ProducerSession(name: "p", epoch: 1))
        script.commit(next: 9)
        #expect(script.read() == [#"{"$ack":{"next":9}}"#])
    }

    @Test func `lines below next were taken before and are skipped, the rest is renumbered`() {
        var script = Script()
        script.hello(#"{"$hello":{"producer":"p","from":3}}"#, next: 6)
        script.lines(batch("a,1,one", "b,1,two"))
        #expect(script.submissions.isEmpty)
        script.lines(batch("c,1,three", "!bad", "d,1,two", "e,1,one"))
        #expect(script.submissions.count == 1)
        let submission = script.submissions[0]
        #expect(submission.firstLine == 6)
        #expect(summary(submission.batch) == ["!", "d", "e"])
        #expect(submission.batch.lineCount == 3)
        #expect(submission.batch.rows.map { submission.batch.string($0.name) } == ["two", "one"])
        #expect(submission.batch.dictionary.count == 2, "a skipped line leaves no name behind")
        #expect(script.read().last == #"{"$ack":{"next":6}}"#, "skipped lines are known to be on disk")
    }

    @Test func `a beginning beyond next is an error, and lines after it are not taken`() {
        var script = Script()
        script.control(#"{"$hello":{"producer":"p","from":9}}"#)
        script.answer(.ahead(next: 4))
        #expect(
            script.read() == [
                #"{"$error":{"code":"ahead","detail":"from is beyond the next line, which is 4"}}"#
            ])
        #expect(!script.machine.isEnding, "the client may say another hello")
        script.lines(batch("a,1,x"))
        #expect(script.submissions.isEmpty)
        #expect(script.read().first?.contains("not_welcome") == true)
        #expect(script.machine.mayClose)
    }

    @Test func `a refused hello can be followed by a right one`() {
        var script = Script()
        script.control(#"{"$hello":{"producer":"p","from":9}}"#)
        script.answer(.ahead(next: 4))
        script.hello(#"{"$hello":{"producer":"p","from":4}}"#, next: 4)
        script.lines(batch("a,1,x"))
        #expect(script.submissions.map(\.firstLine) == [4])
    }

    @Test func `input waits between hello and welcome`() {
        var script = Script()
        script.control(#"{"$hello":{"producer":"p"}}"#)
        #expect(!script.machine.wantsInput)
        script.answer(.welcome(session: ProducerSession(name: "p", epoch: 1), next: 1, store: "s"))
        #expect(script.machine.wantsInput)
    }

    @Test func `acks not yet written are merged into the highest`() {
        var script = Script()
        script.hello()
        _ = script.read()
        for _ in 0..<3 { script.lines(batch("a,1,x")) }
        script.commit(next: 2)
        script.commit(next: 3)
        script.commit(next: 4)
        #expect(script.read() == [#"{"$ack":{"next":4}}"#])
    }

    @Test func `rejects carry the line's number and come before any ack above it`() {
        var script = Script()
        script.hello(next: 10)
        _ = script.read()
        script.lines(batch("a,1,x", "!"))
        script.lines(batch("!", "b,1,x"))
        script.commit(next: 12, [rejection(1)])
        script.commit(next: 14, [rejection(0)])
        #expect(
            script.read() == [
                #"{"$reject":{"line":11,"code":"bad_json","detail":"d"}}"#,
                #"{"$reject":{"line":12,"code":"bad_json","detail":"d"}}"#,
                #"{"$ack":{"next":14}}"#,
            ])
    }

    @Test func `lines before hello are neither numbered nor answered`() {
        var script = Script()
        script.lines(batch("!", "a,1,x"))
        script.control(#"{"$hello":{"producer":"p"}}"#)
        script.commit(next: 0, [rejection(0)])
        script.answer(.welcome(session: ProducerSession(name: "p", epoch: 1), next: 1, store: "s"))
        script.lines(batch("b,1,x"))
        script.commit(next: 2)
        #expect(
            script.read() == [
                #"{"$welcome":{"producer":"p","next":1,"store":"s"}}"#, #"{"$ack":{"next":2}}"#,
            ])
    }

    @Test func `no more than the bound of batches is in flight`() {
        var script = Script(limits: .tiny)
        script.lines(batch("a,1,x"))
        #expect(script.machine.wantsInput)
        script.lines(batch("a,1,x"))
        #expect(!script.machine.wantsInput)
        script.commit(next: 0)
        #expect(script.machine.wantsInput)
    }

    @Test func `answers that nobody reads stop the reading`() {
        var script = Script(limits: .tiny)
        script.hello()
        var count: UInt64 = 0
        while script.machine.wantsInput, count < 10_000 {
            count += 1
            script.lines(batch("!"))
            script.commit(next: count + 1, [rejection(0)])
        }
        #expect(count < 200)
        _ = script.read()
        #expect(script.machine.wantsInput)
    }
}

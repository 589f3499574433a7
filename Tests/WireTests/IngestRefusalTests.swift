import Core
import Testing
import Wire

/// Risk: a stranger's stream is taken, or a friend's is refused.
struct IngestRefusalTests {
    private func garbage(_ count: Int) -> EventBatch {
        var result = EventBatch()
        result.lineCount = UInt32(count)
        result.rejections = (0..<count).map { rejection(UInt32($0)) }
        return result
    }

    @Test func `a plain connection whose first lines are all unusable is closed after exactly so many`() {
        for cut in [1, 40, 99, 100, 130] {
            var script = Script()
            var sent = 0
            while sent < 200, script.machine.wantsInput {
                script.lines(garbage(cut))
                script.commit(next: 0)
                sent += cut
            }
            #expect(script.submissions.reduce(0) { $0 + Int($1.batch.lineCount) } == 100, "cut at \(cut)")
            #expect(script.reports == [.unusable(lines: 100)])
            #expect(script.machine.mayClose)
            #expect(script.read() == [])
        }
    }

    @Test func `one usable line among the first keeps a connection open`() {
        var script = Script()
        script.lines(garbage(99))
        script.lines(batch("a,1,x"))
        script.commit(next: 0)
        script.commit(next: 0)
        script.lines(garbage(500))
        script.commit(next: 0)
        #expect(script.machine.wantsInput)
        #expect(script.reports.isEmpty)
    }

    @Test func `one that said hello is never closed for unusable lines`() {
        var script = Script()
        script.hello()
        script.lines(garbage(500))
        #expect(!script.machine.isEnding)
        #expect(script.submissions[0].batch.lineCount == 500)
    }

    @Test func `with a token, plain data closes the connection without a byte`() {
        var script = Script(token: "secret")
        script.lines(batch("a,1,x"))
        #expect(script.submissions.isEmpty)
        #expect(script.read() == [])
        #expect(script.machine.mayClose)
        #expect(script.reports == [.unauthorized])
    }

    @Test(arguments: [
        #"{"$hello":{"producer":"p"}}"#, #"{"$hello":{"producer":"p","token":"secres"}}"#,
        #"{"$hello":{"producer":"p","token":""}}"#, #"{"$hello":{"producer":"p","token":"secretsecret"}}"#,
        #"{"$sync":{}}"#, #"{"$broken"#,
    ])
    func `with a token, a control line without the right one is refused and closed`(line: String) {
        var script = Script(token: "secret")
        script.control(line)
        #expect(script.read().first?.contains(#""code":"unauthorized""#) == true)
        #expect(script.machine.mayClose)
        #expect(script.reports == [.unauthorized])
    }

    @Test func `with a token, a hello that gives it is welcomed`() {
        var script = Script(token: "secret")
        script.hello(#"{"$hello":{"producer":"p","token":"secret"}}"#)
        #expect(script.read().first?.contains("$welcome") == true)
        script.lines(batch("a,1,x"))
        #expect(script.submissions.count == 1)
    }

    @Test func `a silent speaking connection is told why it is closed, a plain one is not`() {
        var plain = Script()
        plain.machine.expired(code: "idle", detail: "d")
        #expect(plain.machine.mayClose)
        #expect(plain.read() == [])
        var speaking = Script()
        speaking.hello()
        _ = speaking.read()
        speaking.machine.expired(code: "idle", detail: "d")
        #expect(speaking.read() == [#"{"$error":{"code":"idle","detail":"d"}}"#])
        #expect(speaking.machine.mayClose)
    }
}

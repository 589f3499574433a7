import Core
import Testing
import Wire

/// Risk: an answer is missing, wrong or out of order.
struct IngestAnswersTests {
    @Test func `synced counts this connection's data lines and comes after the acks of all before`() {
        var script = Script()
        script.hello()
        _ = script.read()
        script.lines(batch("a,1,x", "!"))
        script.control(#"{"$sync":{}}"#)
        script.lines(batch("b,1,x"))
        guard case .sync(let id) = script.actions[2] else { return #expect(Bool(false), "\(script.actions)") }
        script.machine.synced(id: id)
        #expect(script.read() == [], "the batch before is not committed")
        script.commit(next: 3, [rejection(1)])
        #expect(
            script.read() == [
                #"{"$reject":{"line":2,"code":"bad_json","detail":"d"}}"#, #"{"$ack":{"next":3}}"#,
                #"{"$synced":{"lines":2}}"#,
            ])
    }

    @Test func `a connection that never said hello is answered its sync, without rejects or acks`() {
        var script = Script()
        script.lines(batch("a,1,x", "!"))
        script.control(#"{"$sync":{}}"#)
        guard case .sync(let id) = script.actions[1] else { return #expect(Bool(false)) }
        script.commit(next: 0, [rejection(1)])
        script.machine.synced(id: id)
        #expect(script.read() == [#"{"$synced":{"lines":2}}"#])
    }

    @Test func `advance moves the clock and answers the watermark, or why not`() {
        var script = Script()
        script.control(#"{"$advance":{"to":"2025-01-01T09:00:00+09:00"}}"#)
        guard case .advance(let time, let id) = script.actions[0] else { return #expect(Bool(false)) }
        #expect(time.description == "2025-01-01T00:00:00Z")
        script.machine.advanced(id: id, .advanced(watermark: time - 60_000_000))
        script.control(#"{"$advance":{"to":"2024-01-01T00:00:00Z"}}"#)
        guard case .advance(_, let second) = script.actions[1] else { return #expect(Bool(false)) }
        script.machine.advanced(id: second, .refused(code: "wall_clock", detail: "d"))
        #expect(
            script.read() == [
                #"{"$advanced":{"watermark":"2024-12-31T23:59:00Z"}}"#,
                #"{"$error":{"code":"wall_clock","detail":"d"}}"#,
            ])
    }

    @Test(arguments: [
        (#"{"$nonsense":{}}"#, "unknown_control"), (#"{"$sync":1}"#, "bad_control"),
        (#"{"$sync":{}"#, "bad_control"), (#"{"$sync":{},"b":1}"#, "bad_control"),
        (#"{"$sync":{"x":1}}"#, "bad_field"), (#"{"$advance":{}}"#, "missing_field"),
        (#"{"$advance":{"to":"tomorrow"}}"#, "bad_field"), (#"{"$hello":{}}"#, "missing_field"),
        (#"{"$hello":{"producer":7}}"#, "bad_field"), (#"{"$hello":{"producer":""}}"#, "bad_field"),
        (#"{"$hello":{"producer":"p","from":-1}}"#, "bad_field"),
        (#"{"$hello":{"producer":"p","from":1.5}}"#, "bad_field"),
        (#"{"$consent":{"granted":true}}"#, "missing_field"),
        (#"{"$consent":{"user":"u"}}"#, "missing_field"),
        (#"{"$consent":{"user":"u","granted":"no"}}"#, "bad_field"),
        (#"{"$profile":{"user":"u","nmae":"x"}}"#, "bad_field"),
    ])
    func `a bad control line is answered and nothing else happens`(line: String, code: String) {
        var script = Script()
        script.control(line)
        let answer = script.read()
        #expect(answer.count == 1)
        #expect(answer.first?.hasPrefix(#"{"$error":{"code":"\#(code)","detail":""#) == true, "\(answer)")
        #expect(script.actions.isEmpty)
        #expect(script.machine.wantsInput)
    }

    @Test func `a control line beyond the limit is an error, not a data line`() {
        var script = Script()
        script.machine.receivedOverlongControl(bytes: 5000)
        #expect(script.read().first?.contains(#""code":"line_too_long""#) == true)
    }

    @Test func `a second hello on one connection is refused`() {
        var script = Script()
        script.hello()
        _ = script.read()
        script.control(#"{"$hello":{"producer":"q"}}"#)
        #expect(script.read().first?.contains("already_welcome") == true)
        script.lines(batch("a,1,x"))
        #expect(script.submissions.map { $0.producer?.name } == ["p"])
    }

    @Test func `a fenced connection is told so, acks nothing more and says no goodbye`() {
        var script = Script()
        script.hello()
        script.lines(batch("a,1,x"))
        _ = script.read()
        script.fence()
        #expect(script.read().first?.hasPrefix(#"{"$error":{"code":"fenced""#) == true)
        script.commit(next: 2)
        #expect(script.read() == [])
        #expect(script.machine.mayClose)
        script.close()
        #expect(script.goodbyes == 0)
        #expect(script.reports == [.fenced(producer: "p")])
    }

    @Test func `a receipt that says fenced ends the connection like the fence itself`() {
        var script = Script()
        script.hello()
        script.lines(batch("a,1,x"))
        _ = script.read()
        script.receipt(.fenced)
        #expect(script.read().first?.contains("fenced") == true)
        #expect(script.machine.mayClose)
    }

    @Test func `a stopping daemon acknowledges nothing`() {
        var script = Script()
        script.hello()
        script.lines(batch("a,1,x"))
        _ = script.read()
        script.receipt(.closed)
        #expect(script.read().first?.contains("stopping") == true)
        #expect(!script.machine.wantsInput)
    }

    @Test func `goodbye is said once, and also when the welcome comes after the end`() {
        var script = Script()
        script.hello()
        script.close()
        script.close()
        #expect(script.goodbyes == 1)
        var late = Script()
        late.control(#"{"$hello":{"producer":"p"}}"#)
        late.close()
        #expect(late.goodbyes == 0)
        late.answer(.welcome(session: ProducerSession(name: "p", epoch: 1), next: 1, store: "s"))
        #expect(late.goodbyes == 1)
    }

    @Test func `at a clean end what is owed is said before the close`() {
        var script = Script()
        script.hello()
        script.lines(batch("a,1,x"))
        _ = script.read()
        script.machine.ended()
        #expect(!script.machine.mayClose)
        script.commit(next: 2)
        #expect(!script.machine.mayClose)
        #expect(script.read() == [#"{"$ack":{"next":2}}"#])
        #expect(script.machine.mayClose)
    }

    @Test func `after hello a last line without newline does not count`() {
        var script = Script()
        #expect(script.machine.takesLastLine)
        script.hello()
        #expect(!script.machine.takesLastLine)
    }
}

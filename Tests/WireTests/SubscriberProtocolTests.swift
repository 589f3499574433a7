import Core
import Testing
import Wire

/// Risk: a subscriber starts at the wrong place, misses a trigger, or is told nothing of a gap.
struct SubscriberProtocolTests {
    @Test func `with nothing said for the grace, the stream starts at the head of that moment`() {
        var script = SubscriberScript()
        #expect(script.machine.nextTick == SubscriberProtocol.grace)
        script.tick(at: SubscriberProtocol.grace - 1)
        #expect(script.read == nil)
        script.tick(at: SubscriberProtocol.grace)
        #expect(script.read != nil)
        script.page("old\n", count: 1, through: 1, oldest: 1, last: 50)
        #expect(script.heard() == "", "what was there before is not sent")
        script.commit(51)
        #expect(script.read?.after == 50)
        script.page("new\n", count: 1, through: 51, oldest: 1, last: 51)
        #expect(script.heard() == "new\n")
    }

    @Test func `a tail starts at once`() {
        var script = SubscriberScript()
        script.say(#"{"$tail":{"types":["churned"]}}"#)
        #expect(script.read != nil)
        #expect(script.filter?.types == ["churned"])
        #expect(script.filter?.includeStale == false)
        #expect(script.filter?.includeHoldout == false)
        #expect(script.machine.nextTick == nil)
    }

    @Test func `resume reads on page by page in order`() {
        var script = SubscriberScript()
        script.say(#"{"$resume":{"after":7,"types":["a","b"],"include_holdout":true}}"#)
        #expect(script.read?.after == 7)
        #expect(script.filter?.types == ["a", "b"])
        #expect(script.filter?.includeHoldout == true)
        script.page("8\n", count: 1, through: 8, oldest: 1, last: 10)
        #expect(script.read?.after == 8)
        script.page("", count: 0, through: 10, oldest: 1, last: 10)
        #expect(script.actions.count == 2, "the head is reached")
        script.commit(11)
        #expect(script.read?.after == 10)
    }

    @Test func `a place older than what is kept is a gap, one newer than the head is of the future`() {
        for (after, code) in [(Int64(3), "gap"), (21, "future")] {
            var script = SubscriberScript()
            script.say("{\"$resume\":{\"after\":\(after)}}")
            script.page("x\n", count: 1, through: 5, oldest: 5, last: 20)
            #expect(script.heard() == "{\"$error\":{\"code\":\"\(code)\",\"oldest\":5,\"last\":20}}\n")
            #expect(script.machine.mayClose)
        }
        for after in [Int64(4), 20] {
            var script = SubscriberScript()
            script.say("{\"$resume\":{\"after\":\(after)}}")
            script.page("", count: 0, through: 20, oldest: 5, last: 20)
            #expect(!script.machine.mayClose)
            #expect(script.heard() == "")
        }
    }

    @Test func `a subscriber so slow that its place is cut away is told of the gap`() {
        var script = SubscriberScript()
        script.say(#"{"$resume":{"after":1}}"#)
        script.page("2\n", count: 1, through: 2, oldest: 1, last: 10)
        script.page("9\n", count: 1, through: 9, oldest: 9, last: 10)
        #expect(script.heard().hasSuffix("{\"$error\":{\"code\":\"gap\",\"oldest\":9,\"last\":10}}\n"))
    }

    @Test func `an empty store can be resumed after 0`() {
        var script = SubscriberScript()
        script.say(#"{"$resume":{"after":0}}"#)
        script.page("", count: 0, through: 0, oldest: 1, last: 0)
        #expect(!script.machine.isOver)
        #expect(script.actions.count == 1)
        script.commit(1)
        #expect(script.read?.after == 0)
    }

    @Test func `a consumer goes on after its cursor, and its acks move it forward only`() {
        var script = SubscriberScript()
        script.say(#"{"$consumer":{"name":"push"}}"#)
        guard case .cursor("push", let id) = script.actions.last else { return #expect(Bool(false)) }
        script.actions += script.machine.found(cursor: 5, id: id)
        #expect(script.read?.after == 5)
        script.page("6\n7\n8\n", count: 3, through: 8, oldest: 1, last: 8)
        _ = script.heard()
        script.say(#"{"$ack":{"seq":7}}"#)
        #expect(script.stores == [7])
        script.say(#"{"$ack":{"seq":6}}"#)
        script.say(#"{"$ack":{"seq":8}}"#)
        #expect(script.stores == [7], "one store at a time")
        script.actions += script.machine.storedCursor()
        #expect(script.stores == [7, 8])
        script.actions += script.machine.storedCursor()
        #expect(script.stores == [7, 8])
        #expect(script.heard() == "")
        script.say(#"{"$ack":{"seq":9}}"#)
        #expect(script.heard().contains("beyond what was sent"))
    }

    @Test func `a new consumer starts at the oldest kept, even where the first stretch is empty`() {
        var script = SubscriberScript()
        script.say(#"{"$consumer":{"name":"new"}}"#)
        guard case .cursor(_, let id) = script.actions.last else { return #expect(Bool(false)) }
        script.actions += script.machine.found(cursor: nil, id: id)
        script.page("", count: 0, through: 100, oldest: 501, last: 600)
        #expect(!script.machine.isOver)
        #expect(script.read?.after == 500)
    }

    @Test func `an ack without a consumer is an error, and the stream goes on`() {
        var script = SubscriberScript()
        script.say(#"{"$tail":{}}"#)
        script.say(#"{"$ack":{"seq":1}}"#)
        #expect(script.heard().contains(#""code":"no_consumer""#))
        #expect(!script.machine.isOver)
    }

    @Test(arguments: [
        ("hello", "bad_control"), (#"{"a":1}"#, "bad_control"), (#"{"$resume":{}}"#, "missing_field"),
        (#"{"$resume":{"after":"7"}}"#, "bad_field"), (#"{"$resume":{"after":7,"type":[]}}"#, "bad_field"),
        (#"{"$tail":{"types":"a"}}"#, "bad_field"), (#"{"$heartbeat":{"every":"soon"}}"#, "bad_field"),
        (#"{"$heartbeat":{"every":"1ms"}}"#, "bad_field"), (#"{"$sync":{}}"#, "unknown_control"),
        (#"{"$consumer":{"name":""}}"#, "bad_field"),
    ])
    func `a malformed control line is answered and leaves the connection open`(line: String, code: String) {
        var script = SubscriberScript()
        script.say(line)
        #expect(script.heard().hasPrefix("{\"$error\":{\"code\":\"\(code)\""))
        #expect(!script.machine.isOver)
        script.tick(at: SubscriberProtocol.grace)
        #expect(script.read != nil, "it said nothing of where to start")
    }

    @Test func `a second start is refused, unless the first came of silence`() {
        var script = SubscriberScript()
        script.say(#"{"$tail":{}}"#)
        script.say(#"{"$resume":{"after":1}}"#)
        #expect(script.heard().contains("already_started"))
        var silent = SubscriberScript()
        silent.tick(at: SubscriberProtocol.grace)
        silent.say(#"{"$resume":{"after":1}}"#)
        #expect(silent.heard() == "")
        #expect(silent.read?.after == 1)
    }

    @Test func `heartbeats come only while nothing else does, with what was sent last`() {
        var script = SubscriberScript()
        script.say(#"{"$heartbeat":{"every":"10s"}}"#)
        script.say(#"{"$resume":{"after":3}}"#)
        script.page("4\n", count: 1, through: 4, oldest: 1, last: 4)
        _ = script.heard()
        script.tick(at: 9_999_999)
        #expect(script.heard() == "")
        script.tick(at: 10_000_000)
        #expect(script.heard() == "{\"$heartbeat\":{\"now\":\"1970-01-01T00:00:00Z\",\"last\":4}}\n")
        script.now = 15_000_000
        script.commit(5)
        script.page("5\n", count: 1, through: 5, oldest: 1, last: 5)
        #expect(script.machine.nextTick == 25_000_000)
        script.tick(at: 25_000_000)
        script.tick(at: 35_000_000)
        #expect(script.heard() == "5\n", "no heartbeat is queued behind what was not taken")
    }

    @Test func `no page is read while the buffer is full, and the next when it is taken`() {
        var script = SubscriberScript(limits: .tiny)
        script.say(#"{"$resume":{"after":0}}"#)
        #expect(script.read?.limit == 4)
        script.page(String(repeating: "x", count: 5000), count: 4, through: 4, oldest: 1, last: 100)
        #expect(script.actions.count == 1)
        script.commit(101)
        #expect(script.actions.count == 1)
        _ = script.heard()
        script.actions += script.machine.readOn()
        #expect(script.read?.after == 4)
    }

    @Test func `with a token silence starts nothing, and a wrong one is refused`() {
        var script = SubscriberScript(token: "t")
        #expect(script.machine.nextTick == nil)
        script.say(#"{"$tail":{"token":"u"}}"#)
        #expect(script.heard().contains("unauthorized"))
        #expect(script.machine.mayClose)
        var friend = SubscriberScript(token: "t")
        friend.say(#"{"$tail":{"token":"t"}}"#)
        #expect(friend.read != nil)
    }
}

import Core
import Testing
import Wire

@Suite struct DecoderStreamTests {
    @Test func carriageReturnsBlankLinesAndABOMAreToleratedAndNotCounted() {
        let text = "\u{FEFF}" + line().dropLast() + "\r\n\n  \t \r\n" + line(user: "\"v\"") + "\r\n"
        let log = decoded(text)
        #expect(log.events.map(\.userText) == ["u", "v"])
        #expect(log.events.map(\.line) == [0, 1])
        #expect(log.lines == 2)
        #expect(log.bytes == text.utf8.count)
    }

    @Test func aBOMIsTakenOnlyAtTheStart() {
        let log = decoded(line() + "\u{FEFF}" + line())
        #expect(log.codes == [.badJSON])
        #expect(log.rejections[0].line == 1)
        #expect(decoded("\u{FEFF}\n" + line()).events.count == 1)
    }

    @Test func aControlLineStopsTheBatchAtItsPlace() {
        let hello = #"{"$hello":{"producer":"a"}}"#
        let text = Array((line() + "x\n" + " " + hello + "\r\n" + line(user: "\"v\"")).utf8)
        var decoder = EventDecoder(settings: Settings())
        withSlab(text) { slab in
            let first = decoder.decode(slab: slab, isStreamStart: true)
            #expect(first.batch.rows.count == 1 && first.batch.rejections.count == 1)
            #expect(first.batch.lineCount == 2)
            guard case .control(let range) = first.stop else {
                Issue.record("no control line")
                return
            }
            #expect(String(decoding: slab[range], as: UTF8.self) == " " + hello + "\r")
            let rest = UnsafeRawBufferPointer(rebasing: slab[first.consumed...])
            let second = decoder.decode(slab: rest, isStreamStart: false)
            #expect(second.stop == .end && second.consumed == rest.count)
            #expect(second.batch.rows.count == 1 && second.batch.rows[0].line == 0)
        }
    }

    @Test func onlyAnObjectOfOneKeyThatBeginsWithADollarIsAControlLine() {
        let controls = [#"{"$sync":{}}"#, #" { "\u0024sync" : 1e999 } "#, #"{"$":null}"#]
        #expect(decoded(controls.joined(separator: "\n")).controls == controls)
        let data = [
            #"{"$a":1,"b":2}"#, #"{"a":"$"}"#, #"{"a":{"$b":1}}"#, #"{"$sync":}"#, #"["$sync"]"#, "{}",
        ]
        let log = decoded(data.joined(separator: "\n"))
        #expect(log.controls.isEmpty && log.rejections.count == data.count)
    }

    @Test func aRefusedLineLeavesNothingBehind() {
        let bad = line(
            #""event_id":"gone","device":"gone","items":[{"item_id":"gone","item_category":"gone"},{}]"#,
            name: "\"gone\"")
        let good = line(#""device":"m","items":[{"item_id":"a","item_category":"c"}]"#)
        var decoder = EventDecoder(settings: Settings())
        let batch = withSlab(Array((bad + good + bad).utf8)) {
            decoder.decode(slab: $0, isStreamStart: true).batch
        }
        #expect(batch.rows.count == 1 && batch.items.count == 1 && batch.rejections.count == 2)
        #expect(batch.dictionary.indices.map { batch.string(UInt16($0)) } == ["login", "m", "c"])
        #expect(!String(decoding: batch.text, as: UTF8.self).contains("gone"))
    }

    @Test func aFullDictionaryEndsTheBatchAndTheNextGoesOn() {
        let lines = (0..<70_000).map { line("\"search_term\":\"term \($0)\"") }
        let log = decoded(lines.joined())
        #expect(log.events.count == 70_000 && log.rejections.isEmpty)
        #expect(log.events[69_999].dimensions["search_term"] == "term 69999")
        #expect(log.events[69_999].line == 69_999)
        var decoder = EventDecoder(settings: Settings())
        withSlab(Array(lines.joined().utf8)) { slab in
            let first = decoder.decode(slab: slab, isStreamStart: true)
            #expect(first.stop == .full)
            #expect(first.batch.dictionary.count <= 65_534 && first.batch.rows.count > 65_000)
        }
    }

    @Test func keysInAnyOrderAndManyUnknownOnesGiveTheSameEvent() throws {
        var random = Randomness(seed: 7)
        var members = [
            #""user_id":"u""#, #""ts":5"#, #""event":"purchase""#, #""value":2"#, #""device":"d""#,
            #""items":[{"price":1,"item_id":"a"}]"#,
        ]
        members += (0..<40).map { "\"unknown key number \($0)\":{\"user_id\":\($0)}" }
        members += ["\"\":1", "\"user\":3", "\"user_idx\":4", "\"user_i\":5"]
        let expected = try #require(accepted("{" + members.joined(separator: ",") + "}"))
        for _ in 0..<50 {
            members.shuffle(using: &random)
            #expect(accepted("{" + members.joined(separator: ",") + "}") == expected)
        }
    }
}

import Core
import Engine
import Store
import Testing

@testable import roost

/// An answer that shows an erased user until the tables are done, or hides somebody else.
struct HiddenTracesTests {
    private let key = HashKey(k0: 1, k1: 2)
    private let odd = Array("a\"},\"user\":\"b\\".utf8)

    private func pending(_ user: [UInt8], triggers: Int64, letters: Int64 = 0) -> PendingErasure {
        var erasure = PendingErasure(
            receipt: "r", mark: key.erasureMark(of: user), user: user,
            requestedAt: EventTime(microseconds: 0))
        erasure.record = 1
        erasure.triggers = triggers
        erasure.letters = letters
        return erasure
    }

    private func page(_ users: [[UInt8]]) -> TriggerPage {
        var writer = JSONWriter()
        for (index, user) in users.enumerated() {
            var trigger = Trigger(
                type: "churned", rule: "churned", user: user, at: EventTime(microseconds: 0),
                due: EventTime(microseconds: 0))
            // Words that look like a member are none.
            trigger.message = #","user":"b""#
            TriggerEncoder.encode(trigger, seq: Int64(index + 1), retracts: nil, into: &writer)
        }
        let count = users.count
        return TriggerPage(
            lines: writer.bytes, count: count, through: Int64(count), oldest: 1, last: Int64(count))
    }

    private func lines(_ page: TriggerPage) throws -> [JSONValue] {
        try page.lines.split(separator: UInt8(ascii: "\n")).map { try JSONReader.parse(Array($0)) }
    }

    @Test func `triggers up to the erasure are erased ones, later ones are another user's`() throws {
        let b = Array("b".utf8)
        let whole = page([b, odd, b, Array("bb".utf8), odd, []])
        let hidden = HiddenTraces([pending(b, triggers: 1), pending(odd, triggers: 6)], key: key)
        let shown = hidden.hide(whole, TriggerFilter())
        let found = try lines(shown)
        #expect(found.map { $0["type"] == .string("erased") } == [true, true, false, false, true, false])
        #expect(found.compactMap { $0["seq"] } == (1...6).map { .integer($0) })
        #expect(found[0].members.map(\.key) == ["seq", "type"])
        #expect((shown.count, shown.through) == (6, 6))
        #expect(try lines(shown)[2] == lines(whole)[2])
    }

    @Test func `who asks for a user or for types is not shown what is erased`() throws {
        let b = Array("b".utf8)
        let hidden = HiddenTraces([pending(b, triggers: 2)], key: key)
        let whole = page([b, b, b])
        for filter in [TriggerFilter(user: b), TriggerFilter(types: ["churned"])] {
            let shown = hidden.hide(whole, filter)
            #expect(try lines(shown).map { $0["seq"] } == [.integer(3)])
            #expect((shown.count, shown.through) == (1, 3))
        }
        #expect(hidden.hide(whole, TriggerFilter(types: ["erased", "churned"])).count == 3)
        #expect(HiddenTraces().hide(whole, TriggerFilter(user: b)).lines == whole.lines)
    }

    @Test func `letters up to the erasure do not speak of the user`() {
        let letters = (1...3).map { seq in
            DeadLetterView(
                seq: seq, code: "bad_field", detail: "d", line: Array(#"{"user_id":"b"}"#.utf8),
                receivedAt: EventTime(microseconds: 0))
        }
        let hidden = HiddenTraces([pending(Array("b".utf8), triggers: 0, letters: 2)], key: key)
        let shown = hidden.hide(letters)
        #expect(shown.map(\.line.isEmpty) == [true, true, false])
        #expect(shown.map(\.seq) == [1, 2, 3])
        #expect(shown[0].detail == DeadLetters.erasedDetail)
    }

    // MARK: Archived records

    private func record(_ users: [String], rejected: [String]) -> EventsEntry {
        var batch = EventBatch()
        for (line, user) in users.enumerated() {
            var row = EventRow()
            row.time = Int64(line)
            row.line = UInt32(line)
            row.userOffset = UInt32(batch.text.count)
            row.userLength = UInt16(user.utf8.count)
            batch.text += Array(user.utf8)
            if batch.dictionary.isEmpty {
                batch.dictionary = [TextRange(offset: UInt32(batch.text.count), length: 5)]
                batch.text += Array("login".utf8)
            }
            batch.rows.append(row)
        }
        batch.rejections = rejected.enumerated().map {
            Rejection(
                line: UInt32(users.count + $0.offset), code: .badJSON, detail: "d",
                raw: Array($0.element.utf8))
        }
        batch.lineCount = UInt32(users.count + rejected.count)
        return EventsEntry(
            batch: batch, clock: LogClock(), lateness: 0, wallNow: nil, receivedAt: 0, producer: "p",
            producerNext: 9)
    }

    @Test(arguments: [true, false])
    func `a record loses the rows and lines of who was erased after it`(knowsID: Bool) throws {
        var erasure = pending(Array("gone".utf8), triggers: 0)
        erasure.record = 5
        if !knowsID { erasure.user = nil }
        let records = ErasedRecords([erasure], key: key)
        let entry = record(
            ["gone", "kept", "gone", "gone2"], rejected: [#"{"user_id":"gone"}"#, #"{"user_id":"kept"}"#])
        let payload = JournalEntry.events(entry).encoded()
        func changed(_ number: UInt64) throws -> [UInt8]? {
            try payload.withUnsafeBytes { try records.payload(number, 1, $0) }
        }
        let bytes = try #require(try changed(4))
        let read = try bytes.withUnsafeBytes { try JournalEntry(kind: 1, payload: $0) }
        guard case .events(let left) = read else {
            Issue.record("not events")
            return
        }
        #expect(left.batch.rows.map { left.batch.user(of: $0) } == ["kept", "gone2"])
        #expect(left.batch.rows.map(\.line) == [1, 3])
        #expect(left.batch.rejections.map(\.raw.isEmpty) == [true, false])
        #expect(left.batch.lineCount == 6)
        #expect((left.producer, left.producerNext) == ("p", 9))
        #expect(try changed(6) == nil)
        #expect(try bytes.withUnsafeBytes { try records.payload(4, 1, $0) } == nil)
        #expect(try payload.withUnsafeBytes { try records.payload(4, 2, $0) } == nil)
    }
}

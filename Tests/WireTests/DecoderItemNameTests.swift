import Core
import Testing
import Wire

/// A name given to the wrong item, or one that costs a line.
struct DecoderItemNameTests {
    private func batch(_ lines: [String], _ settings: Settings = Settings()) -> EventBatch {
        var decoder = EventDecoder(settings: settings)
        return withSlab(Array(lines.joined().utf8)) { decoder.decode(slab: $0, isStreamStart: true).batch }
    }

    private func names(_ batch: EventBatch) -> [[String]] {
        batch.rows.map { row in
            batch.itemNames(of: row).map { id, name in
                "\(String(decoding: id, as: UTF8.self)): \(String(decoding: name, as: UTF8.self))"
            }
        }
    }

    @Test func `each name belongs to its item, and comes back from the journal`() throws {
        let made = batch([
            line(
                #""items":[{"item_id":"a","item_name":"텐\u0041트"},{"item_id":"b"},"#
                    + #"{"item_id":3,"item_name":"x"}]"#),
            line(#""items":[{"item_id":"a"}]"#), line(),
            line(#""items":[{"item_name":"y","price":1,"item_id":"b"}]"#),
        ])
        let expected = [["a: 텐A트", "3: x"], [], [], ["b: y"]]
        #expect(names(made) == expected)
        #expect(made.rows.map { $0.itemNames == 0 } == [false, true, true, false])
        var bytes: [UInt8] = []
        EventBatchCodec.encode(made, into: &bytes)
        #expect(names(try bytes.withUnsafeBytes { try EventBatchCodec.decode($0) }) == expected)
    }

    @Test(arguments: ["null", "7", "\"\"", #"{"a":"b"}"#, "true"])
    func `what is no text is as if it were not there`(value: String) {
        let made = batch([line(#""items":[{"item_id":"a","item_name":"# + value + "}]")])
        #expect(made.rows.count == 1 && made.rows[0].itemNames == 0 && made.rejections.isEmpty)
    }

    @Test func `the longest name, and one beyond`() {
        func said(_ length: Int) -> [[String]] {
            let name = String(repeating: "x", count: length)
            let items = #"{"item_id":"a","item_name":"\#(name)"},{"item_id":"b","item_name":"n"}"#
            return names(batch([line(#""items":[\#(items)]"#)]))
        }
        #expect(said(256) == [["a: \(String(repeating: "x", count: 256))", "b: n"]])
        #expect(said(257) == [["b: n"]])
    }

    @Test func `the key is configured as others are`() {
        var settings = Settings()
        settings.schema.fields["item_name"] = ["title", "item_name"]
        let made = batch(
            [
                line(#""title":"no","items":[{"item_id":"a","item_name":"second","title":"first"}]"#),
                line(#""items":[{"item_id":"a","item_name":"second","title":null}]"#),
            ], settings)
        #expect(names(made) == [["a: first"], ["a: second"]])
    }
}

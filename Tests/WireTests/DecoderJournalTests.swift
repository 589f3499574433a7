import Core
import Testing
import Wire

/// What the decoder makes and what the journal gives back are the same batch, place by place.
@Suite struct DecoderJournalTests {
    @Test func aDecodedBatchComesBackFromTheJournalUnchanged() throws {
        let text =
            line(#""event_id":"e","value":12.34,"discount":5,"discount_unit":"percent","coupon":"clicked""#)
            + line(
                #""device":"m","items":[{"item_id":"가","item_category":"c","quantity":0.5,"price":-1},{"item_id":1}]"#,
                time: "\"1900-01-01\"") + "broken\n" + line(user: "17.25", time: "1e9") + "{}\n"
        var decoder = EventDecoder(settings: Settings())
        let batch = withSlab(Array(text.utf8)) { decoder.decode(slab: $0, isStreamStart: true).batch }
        var bytes: [UInt8] = []
        EventBatchCodec.encode(batch, into: &bytes)
        let again = try bytes.withUnsafeBytes { try EventBatchCodec.decode($0) }
        #expect(again.text == batch.text)
        #expect(again.dictionary == batch.dictionary)
        #expect(again.rejections == batch.rejections)
        #expect(again.lineCount == batch.lineCount && again.byteCount == batch.byteCount)
        #expect(again.rows.map { "\($0)" } == batch.rows.map { "\($0)" })
        #expect(again.items.map { "\($0)" } == batch.items.map { "\($0)" })
    }
}

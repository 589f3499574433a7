import Core
import Testing
import Wire

/// What an event says of consent is passed over, or taken for something else.
struct DecoderContactTests {
    private func said(_ more: String) -> ContactProfile? {
        var decoder = EventDecoder(settings: Settings())
        return withSlab(Array(line(more).utf8)) { slab in
            let batch = decoder.decode(slab: slab, isStreamStart: true).batch
            guard batch.rows.count == 1, batch.rows[0].contact != 0 else { return nil }
            let range = batch.dictionary[Int(batch.rows[0].contact) - 1]
            return batch.text.withUnsafeBytes {
                let start = Int(range.offset)
                return ContactProfile(
                    packed: UnsafeRawBufferPointer(rebasing: $0[start..<start + Int(range.length)]))
            }
        }
    }

    @Test func `consent is true, false, or both by channel`() {
        #expect(said(#""consent":true"#)?.granted == true)
        #expect(said(#""consent":false"#)?.granted == false)
        let both = said(#""consent":{"push":true,"mail":false}"#)
        #expect(both?.granted == nil)
        #expect(both?.channels.map(\.name) == ["mail", "push"])
        #expect(both?.channels.map(\.granted) == [false, true])
    }

    @Test func `name, language and time zone come along`() {
        let profile = said(#""user_name":"김\u0041","language":"KO","timezone":"Asia/Seoul""#)
        #expect(profile?.name == "김A")
        #expect(profile?.language == "ko")
        #expect(profile?.zone == "Asia/Seoul")
        #expect(profile?.granted == nil)
    }

    @Test(arguments: [
        "", #""consent":null"#, #""consent":{}"#, #""user_name":"","language":null"#, #""timezone":9"#,
        #""language":{"a":1}"#,
    ])
    func `nothing is said`(more: String) {
        #expect(said(more) == nil)
        #expect(accepted(line(more)) != nil)
    }

    @Test(arguments: [
        #""consent":"denied""#, #""consent":0"#, #""consent":[true]"#, #""consent":{"mail":"no"}"#,
        #""consent":{"":true}"#,
    ])
    func `a consent that is not understood refuses the line`(more: String) {
        #expect(refused(line(more))?.code == .badField)
    }

    @Test func `too many channels, and what is too long`() {
        let many = (0..<17).map { "\"c\($0)\":true" }.joined(separator: ",")
        #expect(refused(line("\"consent\":{\(many)}"))?.code == .badField)
        #expect(said(#""user_name":"\#(String(repeating: "x", count: 256))""#)?.name.count == 256)
        #expect(said(#""user_name":"\#(String(repeating: "x", count: 257))""#) == nil)
    }

    @Test func `other keys may feed it`() {
        var settings = Settings()
        settings.schema.fields["consent"] = ["marketing_ok"]
        #expect(refused(line(#""marketing_ok":"yes""#), settings)?.code == .badField)
        #expect(accepted(line(#""consent":"yes""#), settings) != nil)
    }
}

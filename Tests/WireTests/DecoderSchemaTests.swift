import Core
import Testing
import Wire

@Suite struct DecoderSchemaTests {
    @Test func eventNamesAreMapped() {
        let settings = Settings.with { $0.schema.eventNames = ["회원가입완료": "sign_up", "주문완료": "purchase"] }
        #expect(accepted(line(name: "\"회원가입완료\""), settings)?.name == "sign_up")
        #expect(accepted(line(name: #""\ud68c\uc6d0\uac00\uc785\uc644\ub8cc""#), settings)?.name == "sign_up")
        #expect(accepted(line(name: "\"login\""), settings)?.name == "login")
        let basket = "\"items\":[{\"item_id\":\"a\",\"price\":3}]"
        #expect(accepted(line(basket, name: "\"주문완료\""), settings)?.value == 3_000_000)
    }

    @Test func fieldsAreReadFromTheConfiguredKeys() throws {
        let settings = Settings.with {
            $0.schema.fields["user"] = ["회원번호", "a key that is rather long, for a key"]
            $0.schema.fields["device"] = ["기기", "type"]
            $0.schema.fields["item_id"] = ["상품"]
        }
        let text =
            #"{"회원번호":null,"a key that is rather long, for a key":"u","ts":1,"event":"x","type":"t","#
            + #""device":"not this","user_id":5,"items":[{"상품":"p","item_id":[]}]}"#
        let event = try #require(accepted(text, settings))
        #expect(event.userText == "u")
        // One key may feed several fields.
        #expect(event.dimensions == ["device": "t", "type": "t"])
        #expect(event.items.map(\.id) == ["p"])
    }

    @Test func aFieldWithoutKeysIsAbsent() {
        let settings = Settings.with { $0.schema.fields["device"] = [] }
        #expect(accepted(line("\"device\":1"), settings)?.dimensions == [:])
        let nobody = Settings.with { $0.schema.fields["user"] = nil }
        #expect(refused(line(), nobody)?.code == .missingField)
    }

    @Test func theDetailNamesTheConfiguredKey() {
        let settings = Settings.with { $0.schema.fields["user"] = ["회원번호"] }
        #expect(refused(#"{"회원번호":true,"ts":1,"event":"x"}"#, settings)?.detail.contains("회원번호") == true)
        #expect(refused(line(), settings)?.detail.contains("회원번호") == true)
    }
}

import Core
import Testing
import Wire

@Suite struct DecoderFieldTests {
    @Test func everyFieldOfTheContractIsRead() throws {
        let text = """
            {"user_id":"u1","event_timestamp":"2024-07-01T00:00:14.473588Z","event_name":"purchase",\
            "event_id":"e1","purchase_value":84590.5,"device":"mobile","media":"criteo","type":"ad",\
            "channel":"c","payment_method":"card","gender":"f","age_band":"30","region":"seoul",\
            "promo_code":"P","partner":"x","store":"s","search_term":"shoes","discount":10,\
            "discount_unit":"percent","coupon":"used","items":[{"item_id":"A","item_category":"hair",\
            "quantity":2,"price":42290},{"item_id":7}],"extra":{"a":[1,2,{"b":null}]}}

            """
        let event = try #require(accepted(text))
        #expect(event.userText == "u1")
        #expect(event.time == "2024-07-01T00:00:14.473588Z")
        #expect(event.name == "purchase")
        #expect(event.id == "e1")
        #expect(event.value == 84_590_500_000)
        #expect(event.discount == 10_000_000 && event.isPercent)
        #expect(event.coupon == 1)
        #expect(
            event.dimensions == [
                "device": "mobile", "media": "criteo", "type": "ad", "channel": "c",
                "payment_method": "card", "gender": "f", "age_band": "30", "region": "seoul",
                "promo_code": "P", "partner": "x", "store": "s", "search_term": "shoes",
            ])
        #expect(
            event.items == [
                PlainItem(id: "A", category: "hair", quantity: 2_000_000, price: 42_290_000_000),
                PlainItem(id: "7", category: nil, quantity: 1_000_000, price: nil),
            ])
    }

    @Test func nullIsAbsentAndTheFirstKeyThatIsNotNullWins() throws {
        let later = try #require(
            accepted(
                #"{"user_pseudo_id":"second","user_id":null,"ts":2,"time":null,"timestamp":1,"event":"x","#
                    + #""device":null,"items":null,"coupon":null,"discount":null,"event_id":null,"value":null}"#
            ))
        #expect(later.userText == "second")
        #expect(later.time == "1970-01-01T00:00:01Z")
        #expect(later.dimensions.isEmpty && later.items.isEmpty && later.coupon == 0)
        #expect(later.id == nil && later.value == nil && later.discount == nil)
        let first = try #require(accepted(#"{"user_pseudo_id":"b","user_id":"a","ts":1,"event":"x"}"#))
        #expect(first.userText == "a")
    }

    @Test(arguments: [
        "1", "-1", "-0", "0", "1.0", "1e5", "1E+5", "12345678901234567890", "123456789012345678901234567890",
        "1000002345.17", "9223372036854775807", "-9223372036854775808", "1e999", "0.10",
    ])
    func aNumberAsUserKeepsItsLiteralText(literal: String) throws {
        #expect(try #require(accepted(line(user: literal))).userText == literal)
        let item = try #require(
            accepted(line(#""n":[9,"9",-9],"items":[{"price":1,"item_id":\#(literal)}]"#)))
        #expect(item.items.map(\.id) == [literal])
    }

    @Test func escapesInIDsAreUndoneAndNulDoesNotCut() throws {
        let event = try #require(accepted(line(user: #""a\u0000b\"\\\/\u00e9\ud83d\ude00\n""#)))
        #expect(event.userText == "a\0b\"\\/é😀\n")
    }

    @Test func aUserMayHave256Bytes() throws {
        let long = String(repeating: "é", count: 128)
        #expect(try #require(accepted(line(user: "\"\(long)\""))).userText == long)
        #expect(refused(line(user: "\"\(long)x\""))?.code == .badField)
        #expect(refused(line(user: "\"\""))?.code == .badField)
    }

    @Test(
        arguments: [
            ("1", 1_000_000), ("-0", 0), ("-0.0", 0), ("0.1", 100_000), ("1.005", 1_005_000),
            ("0.0000005", 1), ("-0.0000005", -1), ("0.00000049999999999999999999", 0),
            ("1.0000005", 1_000_001),
            ("1.00000049999999999999", 1_000_000), ("123456789.1234565", 123_456_789_123_457),
            ("8999999999.999999", 8_999_999_999_999_999), ("999999999999.999999", 999_999_999_999_999_999),
            ("1000000000000", 1_000_000_000_000_000_000), ("-1e12", -1_000_000_000_000_000_000),
            ("0.1e1", 1_000_000), ("1e-999", 0), ("0e999", 0), ("123e-2", 1_230_000), ("1E+2", 100_000_000),
            ("0.1000000000000000055511151231257827", 100_000),
        ] as [(String, Int64)])
    func moneyIsExactToTheMillionth(text: String, millionths: Int64) {
        #expect(accepted(line("\"value\":\(text)"))?.value == millionths)
        #expect(accepted(line("\"discount\":\(text)"))?.discount == millionths)
    }

    @Test(arguments: [
        "1000000000000.0001", "1000000000001", "1e13", "1e999", "-1e400", "99999999999999999999",
    ])
    func moneyBeyondTheBoundIsRefused(text: String) {
        #expect(refused(line("\"value\":\(text)"))?.code == .badField)
        #expect(refused(line("\"items\":[{\"item_id\":\"a\",\"price\":\(text)}]"))?.code == .badField)
    }

    @Test(arguments: ["1e999", "-1e999", "12345678901234567890123", "1e-99999", "[1,{\"a\":1e999}]"])
    func numbersBeyondDoublesInUnknownKeysDoNotMatter(number: String) throws {
        let event = try #require(accepted(line("\"other\":\(number),\"value\":1.5,\"device\":\"m\"")))
        #expect(event.value == 1_500_000)
        #expect(event.dimensions == ["device": "m"])
    }

    @Test func aPurchaseWithoutValueIsWorthItsItems() throws {
        let items =
            #""items":[{"item_id":"a","quantity":3,"price":0.3333335},{"item_id":"b","price":2},{"item_id":"c"}]"#
        #expect(try #require(accepted(line(items, name: "\"purchase\""))).value == 3_000_002)
        #expect(try #require(accepted(line(items, name: "\"refund\""))).value == 3_000_002)
        #expect(try #require(accepted(line(items, name: "\"view_item\""))).value == nil)
        #expect(try #require(accepted(line(items + ",\"value\":1", name: "\"purchase\""))).value == 1_000_000)
        #expect(try #require(accepted(line("\"items\":[]", name: "\"purchase\""))).value == nil)
        let half = #""items":[{"item_id":"a","quantity":0.5,"price":0.000001}]"#
        #expect(try #require(accepted(line(half, name: "\"purchase\""))).value == 1)
        let negative = #""items":[{"item_id":"a","quantity":-0.5,"price":0.000001}]"#
        #expect(try #require(accepted(line(negative, name: "\"refund\""))).value == -1)
        let huge = #""items":[{"item_id":"a","quantity":1e12,"price":2}]"#
        #expect(refused(line(huge, name: "\"purchase\""))?.code == .badField)
    }

    @Test(arguments: [("used", 1), ("not_used", 2), ("clicked", 3)] as [(String, UInt8)])
    func couponsHaveThreeValues(text: String, code: UInt8) {
        #expect(accepted(line("\"coupon\":\"\(text)\""))?.coupon == code)
    }
}

import Core
import Testing
import Wire

@Suite struct DecoderRejectionTests {
    @Test(arguments: [
        "{", "{\"a\":1}}", "{\"a\":1} x", "nope", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\\ud800\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":tru}",
        "{'a':1}",
        "{\"a\":1,}", "{\"a\" 1}", "\"", "{\"a\":\"\t\"}", "{\"a\":1e999,\"b\":01}", "{\"a\":1e999,\"b\":}",
        "\u{FEFF}\u{FEFF}{}",
        "{\"a\":-}", "{\"a\":1e}", "{\"a\":1 2}",
    ])
    func brokenJSONIsRefused(text: String) {
        let rejection = refused(text + "\n")
        #expect(rejection?.code == .badJSON)
        #expect(rejection?.raw == Array(text.utf8))
        #expect(rejection?.detail.isEmpty == false)
    }

    @Test(arguments: ["1", "\"a\"", "[]", "[{}]", "null", "true", "1e999", "-1.5"])
    func aLineThatIsNoObjectIsRefused(text: String) {
        #expect(refused(text)?.code == .notObject)
    }

    @Test(arguments: [
        ("{}", "user"), ("{\"user_id\":null,\"ts\":1,\"event\":\"x\"}", "user"),
        ("{\"user_id\":\"u\",\"event\":\"x\"}", "time"), ("{\"user_id\":\"u\",\"ts\":1}", "name"),
    ])
    func aMissingFieldIsNamed(text: String, field: String) {
        let rejection = refused(text)
        #expect(rejection?.code == .missingField)
        #expect(rejection?.detail.contains(field) == true)
    }

    @Test(arguments: [
        (line("\"items\":[{\"price\":1}]"), "items[0].item_id"),
        (line("\"items\":[{\"item_id\":\"a\"},{\"item_id\":null}]"), "items[1].item_id"),
    ])
    func anItemWithoutAnIDIsABadField(text: String, field: String) {
        let rejection = refused(text)
        #expect(rejection?.code == .badField)
        #expect(rejection?.detail.contains(field) == true)
    }

    @Test(arguments: [
        ("user_id", line(user: "true")), ("user_id", line(user: "[]")), ("ts", line(time: "\"x\"")),
        ("ts", line(time: "true")), ("event", line(name: "1")), ("event_id", line("\"event_id\":1")),
        ("device", line("\"device\":1")), ("search_term", line("\"search_term\":false")),
        ("value", line("\"value\":\"1\"")), ("discount", line("\"discount\":{}")),
        ("discount_unit", line("\"discount_unit\":1")), ("coupon", line("\"coupon\":\"maybe\"")),
        ("coupon", line("\"coupon\":1")), ("items", line("\"items\":{}")), ("items", line("\"items\":[1]")),
        ("items", line("\"items\":[null]")), ("item_id", line("\"items\":[{\"item_id\":true}]")),
        ("quantity", line("\"items\":[{\"item_id\":\"a\",\"quantity\":\"1\"}]")),
        ("price", line("\"items\":[{\"item_id\":\"a\",\"price\":[]}]")),
        ("item_category", line("\"items\":[{\"item_id\":\"a\",\"item_category\":1}]")),
    ])
    func aWrongTypeNamesFieldAndKey(key: String, text: String) {
        let rejection = refused(text)
        #expect(rejection?.code == .badField)
        #expect(rejection?.detail.contains("\"\(key)\"") == true)
    }

    @Test func aMappedKeyGivenTwiceIsRefused() {
        #expect(refused(line("\"device\":\"a\",\"device\":\"a\""))?.code == .badField)
        #expect(refused(line("\"device\":null,\"device\":\"a\""))?.code == .badField)
        #expect(refused(line("\"devic\\u0065\":\"a\",\"device\":\"b\""))?.code == .badField)
        #expect(
            refused(line("\"items\":[{\"item_id\":\"a\",\"item_id\":\"a\"}]"))?.detail
                == "key \"item_id\" is given twice")
        #expect(
            accepted(line("\"other\":1,\"other\":2,\"items\":[{\"item_id\":\"a\"},{\"item_id\":\"a\"}]"))
                != nil)
    }

    @Test func badUTF8IsRefusedWhereverItStands() {
        for bytes in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]]
        {
            let text = Array("{\"a\":\"".utf8) + bytes + Array("\"}\n".utf8)
            #expect(decoded(text).codes == [.badUTF8])
        }
    }

    @Test func nestingOf32IsTakenAnd33IsNot() {
        func nested(_ depth: Int, _ innermost: String = "") -> String {
            let arrays = depth - 1
            let value =
                String(repeating: "[", count: arrays) + innermost + String(repeating: "]", count: arrays)
            return line("\"x\":\(value)")
        }
        #expect(accepted(nested(32)) != nil)
        #expect(accepted(nested(32, "1")) != nil)
        #expect(refused(nested(33))?.code == .tooDeep)
        #expect(refused(nested(33, "1"))?.code == .tooDeep)
        #expect(refused(nested(33, "1e999"))?.code == .tooDeep)
        let arrays = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(refused(arrays)?.code == .tooDeep)
    }

    @Test func tooManyItemsAreRefused() {
        let settings = Settings.with { $0.limits.itemsPerEvent = 3 }
        func items(_ count: Int) -> String {
            let item = "{\"item_id\":\"a\"}"
            return line("\"items\":[" + repeatElement(item, count: count).joined(separator: ",") + "]")
        }
        #expect(accepted(items(3), settings)?.items.count == 3)
        #expect(refused(items(4), settings)?.code == .overLimit)
    }

    @Test func idsThatDoNotFitARowAreRefused() {
        let long = "\"" + String(repeating: "x", count: 65_536) + "\""
        #expect(refused(line("\"event_id\":\(long)"))?.code == .overLimit)
        #expect(refused(line("\"items\":[{\"item_id\":\(long)}]"))?.code == .overLimit)
        #expect(accepted(line("\"device\":\(long)"))?.dimensions["device"]?.utf8.count == 65_536)
    }

    @Test func aLineOverTheLimitIsRefusedAndItsDeadLetterCut() {
        let settings = Settings.with {
            $0.limits.lineBytes = 100
            $0.limits.deadLetterBytes = 10
        }
        let bare = line("\"x\":\"\"").utf8.count - 1
        let fits = line("\"x\":\"" + String(repeating: "y", count: 100 - bare) + "\"")
        let over = line("\"x\":\"" + String(repeating: "y", count: 101 - bare) + "\"")
        #expect(accepted(fits, settings) != nil)
        #expect(accepted(fits.dropLast() + "\r\n", settings) != nil)
        #expect(refused(over, settings)?.code == .lineTooLong)
        #expect(refused(over, settings)?.raw == Array(over.utf8.prefix(10)))
        #expect(refused("{", settings)?.raw == Array("{".utf8))
    }
}

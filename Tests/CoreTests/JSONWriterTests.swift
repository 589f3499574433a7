import Core
import Testing

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return writer.text
    }

    @Test func commasStandBetweenAndNowhereElse() {
        let written = text { writer in
            writer.beginObject()
            writer.key("a" as StaticString)
            writer.beginArray()
            writer.value(1)
            writer.value("two")
            writer.beginObject()
            writer.endObject()
            writer.null()
            writer.endArray()
            writer.key("b")
            writer.value(true)
            writer.endObject()
            writer.newline()
            writer.beginObject()
            writer.endObject()
        }
        #expect(written == "{\"a\":[1,\"two\",{},null],\"b\":true}\n{}")
    }

    @Test func stringsAreEscapedAndOtherScriptsKept() {
        #expect(
            text { $0.value("a\"b\\c\n\r\t\u{1}\u{1F}é회😀") } == "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001fé회😀\"")
        #expect(text { $0.value(utf8: [0x61, 0xFF]) } == "\"a\u{FFFD}\"")
        #expect(text { $0.key("k\"") } == "\"k\\\"\":")
    }

    @Test func numbersAreShortAndReadBackEqual() {
        for (number, expected): (Double, String) in [
            (0, "0"), (-3, "-3"), (0.1, "0.1"), (81234.5, "81234.5"), (1e15, "1000000000000000.0"),
            (1e-7, "1e-07"),
            (.infinity, "null"), (.nan, "null"), (123_456_789_012, "123456789012"),
        ] {
            #expect(text { $0.value(number) } == expected)
        }
        var randomness = Randomness(seed: 3)
        for _ in 0..<1000 {
            let number = Double(bitPattern: randomness.next())
            guard number.isFinite else { continue }
            #expect(Double(text { $0.value(number) }) == number)
        }
        #expect(text { $0.value(Int64.min) } == "-9223372036854775808")
        #expect(text { $0.value(UInt64.max) } == "18446744073709551615")
    }

    @Test func millionthsAreExactDecimals() {
        for (millionths, expected): (Int64, String) in [
            (41_110_000_000, "41110"), (29_330_000, "29.33"), (1, "0.000001"), (-500_000, "-0.5"), (0, "0"),
            (1_000_001, "1.000001"), (.min, "-9223372036854.775808"),
        ] {
            #expect(text { $0.value(millionths: millionths) } == expected)
        }
    }

    @Test func timesDaysAndTrees() {
        #expect(text { $0.value(EventTime(microseconds: 0)) } == "\"1970-01-01T00:00:00Z\"")
        #expect(text { $0.value(day: 20_066) } == "\"2024-12-09\"")
        let tree = JSONValue.object([
            .init("k", .integer(3)), .init("x", .numbers([1, 2.5])), .init("s", .strings(["a"])),
            .init("n", .null),
            .init("f", .bool(false)),
        ])
        #expect(text { $0.value(tree) } == "{\"k\":3,\"x\":[1,2.5],\"s\":[\"a\"],\"n\":null,\"f\":false}")
        #expect(tree["k"] == .integer(3))
        #expect(tree["missing"] == nil)
    }
}

import Core
import Testing
import Wire

/// Risk: a control line is read as something it does not say.
struct ConnectionControlLineTests {
    @Test func `JSON becomes a tree that keeps order and exact integers`() throws {
        let tree = try JSONParser.parse(
            #" {"a":[1,-2.5e1,true,false,null,9223372036854775807],"b":{"c":"\u00e9\ud83d\ude00\n"}} "#)
        #expect(
            tree
                == .object([
                    .init(
                        "a",
                        .array([
                            .integer(1), .number(-25), .bool(true), .bool(false), .null, .integer(.max),
                        ])),
                    .init("b", .object([.init("c", .string("é😀\n"))])),
                ]))
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "01", "1.", ".5", "+1", "1e", "-", "nul", "\"\u{1}\"",
        "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\u12\"", "\"open", "1 2", "{\"a\":1,\"a\":2}", "1e999",
        "{a:1}", "'a'", "[1 2]", "NaN",
    ])
    func `what is not strict JSON is refused`(text: String) {
        #expect(throws: JSONFailure.self) { _ = try JSONParser.parse(text) }
    }

    @Test func `what is not UTF-8 is refused`() {
        let bytes: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: JSONFailure.badUTF8(offset: 0)) {
            try bytes.withUnsafeBytes { _ = try JSONParser.parse($0) }
        }
    }

    @Test func `nesting is bounded`() throws {
        let deep = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        _ = try JSONParser.parse(deep)
        #expect(throws: JSONFailure.tooDeep(offset: 32)) { _ = try JSONParser.parse("[" + deep + "]") }
    }

    @Test(arguments: [
        ("500ms", 500_000), ("30s", 30_000_000), ("5m", 300_000_000), ("24h", 86_400_000_000),
        ("25d", 2_160_000_000_000), ("0s", 0),
    ])
    func `lengths of time are read`(text: String, microseconds: Int64) {
        #expect(DurationText.microseconds(text) == microseconds)
    }

    @Test(arguments: ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "999999999999999999d", "١s"])
    func `what is no length of time is refused`(text: String) {
        #expect(DurationText.microseconds(text) == nil)
    }

    @Test(arguments: [
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-02-29T23:59:59.25+09:00", "2024-02-29T14:59:59.25Z"),
        ("2024-12-31t20:00:00-05:00", "2025-01-01T01:00:00Z"),
        ("2024-12-31T00:00:00.1234567Z", "2024-12-31T00:00:00.123456Z"),
    ])
    func `instants are read with their offset`(text: String, utc: String) {
        #expect(InstantText.parse(text)?.description == utc)
    }

    @Test(arguments: [
        "2025-01-01", "2025-01-01T00:00:00", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
        "2025-01-01T24:00:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00Zx",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "2025-01-01T00:00:00+9:00",
    ])
    func `what is no instant is refused`(text: String) {
        #expect(InstantText.parse(text) == nil)
    }

    @Test func `a control line is known by its first bytes`() {
        #expect(ControlLine.begins(Array("  {\"$sync\":{}}".utf8)))
        #expect(!ControlLine.begins(Array("{\"user\":\"$\"}".utf8)))
        #expect(!ControlLine.begins(Array("{".utf8)))
        #expect(!ControlLine.begins([UInt8]()))
    }
}

import Core
import Testing

/// Risk: a control line, an identity or a model is read as something it does not say.
struct JSONReaderTests {
    private func read(_ text: String) throws(JSONReadError) -> JSONValue {
        try JSONReader.parse(Array(text.utf8))
    }

    @Test func `every kind of value is read`() throws {
        let text =
            #" {"a":[1,-2,0,9223372036854775807,9223372036854775808,1.5,-2e3,1E-2],"b":{},"c":[] , "e":null,"t":true,"f":false,"s":"\"\\\/\b\f\n\r\tä\u00e4\ud83d\ude00"}"#
        let expected = JSONValue.object([
            .init(
                "a",
                .array([
                    .integer(1), .integer(-2), .integer(0), .integer(.max), .number(9223372036854775808),
                    .number(1.5), .number(-2000), .number(0.01),
                ])), .init("b", .object([])), .init("c", .array([])), .init("e", .null),
            .init("t", .bool(true)), .init("f", .bool(false)),
            .init("s", .string("\"\\/\u{8}\u{c}\n\r\tää😀")),
        ])
        #expect(try read(text) == expected)
        #expect(try read("\"\"") == .string(""))
        #expect(try read("-0") == .integer(0))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01", "-", "1.",
        ".5", "+1", "1e", "1e+", "0x1", "nul", "True", "NaN", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "1 2", "[1]]", "1e999", "'a'", "//",
        "{\"a\" 1}", "\"\u{1}\"", "\"open", "{\"a\":1,\"a\":2}", "[1 2]",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONReadError.self) { try read(text) }
    }

    @Test(arguments: [JSONReader.depthMax, 32])
    func `nesting is bounded`(depth: Int) throws {
        let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(throws: Never.self) { try JSONReader.parse(Array(deep.utf8), depth: depth) }
        #expect(throws: JSONReadError(.tooDeep, at: depth)) {
            try JSONReader.parse(Array("[\(deep)]".utf8), depth: depth)
        }
        let endless = Array(String(repeating: "{\"\":", count: 100_000).utf8)
        #expect(throws: JSONReadError(.tooDeep, at: 4 * depth)) {
            try JSONReader.parse(endless, depth: depth)
        }
    }

    @Test func `what is wrong is said with its place`() {
        #expect(throws: JSONReadError(.badUTF8, at: 1)) { try JSONReader.parse([0x20, 0x22, 0xFF, 0x22]) }
        #expect(throws: JSONReadError(.badUTF8, at: 0)) { try JSONReader.parse([0x22, 0xC3, 0x28, 0x22]) }
        #expect(throws: JSONReadError(.trailingBytes, at: 2)) { try read("1 x") }
        #expect(throws: JSONReadError(.repeatedKey, at: 7)) { try read("{\"a\":1,\"\\u0061\":2}") }
    }

    @Test func `an object of very many keys takes no longer than its size`() throws {
        let members = (0..<100_000).map { "\"\($0)\":0" }.joined(separator: ",")
        guard case .object(let read) = try read("{\(members)}") else {
            Issue.record("not an object")
            return
        }
        #expect(read.count == 100_000 && read[99_999].key == "99999")
    }

    @Test func `what the writer writes reads back equal`() throws {
        let tree = JSONValue.object([
            .init("numbers", .numbers([0.1, -1e-300, 1.7976931348623157e308, 2.5, 1e15])),
            .init("text\u{1}\"", .strings(["", "\n\t", "日本"])), .init("n", .integer(.min)),
        ])
        var writer = JSONWriter()
        writer.value(tree)
        #expect(try JSONReader.parse(writer.bytes) == tree)
    }
}

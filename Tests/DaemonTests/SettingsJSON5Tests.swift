import Core
import Testing

@testable import roost

@Suite struct SettingsJSON5Tests {
    private func value(_ text: String) throws -> JSONValue { try JSON5Reader.read(text).value }

    private func refusal(_ text: String) -> JSON5Error? {
        do throws(JSON5Error) {
            _ = try JSON5Reader.read(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func numbersOfEveryForm() throws {
        for (text, expected): (String, JSONValue) in [
            ("0", .integer(0)), ("-12", .integer(-12)), ("+7", .integer(7)), ("0xFf", .integer(255)),
            ("-0x10", .integer(-16)), (".5", .number(0.5)), ("5.", .number(5)), ("-1.5e3", .number(-1500)),
            ("1E-2", .number(0.01)), ("9223372036854775807", .integer(.max)),
        ] {
            #expect(try value(text) == expected, "\(text)")
        }
        for text in ["01", "1e", "--1", ".", "0x", "1.2.3", "1_000", "1e999", "+Infinity", "-NaN", "0xG"] {
            #expect(refusal(text) != nil, "\(text)")
        }
    }

    @Test func stringsWithBothQuotesEscapesAndContinuedLines() throws {
        #expect(try value(#"'it"s'"#) == .string("it\"s"))
        #expect(try value(#""it's""#) == .string("it's"))
        #expect(try value(#""\n\t\x41\u00e9\ud83d\ude00\/""#) == .string("\n\tAé😀/"))
        #expect(try value("'one \\\n two \\\r\n three'") == .string("one  two  three"))
        #expect(refusal(#""\ud800""#)?.reason == "half of a surrogate pair")
        #expect(refusal(#""\x4""#) != nil)
        #expect(refusal("'a\nb'") != nil)
    }

    @Test func keysBareQuotedAndOfOtherScripts() throws {
        let tree = try value("{a: 1, $b_2: 2, 'c d': 3, \"e\": 4, 회원: 5,}")
        #expect(tree.members.map(\.key) == ["a", "$b_2", "c d", "e", "회원"])
        #expect(refusal("{1a: 1}") != nil)
        #expect(refusal("{,}") != nil)
        #expect(refusal("[1,,2]") != nil)
    }

    @Test func commentsBlanksAndAByteOrderMarkAreNothing() throws {
        #expect(
            try value("\u{FEFF}// a\n/* b * / */ [ // c\r\n1, /* d */ 2,\u{A0}]\n//")
                == .array([.integer(1), .integer(2)]))
    }

    @Test func placesCountLinesOfEveryEndingAndColumnsOfCharacters() throws {
        let node = try JSON5Reader.read("{\r\n  회원: 1,\n\n  b:\r 2\n}")
        guard case .object(let members) = node.content else {
            Issue.record("not an object")
            return
        }
        #expect(members[0].place == .init(line: 2, column: 3))
        #expect(members[0].value.place == .init(line: 2, column: 7))
        #expect(members[1].place == .init(line: 4, column: 3))
        #expect(members[1].value.place == .init(line: 5, column: 2))
    }

    @Test func deepNestingIsRefusedAndNotFollowed() {
        let text = String(repeating: "[", count: 100_000)
        #expect(refusal(text)?.reason == "nested deeper than 64")
    }

    @Test func anErrorNamesTheKeysDownToItsPlace() {
        #expect(refusal("{a: {b: [1, {c: ?}]}}")?.path == "a.b.1.c")
    }
}

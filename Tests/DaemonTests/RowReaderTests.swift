import Core
import Testing

@testable import roost

/// Delimited text as rows, wherever it is cut.
@Suite struct RowReaderTests {
    /// What came of a text: rows with their lines, or the reason against a line.
    enum Read: Equatable, CustomStringConvertible {
        case row(Int, [String])
        case malformed(Int, String)
        var description: String {
            switch self {
            case .row(let line, let fields): "\(line): \(fields)"
            case .malformed(let line, let reason): "\(line)! \(reason)"
            }
        }
    }

    private func read(_ pieces: [[UInt8]], _ delimiter: Delimiter? = nil, rowBytesMax: Int = 1 << 20) throws
        -> [Read]
    {
        var reader = RowReader(delimiter: delimiter, rowBytesMax: rowBytesMax)
        var row = DelimitedRow()
        var rest = pieces[...]
        var all: [Read] = []
        while true {
            switch reader.next(&row) {
            case .row: all.append(.row(row.line, (0..<row.count).map { row.text($0) }))
            case .malformed(let line, let reason): all.append(.malformed(line, reason))
            case .needsMore:
                try reader.fill { output in
                    guard let piece = rest.popFirst() else { return false }
                    output += piece
                    return true
                }
            case .end: return all
            }
        }
    }

    private func read(_ text: String, _ delimiter: Delimiter? = nil) throws -> [Read] {
        try read([Array(text.utf8)], delimiter)
    }

    @Test func quotesHoldDelimitersLineEndsAndQuotes() throws {
        #expect(
            try read("a,b,c\r\n\"x,1\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n\n,,\n\"\",last,no newline")
                == [
                    .row(1, ["a", "b", "c"]), .row(2, ["x,1", "say \"hi\"", "two\r\nlines"]),
                    .row(5, ["", "", ""]),
                    .row(6, ["", "last", "no newline"]),
                ])
        #expect(try read("a,b\n1,\n2,") == [.row(1, ["a", "b"]), .row(2, ["1", ""]), .row(3, ["2", ""])])
        #expect(try read("5\" disk,a\"b\"\n") == [.row(1, ["5\" disk", "a\"b\""])])
        #expect(try read("a,\"b\"") == [.row(1, ["a", "b"])])
        #expect(try read("") == [])
        #expect(try read("\n\r\n\n") == [])
        #expect(try read("\u{FEFF}") == [])
    }

    @Test func theByteOrderMarkIsNoTextAndBlanksAroundAFieldAreNone() throws {
        #expect(try read("\u{FEFF}이름, b \n 값\t,\" c \"\n") == [.row(1, ["이름", "b"]), .row(2, ["값", "c"])])
    }

    @Test(arguments: [
        ("a,b;c,d\n", UInt8(ascii: ",")), ("a;b;c,d\n", UInt8(ascii: ";")), ("a\tb\n", 0x09),
        ("a|b|c\n", UInt8(ascii: "|")), ("\"x,y,z\";b\n", UInt8(ascii: ";")), ("alone\n", UInt8(ascii: ",")),
        ("\n\na;b\n", UInt8(ascii: ";")),
    ])
    func theDelimiterIsToldByTheFirstLine(_ text: String, _ expected: UInt8) throws {
        let given = try read(text, .byte(expected))
        #expect(try read(text) == given)
    }

    @Test func runsOfBlanksPartFields() throws {
        #expect(
            try read(" 00004 0001\t19970101  2   29.33\r\n\n 1 2\n", .blanks) == [
                .row(1, ["00004", "0001", "19970101", "2", "29.33"]), .row(3, ["1", "2"]),
            ])
    }

    @Test func whatCannotBeARowIsToldByItsLineAndTheNextLineIsReadAgain() throws {
        #expect(
            try read("a,b\n\"x\"y,1\nc,d\n") == [
                .row(1, ["a", "b"]), .malformed(2, "text follows the closing quote of field 1"),
                .row(3, ["c", "d"]),
            ])
        // The quote opened in line 2 closes in line 3; line 3 by itself is a row.
        #expect(
            try read("a,b\n1,\"open\n2,\"fine\"\n3,x\n") == [
                .row(1, ["a", "b"]), .malformed(2, "text follows the closing quote of field 2"),
                .row(3, ["2", "fine"]), .row(4, ["3", "x"]),
            ])
        #expect(
            try read("a,b\n1,\"never\n2,x\n") == [
                .row(1, ["a", "b"]), .malformed(2, "a quote is never closed"), .row(3, ["2", "x"]),
            ])
    }

    @Test func aRowWithoutEndIsHeldWithinItsBound() throws {
        let long = String(repeating: "z", count: 500)
        let text = Array("a,b\n\(long),1\n2,\"\(long)\n3,x\n".utf8)
        for size in [1, 7, 64] {
            let pieces = stride(from: 0, to: text.count, by: size).map {
                Array(text[$0..<min($0 + size, text.count)])
            }
            #expect(
                try read(pieces, rowBytesMax: 100) == [
                    .row(1, ["a", "b"]), .malformed(2, "it has no end within 100 bytes"),
                    .malformed(3, "it has no end within 100 bytes"), .row(4, ["3", "x"]),
                ], "pieces of \(size)")
        }
    }

    @Test func whereTheBytesAreCutDoesNotMatter() throws {
        let texts = [
            "\u{FEFF}이름;b\r\n\"x;\"\"1\"\"\";\"두\r\n줄\"\r\n\n\"bad\"x;1\n;\n\"\";end\"\"",
            "a,b\n1,\"open\n2,\"\"\n\"3\",\"\"\"\"\r\n4,\"never closed\n5,x",
        ]
        for text in texts {
            let bytes = Array(text.utf8)
            let whole = try read([bytes])
            #expect(whole.count > 4)
            for cut in 0...bytes.count {
                #expect(try read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut)")
            }
            #expect(try read(bytes.map { [$0] }) == whole)
        }
    }

    /// Fields of any content, quoted as RFC 4180 has it, read back as they were.
    @Test func whatIsWrittenByTheRulesReadsBack() throws {
        var chance = Randomness(seed: 4180)
        let letters = ["a", ",", "\"", "\n", "\r\n", ";", "\t", "가", "1", "x y"]
        for _ in 0..<300 {
            let width = 2 + chance.below(4)
            let rows = (0..<1 + chance.below(6)).map { _ in
                (0..<width).map { _ in
                    "|" + (0..<chance.below(5)).map { _ in letters[chance.below(10)] }.joined()
                }
            }
            let text = rows.map { row in
                row.map { field in
                    let needsQuotes = field.contains { ",\"\n\r\n".contains($0) }
                    return needsQuotes || chance.below(3) == 0
                        ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
                }.joined(separator: ",")
            }.joined(separator: chance.below(2) == 0 ? "\n" : "\r\n")
            let got = try read(text, .byte(UInt8(ascii: ",")))
            let fields: [[String]] = got.map { if case .row(_, let fields) = $0 { fields } else { [] } }
            let expected: [[String]] = rows.map { row in
                row.map { field in
                    var field = field
                    while field.last == "\t" { field.removeLast() }
                    return field
                }
            }
            #expect(fields == expected, "\(text)")
        }
    }
}

package import Core

/// Tells whether a line that could not be used speaks of an erased user.
///
/// It does where any string or number in it is the id, or the id stands in it as a word of its own; where
/// it is not JSON also, from 8 bytes on, within another word, for nothing else tells where an id ends.
package struct ErasureMatcher: Sendable {
    private let known: [(id: [UInt8], place: Int)]
    private let marks: [ErasureMark: Int]
    private let key: HashKey
    private static let wordBytes = 8

    /// - Parameters:
    ///   - users: by mark; the id where it is known.
    ///   - key: what the marks were made with.
    package init(_ users: [(mark: ErasureMark, id: [UInt8]?)], key: HashKey) {
        self.key = key
        marks = Dictionary(
            users.enumerated().map { ($0.element.mark, $0.offset) }, uniquingKeysWith: { first, _ in first })
        known = users.enumerated().compactMap { place, user in user.id.map { ($0, place) } }
    }

    /// Place of the first user that the line speaks of, nil where of none.
    package func match(_ line: [UInt8]) -> Int? {
        let tree = Self.tree(line)
        if let tree, let place = match(tree) { return place }
        if let place = matchBytes(of: line, asWord: tree != nil) { return place }
        guard line.contains(UInt8(ascii: "\\")) else { return nil }
        return matchBytes(of: JSONEscapes.undone(line), asWord: tree != nil)
    }

    private func matchBytes(of line: [UInt8], asWord: Bool) -> Int? {
        known.first { Self.holds(line, $0.id, asWord: asWord || $0.id.count < Self.wordBytes) }?.place
    }

    private static func tree(_ line: [UInt8]) -> JSONValue? {
        // What is not JSON is looked at as bytes.
        do throws(JSONReadError) { return try JSONReader.parse(line) } catch { return nil }
    }

    private func match(_ tree: JSONValue) -> Int? {
        switch tree {
        case .string(let text): return marks[key.erasureMark(of: Array(text.utf8))]
        case .integer(let number): return marks[key.erasureMark(of: Array("\(number)".utf8))]
        case .array(let elements):
            for element in elements { if let place = match(element) { return place } }
        case .object(let members):
            for member in members { if let place = match(member.value) { return place } }
        default: break
        }
        return nil
    }

    private static func holds(_ line: [UInt8], _ id: [UInt8], asWord: Bool) -> Bool {
        guard !id.isEmpty, line.count >= id.count else { return false }
        return line.withUnsafeBytes { line in
            var start = 0
            while let place = line.firstPlace(of: id, from: start) {
                let end = place + id.count
                if !asWord { return true }
                let opens = place == 0 || !isWord(line[place - 1])
                let closes = end == line.count || !isWord(line[end])
                if opens, closes { return true }
                start = place + 1
            }
            return false
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 0x80...0xFF, UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// JSON's escapes, in text that need not be JSON.
enum JSONEscapes {
    /// The text with escapes replaced by what they stand for; what is none stays.
    static func undone(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var place = 0
        while place < text.count {
            guard text[place] == UInt8(ascii: "\\"), place + 1 < text.count else {
                out.append(text[place])
                place += 1
                continue
            }
            if let (scalar, length) = scalar(text[place...]) {
                out.append(contentsOf: String(scalar).utf8)
                place += length
            } else {
                out.append(plain[text[place + 1]] ?? text[place + 1])
                place += 2
            }
        }
        return out
    }

    private static let plain: [UInt8: UInt8] = [
        UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "b"): 8,
        UInt8(ascii: "f"): 12,
    ]

    /// The character of `\\uXXXX` or of two of them, and how long it is written.
    private static func scalar(_ text: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
        guard let first = unit(text) else { return nil }
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        guard UTF16.isLeadSurrogate(first), let second = unit(text.dropFirst(6)),
            UTF16.isTrailSurrogate(second)
        else { return nil }
        let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(second) - 0xDC00
        return Unicode.Scalar(value).map { ($0, 12) }
    }

    private static func unit(_ text: ArraySlice<UInt8>) -> UInt16? {
        guard text.count >= 6, text.starts(with: "\\u".utf8) else { return nil }
        let digits = text.dropFirst(2).prefix(4)
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}

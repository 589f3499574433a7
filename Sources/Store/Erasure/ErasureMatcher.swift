package import Core

/// Tells whether a line that could not be used speaks of an erased user.
///
/// It does where it is JSON and any string or number in it is the id, or where the id's bytes stand in it
/// anywhere: as a word of their own, or, from 8 bytes on, also within another.
package struct ErasureMatcher: Sendable {
    private struct Known: Sendable {
        var id: [UInt8]
        /// As JSON writes it, without the quotation marks.
        var escaped: [UInt8]
        var place: Int
    }

    private let known: [Known]
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
        known = users.enumerated().compactMap { place, user in
            user.id.map { Known(id: $0, escaped: Self.escaped($0), place: place) }
        }
    }

    private static func escaped(_ id: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(utf8: id)
        return Array(writer.bytes.dropFirst().dropLast())
    }

    /// Place of the first user that the line speaks of, nil where of none.
    package func match(_ line: [UInt8]) -> Int? {
        if let place = matchValue(of: line) { return place }
        for user in known
        where Self.holds(line, user.id) || user.escaped != user.id && Self.holds(line, user.escaped) {
            return user.place
        }
        return nil
    }

    private func matchValue(of line: [UInt8]) -> Int? {
        let tree: JSONValue
        // What is not JSON is looked at as bytes.
        do throws(JSONReadError) { tree = try JSONReader.parse(line) } catch { return nil }
        return match(tree)
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

    private static func holds(_ line: [UInt8], _ id: [UInt8]) -> Bool {
        guard !id.isEmpty, line.count >= id.count else { return false }
        return line.withUnsafeBytes { line in
            var start = 0
            while let place = line.firstPlace(of: id, from: start) {
                let end = place + id.count
                if id.count >= wordBytes { return true }
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

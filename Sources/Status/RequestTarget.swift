import Core

/// A request target taken apart: path and query, still percent-encoded.
struct RequestTarget: Sendable {
    let path: ArraySlice<UInt8>
    let query: ArraySlice<UInt8>

    /// Takes `/path?query` and `http://host/path?query`.
    init(_ target: [UInt8]) {
        var rest = target[...]
        if let scheme = rest.firstIndex(of: UInt8(ascii: ":")), !rest.starts(with: "/".utf8),
            rest[scheme...].starts(with: "://".utf8)
        {
            let authority = rest[(scheme + 3)...]
            rest =
                authority.firstIndex(of: UInt8(ascii: "/")).map { authority[$0...] }
                ?? "/".utf8.map { $0 }[...]
        }
        if let fragment = rest.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<fragment] }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            path = rest[..<mark]
            query = rest[(mark + 1)...]
        } else {
            path = rest
            query = []
        }
    }
}

/// Undoes percent-encoding byte by byte; a plus sign is a plus sign. Nil where a `%` is not followed by
/// two hexadecimal digits.
func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    var index = text.startIndex
    while index < text.endIndex {
        guard text[index] == UInt8(ascii: "%") else {
            out.append(text[index])
            index += 1
            continue
        }
        guard index + 2 < text.endIndex, let high = hexDigit(text[index + 1]),
            let low = hexDigit(text[index + 2])
        else { return nil }
        out.append(high << 4 | low)
        index += 3
    }
    return out
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// The parameters of a query, each at most once and known by name.
struct Parameters: Sendable {
    private var values: [String: [UInt8]] = [:]

    /// - Parameters:
    ///   - known: names that may occur; nil: the query is not looked at.
    ///   - isFree: any name may occur; whoever answers says which are known.
    init(query: ArraySlice<UInt8>, known: [String]?, isFree: Bool = false) throws(Refusal) {
        guard let known else { return }
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(decoding: percentDecoded(parts[0]) ?? Array(parts[0]), as: UTF8.self)
            guard isFree || known.contains(name) else {
                let names =
                    known.isEmpty ? "there are none here" : "known here: \(known.joined(separator: ", "))"
                throw .badParameter(name, "unknown parameter; \(names)")
            }
            guard values[name] == nil else { throw .badParameter(name, "given twice") }
            guard let value = percentDecoded(parts.count > 1 ? parts[1] : []) else {
                throw .badParameter(name, "% is not followed by two hexadecimal digits")
            }
            values[name] = value
        }
    }

    func bytes(_ name: String) -> [UInt8]? { values[name] }

    /// All of them, by name.
    func texts() throws(Refusal) -> [Named<String>] {
        var texts: [Named<String>] = []
        for name in values.keys.sorted() { texts.append(Named(name, try text(name) ?? "")) }
        return texts
    }

    func text(_ name: String) throws(Refusal) -> String? {
        guard let bytes = values[name] else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badParameter(name, "not UTF-8")
        }
        return text
    }

    func number(_ name: String, in range: ClosedRange<Int64>, default fallback: Int64) throws(Refusal)
        -> Int64
    {
        guard let text = try text(name) else { return fallback }
        guard let number = Int64(text), range.contains(number) else {
            throw .badParameter(
                name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func flag(_ name: String, default fallback: Bool) throws(Refusal) -> Bool {
        switch try text(name) {
        case nil: fallback
        case "true", "1": true
        case "false", "0": false
        default: throw .badParameter(name, "must be true or false")
        }
    }
}

/// Writes JSON into a byte buffer: commas by itself, numbers in their shortest exact form.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8]
    private var needsComma = false

    package init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    package mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    package mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    package mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    package mutating func newline() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    package mutating func key(_ name: String) {
        separate()
        appendQuoted(name.utf8)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func value(_ text: String) {
        separate()
        appendQuoted(text.utf8)
    }

    /// Bytes of UTF-8 as a string; what is not UTF-8 is replaced.
    package mutating func value(utf8 text: [UInt8]) {
        separate()
        appendQuoted(String(decoding: text, as: UTF8.self).utf8)
    }

    package mutating func value(_ number: Int64) {
        separate()
        bytes.append(contentsOf: Array(String(number).utf8))
    }

    package mutating func value(_ number: Int) { value(Int64(number)) }
    package mutating func value(_ number: UInt64) {
        separate()
        bytes.append(contentsOf: Array(String(number).utf8))
    }

    package mutating func value(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: Array((flag ? "true" : "false").utf8))
    }

    /// A finite number in the shortest form that reads back equal; anything else as `null`.
    package mutating func value(_ number: Double) {
        separate()
        guard number.isFinite else {
            bytes.append(contentsOf: Array("null".utf8))
            return
        }
        if number == number.rounded(), abs(number) < 1e15 {
            bytes.append(contentsOf: Array(String(Int64(number)).utf8))
        } else {
            bytes.append(contentsOf: Array("\(number)".utf8))
        }
    }

    /// RFC 3339; `null` before the first event.
    package mutating func value(_ time: EventTime) {
        guard time > .distantPast else { return null() }
        separate()
        bytes.append(UInt8(ascii: "\""))
        time.appendText(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Millionths as a decimal number, exactly: `41110`, `29.33`.
    package mutating func value(millionths: Int64) {
        separate()
        if millionths < 0 { bytes.append(UInt8(ascii: "-")) }
        let magnitude = millionths.magnitude
        bytes.append(contentsOf: Array(String(magnitude / 1_000_000).utf8))
        var fraction = magnitude % 1_000_000
        guard fraction > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        var divisor: UInt64 = 100_000
        while fraction > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / divisor))
            fraction %= divisor
            divisor /= 10
        }
    }

    /// `YYYY-MM-DD` of a day number.
    package mutating func value(day: Int32) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        CalendarDate(dayNumber: day).appendText(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: Array("null".utf8))
    }

    /// Bytes that are JSON already.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    package mutating func value(_ tree: JSONValue) {
        switch tree {
        case .null: null()
        case .bool(let flag): value(flag)
        case .integer(let number): value(number)
        case .number(let number): value(number)
        case .string(let text): value(text)
        case .array(let elements):
            beginArray()
            for element in elements { value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(member.key)
                value(member.value)
            }
            endObject()
        }
    }

    private mutating func appendQuoted(_ text: some Sequence<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        // Most texts have nothing to escape and go in as a whole.
        let isWhole = text.withContiguousStorageIfAvailable { plain in
            for byte in plain
            where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            bytes.append(contentsOf: plain)
            return true
        }
        if isWhole != true { appendEscaped(text) }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ text: some Sequence<UInt8>) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0x0D: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case 0x09: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case 0..<0x20:
                bytes.append(contentsOf: Array("\\u00".utf8))
                let high = byte >> 4
                let low = byte & 15
                bytes.append(48 + high)
                bytes.append(low < 10 ? 48 + low : 87 + low)
            default: bytes.append(byte)
            }
        }
    }
}

/// A JSON tree, for what is small and of free form: model parameters, metrics.
/// Members keep their order.
package indirect enum JSONValue: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: JSONValue
        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// Member of an object by key, nil elsewhere.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    package static func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }
    package static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
}

import Glibc

/// What stands between two fields.
enum Delimiter: Equatable, Sendable {
    case byte(UInt8)
    /// Any run of blanks and tabs; such a file has no quotes.
    case blanks
}

/// One row's fields, unquoted. Reused from row to row, so that reading costs no allocation.
struct DelimitedRow {
    fileprivate(set) var bytes: [UInt8] = []
    /// Where each field ends in `bytes`.
    fileprivate(set) var ends: [Int] = []
    /// Of the file, from 1, where the row begins.
    fileprivate(set) var line = 0

    var count: Int { ends.count }

    /// A field without the blanks around it.
    func bytes(of index: Int) -> ArraySlice<UInt8> {
        var start = index == 0 ? 0 : ends[index - 1]
        var end = ends[index]
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return bytes[start..<end]
    }

    /// All of it is valid, and no field begins within a character that the one before it began.
    var isUTF8: Bool {
        let isSplit = ends.contains { $0 < bytes.count && bytes[$0] & 0xC0 == 0x80 }
        return !isSplit && String(validating: bytes, as: UTF8.self) != nil
    }

    func text(_ index: Int) -> String { String(decoding: bytes(of: index), as: UTF8.self) }

    fileprivate mutating func begin(_ line: Int) {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        self.line = line
    }
}

/// Reads delimited text (RFC 4180; quotes, line ends within them, CRLF, a byte order mark) out of pieces of
/// any size, and holds no more than one row and one piece.
///
/// Text that cannot be read as a row is told with its line, and reading goes on with the line after it.
struct RowReader {
    enum Outcome: Equatable {
        /// The row that was handed in has it.
        case row
        case malformed(line: Int, reason: String)
        /// Call `fill`.
        case needsMore
        case end
    }

    private(set) var delimiter: Delimiter?
    private let rowBytesMax: Int
    private var raw: [UInt8] = []
    private var used = 0
    private var line = 1
    private var hasBegun = false
    private var hasEnded = false
    /// In a line that is too long: the rest of it is dropped as it comes.
    private var isSkipping = false

    /// - Parameters:
    ///   - delimiter: nil: the one of comma, tab, semicolon and bar that the first line has most of.
    ///   - rowBytesMax: a longer row is malformed.
    init(delimiter: Delimiter? = nil, rowBytesMax: Int = 1 << 20) {
        self.delimiter = delimiter
        self.rowBytesMax = rowBytesMax
    }

    /// More of the file; `append` puts it at the end of what is there and says whether there was any.
    mutating func fill(_ append: (inout [UInt8]) throws(CommandFailure) -> Bool) throws(CommandFailure) {
        raw.removeSubrange(..<used)
        used = 0
        if try append(&raw) == false { hasEnded = true }
    }

    /// The next row that is not blank.
    mutating func next(_ row: inout DelimitedRow) -> Outcome {
        guard hasBegun || begin() else { return .needsMore }
        while true {
            if isSkipping { isSkipping = !skipLine() }
            guard used < raw.count else { return hasEnded ? .end : .needsMore }
            row.begin(line)
            switch scan(into: &row) {
            case .row(let end):
                count(to: end)
                if row.count == 1, row.bytes(of: 0).isEmpty { continue }
                return .row
            case .incomplete where !hasEnded && raw.count - used <= rowBytesMax: return .needsMore
            case .incomplete:
                return malformed(
                    hasEnded ? "a quote is never closed" : "it has no end within \(rowBytesMax) bytes")
            case .broken(let reason): return malformed(reason)
            }
        }
    }

    private mutating func malformed(_ reason: String) -> Outcome {
        let begun = line
        isSkipping = !skipLine()
        return .malformed(line: begun, reason: reason)
    }

    /// Drops the rest of a line, its end too.
    ///
    /// - Returns: false where the end is not here yet.
    private mutating func skipLine() -> Bool {
        guard let end = raw[used...].firstIndex(of: 0x0A) else {
            used = raw.count
            return false
        }
        used = end + 1
        line += 1
        return true
    }

    private mutating func count(to end: Int) {
        for byte in raw[used..<end] where byte == 0x0A { line += 1 }
        used = end
    }

    /// Byte order mark and delimiter.
    ///
    /// - Returns: false where the first line is not all here.
    private mutating func begin() -> Bool {
        guard hasEnded || raw.count > rowBytesMax || (raw.count >= 3 && raw.contains(0x0A)) else {
            return false
        }
        if raw.starts(with: [0xEF, 0xBB, 0xBF]) { used = 3 }
        if delimiter == nil { delimiter = .byte(Self.commonest(raw[used...])) }
        hasBegun = true
        return true
    }

    private static func commonest(_ bytes: ArraySlice<UInt8>) -> UInt8 {
        let header = bytes.drop { $0 == 0x0A || $0 == 0x0D }.prefix { $0 != 0x0A }
        var best = (byte: UInt8(ascii: ","), count: 0)
        for candidate in [UInt8(ascii: ","), 0x09, UInt8(ascii: ";"), UInt8(ascii: "|")] {
            var isQuoted = false
            var count = 0
            for byte in header {
                if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
                if byte == candidate, !isQuoted { count += 1 }
            }
            if count > best.count { best = (candidate, count) }
        }
        return best.byte
    }
}

extension RowReader {
    private enum Scan {
        /// Where the next row begins.
        case row(end: Int)
        /// The text ends within the row.
        case incomplete
        case broken(String)
    }

    /// Reads the row at `used` as far as it is here.
    private func scan(into row: inout DelimitedRow) -> Scan {
        raw.withUnsafeBufferPointer { bytes in
            guard case .byte(let delimiter) = delimiter else { return scanBlanks(bytes, into: &row) }
            var index = used
            while true {
                let isQuoted = index < bytes.count && bytes[index] == UInt8(ascii: "\"")
                let stop =
                    isQuoted
                    ? scanQuoted(bytes, &index, delimiter, into: &row)
                    : scanPlain(bytes, &index, delimiter, into: &row)
                switch stop {
                case .field: continue
                case .rowEnd: return .row(end: index)
                case .incomplete: return .incomplete
                case .broken: return .broken("text follows the closing quote of field \(row.count + 1)")
                }
            }
        }
    }

    private enum Stop {
        case field
        case rowEnd
        case incomplete
        case broken
    }

    /// A field that does not begin with a quote; quotes within it are text.
    private func scanPlain(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ delimiter: UInt8,
        into row: inout DelimitedRow
    ) -> Stop {
        let start = index
        while index < bytes.count, bytes[index] != delimiter, bytes[index] != 0x0A { index += 1 }
        guard index < bytes.count || hasEnded else { return .incomplete }
        let isRowEnd = index == bytes.count || bytes[index] == 0x0A
        var end = index
        if isRowEnd, end > start, bytes[end - 1] == 0x0D { end -= 1 }
        row.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<end]))
        row.ends.append(row.bytes.count)
        if index < bytes.count { index += 1 }
        return isRowEnd ? .rowEnd : .field
    }

    private func scanQuoted(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ delimiter: UInt8,
        into row: inout DelimitedRow
    ) -> Stop {
        let quote = UInt8(ascii: "\"")
        index += 1
        while true {
            guard let found = Self.find(quote, in: bytes, from: index) else { return .incomplete }
            row.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[index..<found]))
            index = found + 1
            guard index < bytes.count else { break }
            guard bytes[index] == quote else { break }
            row.bytes.append(quote)
            index += 1
        }
        return afterQuote(bytes, &index, delimiter, into: &row)
    }

    private func afterQuote(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ delimiter: UInt8,
        into row: inout DelimitedRow
    ) -> Stop {
        if index < bytes.count, bytes[index] == 0x0D { index += 1 }
        guard index < bytes.count else {
            guard hasEnded else { return .incomplete }
            row.ends.append(row.bytes.count)
            return .rowEnd
        }
        let byte = bytes[index]
        guard byte == 0x0A || (byte == delimiter && bytes[index - 1] != 0x0D) else { return .broken }
        row.ends.append(row.bytes.count)
        index += 1
        return byte == 0x0A ? .rowEnd : .field
    }

    private static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from index: Int) -> Int? {
        guard index < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + index, Int32(byte), bytes.count - index)
        else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    private func scanBlanks(_ bytes: UnsafeBufferPointer<UInt8>, into row: inout DelimitedRow) -> Scan {
        let end = Self.find(0x0A, in: bytes, from: used)
        guard end != nil || hasEnded else { return .incomplete }
        let text = bytes[used..<(end ?? bytes.count)]
        for field in text.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
            row.bytes.append(contentsOf: field)
            row.ends.append(row.bytes.count)
        }
        if row.ends.isEmpty { row.ends.append(0) }
        return .row(end: end.map { $0 + 1 } ?? bytes.count)
    }
}

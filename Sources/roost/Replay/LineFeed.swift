import Core
import Glibc

/// Picks the lines to send out of raw bytes, and numbers them as the daemon will: blank lines are not
/// lines, a byte order mark is dropped, and what would be a control line stays here.
struct LineFeed {
    /// Lines that the daemon has already.
    private let skipping: UInt64
    /// Data lines seen so far, skipped ones included.
    private(set) var lines: UInt64 = 0
    /// Would have been control lines.
    private(set) var heldBack: UInt64 = 0
    private var raw: [UInt8] = []
    private var used = 0
    private var isStart = true

    init(skipping: UInt64) { self.skipping = skipping }

    /// Whether whole lines are waiting to be taken.
    private(set) var hasWhole = false

    /// More of a file; `append` puts it at the end of what is there.
    mutating func fill(_ append: (inout [UInt8]) throws(CommandFailure) -> Bool) throws(CommandFailure)
        -> Bool
    {
        raw.removeSubrange(..<used)
        used = 0
        let before = raw.count
        let more = try append(&raw)
        if raw[before...].contains(0x0A) { hasWhole = true }
        if isStart, raw.count >= 3 {
            if raw.starts(with: [0xEF, 0xBB, 0xBF]) { used = 3 }
            isStart = false
        }
        return more
    }

    /// A file has ended: its last line counts, newline or not, and the next file begins afresh.
    mutating func endFile() {
        if used < raw.count, raw[raw.count - 1] != 0x0A {
            raw.append(0x0A)
            hasWhole = true
        }
        isStart = true
    }

    /// Appends whole lines, with newlines, for sending.
    ///
    /// - Parameter most: of lines that count.
    /// - Returns: how many were appended.
    mutating func take(atMost most: Int, into output: inout [UInt8]) -> Int {
        var taken = 0
        while taken < most {
            guard let end = nextNewline() else {
                hasWhole = false
                break
            }
            let start = used
            used = end + 1
            switch kind(start, end) {
            case .blank: continue
            case .control:
                heldBack += 1
                continue
            case .data:
                lines += 1
                if lines <= skipping { continue }
                output.append(contentsOf: raw[start...end])
                taken += 1
            }
        }
        return taken
    }

    private func nextNewline() -> Int? {
        raw.withUnsafeBytes { bytes in
            guard used < bytes.count, let base = bytes.baseAddress,
                let found = memchr(base + used, 0x0A, bytes.count - used)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    private enum Kind {
        case data
        case blank
        case control
    }

    private func kind(_ start: Int, _ end: Int) -> Kind {
        var index = start
        while index < end, isBlank(raw[index]) { index += 1 }
        if index == end { return .blank }
        guard raw[index] == UInt8(ascii: "{") else { return .data }
        index += 1
        while index < end, isBlank(raw[index]) { index += 1 }
        guard index + 1 < end, raw[index] == UInt8(ascii: "\""), raw[index + 1] == UInt8(ascii: "$") else {
            return .data
        }
        do throws(JSON5Error) {
            let text = String(decoding: raw[start..<end], as: UTF8.self)
            return try JSON5Reader.read(text).value.members.count == 1 ? .control : .data
        } catch {
            // Not JSON: the daemon refuses it as a data line.
            return .data
        }
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}

/// 16 random bytes that tell one store from another; written as a UUID (RFC 9562, version 4).
package struct StoreUUID: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// Draws a new one.
    package init(using generator: inout some RandomNumberGenerator) {
        var drawn: [UInt8] = []
        for _ in 0..<2 {
            let word: UInt64 = generator.next()
            for shift in stride(from: 56, through: 0, by: -8) {
                drawn.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        drawn[6] = drawn[6] & 0x0F | 0x40
        drawn[8] = drawn[8] & 0x3F | 0x80
        bytes = drawn
    }

    /// - Parameter bytes: 16 of them.
    package init(bytes: [UInt8]) {
        precondition(bytes.count == 16)
        self.bytes = bytes
    }

    /// Reads `8-4-4-4-12` hexadecimal digits; nil for anything else.
    package init?(text: String) {
        let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12] else { return nil }
        var digits: [UInt8] = []
        for byte in groups.joined() {
            switch byte {
            case 48...57: digits.append(byte - 48)
            case 97...102: digits.append(byte - 87)
            case 65...70: digits.append(byte - 55)
            default: return nil
            }
        }
        bytes = (0..<16).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }

    package var description: String {
        var out: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { out.append(UInt8(ascii: "-")) }
            for digit in [byte >> 4, byte & 15] { out.append(digit < 10 ? 48 + digit : 87 + digit) }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Who a data directory is.
package struct StoreIdentity: Equatable, Sendable {
    /// What clients see; changes when a backup is restored, so that a producer notices.
    package var store: StoreUUID
    /// What journal and snapshots are bound to; never shown, never changes. Being secret, it also keeps
    /// what a client sends from looking like a journal record.
    package var journal: StoreUUID
}

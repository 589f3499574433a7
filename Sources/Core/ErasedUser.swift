/// Who is to be erased, without saying who: what stands in the journal in place of the id.
package struct ErasureMark: Hashable, Sendable {
    /// Keyed hash of the id, 128 bits.
    package var high: UInt64
    package var low: UInt64
    /// The id's partition, so that a replay looks only there.
    package var partition: UInt8

    package init(high: UInt64, low: UInt64, partition: UInt8) {
        self.high = high
        self.low = low
        self.partition = partition
    }

    /// 32 hexadecimal digits of the hash.
    package var text: String { Self.hexadecimal(high) + Self.hexadecimal(low) }

    /// Reads what `text` gave; nil for anything else.
    package init?(text: String, partition: UInt8) {
        let digits = Array(text.utf8)
        guard digits.count == 32, Int(partition) < Partitioning.count,
            digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
            let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
            let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
        else { return nil }
        self.init(high: high, low: low, partition: partition)
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension HashKey {
    /// The mark of an id. The key is the store's, so that a replay and a restored backup know it again.
    package func erasureMark(of id: UnsafeRawBufferPointer) -> ErasureMark {
        // Words of its own, so that no other use of the key shows anything of this one.
        let (high, low) = SipHash.hash128(
            id, k0: k0 ^ 0x6572_6173_7572_6531, k1: k1 ^ 0x6572_6173_7572_6532)
        return ErasureMark(
            high: high, low: low, partition: UInt8(truncatingIfNeeded: Partitioning.partition(of: id)))
    }

    package func erasureMark(of id: [UInt8]) -> ErasureMark {
        id.withUnsafeBytes { erasureMark(of: $0) }
    }
}

/// What the state held of a user when they were erased.
package struct ErasedUser: Sendable, Equatable {
    package var mark: ErasureMark
    package var id: [UInt8]
    package var events: Int64

    package init(mark: ErasureMark, id: [UInt8], events: Int64) {
        self.mark = mark
        self.id = id
        self.events = events
    }
}

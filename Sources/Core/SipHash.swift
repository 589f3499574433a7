/// 128-bit keyed hash that does not give away its input to who does not have the key.
///
/// SipHash-2-4 with 128 bits of output (Aumasson, Bernstein, 2012; the authors' reference code).
package enum SipHash {
    package static func hash128(
        _ data: UnsafeRawBufferPointer, k0: UInt64, k1: UInt64
    ) -> (UInt64, UInt64) {
        var state = State(k0: k0, k1: k1)
        let whole = data.count / 8 * 8
        for offset in stride(from: 0, to: whole, by: 8) {
            state.take(UInt64(littleEndian: data.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        var last = UInt64(truncatingIfNeeded: data.count) << 56
        for index in whole..<data.count { last |= UInt64(data[index]) << UInt64(8 * (index - whole)) }
        state.take(last)
        return state.end()
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(k0: UInt64, k1: UInt64) {
            v0 = k0 ^ 0x736f_6d65_7073_6575
            v1 = k1 ^ 0x646f_7261_6e64_6f6d ^ 0xEE
            v2 = k0 ^ 0x6c79_6765_6e65_7261
            v3 = k1 ^ 0x7465_6462_7974_6573
        }

        mutating func take(_ word: UInt64) {
            v3 ^= word
            rounds(2)
            v0 ^= word
        }

        mutating func end() -> (UInt64, UInt64) {
            v2 ^= 0xEE
            rounds(4)
            let first = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xDD
            rounds(4)
            return (first, v0 ^ v1 ^ v2 ^ v3)
        }

        private mutating func rounds(_ count: Int) {
            for _ in 0..<count {
                v0 = v0 &+ v1
                v1 = rotated(v1, 13) ^ v0
                v0 = rotated(v0, 32)
                v2 = v2 &+ v3
                v3 = rotated(v3, 16) ^ v2
                v0 = v0 &+ v3
                v3 = rotated(v3, 21) ^ v0
                v2 = v2 &+ v1
                v1 = rotated(v1, 17) ^ v2
                v2 = rotated(v2, 32)
            }
        }

        private func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 {
            word << bits | word >> (64 - bits)
        }
    }
}

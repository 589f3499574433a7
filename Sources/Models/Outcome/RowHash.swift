/// A hash of what a row holds, by which rows are put into an order that does not depend on the one they came in.
enum RowHash {
    /// The finaliser of SplitMix64 over a running value.
    static func mixed(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        var z = hash &+ 0x9E37_79B9_7F4A_7C15 &+ value &* 0xD6E8_FEB8_6659_FD93
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

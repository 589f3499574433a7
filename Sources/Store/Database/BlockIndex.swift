/// Where the outbox's blocks stand and what is in those that were searched lately, so that a retraction is
/// matched without asking the database for every step.
///
/// Holds a head of 32 bytes for each block (up to 1,024 triggers) and, for the `printedMost` blocks searched
/// last, a fingerprint of eight bytes for each row: 4 MiB at most.
struct BlockIndex {
    /// Blocks whose fingerprints are held.
    static let printedMost = 512

    /// Ascending by `first`.
    private(set) var heads: [TriggerBlockHead] = []
    private var prints: [Int64: [UInt64]] = [:]
    /// First numbers of the blocks with fingerprints, a ring in which `oldest` goes next.
    private var printed: [Int64] = []
    private var oldest = 0

    mutating func append(_ head: TriggerBlockHead) { heads.append(head) }

    /// Forgets blocks that lie wholly before a number.
    mutating func dropBlocks(before seq: Int64) {
        let kept = firstPlace { $0.first + $0.count > seq }
        heads.removeFirst(kept)
    }

    /// Forgets blocks from a number on, which were not stored after all.
    mutating func dropBlocks(from seq: Int64) {
        while let head = heads.last, head.first >= seq {
            heads.removeLast()
            forget(head.first)
        }
    }

    /// Forgets what is known of the rows of a block, which have changed.
    mutating func forget(_ first: Int64) { prints[first] = nil }

    /// Place of the first block that `reached` holds for, where it holds for all after that; `heads.count`
    /// where there is none.
    func firstPlace(_ reached: (TriggerBlockHead) -> Bool) -> Int {
        var low = 0
        var high = heads.count
        while low < high {
            let middle = (low + high) / 2
            if reached(heads[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Fingerprints of a block's rows, where they are held.
    func fingerprints(of first: Int64) -> [UInt64]? { prints[first] }

    /// Holds the fingerprints of a block; those held longest go.
    mutating func hold(_ fingerprints: [UInt64], of first: Int64) {
        prints[first] = fingerprints
        if printed.count < Self.printedMost {
            printed.append(first)
            return
        }
        if printed[oldest] != first { prints[printed[oldest]] = nil }
        printed[oldest] = first
        oldest = (oldest + 1) % Self.printedMost
    }

    /// Equal for rows of one rule, user and due time. (FNV-1a.)
    static func fingerprint<User: Sequence<UInt8>>(due: Int64, rule: UInt16, user: User) -> UInt64 {
        let prime: UInt64 = 0x100_0000_01B3
        var hash = 0xCBF2_9CE4_8422_2325 ^ UInt64(bitPattern: due)
        hash = (hash &* prime) ^ UInt64(rule)
        for byte in user { hash = (hash &* prime) ^ UInt64(byte) }
        return hash &* prime
    }
}

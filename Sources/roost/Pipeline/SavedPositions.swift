import Core

/// Which journal record the newest snapshot of each part of the state reaches: the partitions, and the ledger.
/// Zero: there is none.
struct SavedPositions: Sendable {
    /// Number of the ledger among the parts, behind the partitions.
    static let ledger = Partitioning.count
    static let ledgerName = "ledger"
    static let count = Partitioning.count + 1

    private var positions = [UInt64](repeating: 0, count: count)

    subscript(part: Int) -> UInt64 {
        get { positions[part] }
        set { positions[part] = newValue }
    }

    /// What follows this record must be replayed.
    var least: UInt64 { positions.min() ?? 0 }

    /// A part's name as a snapshot.
    static func name(_ part: Int) -> String {
        part == ledger ? ledgerName : "partition-\(part < 10 ? "0" : "")\(part)"
    }
}

/// What the partitions hand to a fit: a row per user, in order of first appearance.
package protocol FitColumns: Sendable {
    /// Users or buyers.
    var rows: Int { get }
    /// Times of the first and the last event they rest on.
    var from: Int64 { get }
    var to: Int64 { get }

    /// Adds the rows of the next partition.
    mutating func append(_ other: Self)
}

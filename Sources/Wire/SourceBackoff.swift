package import Core

/// How long to wait before a source is tried again: twice as long after each failure in a row, up to a bound,
/// and shortened by chance down to half of it, so that sources lost together do not come back together.
package struct SourceBackoff: Sendable {
    private let least: Int64
    private let most: Int64
    private var next: Int64

    /// - Parameters: microseconds, 0 < least ≤ most.
    package init(least: Int64, most: Int64) {
        precondition(least > 0 && least <= most)
        self.least = least
        self.most = most
        next = least
    }

    /// The wait after a connection that failed or ended, microseconds.
    package mutating func wait(using chance: inout Randomness) -> Int64 {
        let wait = next
        next = next > most / 2 ? most : next * 2
        return wait - Int64(Double(wait) * chance.uniform() / 2)
    }

    /// The source has sent what can be used: the next failure is the first in a row.
    package mutating func reset() { next = least }
}

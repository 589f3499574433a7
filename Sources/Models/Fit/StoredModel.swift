/// A model as the daemon keeps it: self-contained bytes; equal models have equal bytes.
package protocol StoredModel: Sendable, Equatable {
    /// What the registry, the journal and the triggers call it.
    static var name: String { get }

    var bytes: [UInt8] { get }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    init(bytes: [UInt8]) throws(CodingFailure)
}

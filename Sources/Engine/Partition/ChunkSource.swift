import CMachine
import Synchronization

/// Asks for a cache line that is soon to be used: its miss then overlaps with others.
@inline(__always)
func prefetch(_ address: UnsafeRawPointer?) { machine_prefetch(address) }

/// Bounds what the allocator keeps: one arena a processor where it would make eight.
///
/// A queue's work goes from thread to thread, and what one has freed is of no use to the others' arenas: each
/// comes to hold, over days, what all of them need at most. To be called before other threads are.
///
/// - Parameter processors: of this machine.
package func boundAllocator(processors: Int) { machine_bound_arenas(Int32(clamping: max(2, processors))) }

/// Memory for the state of all partitions, in chunks cut from regions of huge pages.
///
/// State is read at random: with pages of 4 KiB nearly every look at a user costs a walk through the page
/// tables on top. Partitions take chunks and give them back; a chunk costs a lock, once for some hundred
/// users. What is given back is kept for others and not returned to the system.
enum ChunkSource {
    /// Sizes are multiples of this, bytes.
    static let unit = 128
    /// Larger blocks come from the allocator.
    static let largest = 8 << 20
    private static let regionBytes = 32 << 20
    /// Units of the largest chunk that has a list of its own.
    private static let smallUnits = 128

    private struct Stock: ~Copyable {
        /// Free chunks by their size in units, and larger ones.
        var small: [[UInt]] = Array(repeating: [], count: 1 + smallUnits)
        var large: [Int: [UInt]] = [:]
        var next: UInt = 0
        var end: UInt = 0
    }

    private static let stock = Mutex(Stock())

    /// A chunk, contents undefined.
    static func take(_ bytes: Int) -> UnsafeMutableRawPointer {
        precondition(bytes > 0 && bytes % unit == 0)
        if bytes > largest { return .allocate(byteCount: bytes, alignment: 64) }
        let address = stock.withLock { stock in
            if let free = pop(&stock, bytes) { return free }
            if stock.end - stock.next < UInt(bytes) { newRegion(&stock) }
            defer { stock.next += UInt(bytes) }
            return stock.next
        }
        guard let chunk = UnsafeMutableRawPointer(bitPattern: address) else {
            preconditionFailure("no memory for state")
        }
        return chunk
    }

    static func give(_ chunk: UnsafeMutableRawPointer, _ bytes: Int) {
        if bytes > largest { return chunk.deallocate() }
        stock.withLock { push(&$0, bytes, UInt(bitPattern: chunk)) }
    }

    private static func pop(_ stock: inout Stock, _ bytes: Int) -> UInt? {
        let units = bytes / unit
        return units <= smallUnits ? stock.small[units].popLast() : stock.large[bytes]?.popLast()
    }

    private static func push(_ stock: inout Stock, _ bytes: Int, _ chunk: UInt) {
        let units = bytes / unit
        if units <= smallUnits {
            stock.small[units].append(chunk)
        } else {
            stock.large[bytes, default: []].append(chunk)
        }
    }

    /// What is left of the region before is a free chunk.
    private static func newRegion(_ stock: inout Stock) {
        let rest = Int(stock.end - stock.next)
        if rest > 0 { push(&stock, rest, stock.next) }
        guard let region = machine_region(regionBytes) else { preconditionFailure("no memory for state") }
        stock.next = UInt(bitPattern: region)
        stock.end = stock.next + UInt(regionBytes)
    }
}

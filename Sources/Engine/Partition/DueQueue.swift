import Core

/// The due times of a partition, in order. (`DueEntry.precedes`.)
///
/// Most lie days ahead: they wait unsorted in buckets of 2³⁶ µs (19 hours), eight bytes each, and a bucket
/// is sorted when time comes to it. What comes into that bucket later, or before it, goes to a heap. So a
/// timer costs one append and its share of a sort, where a heap of all would miss the cache at every level.
struct DueQueue: ~Copyable {
    private static let bucketShift: Int64 = 36
    private static let timeMask: UInt64 = (1 << 36) - 1
    private static let slotBits: UInt64 = 24
    private static let kindBits: UInt64 = 4

    /// A bucket that is not reached yet; entries are time within it, slot and kind, packed so that their
    /// order is that of the numbers.
    private struct Bucket {
        var number: Int64
        var entries: [UInt64]
    }

    private var near = Heap<DueEntry>()
    /// No entry is due earlier.
    private var bound = Int64.max
    /// The bucket that time is in, sorted; what is before `cursor` has been taken.
    private var sorted: [UInt64] = []
    private var sortedNumber = Int64.min
    private var cursor = 0
    /// Ascending by number, all beyond `sortedNumber`.
    private var far: [Bucket] = []

    init() {}

    var count: Int {
        near.count + sorted.count - cursor + far.reduce(0) { $0 + $1.entries.count }
    }

    var byteCount: Int {
        near.byteCount + (sorted.capacity + far.reduce(0) { $0 + $1.entries.capacity + 3 }) * 8
    }

    /// No entry is due earlier; `Int64.max` when there is none.
    var nextDue: Int64 {
        var least = near.isEmpty ? Int64.max : near.first.due
        if cursor < sorted.count { least = min(least, entry(sorted[cursor], sortedNumber).due) }
        if let bucket = far.first { least = min(least, bucket.number << Self.bucketShift) }
        return least
    }

    private func entry(_ packed: UInt64, _ number: Int64) -> DueEntry {
        DueEntry(
            due: number << Self.bucketShift | Int64(packed >> (Self.slotBits + Self.kindBits)),
            slot: UInt32(truncatingIfNeeded: packed >> Self.kindBits) & 0xFF_FFFF,
            kind: UInt8(truncatingIfNeeded: packed & 15))
    }

    @inline(__always)
    private static func packed(_ entry: DueEntry) -> UInt64 {
        (UInt64(bitPattern: entry.due) & timeMask) << (slotBits + kindBits)
            | UInt64(entry.slot) << kindBits | UInt64(entry.kind)
    }

    mutating func push(_ entry: DueEntry) {
        bound = min(bound, entry.due)
        let number = entry.due >> Self.bucketShift
        if number <= sortedNumber || entry.kind > 15 { return near.push(entry) }
        let packed = Self.packed(entry)
        let index = place(of: number)
        if index < far.count, far[index].number == number { return append(packed, to: index) }
        far.insert(Bucket(number: number, entries: [packed]), at: index)
    }

    /// Place of the first bucket that is not before a number.
    private func place(of number: Int64) -> Int {
        // Without gaps between the buckets the place follows from the number.
        if let first = far.first?.number, number >= first {
            let guess = Int(truncatingIfNeeded: number - first)
            if guess >= 0, guess < far.count, far[guess].number == number { return guess }
        }
        var low = 0
        var high = far.count
        while low < high {
            let middle = (low + high) / 2
            if far[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Grows by an eighth: what waits is a good part of the state.
    private mutating func append(_ packed: UInt64, to index: Int) {
        let count = far[index].entries.count
        if count == far[index].entries.capacity {
            var grown: [UInt64] = []
            grown.reserveCapacity(count + count / 8 + 4)
            grown.append(contentsOf: far[index].entries)
            far[index].entries = grown
        }
        far[index].entries.append(packed)
    }

    /// The first entry before an instant, or nil; it stays.
    @inline(__always)
    mutating func first(before instant: Int64) -> DueEntry? {
        instant <= bound ? nil : look(before: instant)
    }

    private mutating func look(before instant: Int64) -> DueEntry? {
        while cursor == sorted.count, let bucket = far.first,
            bucket.number << Self.bucketShift < instant
        {
            sorted = far.removeFirst().entries
            sorted.sort()
            sortedNumber = bucket.number
            cursor = 0
        }
        var found: DueEntry?
        if cursor < sorted.count {
            let entry = entry(sorted[cursor], sortedNumber)
            if entry.due < instant { found = entry }
        }
        if !near.isEmpty, near.first.due < instant {
            if let other = found, DueEntry.precedes(other, near.first) { return other }
            return near.first
        }
        if found == nil { bound = nextDue }
        return found
    }

    /// Slot of the entry so many places on, where it is known; -1 otherwise.
    @inline(__always)
    func slot(ahead places: Int) -> Int {
        cursor + places < sorted.count
            ? Int(truncatingIfNeeded: sorted[cursor + places] >> Self.kindBits) & 0xFF_FFFF : -1
    }

    /// Takes out what `first` gave.
    mutating func remove(_ entry: DueEntry) {
        if !near.isEmpty, near.first == entry {
            near.pop()
            return
        }
        precondition(cursor < sorted.count, "no such timer")
        cursor += 1
        if cursor == sorted.count {
            sorted = []
            cursor = 0
        }
    }

    /// Takes out what matches. O(n).
    mutating func removeAll(where matches: (DueEntry) -> Bool) {
        near.remove(where: matches)
        let number = sortedNumber
        var rest = Array(sorted[cursor...])
        rest.removeAll { matches(entry($0, number)) }
        sorted = rest
        cursor = 0
        for index in far.indices {
            let number = far[index].number
            var kept = far[index].entries
            kept.removeAll { matches(entry($0, number)) }
            far[index].entries = kept
        }
        far.removeAll { $0.entries.isEmpty }
    }

    /// Visits all entries, in no order of meaning.
    func forEach<Failure>(_ visit: (DueEntry) throws(Failure) -> Void) throws(Failure) {
        for entry in near.entries { try visit(entry) }
        for packed in sorted[cursor...] { try visit(entry(packed, sortedNumber)) }
        for bucket in far {
            for packed in bucket.entries { try visit(entry(packed, bucket.number)) }
        }
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(count))
        // In pieces: there are more timers than users.
        withUnsafeTemporaryAllocation(byteCount: Self.savedBytes * 256, alignment: 8) { piece in
            var filled = 0
            forEach { entry in
                piece.storeBytes(of: entry.due.littleEndian, toByteOffset: filled, as: Int64.self)
                piece.storeBytes(of: entry.slot.littleEndian, toByteOffset: filled + 8, as: UInt32.self)
                piece[filled + 12] = entry.kind
                filled += Self.savedBytes
                if filled == piece.count {
                    out.put(UnsafeRawBufferPointer(piece))
                    filled = 0
                }
            }
            out.put(UnsafeRawBufferPointer(rebasing: piece[..<filled]))
        }
    }

    /// Bytes of an entry in saved state: due, slot and kind.
    private static let savedBytes = 13

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        // Those of a bucket stand together, so that one array is made for it and does not grow.
        var number = Int64.min
        var entries: [UInt64] = []
        for _ in 0..<(try input.count(of: Self.savedBytes)) {
            let entry = DueEntry(due: try input.get(), slot: try input.get(), kind: try input.get())
            guard entry.kind <= 15, entry.slot <= 0xFF_FFFF else {
                throw StateError("a timer of kind \(entry.kind), of user \(entry.slot)")
            }
            let own = entry.due >> Self.bucketShift
            if own != number {
                take(entries, of: number)
                entries.removeAll(keepingCapacity: true)
                number = own
            }
            entries.append(Self.packed(entry))
        }
        take(entries, of: number)
        bound = nextDue
    }

    private mutating func take(_ entries: [UInt64], of number: Int64) {
        if entries.isEmpty { return }
        let index = place(of: number)
        guard index == far.count || far[index].number != number else {
            for entry in entries { append(entry, to: index) }
            return
        }
        var exact: [UInt64] = []
        exact.reserveCapacity(entries.count)
        exact.append(contentsOf: entries)
        far.insert(Bucket(number: number, entries: exact), at: index)
    }
}

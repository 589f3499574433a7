/// What a heap orders.
protocol HeapEntry: BitwiseCopyable {
    static func precedes(_ a: Self, _ b: Self) -> Bool
}

/// Binary heap of plain entries; what comes in ascending order costs one comparison.
struct Heap<Entry: HeapEntry>: ~Copyable {
    private var storage: UnsafeMutablePointer<Entry>
    private var capacity: Int
    private(set) var count = 0

    init() {
        capacity = 16
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    var byteCount: Int { capacity * MemoryLayout<Entry>.stride }
    var isEmpty: Bool { count == 0 }

    /// The first entry; the heap must not be empty.
    var first: Entry { storage[0] }

    /// Entries in heap order, for scans.
    var entries: UnsafeBufferPointer<Entry> { UnsafeBufferPointer(start: storage, count: count) }

    mutating func push(_ entry: Entry) {
        if count == capacity { resize(capacity + capacity / 4 + 16) }
        var index = count
        count += 1
        while index > 0 {
            let parent = (index - 1) / 2
            if !Entry.precedes(entry, storage[parent]) { break }
            storage[index] = storage[parent]
            index = parent
        }
        storage[index] = entry
    }

    @discardableResult
    mutating func pop() -> Entry {
        let top = storage[0]
        count -= 1
        if count > 0 { sift(storage[count]) }
        if capacity > 4096, count < capacity / 4 { resize(capacity / 2) }
        return top
    }

    /// Changes every entry in what does not tell their order.
    mutating func forEach(_ change: (inout Entry) -> Void) {
        for index in 0..<count { change(&storage[index]) }
    }

    /// Takes out what matches. O(n log n).
    mutating func remove(where matches: (Entry) -> Bool) {
        let kept = entries.filter { !matches($0) }
        count = 0
        for entry in kept { push(entry) }
    }

    private func sift(_ entry: Entry) {
        var index = 0
        while true {
            var child = 2 * index + 1
            if child >= count { break }
            if child + 1 < count, Entry.precedes(storage[child + 1], storage[child]) { child += 1 }
            if !Entry.precedes(storage[child], entry) { break }
            storage[index] = storage[child]
            index = child
        }
        storage[index] = entry
    }

    private mutating func resize(_ newCapacity: Int) {
        let grown = UnsafeMutablePointer<Entry>.allocate(capacity: newCapacity)
        grown.update(from: storage, count: count)
        storage.deallocate()
        storage = grown
        capacity = newCapacity
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(count))
        out.put(UnsafeRawBufferPointer(start: storage, count: count * MemoryLayout<Entry>.stride))
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        let total = try input.count(of: MemoryLayout<Entry>.stride)
        resize(max(16, total))
        try input.copy(
            into: UnsafeMutableRawBufferPointer(
                start: storage, count: total * MemoryLayout<Entry>.stride))
        count = total
    }
}

import Core

/// Plain cells found by a number, in order of their first use; open addressing, no allocation but when it grows.
/// Bounded: once full, what is new has no cell.
struct KeyedRows<Cell: BitwiseCopyable>: ~Copyable {
    private var keys: UnsafeMutablePointer<UInt64>
    private var cells: UnsafeMutablePointer<Cell>
    /// Row + 1; 0: free.
    private var index: UnsafeMutablePointer<UInt32>
    private var capacity: Int
    private var shift: UInt64
    private(set) var count = 0
    private let limit: Int
    private let empty: Cell

    /// - Parameters:
    ///   - empty: what a cell is before anything was added to it.
    ///   - limit: most cells.
    init(_ empty: Cell, limit: Int) {
        self.empty = empty
        self.limit = limit
        capacity = 8
        shift = 60
        keys = .allocate(capacity: 8)
        cells = .allocate(capacity: 8)
        index = .allocate(capacity: 16)
        index.initialize(repeating: 0, count: 16)
    }

    deinit {
        keys.deallocate()
        cells.deallocate()
        index.deallocate()
    }

    var byteCount: Int { capacity * (MemoryLayout<Cell>.stride + 16) }

    func key(_ row: Int) -> UInt64 { keys[row] }
    func cell(_ row: Int) -> Cell { cells[row] }

    @inline(__always)
    private func place(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    /// The cell of a key that has one; good until the next change.
    @inline(__always)
    func find(_ key: UInt64) -> UnsafeMutablePointer<Cell>? {
        let mask = capacity * 2 - 1
        var position = place(key)
        while true {
            let entry = index[position]
            if entry == 0 { return nil }
            if keys[Int(entry) - 1] == key { return cells + (Int(entry) - 1) }
            position = (position + 1) & mask
        }
    }

    /// The cell of a key, made where there is room; good until the next change.
    @inline(__always)
    mutating func row(_ key: UInt64) -> UnsafeMutablePointer<Cell>? { find(key) ?? add(key) }

    @inline(never)
    private mutating func add(_ key: UInt64) -> UnsafeMutablePointer<Cell>? {
        guard count < limit else { return nil }
        if count == capacity { grow() }
        keys[count] = key
        cells[count] = empty
        count += 1
        link(count - 1)
        return cells + (count - 1)
    }

    private func link(_ row: Int) {
        let mask = capacity * 2 - 1
        var position = place(keys[row])
        while index[position] != 0 { position = (position + 1) & mask }
        index[position] = UInt32(truncatingIfNeeded: row + 1)
    }

    private mutating func grow() {
        let size = capacity * 2
        let (moreKeys, moreCells) = (
            UnsafeMutablePointer<UInt64>.allocate(capacity: size),
            UnsafeMutablePointer<Cell>.allocate(capacity: size)
        )
        moreKeys.update(from: keys, count: count)
        moreCells.update(from: cells, count: count)
        keys.deallocate()
        cells.deallocate()
        index.deallocate()
        (keys, cells) = (moreKeys, moreCells)
        capacity = size
        shift -= 1
        index = .allocate(capacity: size * 2)
        reindex()
    }

    private func reindex() {
        index.initialize(repeating: 0, count: capacity * 2)
        for row in 0..<count { link(row) }
    }

    /// Drops cells by their key; the others keep their order.
    mutating func removeAll(_ isDropped: (UInt64) -> Bool) {
        var kept = 0
        for row in 0..<count where !isDropped(keys[row]) {
            keys[kept] = keys[row]
            cells[kept] = cells[row]
            kept += 1
        }
        count = kept
        reindex()
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(count))
        out.put(UnsafeRawBufferPointer(start: keys, count: count * 8))
        out.put(UnsafeRawBufferPointer(start: cells, count: count * MemoryLayout<Cell>.stride))
    }

    /// Puts back what `write` gave.
    mutating func read(from input: inout ByteReader) throws(StateError) {
        let total = try input.count(of: 8 + MemoryLayout<Cell>.stride)
        guard total <= limit else { throw StateError("a table of analytics has \(total) cells") }
        while capacity < total { grow() }
        try input.copy(into: UnsafeMutableRawBufferPointer(start: keys, count: total * 8))
        try input.copy(
            into: UnsafeMutableRawBufferPointer(start: cells, count: total * MemoryLayout<Cell>.stride))
        count = total
        reindex()
    }
}

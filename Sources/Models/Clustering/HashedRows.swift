import Glibc

/// A table row by row with a hash of each, and the rows' numbers in buckets by the upper bits of the hash, so that
/// a bucket is worked through within the cache.
struct HashedRows {
    private static let bucketBits: UInt64 = 11
    static let buckets = 1 << Int(bucketBits)

    private let chunks: Int
    private let rows: Int
    /// By row, as they came.
    private let values: UnsafeMutablePointer<SIMD4<Double>>
    /// By place: the bucket's rows one after the other, in the order they came.
    private let placed: UnsafeMutablePointer<RowKey>
    /// Where each bucket begins, and the end.
    private var starts: [Int]

    init(columns: [UnsafeBufferPointer<Double>], rows: Int) {
        chunks = (columns.count + 3) / 4
        self.rows = rows
        values = HashedRows.largePages(max(1, rows * chunks))
        placed = .allocate(capacity: max(1, rows))
        starts = [Int](repeating: 0, count: HashedRows.buckets + 1)
        place(columns)
    }

    /// Memory that the system may give in large pages, which are fewer to be found while rows are looked up.
    private static func largePages(_ count: Int) -> UnsafeMutablePointer<SIMD4<Double>> {
        let page = 2 << 20
        let size = (count * MemoryLayout<SIMD4<Double>>.stride + page - 1) / page * page
        guard let memory = aligned_alloc(page, size) else { preconditionFailure("no memory for a table") }
        // Only a matter of speed.
        _ = madvise(memory, size, MADV_HUGEPAGE)
        return memory.bindMemory(to: SIMD4<Double>.self, capacity: count)
    }

    func free() {
        Glibc.free(values)
        placed.deallocate()
    }

    private mutating func place(_ columns: [UnsafeBufferPointer<Double>]) {
        let hashes = UnsafeMutablePointer<UInt64>.allocate(capacity: max(1, rows))
        defer { hashes.deallocate() }
        let (values, chunks) = (values, chunks)
        var next = [Int](repeating: 0, count: HashedRows.buckets)
        next.withUnsafeMutableBufferPointer { counts in
            forEachRow(columns) { row, hash, cells in
                (values + row * chunks).initialize(from: cells, count: chunks)
                hashes[row] = hash
                counts[HashedRows.bucket(hash)] += 1
            }
        }
        for bucket in 0..<HashedRows.buckets {
            starts[bucket + 1] = starts[bucket] + next[bucket]
            next[bucket] = starts[bucket]
        }
        let placed = placed
        next.withUnsafeMutableBufferPointer { next in
            for row in 0..<rows {
                let bucket = HashedRows.bucket(hashes[row])
                placed[next[bucket]] = RowKey(hash: hashes[row], row: UInt32(truncatingIfNeeded: row))
                next[bucket] += 1
            }
        }
    }

    /// Rows in groups of four, the last padded with zeros, and their hashes.
    @inline(__always)
    private func forEachRow(
        _ columns: [UnsafeBufferPointer<Double>],
        _ body: (Int, UInt64, UnsafePointer<SIMD4<Double>>) -> Void
    ) {
        let block = 256
        let width = chunks * 4
        let buffer = UnsafeMutablePointer<SIMD4<Double>>.allocate(capacity: block * chunks)
        defer { buffer.deallocate() }
        buffer.initialize(repeating: .zero, count: block * chunks)
        let cells = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: Double.self)
        for start in stride(from: 0, to: rows, by: block) {
            let length = min(block, rows - start)
            for (feature, column) in columns.enumerated() {
                // Adding zero turns −0 into 0, so that equal values have equal bits.
                for row in 0..<length { cells[row * width + feature] = column[start + row] + 0.0 }
            }
            for row in 0..<length {
                let values = buffer + row * chunks
                body(start + row, HashedRows.hash(values, chunks: chunks), values)
            }
        }
    }

    @inline(__always)
    private static func hash(_ row: UnsafePointer<SIMD4<Double>>, chunks: Int) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for chunk in 0..<chunks {
            for lane in 0..<4 {
                hash = (hash ^ row[chunk][lane].bitPattern) &* 0xBF58_476D_1CE4_E5B9
                hash ^= hash >> 32
            }
        }
        return hash &* 0x94D0_49BB_1331_11EB
    }

    @inline(__always)
    private static func bucket(_ hash: UInt64) -> Int { Int(hash >> (64 - bucketBits)) }

    func places(of bucket: Int) -> Range<Int> { starts[bucket]..<starts[bucket + 1] }

    func keys(of bucket: Int, into keys: inout [RowKey]) {
        keys.removeAll(keepingCapacity: true)
        let places = places(of: bucket)
        keys.append(contentsOf: UnsafeBufferPointer(start: placed + places.lowerBound, count: places.count))
    }

    @inline(__always)
    func row(_ row: UInt32) -> UnsafePointer<SIMD4<Double>> {
        UnsafePointer(values + Int(row) * chunks)
    }

    @inline(__always)
    func equal(_ a: UInt32, _ b: UInt32) -> Bool {
        let (left, right) = (row(a), row(b))
        for chunk in 0..<chunks where left[chunk] != right[chunk] { return false }
        return true
    }

    func precedes(_ a: UInt32, _ b: UInt32) -> Bool {
        let (left, right) = (row(a), row(b))
        for chunk in 0..<chunks {
            for lane in 0..<4 where left[chunk][lane] != right[chunk][lane] {
                return left[chunk][lane] < right[chunk][lane]
            }
        }
        return a < b
    }
}

/// A row of the table by its hash.
struct RowKey {
    var hash: UInt64
    var row: UInt32

    /// Orders a bucket's keys by hash, those of equal hash as they stand.
    static func sort(_ keys: inout [RowKey], spare: inout [RowKey]) {
        if let first = keys.first, keys.allSatisfy({ $0.hash == first.hash }) { return }
        if keys.count > 64 {
            spare.removeAll(keepingCapacity: true)
            spare.append(contentsOf: keys)
            // The bits next to the bucket's: few rows are left to put right after that.
            pass(keys, into: &spare)
            swap(&keys, &spare)
        }
        insertionSort(&keys)
    }

    private static func pass(_ keys: [RowKey], into sorted: inout [RowKey]) {
        var starts = [Int](repeating: 0, count: HashedRows.buckets)
        for key in keys { starts[digit(key)] += 1 }
        var sum = 0
        for digit in starts.indices {
            let size = starts[digit]
            starts[digit] = sum
            sum += size
        }
        for key in keys {
            sorted[starts[digit(key)]] = key
            starts[digit(key)] += 1
        }
    }

    @inline(__always)
    private static func digit(_ key: RowKey) -> Int {
        Int(truncatingIfNeeded: key.hash >> 42) & (HashedRows.buckets - 1)
    }

    private static func insertionSort(_ keys: inout [RowKey]) {
        for index in keys.indices.dropFirst() {
            let key = keys[index]
            var place = index
            while place > 0, keys[place - 1].hash > key.hash {
                keys[place] = keys[place - 1]
                place -= 1
            }
            if place != index { keys[place] = key }
        }
    }
}

/// A table collapsed into its distinct rows with how often each occurs, in an order that depends on what the
/// rows hold and not on where they stood.
///
/// Most users of a log share few distinct rows, so that a fit costs the distinct rows and not the users; and
/// sums over rows in canonical order give the same bits whatever order the users came in.
struct DistinctRows {
    /// Groups of four values a row.
    let chunks: Int
    /// Raw values, shape [count][chunks], the last group padded with zeros.
    private(set) var values: [SIMD4<Double>] = []
    /// Users per distinct row, and those of them that are held out.
    private(set) var users: [UInt32] = []
    private(set) var heldOut: [UInt32] = []
    /// Per user the distinct row.
    private(set) var rowOf: [UInt32] = []
    private var hashes: [UInt64] = []
    private var table: [UInt32]

    var count: Int { users.count }

    /// - Parameter columns: shape [d][n], finite.
    /// - Parameter held: shape [n]; not 0 for a user held out.
    /// - Complexity: O(n·d + distinct rows).
    init(columns: [UnsafeBufferPointer<Double>], held: UnsafeBufferPointer<UInt8>) {
        chunks = (columns.count + 3) / 4
        table = [UInt32](repeating: 0, count: 1 << 12)
        let total = held.count
        rowOf.reserveCapacity(total)
        let width = chunks * 4
        let block = 512
        var buffer = [SIMD4<Double>](repeating: .zero, count: block * chunks)
        for start in stride(from: 0, to: total, by: block) {
            let length = min(block, total - start)
            buffer.withUnsafeMutableBytes { raw in
                let cells = raw.bindMemory(to: Double.self)
                for (feature, column) in columns.enumerated() {
                    // Adding zero turns −0 into 0, so that equal values have equal bits.
                    for row in 0..<length { cells[row * width + feature] = column[start + row] + 0.0 }
                }
            }
            buffer.withUnsafeBufferPointer { buffer in
                guard let rows = buffer.baseAddress else { return }
                for row in 0..<length { insert(rows + row * chunks, held: held[start + row] != 0) }
            }
        }
        table = []
        sortCanonically()
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

    private mutating func insert(_ row: UnsafePointer<SIMD4<Double>>, held: Bool) {
        let hash = DistinctRows.hash(row, chunks: chunks)
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while table[slot] != 0 {
            let index = Int(table[slot]) - 1
            if hashes[index] == hash, equal(row, index) {
                users[index] += 1
                if held { heldOut[index] += 1 }
                rowOf.append(UInt32(index))
                return
            }
            slot = (slot + 1) & mask
        }
        table[slot] = UInt32(count + 1)
        rowOf.append(UInt32(count))
        hashes.append(hash)
        users.append(1)
        heldOut.append(held ? 1 : 0)
        for chunk in 0..<chunks { values.append(row[chunk]) }
        if count * 2 > table.count { grow() }
    }

    @inline(__always)
    private func equal(_ row: UnsafePointer<SIMD4<Double>>, _ index: Int) -> Bool {
        for chunk in 0..<chunks where row[chunk] != values[index * chunks + chunk] { return false }
        return true
    }

    private mutating func grow() {
        let size = table.count * 4
        table = [UInt32](repeating: 0, count: size)
        for (index, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash >> 20) & (size - 1)
            while table[slot] != 0 { slot = (slot + 1) & (size - 1) }
            table[slot] = UInt32(index + 1)
        }
    }

    /// Orders the rows by hash, those of equal hash by their values.
    private mutating func sortCanonically() {
        let order = canonicalOrder()
        var rank = [UInt32](repeating: 0, count: count)
        var sorted: [SIMD4<Double>] = []
        sorted.reserveCapacity(values.count)
        for (position, index) in order.enumerated() {
            rank[Int(index)] = UInt32(position)
            for chunk in 0..<chunks { sorted.append(values[Int(index) * chunks + chunk]) }
        }
        values = sorted
        users = order.map { users[Int($0)] }
        heldOut = order.map { heldOut[Int($0)] }
        hashes = []
        for user in rowOf.indices { rowOf[user] = rank[Int(rowOf[user])] }
    }

    private func canonicalOrder() -> [UInt32] {
        var order = radixOrder(hashes)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, hashes[Int(order[end])] == hashes[Int(order[start])] { end += 1 }
            if end - start > 1 { order[start..<end].sort { precedes(Int($0), Int($1)) } }
            start = end
        }
        return order
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        for chunk in 0..<chunks {
            for lane in 0..<4 {
                let left = values[a * chunks + chunk][lane]
                let right = values[b * chunks + chunk][lane]
                if left != right { return left < right }
            }
        }
        return false
    }
}

/// Positions of `keys` in ascending order, 16 bits at a time.
private func radixOrder(_ keys: [UInt64]) -> [UInt32] {
    guard keys.count > 4096 else {
        return keys.indices.sorted { keys[$0] < keys[$1] }.map { UInt32($0) }
    }
    var order = keys.indices.map { UInt32($0) }
    var next = order
    for shift in stride(from: 0, to: 64, by: 16) {
        var starts = [Int](repeating: 0, count: 1 << 16)
        for key in keys { starts[Int((key >> UInt64(shift)) & 0xFFFF)] += 1 }
        var sum = 0
        for digit in starts.indices {
            let size = starts[digit]
            starts[digit] = sum
            sum += size
        }
        for index in order {
            let digit = Int((keys[Int(index)] >> UInt64(shift)) & 0xFFFF)
            next[starts[digit]] = index
            starts[digit] += 1
        }
        swap(&order, &next)
    }
    return order
}

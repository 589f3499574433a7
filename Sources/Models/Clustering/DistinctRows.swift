/// A table collapsed into its distinct rows with how often each occurs, in an order that depends on what the
/// rows hold and not on where they stood.
///
/// Most users of a log share few distinct rows, so that a fit costs the distinct rows and not the users; and
/// sums over rows in canonical order give the same bits whatever order the users came in. The order is that of
/// a hash of the values, rows of equal hash by the values themselves; sorting by it brings equal rows together
/// at a cost that does not depend on how many are equal.
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

    var count: Int { users.count }

    /// - Parameter columns: shape [d][n], finite.
    /// - Parameter held: shape [n]; not 0 for a user held out.
    /// - Complexity: O(n·d).
    init(columns: [UnsafeBufferPointer<Double>], held: UnsafeBufferPointer<UInt8>) {
        chunks = (columns.count + 3) / 4
        let table = HashedRows(columns: columns, rows: held.count)
        defer { table.free() }
        rowOf = [UInt32](repeating: 0, count: held.count)
        // Pages that are never written to cost nothing; growing would copy.
        values.reserveCapacity(held.count * chunks)
        users.reserveCapacity(held.count)
        heldOut.reserveCapacity(held.count)
        var keys: [RowKey] = []
        var spare: [RowKey] = []
        for bucket in 0..<HashedRows.buckets where !table.places(of: bucket).isEmpty {
            table.keys(of: bucket, into: &keys)
            RowKey.sort(&keys, spare: &spare)
            collapse(keys, table, held)
        }
    }

    private mutating func collapse(
        _ keys: [RowKey], _ table: HashedRows, _ held: UnsafeBufferPointer<UInt8>
    ) {
        var start = 0
        while start < keys.count {
            var end = start + 1
            let first = keys[start]
            var isEqual = true
            while end < keys.count, keys[end].hash == first.hash {
                isEqual = isEqual && table.equal(keys[end].row, first.row)
                end += 1
            }
            if isEqual {
                append(keys[start..<end], table, held)
            } else {
                apart(keys[start..<end].sorted { table.precedes($0.row, $1.row) }, table, held)
            }
            start = end
        }
    }

    /// Rows of one hash that are not all equal, ordered by their values.
    private mutating func apart(
        _ keys: [RowKey], _ table: HashedRows, _ held: UnsafeBufferPointer<UInt8>
    ) {
        var start = 0
        while start < keys.count {
            var end = start + 1
            while end < keys.count, table.equal(keys[end].row, keys[start].row) { end += 1 }
            append(keys[start..<end], table, held)
            start = end
        }
    }

    /// One distinct row and who shares it.
    @inline(__always)
    private mutating func append(
        _ keys: ArraySlice<RowKey>, _ table: HashedRows, _ held: UnsafeBufferPointer<UInt8>
    ) {
        let index = UInt32(count)
        var heldOut: UInt32 = 0
        for key in keys {
            let user = Int(key.row)
            rowOf[user] = index
            if held[user] != 0 { heldOut += 1 }
        }
        let row = table.row(keys[keys.startIndex].row)
        for chunk in 0..<chunks { values.append(row[chunk]) }
        users.append(UInt32(keys.count))
        self.heldOut.append(heldOut)
    }

    /// Puts `change(value)` in place of every value; rows that come to be equal stay apart.
    mutating func mapValues(_ change: (Double) -> Double) {
        for index in values.indices {
            for lane in 0..<4 { values[index][lane] = change(values[index][lane]) }
        }
    }
}

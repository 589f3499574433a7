/// How often each user bought each item, by rows: those of user `u` are at `offsets[u]..<offsets[u + 1]`.
package struct SparseCounts: Sendable, Equatable {
    /// Shape [rows + 1].
    package var offsets: [Int]
    /// Ascending within a row.
    package var columns: [Int32]
    /// Greater than 0.
    package var values: [Float]
    package var columnCount: Int

    package init(columnCount: Int) {
        offsets = [0]
        columns = []
        values = []
        self.columnCount = columnCount
    }

    package var rowCount: Int { offsets.count - 1 }
    package var entryCount: Int { columns.count }

    /// Share of the cells that are empty; 1 without cells.
    package var sparsity: Double {
        let cells = Double(rowCount) * Double(columnCount)
        return cells == 0 ? 1 : 1 - Double(entryCount) / cells
    }

    /// Adds a row; columns ascend.
    package mutating func append(_ row: some Sequence<(column: Int32, value: Float)>) {
        for (column, value) in row {
            columns.append(column)
            values.append(value)
        }
        offsets.append(columns.count)
    }

    package func row(_ row: Int) -> Range<Int> { offsets[row]..<offsets[row + 1] }

    /// Rows become columns.
    package var transposed: SparseCounts {
        var turned = SparseCounts(columnCount: rowCount)
        turned.offsets = [Int](repeating: 0, count: columnCount + 1)
        for column in columns { turned.offsets[Int(column) + 1] += 1 }
        for column in 0..<columnCount { turned.offsets[column + 1] += turned.offsets[column] }
        turned.columns = [Int32](repeating: 0, count: columns.count)
        turned.values = [Float](repeating: 0, count: columns.count)
        var next = turned.offsets
        for row in 0..<rowCount {
            for index in self.row(row) {
                let place = next[Int(columns[index])]
                turned.columns[place] = Int32(row)
                turned.values[place] = values[index]
                next[Int(columns[index])] += 1
            }
        }
        return turned
    }

    /// Rows that have each column.
    package var columnRows: [Int] {
        var rows = [Int](repeating: 0, count: columnCount)
        for column in columns { rows[Int(column)] += 1 }
        return rows
    }
}

/// Numbers by row and column, each column in one piece.
package struct FeatureTable: Sendable, Equatable {
    package let rows: Int
    package let width: Int
    /// Column after column.
    package private(set) var values: [Double]

    /// - Parameter columns: shape [d][n], all of one length.
    package init(columns: [[Double]]) {
        rows = columns.first?.count ?? 0
        width = columns.count
        values = []
        values.reserveCapacity(rows * width)
        for column in columns { values.append(contentsOf: column) }
    }

    /// - Parameter value: of a row and a column.
    init(rows: Int, width: Int, value: (_ row: Int, _ column: Int) -> Double) {
        self.rows = rows
        self.width = width
        values = [Double](unsafeUninitializedCapacity: rows * width) { store, count in
            for column in 0..<width {
                for row in 0..<rows {
                    store.initializeElement(at: column * rows + row, to: value(row, column))
                }
            }
            count = rows * width
        }
    }

    package func column(_ index: Int) -> ArraySlice<Double> { values[index * rows..<(index + 1) * rows] }

    package func row(_ index: Int) -> [Double] { (0..<width).map { values[$0 * rows + index] } }

    subscript(row: Int, column: Int) -> Double { values[column * rows + row] }

    /// The given rows, in the given order; a row may be taken more than once.
    package func taking(_ chosen: [Int]) -> FeatureTable {
        values.withUnsafeBufferPointer { values in
            FeatureTable(rows: chosen.count, width: width) { values[$1 * rows + chosen[$0]] }
        }
    }

    /// These rows and then those of another table of the same width.
    func followed(by other: FeatureTable) -> FeatureTable {
        FeatureTable(rows: rows + other.rows, width: width) { row, column in
            row < rows ? self[row, column] : other[row - rows, column]
        }
    }

    /// Mean and population deviation of each column; 1 in place of a constant column's deviation.
    package var standardisation: (mean: [Double], scale: [Double]) {
        var means: [Double] = []
        var scales: [Double] = []
        values.withUnsafeBufferPointer { values in
            for index in 0..<width {
                let column = UnsafeBufferPointer(rebasing: values[index * rows..<(index + 1) * rows])
                let (mean, deviation) = FeatureTable.moments(column)
                means.append(mean)
                scales.append(deviation > 1e-12 * abs(mean) && deviation > 0 ? deviation : 1)
            }
        }
        return (means, scales)
    }

    /// In two passes and in four sums at a time, so that rounding stays small.
    private static func moments(_ column: UnsafeBufferPointer<Double>) -> (mean: Double, deviation: Double) {
        guard !column.isEmpty else { return (0, 0) }
        let count = Double(column.count)
        let mean = lanes(column) { $0 } / count
        let squares = lanes(column) { value in
            let difference = value - mean
            return difference * difference
        }
        return (mean, (squares / count).squareRoot())
    }

    @inline(__always)
    private static func lanes(
        _ column: UnsafeBufferPointer<Double>, _ term: (SIMD4<Double>) -> SIMD4<Double>
    ) -> Double {
        var sums = SIMD4<Double>.zero
        let whole = column.count / 4 * 4
        var index = 0
        while index < whole {
            sums += term(SIMD4(column[index], column[index + 1], column[index + 2], column[index + 3]))
            index += 4
        }
        var sum = sums.sum()
        while index < column.count {
            sum += term(SIMD4(repeating: column[index]))[0]
            index += 1
        }
        return sum
    }
}

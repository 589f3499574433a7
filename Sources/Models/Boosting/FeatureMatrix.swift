/// Rows of features as trees read them: 32-bit, row after row, NaN where a value is missing.
package struct FeatureMatrix: Sendable, Equatable {
    package let rows: Int
    package let columns: Int
    /// Shape [rows][columns].
    package let values: [Float]

    /// - Parameter values: shape [rows][columns], so `rows` · `columns` long.
    package init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "a matrix of \(rows) × \(columns) values")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// From one array per feature, all of the same length.
    package init(columns features: [[Float]]) throws(FitRefusal) {
        let rows = features.first?.count ?? 0
        guard features.allSatisfy({ $0.count == rows }) else { throw .unevenColumns }
        let columns = features.count
        self.rows = rows
        self.columns = columns
        values = [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            for (column, feature) in features.enumerated() {
                for row in 0..<rows { buffer[row * columns + column] = feature[row] }
            }
            count = rows * columns
        }
    }

    /// The rows at the given places, in that order.
    package func selecting(_ places: [Int]) -> FeatureMatrix {
        var chosen: [Float] = []
        chosen.reserveCapacity(places.count * columns)
        for row in places { chosen.append(contentsOf: values[row * columns..<(row + 1) * columns]) }
        return FeatureMatrix(rows: places.count, columns: columns, values: chosen)
    }
}

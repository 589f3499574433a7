/// Pearson's χ² test of a table of counts, as `scipy.stats.chi2_contingency`: Yates' correction where there is one
/// degree of freedom, each |observed − expected| being lessened by at most ½.
package struct ChiSquareTest: Sendable, Equatable {
    package let statistic: Double
    package let freedom: Int
    package let p: TailProbability
    /// Counts expected of independent rows and columns, shape of the table.
    package let expected: [[Double]]
    /// Whether the correction was made.
    package let isCorrected: Bool
    /// Cramér's V of this statistic; nil where the table has one row or one column.
    package let cramersV: Double?

    /// - Parameter table: counts, shape [rows][columns], not negative.
    /// - Returns: nil where a row or a column has no count, or the table is empty or not rectangular.
    package init?(_ table: [[Double]], yates: Bool = true) {
        guard let width = table.first?.count, width > 0, table.allSatisfy({ $0.count == width }) else {
            return nil
        }
        let rows = table.map { $0.reduce(0, +) }
        let columns = (0..<width).map { column in table.reduce(0) { $0 + $1[column] } }
        let total = rows.reduce(0, +)
        guard total > 0, rows.allSatisfy({ $0 > 0 }), columns.allSatisfy({ $0 > 0 }) else { return nil }
        expected = rows.map { row in columns.map { row * $0 / total } }
        freedom = (table.count - 1) * (width - 1)
        isCorrected = yates && freedom == 1
        statistic = Self.statistic(table, expected, isCorrected: isCorrected, freedom: freedom)
        p = Distributions.chiSquareTail(statistic, freedom: Double(freedom))
        let narrow = min(table.count, width) - 1
        cramersV = narrow == 0 ? nil : (statistic / (total * Double(narrow))).squareRoot()
    }

    private static func statistic(
        _ table: [[Double]], _ expected: [[Double]], isCorrected: Bool, freedom: Int
    ) -> Double {
        if freedom == 0 { return 0 }
        var sum = 0.0
        for (row, expectedRow) in zip(table, expected) {
            for (observed, expected) in zip(row, expectedRow) {
                var difference = abs(observed - expected)
                if isCorrected { difference -= min(0.5, difference) }
                sum += difference * difference / expected
            }
        }
        return sum
    }
}

/// Synthetic rows between a row and one of its nearest neighbours of the same class (Chawla et al. 2002).
package struct Smote: Sendable {
    /// How many nearest rows of the class are neighbours.
    package var neighbours = 5
    /// Rows among which neighbours are sought; of more, that many are drawn, so that a fit ends in time.
    package var poolSize = 8_192
    package init() {}

    /// - Parameter rows: of one class, in units in which distance means something.
    package func synthesise(
        from rows: FeatureTable, count: Int, using generator: inout SeededGenerator
    ) throws(ResamplingFailure) -> FeatureTable {
        guard rows.rows > neighbours else { throw .tooFewRows(have: rows.rows, need: neighbours + 1) }
        let pool = rows.drawn(poolSize, using: &generator)
        return extend(
            pool, towards: pool, own: Array(0..<pool.rows), step: 1, count: count, using: &generator)
    }

    /// The `neighbours` nearest other rows of each, as rows of the table with their distances.
    package func neighbourhoods(of rows: FeatureTable) -> [[(row: Int, distance: Double)]] {
        let nearest = NearestRows(rows)
        return (0..<rows.rows).map { nearest.nearest(neighbours, to: rows.row($0), skipping: $0) }
    }

    /// Each new row is x + step · u · (neighbour − x), with x drawn from `rows`, the neighbour from those of x
    /// in `pool`, and one u of [0, 1) for all columns.
    /// - Parameter own: which row of the pool each row is, and so no neighbour of itself.
    func extend(
        _ rows: FeatureTable, towards pool: FeatureTable, own: [Int], step: Double, count: Int,
        using generator: inout SeededGenerator
    ) -> FeatureTable {
        let nearest = NearestRows(pool)
        var known: [Int: [Int]] = [:]
        var columns = [[Double]](repeating: [], count: rows.width)
        for _ in 0..<count {
            let base = generator.below(rows.rows)
            let point = rows.row(base)
            let around =
                known[base]
                ?? nearest.nearest(neighbours, to: point, skipping: own[base]).map(\.row)
            known[base] = around
            let neighbour = around[generator.below(around.count)]
            let share = step * generator.uniform()
            for column in columns.indices {
                columns[column].append(point[column] + share * (pool[neighbour, column] - point[column]))
            }
        }
        return FeatureTable(columns: columns)
    }
}

extension FeatureTable {
    /// At most `count` rows, drawn without replacement and in the order they had.
    func drawn(_ count: Int, using generator: inout SeededGenerator) -> FeatureTable {
        rows <= count ? self : taking(sampledRows(rows, count, using: &generator))
    }
}

/// `count` of the numbers below `total`, each set of them equally likely, ascending (selection sampling,
/// Knuth's algorithm S).
func sampledRows(_ total: Int, _ count: Int, using generator: inout SeededGenerator) -> [Int] {
    guard count < total else { return Array(0..<total) }
    var chosen: [Int] = []
    chosen.reserveCapacity(count)
    for row in 0..<total where generator.below(total - row) < count - chosen.count { chosen.append(row) }
    return chosen
}

/// One start of k-means from given centroids: Lloyd's iteration, nothing beside it.
///
/// What a fit repeats from many starts, by itself, so that its cost and its result can be held against
/// another library's on the same data.
package struct SingleStart: Sendable {
    /// A table made ready: equal rows collapsed, standardised.
    package struct Table: Sendable {
        private let rows: DistinctRows
        fileprivate let points: WeightedPoints

        /// - Parameter columns: shape [d][n], finite.
        package init(columns: [UnsafeBufferPointer<Double>]) {
            let none = [UInt8](repeating: 0, count: columns.first?.count ?? 0)
            rows = none.withUnsafeBufferPointer { DistinctRows(columns: columns, held: $0) }
            let standardisation = Standardisation(rows, weights: rows.users, features: columns.count)
            points = standardisation.points(rows, weights: rows.users)
        }

        package var distinctRows: Int { rows.count }

        /// Centroids to start from, standardised units, shape [k][d]: k-means++ on a coreset.
        package func seeds(k: Int, seed: UInt64) -> [[Double]] {
            var generator = SeededGenerator(seed: seed)
            let sample = Seeding.coreset(points, size: 16_384, generator: &generator)
            let centroids = Seeding.plusPlus(sample, k: min(k, sample.count), generator: &generator)
            return points.centroids(centroids)
        }

        /// Per row of the table what its distinct row has.
        fileprivate func perUser(_ labels: [Int32]) -> [Int32] { rows.rowOf.map { labels[Int($0)] } }
    }

    /// Shape [k][d], standardised units.
    package let centroids: [[Double]]
    /// Per row the cluster.
    package let labels: [Int32]
    /// Sum of squared distances, standardised units.
    package let inertia: Double
    package let iterations: Int

    /// - Parameters:
    ///   - start: shape [k][d], standardised units.
    ///   - tolerance: squared movement of all centroids at which it rests, standardised units.
    package init(_ table: Table, start: [[Double]], iterations: Int, tolerance: Double) {
        let points = table.points
        var partition = Partition(
            centroids: start.flatMap { grouped($0, padding: 0) }, count: points.count)
        Lloyd.improve(&partition, points: points, iterations: iterations, tolerance: tolerance)
        partition.assignExactly(points)
        centroids = points.centroids(partition.centroids)
        labels = table.perUser(partition.labels)
        inertia = partition.inertia
        self.iterations = partition.iterations
    }
}

extension WeightedPoints {
    /// Centroids without the padding.
    fileprivate func centroids(_ groups: [SIMD4<Double>]) -> [[Double]] {
        stride(from: 0, to: groups.count, by: chunks).map { start in
            (0..<dimensions).map { groups[start + $0 / 4][$0 % 4] }
        }
    }
}

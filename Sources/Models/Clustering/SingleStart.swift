/// One start of k-means from given centroids: standardised, Lloyd's iteration, nothing beside it.
///
/// What a fit repeats from many starts, by itself, so that its cost and its result can be held against
/// another library's on the same data.
package struct SingleStart: Sendable {
    /// Shape [k][d], standardised units.
    package let centroids: [[Double]]
    /// Per row the cluster.
    package let labels: [Int32]
    /// Sum of squared distances, standardised units.
    package let inertia: Double
    package let iterations: Int

    /// - Parameters:
    ///   - columns: shape [d][n], finite.
    ///   - start: shape [k][d], standardised units.
    ///   - tolerance: squared movement of all centroids at which it rests, standardised units.
    package init(
        columns: [UnsafeBufferPointer<Double>], start: [[Double]], iterations: Int, tolerance: Double
    ) {
        let none = [UInt8](repeating: 0, count: columns.first?.count ?? 0)
        let rows = none.withUnsafeBufferPointer { DistinctRows(columns: columns, held: $0) }
        let standardisation = Standardisation(rows, weights: rows.users, features: columns.count)
        let points = standardisation.points(rows, weights: rows.users)
        var partition = Partition(
            centroids: start.flatMap { grouped($0, padding: 0) }, count: points.count)
        Lloyd.improve(&partition, points: points, iterations: iterations, tolerance: tolerance)
        partition.assignExactly(points)
        centroids = start.indices.map { cluster in
            columns.indices.map { partition.centroids[cluster * points.chunks + $0 / 4][$0 % 4] }
        }
        labels = rows.rowOf.map { partition.labels[Int($0)] }
        inertia = partition.inertia
        self.iterations = partition.iterations
    }
}

/// Rows of a table by distance, found by comparing with each: in as many columns as features have, trees of
/// space are no quicker.
struct NearestRows {
    /// Row after row.
    private let points: [Double]
    private let width: Int
    let count: Int

    init(_ table: FeatureTable) {
        width = table.width
        count = table.rows
        points = (0..<table.rows).flatMap { table.row($0) }
    }

    /// The `k` nearest rows to a point, nearest first, of equal ones the earlier; fewer where there are fewer.
    /// - Parameter skipping: a row that is not counted, as the point itself.
    /// - Complexity: O(n · d).
    func nearest(_ k: Int, to point: [Double], skipping: Int? = nil) -> [(row: Int, distance: Double)] {
        var best: [(row: Int, distance: Double)] = []
        points.withUnsafeBufferPointer { points in
            for row in 0..<count where row != skipping {
                let limit = best.count < k ? .infinity : best[k - 1].distance
                var distance = 0.0
                for column in 0..<width {
                    let difference = points[row * width + column] - point[column]
                    distance += difference * difference
                }
                guard distance < limit else { continue }
                if best.count == k { best.removeLast() }
                let place = best.firstIndex { $0.distance > distance } ?? best.count
                best.insert((row, distance), at: place)
            }
        }
        return best.map { ($0.row, $0.distance.squareRoot()) }
    }
}

import Glibc

/// Mean silhouette (Rousseeuw 1987; Euclidean, as scikit-learn's `silhouette_score`) over a bounded sample.
enum Silhouette {
    /// - Parameter labels: one labelling of all points for each k that is asked about.
    /// - Returns: per labelling the mean silhouette; nil where there are fewer than two clusters, or none of
    ///   them has two members.
    /// - Complexity: O(sample² · labellings); exact where there are no more than `limit` users.
    static func means(
        _ points: WeightedPoints, labels: [[Int32]], limit: Int, generator: inout SeededGenerator
    ) -> [Double?] {
        let sample = draw(points, limit: limit, generator: &generator)
        let clusters = labels.map { labels in sample.map { Int(labels[$0.row]) } }
        let widths = clusters.map { ($0.max() ?? 0) + 1 }
        var sums = widths.map { [Double](repeating: 0, count: $0 * sample.count) }
        let chunks = points.chunks
        points.values.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for a in 0..<sample.count {
                for b in 0..<a {
                    let distance = squaredDistance(
                        values + sample[a].row * chunks, values + sample[b].row * chunks, chunks: chunks
                    ).squareRoot()
                    for index in 0..<clusters.count {
                        let width = widths[index]
                        sums[index][a * width + clusters[index][b]] += distance * sample[b].weight
                        sums[index][b * width + clusters[index][a]] += distance * sample[a].weight
                    }
                }
            }
        }
        return clusters.indices.map { index in
            mean(sums: sums[index], width: widths[index], clusters: clusters[index], sample)
        }
    }

    private struct Drawn {
        var row: Int
        var weight: Double
    }

    /// All points where they are few users, else a systematic sample by weight.
    private static func draw(
        _ points: WeightedPoints, limit: Int, generator: inout SeededGenerator
    ) -> [Drawn] {
        let total = points.totalWeight
        let step = max(1, total / Double(limit))
        if step == 1 { return (0..<points.count).map { Drawn(row: $0, weight: points.weights[$0]) } }
        var drawn: [Drawn] = []
        var mark = generator.uniform() * step
        var sum = 0.0
        for row in 0..<points.count {
            sum += points.weights[row]
            guard sum > mark else { continue }
            let hits = ceil((sum - mark) / step)
            drawn.append(Drawn(row: row, weight: hits))
            mark += hits * step
        }
        return drawn
    }

    private static func mean(
        sums: [Double], width: Int, clusters: [Int], _ sample: [Drawn]
    ) -> Double? {
        var weights = [Double](repeating: 0, count: width)
        for (member, cluster) in zip(sample, clusters) { weights[cluster] += member.weight }
        guard weights.filter({ $0 > 0 }).count > 1 else { return nil }
        var total = 0.0
        for (index, member) in sample.enumerated() {
            let own = clusters[index]
            // Alone in its cluster: the silhouette is 0 by definition.
            guard weights[own] > 1 else { continue }
            let inside = sums[index * width + own] / (weights[own] - 1)
            var outside = Double.infinity
            for cluster in 0..<width where cluster != own && weights[cluster] > 0 {
                outside = min(outside, sums[index * width + cluster] / weights[cluster])
            }
            let larger = max(inside, outside)
            if larger > 0 { total += member.weight * (outside - inside) / larger }
        }
        return total / weights.reduce(0, +)
    }
}

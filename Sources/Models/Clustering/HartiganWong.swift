/// Hartigan's improvement (Hartigan and Wong 1979, optimal transfer): a point changes its cluster when that
/// lowers the sum of squares, the shift of both centroids counted in. What it leaves cannot be improved by
/// Lloyd's iteration, but not the other way round.
enum HartiganWong {
    /// - Parameter passes: most passes over all points; it ends early when a pass moves nothing.
    ///   The inertia is not brought up to date.
    static func improve(_ partition: inout Partition, points: WeightedPoints, passes: Int) {
        var sums = ClusterSums(
            points: points, labels: partition.labels, k: partition.clusters(chunks: points.chunks))
        for _ in 0..<passes where !pass(&partition, &sums, points) { break }
        partition.recentre(points)
    }

    /// - Returns: whether anything moved.
    private static func pass(
        _ partition: inout Partition, _ sums: inout ClusterSums, _ points: WeightedPoints
    ) -> Bool {
        let chunks = points.chunks
        let k = partition.clusters(chunks: chunks)
        var moved = false
        points.values.withUnsafeBufferPointer { values in
            partition.centroids.withUnsafeMutableBufferPointer { centres in
                partition.labels.withUnsafeMutableBufferPointer { labels in
                    guard let values = values.baseAddress, let centres = centres.baseAddress else { return }
                    for row in 0..<points.count {
                        let own = Int(labels[row])
                        let weight = points.weights[row]
                        let left = sums.weights[own] - weight
                        guard left > 1e-9 * weight else { continue }
                        let point = values + row * chunks
                        let distance = squaredDistance(point, centres + own * chunks, chunks: chunks)
                        let gain = sums.weights[own] / left * distance
                        guard
                            let target = cheaper(
                                than: gain * (1 - 1e-9), own: own, point: point, weight: weight,
                                centres: centres,
                                clusterWeights: sums.weights, k: k, chunks: chunks)
                        else { continue }
                        sums.move(point, weight: weight, from: own, to: target, chunks: chunks)
                        labels[row] = Int32(target)
                        for cluster in [own, target] {
                            for chunk in 0..<chunks {
                                centres[cluster * chunks + chunk] =
                                    sums.sums[cluster * chunks + chunk] / sums.weights[cluster]
                            }
                        }
                        moved = true
                    }
                }
            }
        }
        return moved
    }

    @inline(__always)
    private static func cheaper(
        than gain: Double, own: Int, point: UnsafePointer<SIMD4<Double>>, weight: Double,
        centres: UnsafePointer<SIMD4<Double>>, clusterWeights: [Double], k: Int, chunks: Int
    ) -> Int? {
        var least = gain
        var target: Int?
        for cluster in 0..<k where cluster != own {
            let mass = clusterWeights[cluster]
            let cost =
                mass / (mass + weight)
                * squaredDistance(point, centres + cluster * chunks, chunks: chunks)
            if cost < least {
                least = cost
                target = cluster
            }
        }
        return target
    }
}

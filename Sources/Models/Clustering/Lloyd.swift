/// Lloyd's iteration with Hamerly's bounds: each point keeps an upper bound on the distance to its own
/// centroid and a lower one on the distance to any other, so that most points are not looked at again
/// (Hamerly 2010, "Making k-means even faster").
struct Lloyd {
    private let points: WeightedPoints
    private let k: Int
    private var partition: Partition
    private var sums: ClusterSums
    private var upper: [Double]
    private var lower: [Double]

    /// Improves until no point changes its cluster, the centroids move by less than `tolerance` in all
    /// (squared, standardised units), or `iterations` are used up. The inertia is not brought up to date.
    static func improve(
        _ partition: inout Partition, points: WeightedPoints, iterations: Int, tolerance: Double
    ) {
        guard points.count > 0 else { return }
        var lloyd = Lloyd(partition, points)
        lloyd.run(iterations: iterations, tolerance: tolerance)
        partition = lloyd.partition
    }

    private init(_ partition: Partition, _ points: WeightedPoints) {
        self.points = points
        self.partition = partition
        k = partition.clusters(chunks: points.chunks)
        upper = [Double](repeating: .infinity, count: points.count)
        lower = [Double](repeating: 0, count: points.count)
        sums = ClusterSums(k: k, chunks: points.chunks)
    }

    private mutating func run(iterations: Int, tolerance: Double) {
        partition.converged = false
        begin()
        for _ in 0..<iterations {
            partition.iterations += 1
            let moved = recentre()
            if moved.squared <= tolerance {
                partition.converged = true
                return
            }
            let changed = sweep(after: moved)
            if sums.weights.contains(where: { $0 <= 0 }), partition.repairEmpty(points) {
                restart()
            } else if changed == 0 {
                partition.converged = true
                return
            }
        }
    }

    /// Puts every point to its nearest centroid and sets the bounds and sums.
    private mutating func begin() {
        lookAtAll()
        if partition.repairEmpty(points) {
            restart()
        } else {
            sums = ClusterSums(points: points, labels: partition.labels, k: k)
        }
    }

    /// Forgets all bounds and sums, after points were moved by hand.
    private mutating func restart() {
        sums = ClusterSums(points: points, labels: partition.labels, k: k)
        for row in 0..<points.count {
            upper[row] = .infinity
            lower[row] = 0
        }
    }

    private mutating func lookAtAll() {
        let chunks = points.chunks
        let clusters = k
        points.values.withUnsafeBufferPointer { values in
            partition.centroids.withUnsafeBufferPointer { centres in
                guard let values = values.baseAddress, let centres = centres.baseAddress else { return }
                for row in 0..<upper.count {
                    let nearest = nearestTwo(values + row * chunks, centres, k: clusters, chunks: chunks)
                    partition.labels[row] = Int32(nearest.at)
                    upper[row] = nearest.first
                    lower[row] = nearest.second
                }
            }
        }
    }

    private struct Movement {
        var byCluster: [Double]
        var most = 0.0
        var mostAt = 0
        var second = 0.0
        var squared = 0.0
    }

    private mutating func recentre() -> Movement {
        let chunks = points.chunks
        var movement = Movement(byCluster: [Double](repeating: 0, count: k))
        for cluster in 0..<k where sums.weights[cluster] > 0 {
            var squared = 0.0
            for chunk in 0..<chunks {
                let centre = sums.sums[cluster * chunks + chunk] / sums.weights[cluster]
                let difference = centre - partition.centroids[cluster * chunks + chunk]
                squared += (difference * difference).sum()
                partition.centroids[cluster * chunks + chunk] = centre
            }
            let distance = squared.squareRoot()
            movement.byCluster[cluster] = distance
            movement.squared += squared
            if distance > movement.most {
                movement.second = movement.most
                movement.most = distance
                movement.mostAt = cluster
            } else if distance > movement.second {
                movement.second = distance
            }
        }
        return movement
    }

    /// Half the distance from each centroid to the nearest other one.
    private func halfGaps() -> [Double] {
        let chunks = points.chunks
        var gaps = [Double](repeating: .infinity, count: k)
        partition.centroids.withUnsafeBufferPointer { centres in
            guard let centres = centres.baseAddress else { return }
            for a in 0..<k {
                for b in 0..<k where b != a {
                    let distance = squaredDistance(
                        centres + a * chunks, centres + b * chunks, chunks: chunks)
                    gaps[a] = min(gaps[a], distance.squareRoot() / 2)
                }
            }
        }
        return gaps
    }

    /// Loosens the bounds by how far the centroids moved, and looks again at the points that the bounds no
    /// longer settle.
    /// - Returns: how many changed their cluster.
    private mutating func sweep(after movement: Movement) -> Int {
        let gaps = halfGaps()
        let chunks = points.chunks
        let count = points.count
        let clusters = k
        var changed = 0
        points.values.withUnsafeBufferPointer { values in
            partition.centroids.withUnsafeBufferPointer { centres in
                upper.withUnsafeMutableBufferPointer { upper in
                    lower.withUnsafeMutableBufferPointer { lower in
                        partition.labels.withUnsafeMutableBufferPointer { labels in
                            guard let values = values.baseAddress, let centres = centres.baseAddress
                            else { return }
                            for row in 0..<count {
                                let own = Int(labels[row])
                                let atMost = upper[row] + movement.byCluster[own]
                                let atLeast =
                                    lower[row]
                                    - (own == movement.mostAt ? movement.second : movement.most)
                                upper[row] = atMost
                                lower[row] = atLeast
                                let bound = max(gaps[own], atLeast)
                                guard atMost > bound else { continue }
                                let point = values + row * chunks
                                let distance = squaredDistance(
                                    point, centres + own * chunks, chunks: chunks
                                ).squareRoot()
                                upper[row] = distance
                                guard distance > bound else { continue }
                                let nearest = nearestTwo(point, centres, k: clusters, chunks: chunks)
                                upper[row] = nearest.first
                                lower[row] = nearest.second
                                if nearest.at != own {
                                    labels[row] = Int32(nearest.at)
                                    sums.move(
                                        point, weight: points.weights[row], from: own, to: nearest.at,
                                        chunks: chunks)
                                    changed += 1
                                }
                            }
                        }
                    }
                }
            }
        }
        return changed
    }
}

/// The nearest centroid and the distances to it and to the next.
@inline(__always)
private func nearestTwo(
    _ point: UnsafePointer<SIMD4<Double>>, _ centres: UnsafePointer<SIMD4<Double>>, k: Int, chunks: Int
) -> (at: Int, first: Double, second: Double) {
    var at = 0
    var first = Double.infinity
    var second = Double.infinity
    for cluster in 0..<k {
        let distance = squaredDistance(point, centres + cluster * chunks, chunks: chunks)
        if distance < first {
            second = first
            first = distance
            at = cluster
        } else if distance < second {
            second = distance
        }
    }
    return (at, first.squareRoot(), second.squareRoot())
}

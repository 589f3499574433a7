/// Centroids and who belongs to which, while they are being improved.
struct Partition: Sendable {
    /// Shape [k][chunks].
    var centroids: [SIMD4<Double>]
    /// Per point its centroid.
    var labels: [Int32]
    /// Weighted sum of squared distances to the own centroid.
    var inertia: Double
    /// Whether the last improvement came to rest by itself and not at its bound.
    var converged: Bool
    var iterations: Int

    init(centroids: [SIMD4<Double>], count: Int) {
        self.centroids = centroids
        labels = [Int32](repeating: 0, count: count)
        inertia = .infinity
        converged = false
        iterations = 0
    }

    func clusters(chunks: Int) -> Int { centroids.count / chunks }
}

/// Sums and weights of the clusters.
struct ClusterSums {
    var sums: [SIMD4<Double>]
    var weights: [Double]

    init(k: Int, chunks: Int) {
        sums = [SIMD4<Double>](repeating: .zero, count: k * chunks)
        weights = [Double](repeating: 0, count: k)
    }

    init(points: WeightedPoints, labels: [Int32], k: Int) {
        self.init(k: k, chunks: points.chunks)
        for row in 0..<points.count {
            let label = Int(labels[row])
            let weight = points.weights[row]
            weights[label] += weight
            for chunk in 0..<points.chunks {
                sums[label * points.chunks + chunk] += points.values[row * points.chunks + chunk] * weight
            }
        }
    }

    @inline(__always)
    mutating func move(
        _ point: UnsafePointer<SIMD4<Double>>, weight: Double, from: Int, to: Int, chunks: Int
    ) {
        weights[from] -= weight
        weights[to] += weight
        for chunk in 0..<chunks {
            let moved = point[chunk] * weight
            sums[from * chunks + chunk] -= moved
            sums[to * chunks + chunk] += moved
        }
    }
}

extension Partition {
    /// Puts every point to its nearest centroid, and finds the inertia: no bounds, no rounding carried along.
    mutating func assignExactly(_ points: WeightedPoints) {
        let chunks = points.chunks
        let k = clusters(chunks: chunks)
        var total = 0.0
        points.values.withUnsafeBufferPointer { values in
            centroids.withUnsafeBufferPointer { centres in
                guard let values = values.baseAddress, let centres = centres.baseAddress else { return }
                for row in 0..<points.count {
                    var best = Double.infinity
                    var label = 0
                    for cluster in 0..<k {
                        let distance = squaredDistance(
                            values + row * chunks, centres + cluster * chunks, chunks: chunks)
                        if distance < best {
                            best = distance
                            label = cluster
                        }
                    }
                    labels[row] = Int32(label)
                    total += best * points.weights[row]
                }
            }
        }
        inertia = total
    }

    /// Puts every point to its nearest centroid, leaving no cluster empty while there are points to give.
    mutating func settle(_ points: WeightedPoints) {
        assignExactly(points)
        if repairEmpty(points) {
            recentre(points)
            assignExactly(points)
        }
    }

    /// Moves each centroid to the mean of its points; one without points stays where it is.
    mutating func recentre(_ points: WeightedPoints) {
        let chunks = points.chunks
        let own = ClusterSums(points: points, labels: labels, k: clusters(chunks: chunks))
        for cluster in 0..<own.weights.count where own.weights[cluster] > 0 {
            for chunk in 0..<chunks {
                centroids[cluster * chunks + chunk] =
                    own.sums[cluster * chunks + chunk] / own.weights[cluster]
            }
        }
    }

    /// Gives each cluster without points the point that is worst off where it is, as scikit-learn does.
    /// - Returns: whether anything was done.
    mutating func repairEmpty(_ points: WeightedPoints) -> Bool {
        let chunks = points.chunks
        let k = clusters(chunks: chunks)
        var members = [Int](repeating: 0, count: k)
        for label in labels { members[Int(label)] += 1 }
        var repaired = false
        for empty in 0..<k where members[empty] == 0 {
            guard let worst = worstOff(points, members: members) else { break }
            members[Int(labels[worst])] -= 1
            members[empty] = 1
            labels[worst] = Int32(empty)
            for chunk in 0..<chunks {
                centroids[empty * chunks + chunk] = points.values[worst * chunks + chunk]
            }
            repaired = true
        }
        return repaired
    }

    /// The point, not alone in its cluster, that adds most to the inertia.
    private func worstOff(_ points: WeightedPoints, members: [Int]) -> Int? {
        let chunks = points.chunks
        var worst: Int?
        var most = 0.0
        points.values.withUnsafeBufferPointer { values in
            centroids.withUnsafeBufferPointer { centres in
                guard let values = values.baseAddress, let centres = centres.baseAddress else { return }
                for row in 0..<points.count where members[Int(labels[row])] > 1 {
                    let distance = squaredDistance(
                        values + row * chunks, centres + Int(labels[row]) * chunks, chunks: chunks)
                    if distance * points.weights[row] > most {
                        most = distance * points.weights[row]
                        worst = row
                    }
                }
            }
        }
        return worst
    }
}

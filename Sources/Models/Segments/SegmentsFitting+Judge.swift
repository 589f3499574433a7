/// How a candidate is judged: fitted without the held-out users, measured on them.
extension SegmentsFitting {
    struct Judgement {
        var evidence: Evidence
        var metrics: [Tree.Member]
        var baseline: [Tree.Member]
    }

    mutating func judge(k: Int) throws(FitRefusal) -> Judgement {
        let held = zip(inside, rows.heldOut).map { $0 > 0 ? $1 : 0 }
        let training = zip(inside, held).map { $0 - $1 }
        let heldUsers = held.reduce(0) { $0 + Int($1) }
        guard heldUsers > 0 else { throw .nothingHeldOut }
        guard heldUsers < insideUsers else { throw .nothingToLearnFrom }
        let standardisation = Standardisation(rows, weights: training, features: config.features.count)
        let points = standardisation.points(rows, weights: training)
        let partition = kmeans.fit(points, k: k, generator: &generator)
        let test = standardisation.points(rows, weights: held)
        let candidate = nearestSquares(test, partition.centroids)
        let mean = nearestSquares(test, points.mean())
        let earlier = comparable(to: k, in: standardisation).map { nearestSquares(test, $0) }
        let own = weightedMean(candidate, test.weights)
        let simple = weightedMean(mean, test.weights)
        let inUse = earlier.map { weightedMean($0, test.weights) }
        let evidence = Evidence(
            finite: own.isFinite, converged: partition.converged, heldOut: own, baseline: simple,
            previous: inUse,
            tolerance: earlier.map { 2 * standardError(candidate, $0, test.weights) } ?? 0)
        var baseline = [Tree.Member("mean_squared_distance", .finite(simple))]
        if let inUse { baseline.append(.init("mean_squared_distance_in_use", .finite(inUse))) }
        return Judgement(
            evidence: evidence,
            metrics: [
                .init("mean_squared_distance", .finite(own)),
                .init("held_out_users", .int(Int64(heldUsers))),
                .init("training_users", .int(Int64(insideUsers - heldUsers))),
                .init("iterations", .int(Int64(partition.iterations))),
            ], baseline: baseline)
    }
}

/// Squared distance of each point to the nearest centroid.
private func nearestSquares(_ points: WeightedPoints, _ centroids: [SIMD4<Double>]) -> [Double] {
    let chunks = points.chunks
    return points.values.withUnsafeBufferPointer { values in
        centroids.withUnsafeBufferPointer { centres in
            guard let values = values.baseAddress, let centres = centres.baseAddress else { return [] }
            return (0..<points.count).map { row in
                var best = Double.infinity
                for start in stride(from: 0, to: centroids.count, by: chunks) {
                    best = min(best, squaredDistance(values + row * chunks, centres + start, chunks: chunks))
                }
                return best
            }
        }
    }
}

private func weightedMean(_ values: [Double], _ weights: [Double]) -> Double {
    var sum = 0.0
    var total = 0.0
    for (value, weight) in zip(values, weights) {
        sum += value * weight
        total += weight
    }
    return sum / total
}

/// Standard error of the mean difference between two measures of the same users.
private func standardError(_ a: [Double], _ b: [Double], _ weights: [Double]) -> Double {
    let differences = zip(a, b).map { $0 - $1 }
    let mean = weightedMean(differences, weights)
    let variance = weightedMean(differences.map { ($0 - mean) * ($0 - mean) }, weights)
    return (variance / weights.reduce(0, +)).squareRoot()
}

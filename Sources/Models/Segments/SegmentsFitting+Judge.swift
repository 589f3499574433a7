/// How a candidate is judged: fitted without the held-out users, measured on them.
extension SegmentsFitting {
    struct Judgement {
        let standardisation: Standardisation
        /// The held-out users in its units.
        let test: WeightedPoints
        let partition: Partition
        let trainingUsers: Int
        let heldUsers: Int
        /// Mean squared distances of the held-out users to the nearest centroid: of the candidate, to the
        /// training mean, of the model in use.
        let own: Double
        let mean: Double
        let inUse: Double?
        let squaresInUse: [Double]?
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
        let earlier = comparable(to: k, in: standardisation).map { nearestSquares(test, $0) }
        return Judgement(
            standardisation: standardisation, test: test, partition: partition,
            trainingUsers: insideUsers - heldUsers, heldUsers: heldUsers,
            own: weightedMean(nearestSquares(test, partition.centroids), test.weights),
            mean: weightedMean(nearestSquares(test, points.mean()), test.weights),
            inUse: earlier.map { weightedMean($0, test.weights) }, squaresInUse: earlier)
    }
}

extension SegmentsFitting.Judgement {
    /// - Parameter final: the model fitted on everybody.
    func evidence(final model: SegmentsModel, converged: Bool) -> Evidence {
        Evidence(
            finite: own.isFinite && model.inertia.isFinite, converged: partition.converged && converged,
            heldOut: own, baseline: mean, previous: inUse, tolerance: tolerance(final: model))
    }

    /// What the model in use may be ahead without being better: two standard errors, and what a fit gains on
    /// these users by having seen them, as the one in use has, measured by the fit on everybody.
    private func tolerance(final model: SegmentsModel) -> Double {
        guard let squaresInUse else { return 0 }
        let centroids = model.segments.flatMap { segment in
            grouped(standardisation.translate(segment.centroid, from: model.standardisation), padding: 0)
        }
        let squares = nearestSquares(test, centroids)
        let gain = own - weightedMean(squares, test.weights)
        return max(0, gain) + 2 * standardError(squares, squaresInUse, test.weights)
    }

    var metrics: [Tree.Member] {
        [
            .init("mean_squared_distance", .finite(own)),
            .init("held_out_users", .int(Int64(heldUsers))),
            .init("training_users", .int(Int64(trainingUsers))),
            .init("iterations", .int(Int64(partition.iterations))),
        ]
    }

    var baseline: [Tree.Member] {
        var baseline = [Tree.Member("mean_squared_distance", .finite(mean))]
        if let inUse { baseline.append(.init("mean_squared_distance_in_use", .finite(inUse))) }
        return baseline
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

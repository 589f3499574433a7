/// How a candidate is judged: fitted without the held-out users, measured on them.
extension SegmentsFitting {
    struct Judgement {
        let standardisation: Standardisation
        /// The held-out users in its units.
        let test: WeightedPoints
        let partition: Partition
        let trainingUsers: Int
        let heldUsers: Int
        /// Squared distances of the held-out users to the nearest centroid of the candidate, to the training
        /// mean, to the nearest centroid of the model in use.
        let own: [Double]
        let mean: [Double]
        let inUse: [Double]?
        let robust: RobustError
    }

    mutating func judge(k: Int) throws(FitRefusal) -> Judgement {
        let held = zip(inside, rows.heldOut).map { $0 > 0 ? $1 : 0 }
        let training = zip(inside, held).map { $0 - $1 }
        let heldUsers = held.reduce(0) { $0 + Int($1) }
        guard heldUsers > 0 else { throw .nothingHeldOut }
        guard heldUsers < insideUsers else { throw .nothingToLearnFrom }
        let standardisation =
            config.transform.standardises
            ? Standardisation(rows, weights: training, features: config.features.count)
            : .none(features: config.features.count)
        let points = standardisation.points(rows, weights: training)
        let partition = kmeans.fit(points, k: k, generator: &generator)
        let test = standardisation.points(rows, weights: held)
        let mean = nearestSquares(test, points.mean())
        return Judgement(
            standardisation: standardisation, test: test, partition: partition,
            trainingUsers: insideUsers - heldUsers, heldUsers: heldUsers,
            own: nearestSquares(test, partition.centroids), mean: mean,
            inUse: comparable(to: k, in: standardisation).map { nearestSquares(test, $0) },
            robust: RobustError(trivial: mean, weights: test.weights))
    }
}

extension SegmentsFitting.Judgement {
    /// - Parameter final: the model fitted on everybody.
    func evidence(final model: SegmentsModel, converged: Bool) -> Evidence {
        let centroids = model.segments.flatMap { segment in
            grouped(standardisation.translate(segment.centroid, from: model.standardisation), padding: 0)
        }
        return robust.evidence(
            own: own, final: nearestSquares(test, centroids), trivial: robust.mean(mean), inUse: inUse,
            count: test.weights.reduce(0, +), finite: model.inertia.isFinite,
            converged: partition.converged && converged)
    }

    var metrics: [Tree.Member] {
        [
            .init("mean_squared_distance", .finite(weightedMean(own, test.weights))),
            .init("bounded_squared_distance", .finite(robust.mean(own))),
            .init("held_out_users", .int(Int64(heldUsers))),
            .init("training_users", .int(Int64(trainingUsers))),
            .init("iterations", .int(Int64(partition.iterations))),
        ]
    }

    var baseline: [Tree.Member] {
        var baseline: [Tree.Member] = [
            .init("mean_squared_distance", .finite(weightedMean(mean, test.weights))),
            .init("bounded_squared_distance", .finite(robust.mean(mean))),
        ]
        if let inUse {
            baseline += [
                .init("mean_squared_distance_in_use", .finite(weightedMean(inUse, test.weights))),
                .init("bounded_squared_distance_in_use", .finite(robust.mean(inUse))),
            ]
        }
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

/// k-means with restarts: greedy k-means++, Lloyd, Hartigan's improvement; on a large table the starts are
/// made on a coreset and the best of them finished on everything.
struct KMeans {
    var restarts = 20
    var iterations = 300
    /// A table with more points than this is started on a coreset of this many.
    var sampleSize = 16_384
    /// How many of the starts on the coreset are finished on everything.
    var finishers = 2
    /// Passes of Hartigan's improvement over a small and a large table.
    var passes = 50
    var largePasses = 3
    /// Squared movement of all centroids, standardised units, below which Lloyd rests.
    var tolerance = 1e-8

    /// The best partition found.
    /// - Parameter k: at least 1; more than there are points means as many as there are points.
    /// - Parameter beginnings: further sets of centroids to start from, shape [k][chunks].
    func fit(
        _ points: WeightedPoints, k: Int, beginnings: [[SIMD4<Double>]] = [],
        generator: inout SeededGenerator
    ) -> Partition {
        let k = min(k, points.count)
        guard k > 1 else { return whole(points) }
        if points.count <= sampleSize {
            let starts = beginnings + seeds(points, k: k, generator: &generator)
            return best(starts.map { finish($0, points, passes: passes) })
        }
        let sample = Seeding.coreset(points, size: sampleSize, generator: &generator)
        let starts = beginnings + seeds(sample, k: min(k, sample.count), generator: &generator)
        let tried = starts.map { finish($0, sample, passes: passes) }
        let chosen = tried.indices.sorted {
            (tried[$0].inertia, $0) < (tried[$1].inertia, $1)
        }
        var finalists: [Partition] = []
        for index in chosen where finalists.count < finishers {
            let repeats = finalists.contains { $0.inertia == tried[index].inertia }
            if !repeats { finalists.append(tried[index]) }
        }
        return best(finalists.map { finish($0.centroids, points, passes: largePasses) })
    }

    private func whole(_ points: WeightedPoints) -> Partition {
        var partition = Partition(centroids: points.mean(), count: points.count)
        partition.assignExactly(points)
        partition.converged = true
        return partition
    }

    private func seeds(
        _ points: WeightedPoints, k: Int, generator: inout SeededGenerator
    ) -> [[SIMD4<Double>]] {
        (0..<max(1, restarts)).map { _ in Seeding.plusPlus(points, k: k, generator: &generator) }
    }

    private func finish(_ centroids: [SIMD4<Double>], _ points: WeightedPoints, passes: Int) -> Partition {
        var partition = Partition(centroids: centroids, count: points.count)
        Lloyd.improve(&partition, points: points, iterations: iterations, tolerance: tolerance)
        let converged = partition.converged
        HartiganWong.improve(&partition, points: points, passes: passes)
        Lloyd.improve(&partition, points: points, iterations: iterations, tolerance: tolerance)
        partition.converged = partition.converged && converged
        return partition
    }

    /// The least inertia; of equal ones the first.
    private func best(_ partitions: [Partition]) -> Partition {
        var best = partitions[0]
        for partition in partitions.dropFirst() where partition.inertia < best.inertia { best = partition }
        return best
    }
}

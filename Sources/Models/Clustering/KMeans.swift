/// k-means with restarts: greedy k-means++, Lloyd, Hartigan's improvement; half of the restarts on a small
/// table are swaps from the best so far; on a large table the starts are made on a coreset and the best of
/// them finished on everything.
struct KMeans {
    var restarts = 20
    var iterations = 300
    /// A table with more points than this is started on a coreset of this many.
    var sampleSize = 16_384
    /// Starts on a coreset cost little: never fewer than this.
    var fewestSampleStarts = 8
    /// How many of the starts on the coreset are finished on everything, of those that are no more than a
    /// fiftieth worse there than the best, which is what a coreset can tell.
    var finishers = 2
    var finisherSlack = 0.02
    /// Beginnings made from the partition into one cluster fewer.
    var enlargements = 6
    /// Passes of Hartigan's improvement over a small and a large table.
    var passes = 50
    var largePasses = 2
    /// Squared movement of all centroids, in units of the features' mean variance, below which Lloyd rests, on
    /// a small and a large table; scikit-learn's is 1e-4.
    var tolerance = 1e-8
    var largeTolerance = 1e-6
    /// Mean variance of the features.
    var meanVariance = 1.0

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
            let fresh = max(1, (restarts + 1) / 2)
            let starts = beginnings + seeds(points, k: k, starts: fresh, generator: &generator)
            let found = best(starts.map { finish($0, points, passes: passes) })
            return swapping(found, points, times: restarts - fresh, generator: &generator)
        }
        let sample = Seeding.coreset(points, size: sampleSize, generator: &generator)
        let starts =
            beginnings
            + seeds(
                sample, k: min(k, sample.count), starts: max(fewestSampleStarts, restarts),
                generator: &generator)
        let tried = starts.map { finish($0, sample, passes: passes) }
        let chosen = tried.indices.sorted {
            (tried[$0].inertia, $0) < (tried[$1].inertia, $1)
        }
        var finalists: [Partition] = []
        for index in chosen where finalists.count < finishers {
            let inertia = tried[index].inertia
            let least = tried[chosen[0]].inertia
            // Starts that came to the same place would be finished to the same end.
            let fresh = finalists.allSatisfy { abs($0.inertia - inertia) > 1e-4 * inertia }
            if fresh, inertia <= least * (1 + finisherSlack) { finalists.append(tried[index]) }
        }
        if finalists.isEmpty { finalists = [tried[chosen[0]]] }
        return best(finalists.map { finish($0.centroids, points, passes: largePasses) })
    }

    /// Random swaps (Fränti 2018): a centroid is taken away and put where points are badly served, and what
    /// comes of it is kept where it is better. Finds more than as many fresh starts would.
    private func swapping(
        _ found: Partition, _ points: WeightedPoints, times: Int, generator: inout SeededGenerator
    ) -> Partition {
        var best = found
        let chunks = points.chunks
        for _ in 0..<max(0, times) {
            let out = generator.below(best.clusters(chunks: chunks))
            let row = Seeding.badlyServed(by: best, points, generator: &generator)
            var centroids = best.centroids
            for chunk in 0..<chunks {
                centroids[out * chunks + chunk] = points.values[row * chunks + chunk]
            }
            let tried = finish(centroids, points, passes: passes)
            if tried.inertia < best.inertia { best = tried }
        }
        return best
    }

    /// Beginnings for one cluster more: the centroids of a good partition and one where points are badly
    /// served (after the global k-means of Likas, Vlassis and Verbeek 2003).
    func enlarged(
        _ partition: Partition, _ points: WeightedPoints, generator: inout SeededGenerator
    ) -> [[SIMD4<Double>]] {
        let chunks = points.chunks
        return (0..<enlargements).map { _ in
            let row = Seeding.badlyServed(by: partition, points, generator: &generator)
            return partition.centroids + points.values[row * chunks..<(row + 1) * chunks]
        }
    }

    private func whole(_ points: WeightedPoints) -> Partition {
        var partition = Partition(centroids: points.mean(), count: points.count)
        partition.assignExactly(points)
        partition.converged = true
        return partition
    }

    private func seeds(
        _ points: WeightedPoints, k: Int, starts: Int, generator: inout SeededGenerator
    ) -> [[SIMD4<Double>]] {
        (0..<starts).map { _ in Seeding.plusPlus(points, k: k, generator: &generator) }
    }

    private func finish(_ centroids: [SIMD4<Double>], _ points: WeightedPoints, passes: Int) -> Partition {
        let tolerance = (points.count > sampleSize ? largeTolerance : tolerance) * meanVariance
        var partition = Partition(centroids: centroids, count: points.count)
        Lloyd.improve(&partition, points: points, iterations: iterations, tolerance: tolerance)
        let converged = partition.converged
        HartiganWong.improve(&partition, points: points, passes: passes)
        Lloyd.improve(&partition, points: points, iterations: iterations, tolerance: tolerance)
        partition.converged = partition.converged && converged
        partition.settle(points)
        return partition
    }

    /// The least inertia; of equal ones the first.
    private func best(_ partitions: [Partition]) -> Partition {
        var best = partitions[0]
        for partition in partitions.dropFirst() where partition.inertia < best.inertia { best = partition }
        return best
    }
}

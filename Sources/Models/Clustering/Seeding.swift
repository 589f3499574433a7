import Glibc

/// Where the centroids begin, and which points stand for all on a large table.
enum Seeding {
    /// Greedy k-means++ (Arthur and Vassilvitskii 2007; 2 + ⌊ln k⌋ trials a centre as in scikit-learn): each
    /// next centre is drawn by squared distance, and of several drawn the one that helps most is taken.
    /// - Returns: centroids, shape [k][chunks].
    static func plusPlus(
        _ points: WeightedPoints, k: Int, generator: inout SeededGenerator
    ) -> [SIMD4<Double>] {
        let trials = 2 + Int(log(Double(k)))
        var cost = points.weights
        var nearest = [Double](repeating: .infinity, count: points.count)
        var centroids: [SIMD4<Double>] = []
        for index in 0..<k {
            var bestRow = 0
            var bestNearest: [Double] = []
            var bestTotal = Double.infinity
            let rows = draw(index == 0 ? 1 : trials, from: cost, generator: &generator)
            for row in rows {
                let candidate = nearestAfter(adding: row, points, nearest)
                let total = zip(candidate, points.weights).reduce(0) { $0 + $1.0 * $1.1 }
                if total < bestTotal || bestNearest.isEmpty {
                    bestTotal = total
                    bestRow = row
                    bestNearest = candidate
                }
            }
            let chunks = points.chunks
            centroids.append(contentsOf: points.values[bestRow * chunks..<(bestRow + 1) * chunks])
            nearest = bestNearest
            for row in 0..<points.count { cost[row] = nearest[row] * points.weights[row] }
        }
        return centroids
    }

    private static func nearestAfter(
        adding row: Int, _ points: WeightedPoints, _ nearest: [Double]
    ) -> [Double] {
        let chunks = points.chunks
        var after = nearest
        points.values.withUnsafeBufferPointer { values in
            after.withUnsafeMutableBufferPointer { after in
                guard let values = values.baseAddress else { return }
                for other in 0..<after.count {
                    let distance = squaredDistance(
                        values + other * chunks, values + row * chunks, chunks: chunks)
                    if distance < after[other] { after[other] = distance }
                }
            }
        }
        return after
    }

    /// A row drawn by its part in the inertia.
    static func badlyServed(
        by partition: Partition, _ points: WeightedPoints, generator: inout SeededGenerator
    ) -> Int {
        let chunks = points.chunks
        var cost = points.weights
        points.values.withUnsafeBufferPointer { values in
            partition.centroids.withUnsafeBufferPointer { centres in
                guard let values = values.baseAddress, let centres = centres.baseAddress else { return }
                for row in 0..<cost.count {
                    cost[row] *= squaredDistance(
                        values + row * chunks, centres + Int(partition.labels[row]) * chunks,
                        chunks: chunks)
                }
            }
        }
        return draw(1, from: cost, generator: &generator)[0]
    }

    /// Draws rows with probability proportional to `mass`; where there is no mass, the first row.
    private static func draw(
        _ number: Int, from mass: [Double], generator: inout SeededGenerator
    ) -> [Int] {
        let total = mass.reduce(0, +)
        var marks = (0..<number).map { _ in generator.uniform() * total }
        marks.sort()
        var rows: [Int] = []
        var sum = 0.0
        for row in 0..<mass.count {
            sum += mass[row]
            while rows.count < number, sum > marks[rows.count] { rows.append(row) }
            if rows.count == number { break }
        }
        let fallback = mass.lastIndex { $0 > 0 } ?? 0
        while rows.count < number { rows.append(fallback) }
        return rows
    }

    /// A lightweight coreset (Bachem, Lucic and Krause 2018): half the mass by weight, half by squared
    /// distance from the mean, so that the rare far points are in it; drawn systematically, each point with
    /// the weight it stands for.
    static func coreset(
        _ points: WeightedPoints, size: Int, generator: inout SeededGenerator
    ) -> WeightedPoints {
        let chunks = points.chunks
        let mean = points.mean()
        let total = points.totalWeight
        var spread = [Double](repeating: 0, count: points.count)
        for row in 0..<points.count {
            for chunk in 0..<chunks {
                let difference = points.values[row * chunks + chunk] - mean[chunk]
                spread[row] += (difference * difference).sum()
            }
            spread[row] *= points.weights[row]
        }
        let scatter = spread.reduce(0, +)
        var sample = WeightedPoints(dimensions: points.dimensions)
        sample.reserve(size)
        let step = 1 / Double(size)
        var mark = generator.uniform() * step
        var sum = 0.0
        for row in 0..<points.count {
            let share = 0.5 * points.weights[row] / total + (scatter > 0 ? 0.5 * spread[row] / scatter : 0)
            sum += share
            var hits = 0
            while sum > mark {
                hits += 1
                mark += step
            }
            if hits > 0 {
                sample.append(
                    rowOf: points, at: row,
                    weight: points.weights[row] / share * step * Double(hits))
            }
        }
        return sample
    }
}

/// Mean and population deviation of each feature over the users that are clustered; 1 in place of the
/// deviation of a constant feature.
struct Standardisation: Sendable, Equatable {
    var mean: [Double]
    var scale: [Double]

    /// - Parameter weights: users per distinct row; rows of weight 0 are left out.
    init(_ rows: DistinctRows, weights: [UInt32], features: Int) {
        let chunks = rows.chunks
        var sums = [SIMD4<Double>](repeating: .zero, count: chunks)
        var total = 0.0
        for row in 0..<rows.count where weights[row] > 0 {
            let weight = Double(weights[row])
            total += weight
            for chunk in 0..<chunks { sums[chunk] += rows.values[row * chunks + chunk] * weight }
        }
        let mean = sums.map { $0 / max(1, total) }
        var squares = [SIMD4<Double>](repeating: .zero, count: chunks)
        for row in 0..<rows.count where weights[row] > 0 {
            for chunk in 0..<chunks {
                let difference = rows.values[row * chunks + chunk] - mean[chunk]
                squares[chunk] += difference * difference * Double(weights[row])
            }
        }
        self.mean = (0..<features).map { mean[$0 / 4][$0 % 4] }
        scale = (0..<features).map { feature in
            let deviation = (squares[feature / 4][feature % 4] / max(1, total)).squareRoot()
            let size = abs(mean[feature / 4][feature % 4])
            // What is left of a constant feature after rounding is not a deviation.
            return deviation > 1e-12 * max(size, 1e-300) && deviation > 0 ? deviation : 1
        }
    }

    init(mean: [Double], scale: [Double]) {
        self.mean = mean
        self.scale = scale
    }

    /// The rows of positive weight in standardised units, in the rows' order.
    func points(_ rows: DistinctRows, weights: [UInt32]) -> WeightedPoints {
        let means = grouped(mean, padding: 0)
        let inverse = grouped(scale.map { 1 / $0 }, padding: 0)
        var points = WeightedPoints(dimensions: mean.count)
        points.reserve(rows.count)
        for row in 0..<rows.count where weights[row] > 0 {
            points.append(weight: Double(weights[row])) { chunk in
                (rows.values[row * rows.chunks + chunk] - means[chunk]) * inverse[chunk]
            }
        }
        return points
    }

    /// A centroid of another standardisation in this one.
    func translate(_ centroid: [Double], from other: Standardisation) -> [Double] {
        mean.indices.map { (centroid[$0] * other.scale[$0] + other.mean[$0] - mean[$0]) / scale[$0] }
    }
}

/// Values in groups of four.
func grouped(_ values: [Double], padding: Double) -> [SIMD4<Double>] {
    (0..<(values.count + 3) / 4).map { chunk in
        var group = SIMD4<Double>(repeating: padding)
        for lane in 0..<min(4, values.count - chunk * 4) { group[lane] = values[chunk * 4 + lane] }
        return group
    }
}

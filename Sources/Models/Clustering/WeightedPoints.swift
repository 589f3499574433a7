/// Points with weights, row-major in groups of four coordinates, the last group padded with zeros.
///
/// A weight is how many users share the point; in a sample it is what the point stands for.
struct WeightedPoints: Sendable {
    let dimensions: Int
    /// Groups of four coordinates a point.
    let chunks: Int
    private(set) var values: [SIMD4<Double>] = []
    private(set) var weights: [Double] = []

    init(dimensions: Int) {
        self.dimensions = dimensions
        chunks = (dimensions + 3) / 4
    }

    var count: Int { weights.count }
    var totalWeight: Double { weights.reduce(0, +) }

    mutating func reserve(_ count: Int) {
        values.reserveCapacity(count * chunks)
        weights.reserveCapacity(count)
    }

    /// - Parameter group: the coordinates four at a time.
    @inline(__always)
    mutating func append(weight: Double, group: (Int) -> SIMD4<Double>) {
        for chunk in 0..<chunks { values.append(group(chunk)) }
        weights.append(weight)
    }

    mutating func append(rowOf source: WeightedPoints, at row: Int, weight: Double) {
        values.append(contentsOf: source.values[row * chunks..<(row + 1) * chunks])
        weights.append(weight)
    }

    func coordinates(of row: Int) -> [Double] {
        (0..<dimensions).map { values[row * chunks + $0 / 4][$0 % 4] }
    }

    /// The weighted mean, in groups of four.
    func mean() -> [SIMD4<Double>] {
        var sums = [SIMD4<Double>](repeating: .zero, count: chunks)
        for row in 0..<count {
            for chunk in 0..<chunks { sums[chunk] += values[row * chunks + chunk] * weights[row] }
        }
        let total = totalWeight
        return sums.map { $0 / total }
    }
}

/// Squared Euclidean distance of two points of `chunks` groups of four.
@inline(__always)
func squaredDistance(
    _ a: UnsafePointer<SIMD4<Double>>, _ b: UnsafePointer<SIMD4<Double>>, chunks: Int
) -> Double {
    var sum = SIMD4<Double>.zero
    for chunk in 0..<chunks {
        let difference = a[chunk] - b[chunk]
        sum += difference * difference
    }
    return sum.sum()
}

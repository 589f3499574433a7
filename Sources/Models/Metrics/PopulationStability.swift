import Glibc

/// How far a feature's values have moved from those a model was fitted on: the population stability index,
/// Σ (now − then) · ln(now / then) over tenths of the values then.
///
/// By custom below 0.1 nothing has moved, above 0.25 the model no longer knows whom it scores.
package struct PopulationStability: Sendable, Equatable {
    /// Upper ends of all bands but the last, ascending, no two alike.
    let edges: [Float]
    /// Of the values then, by band; shape [edges + 1].
    let shares: [Double]

    /// Shares are kept off 0, so that one value in an empty band is no infinite move.
    private static let least = 1e-4

    init(edges: [Float], shares: [Double]) {
        self.edges = edges
        self.shares = shares
    }

    /// - Parameter values: not NaN, at least one.
    package init(_ values: [Float], bands: Int = 10) {
        let sorted = values.sorted()
        var edges: [Float] = []
        for band in 1..<bands {
            let edge = sorted[band * (sorted.count - 1) / bands]
            if edge != edges.last, edge < sorted[sorted.count - 1] { edges.append(edge) }
        }
        self.edges = edges
        shares = PopulationStability.shares(values, edges)
    }

    private static func shares(_ values: some Sequence<Float>, _ edges: [Float]) -> [Double] {
        var counts = [Int](repeating: 0, count: edges.count + 1)
        var total = 0
        for value in values {
            var band = 0
            while band < edges.count, value > edges[band] { band += 1 }
            counts[band] += 1
            total += 1
        }
        return counts.map { Double($0) / Double(max(1, total)) }
    }

    /// 0 where the values are spread over the bands as they were.
    package func index(_ values: some Sequence<Float>) -> Double {
        zip(PopulationStability.shares(values, edges), shares).reduce(0) { sum, pair in
            let now = max(pair.0, PopulationStability.least)
            let then = max(pair.1, PopulationStability.least)
            return sum + (now - then) * log(now / then)
        }
    }
}

import Glibc

/// Densities of the good and of the other trials so far, dimension by dimension; what is tried next is what is
/// likeliest under the one in proportion to the other (Bergstra, Bardenet, Bengio and Kégl 2011).
struct ParzenEstimators {
    private let space: SearchSpace
    private let good: [Search.Trial]
    private let others: [Search.Trial]

    private static let candidates = 24
    /// Share of the trials that are good, at least two.
    private static let goodShare = 0.2

    init(_ space: SearchSpace, _ trials: [Search.Trial]) {
        self.space = space
        let order = trials.indices.sorted { (trials[$0].loss, $0) < (trials[$1].loss, $1) }
        let count = max(2, Int((ParzenEstimators.goodShare * Double(trials.count)).rounded(.up)))
        good = order.prefix(count).map { trials[$0] }
        others = order.dropFirst(count).map { trials[$0] }
    }

    func propose(using generator: inout SeededGenerator) -> SearchSpace.Point {
        var best: SearchSpace.Point = []
        var most = -Double.infinity
        for _ in 0..<ParzenEstimators.candidates {
            var point: SearchSpace.Point = []
            var gain = 0.0
            for index in space.dimensions.indices {
                guard space.isActive(index, point) else {
                    point.append(.nan)
                    continue
                }
                let (value, more) = draw(index, using: &generator)
                point.append(value)
                gain += more
            }
            if gain > most {
                most = gain
                best = point
            }
        }
        return best
    }

    /// A value of one dimension from the density of the good ones, and the logarithm of how much likelier it
    /// is there than among the others.
    private func draw(_ index: Int, using generator: inout SeededGenerator) -> (Double, Double) {
        let values = space.dimensions[index].values
        func seen(_ trials: [Search.Trial]) -> [Double] { trials.map { $0.point[index] }.filter(\.isFinite) }
        if case .choice(let count) = values {
            let here = ParzenEstimators.shares(seen(good), count)
            let there = ParzenEstimators.shares(seen(others), count)
            var left = generator.uniform()
            var choice = 0
            while choice < count - 1, left >= here[choice] {
                left -= here[choice]
                choice += 1
            }
            return (Double(choice), log(here[choice] / there[choice]))
        }
        let here = ParzenMixture(seen(good).map { values.place(of: $0) })
        let there = ParzenMixture(seen(others).map { values.place(of: $0) })
        let place = here.draw(using: &generator)
        return (values.value(at: place), log(here.density(place) / there.density(place)))
    }

    /// How often each choice came, with one more for each.
    private static func shares(_ seen: [Double], _ count: Int) -> [Double] {
        var counts = [Double](repeating: 1, count: count)
        for value in seen { counts[Int(value)] += 1 }
        let total = Double(count + seen.count)
        return counts.map { $0 / total }
    }
}

/// Bells about places in [0, 1), as wide as the gaps between them, and a flat one over all.
private struct ParzenMixture {
    private let centres: [Double]
    private let widths: [Double]

    init(_ places: [Double]) {
        let sorted = places.sorted()
        let narrowest = 1 / Double(min(100, places.count + 2))
        centres = sorted
        widths = sorted.indices.map { index in
            let below = sorted[index] - (index > 0 ? sorted[index - 1] : 0)
            let above = (index + 1 < sorted.count ? sorted[index + 1] : 1) - sorted[index]
            return min(1, max(narrowest, max(below, above)))
        }
    }

    func density(_ place: Double) -> Double {
        var sum = 1.0
        for (centre, width) in zip(centres, widths) {
            let z = (place - centre) / width
            let inside = ParzenMixture.normal((1 - centre) / width) - ParzenMixture.normal(-centre / width)
            sum += exp(-z * z / 2) / (width * 2.506_628_274_631_000_5 * inside)
        }
        return sum / Double(centres.count + 1)
    }

    func draw(using generator: inout SeededGenerator) -> Double {
        let bell = generator.below(centres.count + 1)
        guard bell < centres.count else { return generator.uniform() }
        // Box and Muller's, drawn again where outside.
        for _ in 0..<64 {
            let radius = (-2 * log(1 - generator.uniform())).squareRoot()
            let place = centres[bell] + widths[bell] * radius * cos(2 * .pi * generator.uniform())
            if place >= 0, place < 1 { return place }
        }
        return min(max(centres[bell], 0), 1 - 0x1p-53)
    }

    private static func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
}

/// How settings are looked for.
package enum SearchStrategy: UInt8, Sendable, Equatable, CaseIterable {
    /// Every combination of a few values of each; where there are more than trials, an even part of them.
    case grid
    case random
    /// By what has been good so far: tree-structured Parzen estimators (Bergstra et al. 2011).
    case tpe

    package var name: String {
        switch self {
        case .grid: "grid"
        case .random: "random"
        case .tpe: "tpe"
        }
    }

    package init?(name: String) {
        guard let known = SearchStrategy.allCases.first(where: { $0.name == name }) else { return nil }
        self = known
    }
}

/// Looks for the settings of least loss within a number of trials; the same seed and losses give the same
/// trials.
package struct Search: Sendable {
    package struct Trial: Sendable, Equatable {
        package var point: SearchSpace.Point
        package var loss: Double
    }

    private let space: SearchSpace
    private let strategy: SearchStrategy
    private let budget: Int
    private let known: [SearchSpace.Point]
    private(set) package var trials: [Trial] = []
    private var generator: SeededGenerator
    private let grid: [SearchSpace.Point]

    /// - Parameters:
    ///   - budget: of trials, beside those of `known`.
    ///   - known: settings that are tried first, whatever the strategy.
    ///   - levels: values of each ordered dimension in a grid.
    package init(
        _ space: SearchSpace, strategy: SearchStrategy, trials budget: Int,
        known: [SearchSpace.Point] = [], levels: Int = 3, seed: UInt64
    ) {
        self.space = space
        self.strategy = strategy
        self.budget = budget
        self.known = known
        generator = SeededGenerator(seed: seed)
        grid = strategy == .grid ? Search.grid(space, levels, budget) : []
    }

    package var best: Trial? {
        // The first of equal ones.
        trials.min { $0.loss < $1.loss }
    }

    /// The settings to try next; nil when the trials are spent.
    package mutating func next() -> SearchSpace.Point? {
        guard trials.count >= known.count else { return known[trials.count] }
        let number = trials.count - known.count
        guard number < budget else { return nil }
        switch strategy {
        case .grid: return number < grid.count ? grid[number] : nil
        case .random: return random()
        case .tpe:
            // Now and then by chance, so that the first that was good is not all that is looked at.
            guard trials.count >= max(4, budget / 4), number % 4 != 3 else { return random() }
            return ParzenEstimators(space, trials).propose(using: &generator)
        }
    }

    /// - Parameter loss: of the settings given last; what is not finite counts as the worst.
    package mutating func tell(_ point: SearchSpace.Point, loss: Double) {
        trials.append(Trial(point: point, loss: loss.isFinite ? loss : .infinity))
    }

    private mutating func random() -> SearchSpace.Point {
        var point: SearchSpace.Point = []
        for index in space.dimensions.indices {
            point.append(
                space.isActive(index, point)
                    ? space.dimensions[index].values.value(at: generator.uniform()) : .nan)
        }
        return point
    }

    private static func grid(_ space: SearchSpace, _ levels: Int, _ budget: Int) -> [SearchSpace.Point] {
        var points: [SearchSpace.Point] = [[]]
        for index in space.dimensions.indices {
            points = points.flatMap { point in
                space.isActive(index, point)
                    ? space.dimensions[index].values.grid(levels).map { point + [$0] } : [point + [.nan]]
            }
        }
        guard points.count > budget, budget > 0 else { return points }
        return (0..<budget).map { points[$0 * points.count / budget] }
    }
}

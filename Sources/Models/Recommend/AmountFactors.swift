/// How amounts per category are factorised.
package struct AmountFactorsConfig: Sendable, Equatable {
    package var factors = 4
    package var regularization = 0.1
    package var learningRate = 0.1
    package var epochs = 10

    package init() {}
}

/// One amount: what a buyer spent in a category.
package struct AmountCell: Sendable, Equatable {
    package var buyer: Int32
    package var category: Int32
    package var amount: Double
    package init(buyer: Int32, category: Int32, amount: Double) {
        self.buyer = buyer
        self.category = category
        self.amount = amount
    }
}

/// Factors of categories by stochastic gradient descent on amounts (Koren, Bell and Volinsky 2009, without
/// biases), those of each category scaled to 0…1 between the least and the greatest; who bought nothing in it
/// counts there with 0 and is not learnt from. A buyer's own vector follows from what they spent, with the
/// categories' held fixed, so that new buyers need no fit.
package struct AmountFactors: Sendable, Equatable {
    package let factors: Int
    package let regularization: Double
    /// Of each category's amounts.
    package private(set) var least: [Double]
    package private(set) var greatest: [Double]
    /// Shape [categories][factors].
    package private(set) var categories: [Double]
    /// Mean squared error over the scaled amounts after each epoch.
    package private(set) var errors: [Double] = []

    package var count: Int { least.count }

    /// Fits on the cells that are given; deterministic for a seed and an order of cells.
    ///
    /// - Complexity: O(epochs · cells · factors).
    package init(
        _ cells: [AmountCell], buyers: Int, categories count: Int, config: AmountFactorsConfig, seed: UInt64
    ) {
        factors = config.factors
        regularization = config.regularization
        (least, greatest) = AmountFactors.ranges(cells, buyers: buyers, categories: count)
        var generator = SeededGenerator(seed: seed)
        func beginning(_ count: Int) -> [Double] {
            (0..<count * config.factors).map { _ in generator.uniform() / Double(max(1, config.factors)) }
        }
        var users = beginning(buyers)
        categories = beginning(count)
        var order = Array(cells.indices)
        for _ in 0..<config.epochs {
            order.shuffle(using: &generator)
            for index in order { step(cells[index], &users, config) }
            errors.append(error(cells, users))
        }
    }

    private static func ranges(
        _ cells: [AmountCell], buyers: Int, categories: Int
    ) -> (least: [Double], greatest: [Double]) {
        var least = [Double](repeating: .infinity, count: categories)
        var greatest = [Double](repeating: -.infinity, count: categories)
        var seen = [Int](repeating: 0, count: categories)
        for cell in cells {
            let category = Int(cell.category)
            least[category] = min(least[category], cell.amount)
            greatest[category] = max(greatest[category], cell.amount)
            seen[category] += 1
        }
        for category in 0..<categories where seen[category] < buyers || seen[category] == 0 {
            least[category] = min(least[category], 0)
            greatest[category] = max(greatest[category], 0)
        }
        return (least, greatest)
    }

    init(factors: Int, regularization: Double, least: [Double], greatest: [Double], categories: [Double]) {
        self.factors = factors
        self.regularization = regularization
        self.least = least
        self.greatest = greatest
        self.categories = categories
    }

    private mutating func step(_ cell: AmountCell, _ users: inout [Double], _ config: AmountFactorsConfig) {
        let (u, c) = (Int(cell.buyer) * factors, Int(cell.category) * factors)
        var error = scaled(cell.amount, c / factors)
        for k in 0..<factors { error -= users[u + k] * categories[c + k] }
        for k in 0..<factors {
            let (p, q) = (users[u + k], categories[c + k])
            users[u + k] += config.learningRate * (error * q - regularization * p)
            categories[c + k] += config.learningRate * (error * p - regularization * q)
        }
    }

    private func error(_ cells: [AmountCell], _ users: [Double]) -> Double {
        let sum = cells.reduce(0.0) { sum, cell in
            var error = scaled(cell.amount, Int(cell.category))
            for k in 0..<factors {
                error -= users[Int(cell.buyer) * factors + k] * categories[Int(cell.category) * factors + k]
            }
            return sum + error * error
        }
        return sum / Double(max(1, cells.count))
    }

    private func scaled(_ amount: Double, _ category: Int) -> Double {
        let span = greatest[category] - least[category]
        return span > 0 ? (amount - least[category]) / span : 0
    }

    /// What a buyer is expected to spend in every category, amounts of the same unit; nil without amounts.
    ///
    /// - Parameter spent: amounts in distinct categories.
    package func estimates(_ spent: [(category: Int, amount: Double)]) -> [Double]? {
        guard !spent.isEmpty, factors > 0 else { return nil }
        var gram = [Double](repeating: 0, count: factors * factors)
        for k in 0..<factors { gram[k * factors + k] = max(regularization, 1e-6) * Double(spent.count) }
        var system = FactorSystem(gram: gram, factors: factors)
        for (category, amount) in spent {
            system.add(
                vector: Array(categories[category * factors..<(category + 1) * factors]), weight: 1,
                right: scaled(amount, category))
        }
        guard let user = system.solve() else { return nil }
        return (0..<count).map { category in
            let guess = (0..<factors).reduce(0.0) { $0 + user[$1] * categories[category * factors + $1] }
            return least[category] + guess * (greatest[category] - least[category])
        }
    }
}

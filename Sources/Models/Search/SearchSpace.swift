import Glibc

/// What a search for settings may choose among.
package struct SearchSpace: Sendable, Equatable {
    package enum Values: Sendable, Equatable {
        /// 0 ..< count, in no order.
        case choice(count: Int)
        case real(ClosedRange<Double>)
        /// Chosen by its logarithm; bounds > 0.
        case logarithmic(ClosedRange<Double>)
        case integer(ClosedRange<Int>)
    }

    package struct Dimension: Sendable, Equatable {
        package var name: String
        package var values: Values
        /// The dimension matters only where an earlier choice has one of these values.
        package var condition: Condition?

        package init(_ name: String, _ values: Values, when condition: Condition? = nil) {
            self.name = name
            self.values = values
            self.condition = condition
        }
    }

    package struct Condition: Sendable, Equatable {
        package var dimension: Int
        package var choices: [Int]
        package init(_ dimension: Int, _ choices: [Int]) {
            self.dimension = dimension
            self.choices = choices
        }
    }

    package var dimensions: [Dimension]
    package init(_ dimensions: [Dimension]) { self.dimensions = dimensions }

    /// A value for each dimension; NaN for those that do not matter.
    package typealias Point = [Double]

    /// Whether a dimension matters, given the values of those before it.
    func isActive(_ index: Int, _ before: Point) -> Bool {
        guard let condition = dimensions[index].condition else { return true }
        let value = before[condition.dimension]
        return value.isFinite && condition.choices.contains(Int(value))
    }
}

extension SearchSpace.Values {
    /// A value from its place in [0, 1), and back: the middle of what is mapped to it.
    func value(at place: Double) -> Double {
        switch self {
        case .choice(let count): return min(Double(count - 1), (place * Double(count)).rounded(.down))
        case .real(let range): return range.lowerBound + place * (range.upperBound - range.lowerBound)
        case .logarithmic(let range):
            return range.lowerBound * exp(place * log(range.upperBound / range.lowerBound))
        case .integer(let range):
            let offset = (place * Double(range.count)).rounded(.down)
            return Double(range.lowerBound) + min(Double(range.count - 1), offset)
        }
    }

    func place(of value: Double) -> Double {
        switch self {
        case .choice(let count): return (value + 0.5) / Double(count)
        case .real(let range):
            let width = range.upperBound - range.lowerBound
            return width > 0 ? (value - range.lowerBound) / width : 0.5
        case .logarithmic(let range):
            let width = log(range.upperBound / range.lowerBound)
            return width > 0 ? log(value / range.lowerBound) / width : 0.5
        case .integer(let range):
            return (value - Double(range.lowerBound) + 0.5) / Double(range.count)
        }
    }

    /// Values of a grid: every choice, and `levels` places from end to end of what is ordered.
    func grid(_ levels: Int) -> [Double] {
        if case .choice(let count) = self { return (0..<count).map { Double($0) } }
        var values: [Double] = []
        for level in 0..<levels {
            let place = levels > 1 ? Double(level) / Double(levels - 1) : 0.5
            let value = value(at: place)
            if values.last != value { values.append(value) }
        }
        return values
    }
}

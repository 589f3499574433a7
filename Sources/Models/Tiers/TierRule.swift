/// What the tiers know of one buyer.
package struct TierValues: Sendable, Equatable {
    /// Days from the last purchase day to the as-of day.
    package var daysSinceLast: Double
    /// Purchase days − 1.
    package var frequency: Double
    /// Mean revenue per repeat purchase day, 0 without one.
    package var monetaryValue: Double
    /// T: days from the first purchase day to the as-of day.
    package var age: Double
    /// Lifetime value; nil where no model of it is in use.
    package var lifetimeValue: Double?
    /// Spend on the as-of day and the 364 days before it; nil without a purchase on them.
    package var yearSpend: Double?

    package init(
        daysSinceLast: Double, frequency: Double, monetaryValue: Double, age: Double,
        lifetimeValue: Double? = nil, yearSpend: Double? = nil
    ) {
        self.daysSinceLast = daysSinceLast
        self.frequency = frequency
        self.monetaryValue = monetaryValue
        self.age = age
        self.lifetimeValue = lifetimeValue
        self.yearSpend = yearSpend
    }

    /// In the order of `TierRule.variables`.
    subscript(variable: Int) -> Double? {
        switch variable {
        case 0: daysSinceLast
        case 1: frequency
        case 2: monetaryValue
        case 3: age
        default: lifetimeValue
        }
    }
}

/// Quartile levels of a buyer, 1 to 4 each and 4 the best, packed into two bits a variable.
package struct TierLevels: Sendable, Equatable {
    package var bits: UInt16 = 0

    package init(bits: UInt16) { self.bits = bits }

    package subscript(variable: Int) -> Int {
        get { Int(bits >> UInt16(2 * variable) & 3) + 1 }
        set {
            let shift = UInt16(2 * variable)
            bits = bits & ~(3 << shift) | UInt16(newValue - 1) << shift
        }
    }
}

/// How quartiles become one of five tiers: a weighted mean of the levels, cut in four places.
package struct TierRule: Sendable, Equatable {
    package static let variables = ["days_since_last", "frequency", "monetary_value", "T", "clv"]
    /// Tier numbers are places here plus one; the worst first.
    package static let names = ["At Risk", "Bronze", "Silver", "Gold", "VIP"]
    static let levels = 4

    /// One per variable; nil where the variable is left out.
    let quartiles: [QuantileEdges?]
    /// One per variable, 0 where it is left out; they sum to 1.
    let weights: [Double]
    /// A score above `cuts.values[i]` is at least tier i + 2.
    let cuts: QuantileEdges

    /// - Parameter weights: as configured; those of variables left out are shared among the others.
    init(quartiles: [QuantileEdges?], weights: [Double], cuts: QuantileEdges) {
        self.quartiles = quartiles
        self.weights = TierRule.normalised(weights, used: quartiles.map { $0 != nil })
        self.cuts = cuts
    }

    /// As it was saved.
    init(quartiles: [QuantileEdges?], normalised: [Double], cuts: QuantileEdges) {
        self.quartiles = quartiles
        weights = normalised
        self.cuts = cuts
    }

    private static func normalised(_ weights: [Double], used: [Bool]) -> [Double] {
        let kept = zip(weights, used).map { $1 ? $0 : 0 }
        let sum = kept.reduce(0, +)
        return kept.map { $0 / sum }
    }

    var uses: [Bool] { quartiles.map { $0 != nil } }

    /// Levels of a buyer; 1 of a variable that is left out or not known.
    package func levels(_ values: TierValues) -> TierLevels {
        var levels = TierLevels(bits: 0)
        for variable in quartiles.indices {
            guard let edges = quartiles[variable], let value = values[variable] else { continue }
            let level = edges.level(of: value)
            // Of the days since the last purchase the least are the best.
            levels[variable] = variable == 0 ? TierRule.levels + 1 - level : level
        }
        return levels
    }

    /// The weighted mean of the levels, 1 to 4, to nine decimals, so that equal means are equal numbers.
    package func score(_ levels: TierLevels) -> Double {
        var sum = 0.0
        for variable in weights.indices where weights[variable] > 0 {
            sum += weights[variable] * Double(levels[variable])
        }
        return (sum * 1e9).rounded() / 1e9
    }

    /// 1 for the worst tier up to 5 for the best.
    package func tier(_ levels: TierLevels) -> Int { cuts.level(of: score(levels)) }
}

/// Quartiles of a year's spend among those who bought in it.
package struct GradeRule: Sendable, Equatable {
    /// Grade numbers are places here plus one; the least spend first.
    package static let names = ["G1", "G2", "G3", "VIP"]
    /// The as-of day and so many before it, less one.
    package static let days: Int32 = 365

    let edges: QuantileEdges

    /// 1 for the least spend up to 4 for the greatest.
    package func grade(_ yearSpend: Double) -> Int { edges.level(of: yearSpend) }
}

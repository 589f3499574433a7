/// What the tiers are fitted on: a row per buyer.
///
/// The arrays belong to the caller and are only read; they must outlive the call.
package struct TiersColumns {
    /// Days from the last purchase day to the as-of day.
    package var daysSinceLast: UnsafeBufferPointer<Double>
    /// Purchase days − 1.
    package var frequency: UnsafeBufferPointer<Double>
    /// Mean revenue per repeat purchase day, 0 without one.
    package var monetaryValue: UnsafeBufferPointer<Double>
    /// T: days from the first purchase day to the as-of day.
    package var age: UnsafeBufferPointer<Double>
    /// Lifetime value; nil where no model of it is in use.
    package var lifetimeValue: UnsafeBufferPointer<Double>?
    /// Spend that counts for the grade within the year up to the as-of day, 0 without any.
    package var yearSpend: UnsafeBufferPointer<Double>
    /// Not 0 for those with a purchase that counts in it.
    package var boughtInYear: UnsafeBufferPointer<UInt8>
    /// Segment + 1 under the segmentation by value, 0 for who has none; nil where none is in use.
    package var group: UnsafeBufferPointer<UInt8>?
    /// Not 0 for buyers kept for judging: by a hash of the user.
    package var heldOut: UnsafeBufferPointer<UInt8>

    package init(
        daysSinceLast: UnsafeBufferPointer<Double>, frequency: UnsafeBufferPointer<Double>,
        monetaryValue: UnsafeBufferPointer<Double>, age: UnsafeBufferPointer<Double>,
        lifetimeValue: UnsafeBufferPointer<Double>? = nil, yearSpend: UnsafeBufferPointer<Double>,
        boughtInYear: UnsafeBufferPointer<UInt8>, group: UnsafeBufferPointer<UInt8>? = nil,
        heldOut: UnsafeBufferPointer<UInt8>
    ) {
        self.daysSinceLast = daysSinceLast
        self.frequency = frequency
        self.monetaryValue = monetaryValue
        self.age = age
        self.lifetimeValue = lifetimeValue
        self.yearSpend = yearSpend
        self.boughtInYear = boughtInYear
        self.group = group
        self.heldOut = heldOut
    }

    package var buyers: Int { heldOut.count }

    /// In the order of `TierRule.variables`, of which the first three make the cell.
    var variables: [UnsafeBufferPointer<Double>?] {
        [daysSinceLast, frequency, monetaryValue, age, lifetimeValue]
    }

    func values(_ row: Int) -> TierValues {
        TierValues(
            daysSinceLast: daysSinceLast[row], frequency: frequency[row],
            monetaryValue: monetaryValue[row], age: age[row], lifetimeValue: lifetimeValue?[row],
            yearSpend: boughtInYear[row] == 0 ? nil : yearSpend[row])
    }

    func check() throws(FitRefusal) {
        guard boughtInYear.count == buyers, group.map({ $0.count == buyers }) ?? true else {
            throw .unevenColumns
        }
        let names = TierRule.variables + ["year_spend"]
        for (column, name) in zip(variables + [yearSpend], names) {
            guard let column else { continue }
            guard column.count == buyers else { throw .unevenColumns }
            if let row = column.firstIndex(where: { !(abs($0) <= SegmentsColumns.greatest) }) {
                throw .notFinite(column: name, row: row)
            }
        }
    }
}

/// How the tiers are made.
package struct TiersConfig: Sendable, Equatable {
    /// Fewest buyers.
    package var minimumBuyers = 30
    /// Of the score, in the order of `TierRule.variables`: not negative, the first four not all 0.
    package var weights = [0.278, 0.108, 0.187, 0.286, 0.142]
    /// Four scores, ascending, above which the next tier begins; empty: quintiles of the buyers' scores.
    package var cuts: [Double] = []
    /// Learn the weights from the segmentation by value, where there is one.
    package var learnsWeights = false
    /// Which purchases the year's spend is of, in words; empty: all. It is shown and decides nothing.
    package var gradeCondition = ""
    package init() {}

    func check() throws(FitRefusal) {
        let sound = weights.allSatisfy { $0 >= 0 && $0 <= 1e6 } && weights.count == TierRule.variables.count
        guard sound, weights.prefix(4).contains(where: { $0 > 0 }) else {
            throw .badWeights
        }
        let ascends = zip(cuts, cuts.dropFirst()).allSatisfy { $0 < $1 } && cuts.allSatisfy(\.isFinite)
        guard cuts.isEmpty || cuts.count == TierRule.names.count - 1, ascends else {
            throw .badCuts
        }
    }
}

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
    /// Not 0 for buyers kept for judging: by a hash of the user.
    package var heldOut: UnsafeBufferPointer<UInt8>

    package init(
        daysSinceLast: UnsafeBufferPointer<Double>, frequency: UnsafeBufferPointer<Double>,
        monetaryValue: UnsafeBufferPointer<Double>, heldOut: UnsafeBufferPointer<UInt8>
    ) {
        self.daysSinceLast = daysSinceLast
        self.frequency = frequency
        self.monetaryValue = monetaryValue
        self.heldOut = heldOut
    }

    package var buyers: Int { heldOut.count }

    /// In the order of `TiersModel.variables`.
    var variables: [UnsafeBufferPointer<Double>] { [daysSinceLast, frequency, monetaryValue] }

    func check() throws(FitRefusal) {
        for (column, name) in zip(variables, TiersModel.variables) {
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
    package init() {}
}

/// Why there is no model: what is missing or impossible in the input.
package enum FitRefusal: Error, Equatable {
    case tooFewUsers(have: Int, need: Int)
    case tooFewIntervals(have: Int, need: Int)
    /// Buyers with a second purchase day.
    case tooFewRepeatBuyers(have: Int, need: Int)
    /// Repeat buyers whose purchases say what they were worth.
    case tooFewAmounts(have: Int, need: Int)
    /// Days.
    case horizonBeyondHistory(horizon: Int, history: Int)
    /// Everybody is the same in this.
    case noVariation(String)
    /// Amounts so far apart that their model has no mean.
    case noMeanAmount
    case noFeatures
    /// No user fell into the part kept for judging, or all did.
    case nothingHeldOut
    case nothingToLearnFrom
    /// A column holds NaN or an infinity; the name and the first such row.
    case notFinite(column: String, row: Int)
    /// Columns of different lengths.
    case unevenColumns
    /// A buyer's days do not ascend, or lie beyond the as-of day.
    case daysOutOfOrder(buyer: Int)
    /// Of the tiers: not five that are not negative, or none for what is known.
    case badWeights
    /// Of the tiers: not four that ascend.
    case badCuts
    case unknownModel(String)
    case malformed(CodingFailure)

    /// For a person.
    package var reason: String {
        switch self {
        case .tooFewUsers(let have, let need): "needs \(need) users, has \(have)"
        case .tooFewIntervals(let have, let need):
            "needs \(need) intervals between purchase days, has \(have)"
        case .tooFewRepeatBuyers(let have, let need): "needs \(need) buyers who bought again, has \(have)"
        case .tooFewAmounts(let have, let need):
            "needs \(need) buyers who bought again for a known amount, has \(have)"
        case .horizonBeyondHistory(let horizon, let history):
            "a horizon of \(horizon) days is longer than the history of \(history)"
        case .noVariation(let what): "\(what) is the same for all"
        case .noMeanAmount: "amounts lie so far apart that the Gamma-Gamma model has no mean (q ≤ 1)"
        case .noFeatures: "no features are configured"
        case .nothingHeldOut: "no user fell into the part kept for judging"
        case .nothingToLearnFrom: "every user fell into the part kept for judging"
        case .notFinite(let column, let row): "\(column) is not a finite number in row \(row)"
        case .unevenColumns: "columns differ in length"
        case .daysOutOfOrder(let buyer): "purchase days of buyer \(buyer) do not ascend to the as-of day"
        case .badWeights: "the weights of the tiers are five numbers, none negative and not all 0"
        case .badCuts: "the cuts of the tiers are four ascending numbers"
        case .unknownModel(let name): "no model is called \(name)"
        case .malformed(let failure): "malformed request: \(failure.reason)"
        }
    }
}

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
    /// A row whose label cannot be, such as a class that does not exist.
    case impossibleLabel(row: Int)
    /// What the library that trains had against it.
    case learner(String)
    /// Rows whose outcome is known.
    case tooFewRows(have: Int, need: Int)
    /// Rows with one of the outcomes.
    case tooFewOutcomes(label: UInt8, have: Int, need: Int)
    /// No column tells rows apart.
    case constantColumns
    /// A column holds what was not known yet at the anchor.
    case knownTooEarly(column: String, microseconds: Int64)
    /// A column by itself orders the outcomes all but perfectly, which nothing known before does.
    case tellsTheOutcome(column: String, area: Double)
    /// Too few rows of an outcome for a way to balance them.
    case cannotBalance(String)
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
        case .impossibleLabel(let row): "the label of row \(row) cannot be"
        case .learner(let reason): "the trees could not be trained: \(reason)"
        case .tooFewRows(let have, let need): "needs \(need) rows with a known outcome, has \(have)"
        case .tooFewOutcomes(let label, let have, let need):
            "needs \(need) rows with outcome \(label), has \(have)"
        case .constantColumns: "no feature differs between rows"
        case .knownTooEarly(let column, let microseconds):
            "\(column) holds what was known only \(Double(microseconds) / 1e6) s after the anchor"
        case .tellsTheOutcome(let column, let area):
            "\(column) by itself tells the outcome (area under its curve \(Gate.shown(area)))"
        case .cannotBalance(let way): "there are too few rows of an outcome for \(way)"
        case .unknownModel(let name): "no model is called \(name)"
        case .malformed(let failure): "malformed request: \(failure.reason)"
        }
    }
}

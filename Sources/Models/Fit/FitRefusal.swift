/// Why there is no model: what is missing or impossible in the input.
package enum FitRefusal: Error, Equatable {
    case tooFewUsers(have: Int, need: Int)
    case tooFewIntervals(have: Int, need: Int)
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
    /// A row whose label cannot be, such as a class that does not exist.
    case impossibleLabel(row: Int)
    /// What the library that trains had against it.
    case learner(String)
    case unknownModel(String)
    case malformed(CodingFailure)

    /// For a person.
    package var reason: String {
        switch self {
        case .tooFewUsers(let have, let need): "needs \(need) users, has \(have)"
        case .tooFewIntervals(let have, let need):
            "needs \(need) intervals between purchase days, has \(have)"
        case .noFeatures: "no features are configured"
        case .nothingHeldOut: "no user fell into the part kept for judging"
        case .nothingToLearnFrom: "every user fell into the part kept for judging"
        case .notFinite(let column, let row): "\(column) is not a finite number in row \(row)"
        case .unevenColumns: "columns differ in length"
        case .daysOutOfOrder(let buyer): "purchase days of buyer \(buyer) do not ascend to the as-of day"
        case .impossibleLabel(let row): "the label of row \(row) cannot be"
        case .learner(let reason): "the trees could not be trained: \(reason)"
        case .unknownModel(let name): "no model is called \(name)"
        case .malformed(let failure): "malformed request: \(failure.reason)"
        }
    }
}

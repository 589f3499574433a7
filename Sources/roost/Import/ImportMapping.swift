import Core

/// How the rows of a table become events: which column feeds which field, and what its values mean. The
/// presets are mappings, too, written as a person would write one.
struct ImportMapping: Equatable, Sendable {
    /// Of `1/2/2019`.
    enum DayOrder: String, CaseIterable, Sendable {
        case monthFirst = "month_first"
        case dayFirst = "day_first"
    }

    /// Rows whose column begins so are refunds.
    struct Refund: Equatable, Sendable {
        var columns: [String]
        var prefix: String
    }

    var encoding = TextEncoding.utf8
    /// Nil: told by the first line.
    var delimiter: Delimiter?
    /// Names of a file without a line of names; the list that has as many as the first row has fields.
    var columns: [[String]] = []
    var zone = Zone.utc
    var dayOrder = DayOrder.monthFirst
    /// Columns of an instant: epoch or text. The first that is not empty is the time.
    var instant: [String] = []
    /// Columns of a local day (and time of day), used where there is no instant.
    var date: [String] = []
    /// Columns of the time of day that belongs to `date`.
    var clock: [String] = []
    /// Field → columns, the first that is not empty.
    var fields: [String: [String]] = [:]
    /// Fields whose column may be missing from the file.
    var optional: Set<String> = []
    /// Field → its value where no column gives one.
    var constants: [String: String] = [:]
    /// Field → table of its values; `*` is any other, null is none.
    var values: [String: [String: String?]] = [:]
    /// Field → groups of numbers.
    var bands: [String: Bands] = [:]
    /// Rows of one user with the same value here are one event with items.
    var basket: [String] = []
    var refund: Refund?
    /// Event name of a row whose value is absent or 0.
    var nameWithoutValue: String?
    /// Level → columns of `item_category`.
    var levels: [String: [String]] = [:]
    /// Cells that mean nothing, besides empty ones.
    var absent: Set<String> = []
    /// Fields whose numbers a spreadsheet may have written as 17850.0.
    var whole: Set<String> = []
    /// At most one: how the second file is read.
    var services: [ImportMapping] = []

    /// What a mapping can fill: the contract's fields, an item's, and `amount`, what a row's item cost in all.
    static let knownFields: [String] =
        ["user", "name", "id", "value", "coupon", "discount", "discount_unit"] + texts
        + ["item_id", "item_category", "quantity", "price", "amount"]

    static let texts = [
        "device", "media", "type", "channel", "payment_method", "gender", "age_band", "region", "promo_code",
        "partner", "store", "search_term",
    ]
}

/// Groups of raw numbers: `under 20`, `20-29`, …, `60+`.
struct Bands: Equatable, Sendable {
    /// Ascending; each begins a group.
    var edges: [Int]
    /// The numbers are years of birth, and the age is that in the year of the event.
    var birthYears = false

    /// - Parameter year: of the event, local.
    /// - Returns: nil where the cell is no number and so, perhaps, a group already.
    func label(of cell: String, year: Int) throws(RowProblem) -> String? {
        let digits = birthYears ? cell.prefix { $0 != "-" && $0 != "/" && $0 != "." } : cell[...]
        guard let number = Double(digits), number.isFinite, abs(number) < 1e6 else { return nil }
        let age = birthYears ? year - Int(number) : Int(number.rounded(.down))
        guard (0...150).contains(age) else { throw RowProblem("\(cell) gives the age \(age)") }
        guard let above = edges.firstIndex(where: { age < $0 }) else { return "\(edges[edges.count - 1])+" }
        return above == 0 ? "under \(edges[0])" : "\(edges[above - 1])-\(edges[above] - 1)"
    }

    /// `20,30,40`: ascending and positive.
    static func edges(_ numbers: [Int]) -> [Int]? {
        guard let first = numbers.first, first > 0, numbers[numbers.count - 1] <= 150,
            zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        return numbers
    }
}

/// Why a row is not an event.
struct RowProblem: Error, Equatable {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

import Core

/// What a segmentation beside the first may look at: counts and sessions, purchases, how they were paid, and
/// who the user is.
///
/// What the purchases give rests on purchase days: those that are over where only what is decided counts. Lines
/// and amounts by method of payment, coupons, gender and age are as they have arrived.
package enum UserFeature: Sendable, Equatable {
    case visits(SegmentFeature)
    /// Days without an event, and since the first.
    case daysSinceLastEvent
    case daysSinceFirstEvent
    /// As the contract's RFM terms have them.
    case daysSinceLast
    case frequency
    case recencyDays
    case ageDays
    case monetaryValue
    /// At the horizon of the model in use; not a number while none is.
    case lifetimeValue
    /// Gross.
    case revenue
    case purchaseDays
    /// Revenue by purchase days.
    case dayMean
    /// Lines of all purchases; a purchase without items is one line.
    case itemLines
    /// Revenue by lines.
    case lineMean
    /// Amount by lines of what was paid with the method, and of all else; 0 without such lines.
    case methodLineMean(String)
    case otherLineMean(String)
    /// Lines paid with the method.
    case methodLines(String)
    /// Events that carry the method.
    case methodCount(String)
    case methodAmount(String)
    case couponsUsed
    /// 1 for women, 0 for men, ½ where it is not known.
    case gender
    /// Years, the middle of the band; 40 where it is not known.
    case age

    /// Nil where no feature has this name. Those of a method of payment have it after a colon:
    /// `method_count:card`.
    package init?(_ name: String) {
        if let feature = SegmentFeature(name) {
            self = .visits(feature)
            return
        }
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            self.init(String(parts[0]), method: String(parts[1]))
            return
        }
        switch name {
        case "days_since_last_event": self = .daysSinceLastEvent
        case "days_since_first_event": self = .daysSinceFirstEvent
        case "days_since_last": self = .daysSinceLast
        case "frequency": self = .frequency
        case "recency_d", "purchase_span_d": self = .recencyDays
        case "T_d": self = .ageDays
        case "monetary_value": self = .monetaryValue
        case "clv": self = .lifetimeValue
        case "revenue": self = .revenue
        case "purchase_days": self = .purchaseDays
        case "day_mean": self = .dayMean
        case "item_lines": self = .itemLines
        case "line_mean": self = .lineMean
        case "coupons_used": self = .couponsUsed
        case "gender": self = .gender
        case "age": self = .age
        default: return nil
        }
    }

    private init?(_ name: String, method: String) {
        switch name {
        case "method_line_mean": self = .methodLineMean(method)
        case "other_line_mean": self = .otherLineMean(method)
        case "method_lines": self = .methodLines(method)
        case "method_count": self = .methodCount(method)
        case "method_amount": self = .methodAmount(method)
        default: return nil
        }
    }

    /// The method of payment it asks about; nil where it asks about none.
    var method: String? {
        switch self {
        case .methodLineMean(let method), .otherLineMean(let method), .methodLines(let method),
            .methodCount(let method), .methodAmount(let method):
            method
        default: nil
        }
    }

    /// Whether only a buyer has it.
    package var needsPurchase: Bool {
        switch self {
        case .visits, .daysSinceLastEvent, .daysSinceFirstEvent, .couponsUsed, .gender, .age: false
        default: true
        }
    }
}

/// Numbers for what is said of a person.
enum Demographics {
    static let unknownGender = 0.5
    static let unknownAge = 40.0

    /// By the first letter of what English, German, French and Korean logs write.
    static func gender(_ text: String) -> Double {
        switch text.lowercased() {
        case "f", "female", "w", "woman", "weiblich", "femme", "여", "여성", "여자": 1
        case "m", "male", "man", "männlich", "homme", "남", "남성", "남자": 0
        default: unknownGender
        }
    }

    /// The middle of `40s`, `25-34`, `40대`; the number itself of `65+` and `37`.
    static func age(_ band: String) -> Double {
        let numbers = band.split { !$0.isASCII || !$0.isNumber }.prefix(2).compactMap { Double($0) }
        guard let first = numbers.first, first <= 150 else { return unknownAge }
        if numbers.count == 2, numbers[1] >= first, numbers[1] <= 150 { return (first + numbers[1]) / 2 }
        return band.hasSuffix("s") || band.hasSuffix("대") ? first + 5 : first
    }
}

/// What the churn model knows of a buyer at an instant; the order is that of the columns.
///
/// Windows and money are of whole calendar days that are over: those are decided to the last event, so that
/// nothing depends on the order in which events arrive.
package enum ChurnFeature: Int, CaseIterable, Sendable {
    // Events by name.
    case sessionStart, firstVisit, viewItem, addToCart, beginCheckout, purchase, refund, login, signUp, other
    case eventTotal
    /// Events of the last 7, 30 and 90 days before today, and their shares of all.
    case events7d, events30d, events90d, share7d, share30d, share90d
    case shortSessions, shortMean, longSessions, longMean
    case daysSinceLastEvent, daysSinceFirstEvent
    // Purchase days, in the words of the RFM literature.
    case frequency, recency, age, daysSinceLast
    case purchases30d, purchases90d
    case intervalMean, intervalDeviation
    /// Days since the last purchase day in units of the user's own mean interval; 0 without one.
    case cycles
    case revenue, meanValue, monetaryValue
    case couponUsed, couponNotUsed, couponClicked, couponUsedRatio
    /// Share of the events with a device whose device is `mobile`.
    case mobileShare
    /// 1 where it is so; both 0 where it is not known.
    case genderFemale, genderMale
    /// Decade in years, 0 where it is not known, as the second tells.
    case ageBand, ageKnown

    /// Name in the contract where it has one there.
    package var text: String {
        switch self {
        case .sessionStart, .firstVisit, .viewItem, .addToCart, .beginCheckout, .purchase, .refund, .login,
            .signUp, .other:
            EventNames.known[rawValue]
        case .eventTotal: "event_total"
        case .events7d: "events_7d"
        case .events30d: "events_30d"
        case .events90d: "events_90d"
        case .share7d: "share_7d"
        case .share30d: "share_30d"
        case .share90d: "share_90d"
        case .shortSessions: "short_sessions"
        case .shortMean: "short_mean_s"
        case .longSessions: "long_sessions"
        case .longMean: "long_mean_s"
        case .daysSinceLastEvent: "days_since_last_event"
        case .daysSinceFirstEvent: "days_since_first_event"
        case .frequency: "frequency"
        case .recency: "recency_d"
        case .age: "T_d"
        case .daysSinceLast: "days_since_last"
        case .purchases30d: "purchases_30d"
        case .purchases90d: "purchases_90d"
        case .intervalMean: "interval_mean_d"
        case .intervalDeviation: "interval_sd_d"
        case .cycles: "days_since_last_per_interval"
        case .revenue: "revenue"
        case .meanValue: "mean_value"
        case .monetaryValue: "monetary_value"
        case .couponUsed: "coupon_used"
        case .couponNotUsed: "coupon_not_used"
        case .couponClicked: "coupon_clicked"
        case .couponUsedRatio: "coupon_used_ratio"
        case .mobileShare: "mobile_share"
        case .genderFemale: "gender_f"
        case .genderMale: "gender_m"
        case .ageBand: "age_band"
        case .ageKnown: "age_known"
        }
    }

    /// Whether the newest it knows is a purchase, and not an event of any kind.
    var isOfPurchases: Bool { Self.purchaseFeatures.contains(self) }

    private static let purchaseFeatures: [ChurnFeature] = [
        .purchase, .frequency, .recency, .age, .daysSinceLast, .purchases30d, .purchases90d, .intervalMean,
        .intervalDeviation, .cycles, .revenue, .meanValue, .monetaryValue,
    ]

    package static let count = allCases.count
    package static let names = allCases.map(\.text)
}

/// What the cart model knows of a user at an add-to-cart or begin-checkout; the order is that of the columns.
///
/// Of the event's own day only what the stage history tells; everything else is of the days before, which
/// are decided to the last event.
package enum IntentFeature: Int, CaseIterable, Sendable {
    /// 1 at a begin-checkout.
    case checkout
    /// Of the event, in `clock.timezone`: 0–23, and 0 on a Monday.
    case hour, weekday
    /// Since the short session began.
    case sessionSeconds
    // Events of the session so far, this one included; of the stages at most the latest 64.
    case sessionViews, sessionCarts, sessionCheckouts, sessionPurchases
    case events7d, events30d, events90d
    case daysSinceFirstEvent
    case purchases, frequency, recency, age
    /// 0 for who never bought, as `bought` tells.
    case daysSinceLast
    case bought
    case purchases30d, purchases90d
    case intervalMean, cycles
    case revenue, meanValue

    /// Name in the contract where it has one there.
    package var text: String {
        switch self {
        case .checkout: "begin_checkout"
        case .hour: "hour"
        case .weekday: "weekday"
        case .sessionSeconds: "session_s"
        case .sessionViews: "session_view_item"
        case .sessionCarts: "session_add_to_cart"
        case .sessionCheckouts: "session_begin_checkout"
        case .sessionPurchases: "session_purchase"
        case .events7d: "events_7d"
        case .events30d: "events_30d"
        case .events90d: "events_90d"
        case .daysSinceFirstEvent: "days_since_first_event"
        case .purchases: "purchase"
        case .frequency: "frequency"
        case .recency: "recency_d"
        case .age: "T_d"
        case .daysSinceLast: "days_since_last"
        case .bought: "converted"
        case .purchases30d: "purchases_30d"
        case .purchases90d: "purchases_90d"
        case .intervalMean: "interval_mean_d"
        case .cycles: "days_since_last_per_interval"
        case .revenue: "revenue"
        case .meanValue: "mean_value"
        }
    }

    package static let count = allCases.count
    package static let names = allCases.map(\.text)
}

import Core

/// A user as a table of words and one of fractions, to hold two calculations against each other.
struct PlainView {
    var exact: [String: String] = [:]
    var fractions: [String: Double] = [:]

    init() {}

    /// What differs, or nil. Fractions may differ by 1e-9 of their size.
    func difference(from other: PlainView) -> String? {
        for key in Set(exact.keys).union(other.exact.keys).sorted() where exact[key] != other.exact[key] {
            return "\(key): \(exact[key] ?? "none") ≠ \(other.exact[key] ?? "none")"
        }
        for key in Set(fractions.keys).union(other.fractions.keys).sorted() {
            guard let mine = fractions[key], let theirs = other.fractions[key],
                abs(mine - theirs) <= 1e-9 * max(abs(mine), abs(theirs))
            else {
                return "\(key): \(fractions[key] ?? .nan) ≠ \(other.fractions[key] ?? .nan)"
            }
        }
        return nil
    }

    /// What the engine shows.
    init(_ view: UserView) {
        exact["first_seen"] = "\(view.firstSeen)"
        exact["last_seen"] = "\(view.lastSeen)"
        exact["event_total"] = "\(view.eventTotal)"
        exact["converted"] = "\(view.converted)"
        for event in view.events { exact["events.\(event.name)"] = "\(event.value)" }
        for main in view.main { exact["main.\(main.name)"] = main.value }
        for fact in view.profile { exact["profile.\(fact.name)"] = fact.value }
        exact["sessions.short"] = "\(view.shortSessions.count) \(view.shortSessions.totalMicroseconds)"
        exact["sessions.long"] = "\(view.longSessions.count) \(view.longSessions.totalMicroseconds)"
        for window in view.rolling {
            exact["rolling.\(window.days)d"] =
                "\(window.events) \(window.sessions) \(window.purchases) \(window.revenue)"
        }
        if let coupons = view.coupons {
            exact["coupon"] = "\(coupons.used) \(coupons.notUsed) \(coupons.clicked)"
        }
        if let refunds = view.refunds { exact["refunds"] = "\(refunds.count) \(refunds.value)" }
        for part in view.amountBy {
            for amount in part.value where amount.value != 0 {
                exact["amount_by.\(part.name).\(amount.name)"] = "\(amount.value)"
            }
        }
        if let purchases = view.purchases { describe(purchases) }
        if let rfm = view.rfm {
            exact["rfm"] = "\(rfm.frequency) \(rfm.recencyDays) \(rfm.ageDays) \(rfm.daysSinceLast)"
            fractions["rfm.monetary_value"] = rfm.monetaryValue
        }
        for (index, purchase) in view.recentPurchases.enumerated() {
            let items = purchase.items.map {
                PlainItem(id: $0.itemID, category: $0.category, quantity: $0.quantity, price: $0.price)
            }
            exact["recent.\(index)"] = "\(purchase.at) \(purchase.value) \(items)"
        }
    }

    private mutating func describe(_ purchases: UserView.Purchases) {
        exact["purchase"] =
            "\(purchases.count) \(purchases.days) \(purchases.revenue) \(purchases.first) \(purchases.last)"
        fractions["interval_mean"] = purchases.intervalMeanDays
        fractions["interval_sd"] = purchases.intervalDeviationDays
    }
}

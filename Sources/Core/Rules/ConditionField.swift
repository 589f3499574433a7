/// What a condition may ask about a user: the names of the user page, each with its type.
///
/// Counts and sums are 0 where the page leaves them out; everything else is then absent, and no comparison
/// with what is absent holds.
package enum ConditionField: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case eventTotal, event
    case shortCount, shortTotal, shortMean, longCount, longTotal, longMean
    case purchaseCount, purchaseDays, revenue, purchaseMean, intervalMean, intervalDeviation
    case refundCount, refundValue
    case frequency, recency, age, monetaryValue, daysSinceLast
    case daysSinceLastEvent, daysSinceFirstEvent
    case rollingEvents, rollingSessions, rollingPurchases, rollingRevenue
    case couponUsed, couponNotUsed, couponClicked, couponRatio
    case amountByCategory, amountByPayment, amountByChannel
    case converted
    case mainMedia, mainDevice, mainType, mainChannel, mainPayment
    case gender, ageBand, region
    case segmentID, segment, segmentAtLastPurchase
    /// The segment by another segmentation.
    case membership
    case tier, tierScore, tierBest, grade, rfmCell
    case churn, cartConversion
    case lifetimeValue, expectedPurchases, probabilityAlive
    case daysToRepurchase
    /// Probability that the user buys with no coupon: of what is in their cart, else of a buyer within the churn
    /// horizon.
    case buysAnyway
    /// Of the calendar, 1 to 12.
    case month
    /// Of the first item that is offered; only a coupon and a template know one.
    case itemID, itemCategory
    /// Purchases of late over what is expected of the item at this time of the year.
    case itemDemand
    case itemStock

    /// What its values are.
    package enum Kind: String, Sendable {
        case number
        case text
        /// True or false.
        case flag
    }

    package var kind: Kind {
        switch self {
        case .converted: .flag
        case .mainMedia, .mainDevice, .mainType, .mainChannel, .mainPayment, .gender, .ageBand, .region,
            .segment, .segmentAtLastPurchase, .membership, .tier, .tierBest, .grade, .rfmCell, .itemID,
            .itemCategory:
            .text
        default: .number
        }
    }

    /// Whether it is of the item that is offered, and not of the user.
    package var isOfItem: Bool {
        switch self {
        case .itemID, .itemCategory, .itemDemand, .itemStock: true
        default: false
        }
    }

    /// Values it can have, where they are known beforehand.
    package var values: [String]? {
        switch self {
        case .tier, .tierBest: Self.tiers
        case .grade: Self.grades
        default: nil
        }
    }

    /// As the models name them; a test holds them against those.
    package static let tiers = ["At Risk", "Bronze", "Silver", "Gold", "VIP"]
    package static let grades = ["G1", "G2", "G3", "VIP"]

    /// Names without an argument.
    package static let names: [String: ConditionField] = [
        "event_total": .eventTotal, "converted": .converted,
        "sessions.short.count": .shortCount, "sessions.short.total_s": .shortTotal,
        "sessions.short.mean_s": .shortMean, "sessions.long.count": .longCount,
        "sessions.long.total_s": .longTotal, "sessions.long.mean_s": .longMean,
        "purchase.count": .purchaseCount, "purchase.days": .purchaseDays, "purchase.revenue": .revenue,
        "purchase.mean_value": .purchaseMean, "purchase.interval_mean_d": .intervalMean,
        "purchase.interval_sd_d": .intervalDeviation, "purchase.refunds.count": .refundCount,
        "purchase.refunds.value": .refundValue,
        "rfm.frequency": .frequency, "rfm.recency_d": .recency, "rfm.T_d": .age,
        "rfm.monetary_value": .monetaryValue, "rfm.days_since_last": .daysSinceLast,
        "days_since_last_event": .daysSinceLastEvent, "days_since_first_event": .daysSinceFirstEvent,
        "coupon.used": .couponUsed, "coupon.not_used": .couponNotUsed, "coupon.clicked": .couponClicked,
        "coupon.used_ratio": .couponRatio,
        "main.media": .mainMedia, "main.device": .mainDevice, "main.type": .mainType,
        "main.channel": .mainChannel, "main.payment_method": .mainPayment,
        "profile.gender": .gender, "profile.age_band": .ageBand, "profile.region": .region,
        "segment.id": .segmentID, "segment.name": .segment,
        "segment_at_last_purchase": .segmentAtLastPurchase,
        "tier.name": .tier, "tier.score": .tierScore, "tier_best": .tierBest, "grade": .grade,
        "rfm_cell": .rfmCell,
        "predictions.churn": .churn, "predictions.churn.p": .churn,
        "predictions.cart_conversion": .cartConversion, "predictions.cart_conversion.p": .cartConversion,
        "predictions.clv": .lifetimeValue, "predictions.clv.value": .lifetimeValue,
        "predictions.clv.expected_purchases": .expectedPurchases,
        "predictions.clv.p_alive": .probabilityAlive,
        "predictions.repurchase": .daysToRepurchase, "predictions.repurchase.in_d": .daysToRepurchase,
        "buys_anyway": .buysAnyway, "month": .month, "item.id": .itemID, "item.category": .itemCategory,
        "item.demand": .itemDemand, "item.stock": .itemStock,
    ]

    /// Windows of `rolling`, by name.
    package static let windows: [String: UInt32] = ["1d": 1, "7d": 7, "30d": 30, "90d": 90]

    private static let rolling: [String: ConditionField] = [
        "events": .rollingEvents, "sessions": .rollingSessions, "purchases": .rollingPurchases,
        "revenue": .rollingRevenue,
    ]

    private static let amounts: [String: ConditionField] = [
        "category": .amountByCategory, "payment_method": .amountByPayment, "channel": .amountByChannel,
    ]

    /// A field with what it asks about: a window in days, or a name.
    package struct Reference: Sendable, Equatable {
        package var field: ConditionField
        package var window: UInt32 = 0
        /// Event, category, payment method, channel or segmentation.
        package var name: String?

        /// Why the segmentation that it asks about is none.
        ///
        /// - Parameter own: those configured beside the built-in ones; nil: any may be.
        func reasonAgainst(own: Set<String>?) -> String? {
            guard let own, field == .membership, let name, !own.contains(name),
                !SettingsKeys.segmentations.contains(name)
            else { return nil }
            let known = (SettingsKeys.segmentations + own).sorted().joined(separator: ", ")
            return "there is no segmentation \(name) in models.segmentations; there are \(known)"
        }
    }

    /// Finds what a path means; nil where the user page has no such name. Whether a segmentation of one's own is
    /// configured is another question: `Reference.reasonAgainst`.
    package static func find(_ path: [String]) -> Reference? {
        if let field = names[path.joined(separator: ".")] { return Reference(field: field) }
        if path.count == 2, path[0] == "events", !path[1].isEmpty {
            return Reference(field: .event, name: path[1])
        }
        guard path.count == 3 else { return nil }
        if path[0] == "segments", path[2] == "name", SettingsKeys.isSegmentation(path[1]) {
            return Reference(field: .membership, name: path[1])
        }
        if path[0] == "rolling", let window = windows[path[1]], let field = rolling[path[2]] {
            return Reference(field: field, window: window)
        }
        if path[0] == "amount_by", let field = amounts[path[1]], !path[2].isEmpty {
            return Reference(field: field, name: path[2])
        }
        return nil
    }

    /// What paths begin with, for a hint.
    package static let roots = [
        "amount_by", "buys_anyway", "converted", "coupon", "days_since_first_event", "days_since_last_event",
        "event_total",
        "events", "grade", "item", "main", "month", "predictions", "profile", "purchase", "rfm", "rfm_cell",
        "rolling",
        "segment", "segment_at_last_purchase", "segments", "sessions", "tier", "tier_best",
    ]
}

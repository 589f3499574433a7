package import Core

/// Writes a user as the contract's "One user" shows it: member names, their order, and what is left out.
///
/// Money is exact; a mean is the correctly rounded quotient of exact sums. Parts of the user that are empty
/// are left out; a purchase always has its `items`, be they none.
package struct UserEncoder: Sendable {
    package init() {}

    package func encode(_ user: UserView, into json: inout JSONWriter) {
        json.beginObject()
        json.key("user")
        json.value(utf8: user.user)
        json.key("first_seen")
        json.value(user.firstSeen)
        json.key("last_seen")
        json.value(user.lastSeen)
        json.key("event_total")
        json.value(user.eventTotal)
        json.counts("events", user.events)
        json.texts("main", user.main)
        json.key("converted")
        json.value(user.converted)
        sessions(user, into: &json)
        purchases(user, into: &json)
        if let rfm = user.rfm { encode(rfm, into: &json) }
        if let cell = user.rfmCell {
            json.key("rfm_cell")
            json.value(cell)
        }
        rolling(user.rolling, into: &json)
        if let coupons = user.coupons { encode(coupons, into: &json) }
        amounts(user.amountBy, into: &json)
        json.texts("profile", user.profile)
        if let segment = user.segment {
            json.key("segment")
            encode(segment, into: &json)
        }
        if !user.memberships.isEmpty { encode(user.memberships, into: &json) }
        if let tier = user.tier { encode(tier, into: &json) }
        for (name, text) in [
            ("grade", user.grade), ("tier_best", user.tierBest),
            ("segment_at_last_purchase", user.segmentAtLastPurchase),
        ] {
            guard let text else { continue }
            json.key(name)
            json.value(text)
        }
        predictions(user, into: &json)
        json.recommendations(of: user)
        recent(user.recentPurchases, into: &json)
        json.endObject()
    }

    private func encode(_ tier: UserView.Tier, into json: inout JSONWriter) {
        json.key("tier")
        json.beginObject()
        json.key("name")
        json.value(tier.name)
        json.key("score")
        json.value(tier.score)
        json.endObject()
    }

    private func sessions(_ user: UserView, into json: inout JSONWriter) {
        json.key("sessions")
        json.beginObject()
        json.key("short")
        encode(user.shortSessions, into: &json)
        json.key("long")
        encode(user.longSessions, into: &json)
        json.endObject()
    }

    private func encode(_ sessions: SessionsView, into json: inout JSONWriter) {
        json.beginObject()
        json.key("count")
        json.value(sessions.count)
        json.key("total_s")
        json.value(perMillion(sessions.totalMicroseconds, over: 1))
        json.key("mean_s")
        json.value(perMillion(sessions.totalMicroseconds, over: sessions.count))
        json.endObject()
    }

    private func purchases(_ user: UserView, into json: inout JSONWriter) {
        guard user.purchases != nil || user.refunds != nil else { return }
        json.key("purchase")
        json.beginObject()
        if let purchases = user.purchases { members(of: purchases, into: &json) }
        if let refunds = user.refunds {
            json.key("refunds")
            json.beginObject()
            json.key("count")
            json.value(refunds.count)
            json.key("value")
            json.value(millionths: refunds.value)
            json.endObject()
        }
        json.endObject()
    }

    private func members(of purchases: UserView.Purchases, into json: inout JSONWriter) {
        json.key("count")
        json.value(purchases.count)
        json.key("days")
        json.value(purchases.days)
        json.key("revenue")
        json.value(millionths: purchases.revenue)
        json.key("mean_value")
        json.value(perMillion(purchases.revenue, over: purchases.count))
        json.key("first")
        json.value(purchases.first)
        json.key("last")
        json.value(purchases.last)
        if let mean = purchases.intervalMeanDays {
            json.key("interval_mean_d")
            json.value(mean)
        }
        if let deviation = purchases.intervalDeviationDays {
            json.key("interval_sd_d")
            json.value(deviation)
        }
    }

    private func encode(_ rfm: UserView.RFM, into json: inout JSONWriter) {
        json.key("rfm")
        json.beginObject()
        json.key("frequency")
        json.value(rfm.frequency)
        json.key("recency_d")
        json.value(rfm.recencyDays)
        json.key("T_d")
        json.value(rfm.ageDays)
        json.key("monetary_value")
        json.value(rfm.monetaryValue)
        json.key("days_since_last")
        json.value(rfm.daysSinceLast)
        json.endObject()
    }

    private func rolling(_ windows: [RollingView], into json: inout JSONWriter) {
        guard !windows.isEmpty else { return }
        json.key("rolling")
        json.beginObject()
        for window in windows {
            json.key("\(window.days)d" as String)
            json.beginObject()
            json.key("events")
            json.value(window.events)
            json.key("sessions")
            json.value(window.sessions)
            json.key("purchases")
            json.value(window.purchases)
            json.key("revenue")
            json.value(millionths: window.revenue)
            json.endObject()
        }
        json.endObject()
    }

    private func encode(_ coupons: UserView.Coupons, into json: inout JSONWriter) {
        json.key("coupon")
        json.beginObject()
        json.key("used")
        json.value(coupons.used)
        json.key("not_used")
        json.value(coupons.notUsed)
        json.key("clicked")
        json.value(coupons.clicked)
        json.key("used_ratio")
        let total = coupons.used + coupons.notUsed + coupons.clicked
        if total > 0 { json.value(Double(coupons.used) / Double(total)) } else { json.null() }
        json.endObject()
    }

    private func amounts(_ dimensions: [Named<[Named<Int64>]>], into json: inout JSONWriter) {
        let filled = dimensions.filter { !$0.value.isEmpty }
        guard !filled.isEmpty else { return }
        json.key("amount_by")
        json.beginObject()
        for dimension in filled {
            json.key(dimension.name)
            json.beginObject()
            for amount in dimension.value {
                json.key(amount.name)
                json.value(millionths: amount.value)
            }
            json.endObject()
        }
        json.endObject()
    }

    private func encode(_ segment: UserView.Segment, into json: inout JSONWriter) {
        json.beginObject()
        members(of: segment, into: &json)
        json.endObject()
    }

    private func members(of segment: UserView.Segment, into json: inout JSONWriter) {
        json.key("id")
        json.value(segment.id)
        json.key("name")
        json.value(segment.name)
    }

    /// The segmentations beside the first, each with where its group should come to.
    private func encode(_ memberships: [UserView.Membership], into json: inout JSONWriter) {
        json.key("segments")
        json.beginObject()
        for membership in memberships {
            json.key(membership.segmentation)
            json.beginObject()
            members(of: membership.segment, into: &json)
            if let target = membership.target {
                json.key("target")
                json.beginObject()
                members(of: target, into: &json)
                if let distance = membership.distance {
                    json.key("distance")
                    json.value(distance)
                }
                json.endObject()
            }
            json.endObject()
        }
        json.endObject()
    }

    private func predictions(_ user: UserView, into json: inout JSONWriter) {
        guard
            user.churn != nil || user.cartConversion != nil || user.lifetimeValue != nil
                || user.repurchase != nil
        else { return }
        json.key("predictions")
        json.beginObject()
        if let churn = user.churn { encode(churn, as: "churn", of: user, into: &json) }
        if let conversion = user.cartConversion {
            encode(conversion, as: "cart_conversion", of: user, into: &json)
        }
        if let value = user.lifetimeValue { encode(value, into: &json) }
        if let repurchase = user.repurchase { encode(repurchase, of: user, into: &json) }
        json.endObject()
    }

    private func encode(
        _ probability: UserView.Probability, as name: StaticString, of user: UserView,
        into json: inout JSONWriter
    ) {
        json.key(name)
        json.beginObject()
        json.key("p")
        json.value(probability.p)
        TriggerEncoder.encode(probability.why, into: &json)
        encodeWords(probability.why, .probability, of: user, into: &json)
        json.endObject()
    }

    private func encode(_ value: UserView.LifetimeValue, into json: inout JSONWriter) {
        json.key("clv")
        json.beginObject()
        members(value.main, into: &json)
        json.key("p_alive")
        json.value(value.probabilityAlive)
        if !value.further.isEmpty {
            json.key("horizons")
            json.beginArray()
            for horizon in value.further {
                json.beginObject()
                members(horizon, into: &json)
                json.endObject()
            }
            json.endArray()
        }
        TriggerEncoder.encode(value.why, into: &json)
        json.endObject()
    }

    private func members(_ horizon: UserView.LifetimeValue.Horizon, into json: inout JSONWriter) {
        json.key("horizon_d")
        json.value(horizon.days)
        json.key("value")
        json.value(horizon.value)
        json.key("expected_purchases")
        json.value(horizon.expectedPurchases)
        if let scaled = horizon.scaled {
            json.key("scaled")
            json.value(scaled)
        }
    }

    private func encodeWords(
        _ why: [Trigger.Reason], _ effect: ReasonWords.Effect, of user: UserView, into json: inout JSONWriter
    ) {
        TriggerEncoder.encodeWords(
            why, ReasonWords(.init(user.language), effect: effect),
            usualGap: user.purchases?.intervalMeanDays,
            into: &json)
    }

    private func encode(_ repurchase: UserView.Repurchase, of user: UserView, into json: inout JSONWriter) {
        json.key("repurchase")
        json.beginObject()
        json.key("date")
        json.value(day: repurchase.date)
        json.key("p10")
        json.value(day: repurchase.p10)
        json.key("p90")
        json.value(day: repurchase.p90)
        TriggerEncoder.encode(repurchase.why, into: &json)
        encodeWords(repurchase.why, .date, of: user, into: &json)
        json.endObject()
    }

    private func recent(_ purchases: [PurchaseView], into json: inout JSONWriter) {
        guard !purchases.isEmpty else { return }
        json.key("recent_purchases")
        json.beginArray()
        for purchase in purchases {
            json.beginObject()
            json.key("at")
            json.value(purchase.at)
            json.key("value")
            json.value(millionths: purchase.value)
            json.key("items")
            json.beginArray()
            for item in purchase.items { encode(item, into: &json) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
    }

    private func encode(_ item: PurchaseItemView, into json: inout JSONWriter) {
        json.beginObject()
        json.key("item_id")
        json.value(item.itemID)
        if let name = item.name {
            json.key("item_name")
            json.value(name)
        }
        if let category = item.category {
            json.key("item_category")
            json.value(category)
        }
        json.key("quantity")
        json.value(millionths: item.quantity)
        if let price = item.price {
            json.key("price")
            json.value(millionths: price)
        }
        json.endObject()
    }
}

/// `millionths / 10⁶ / count`, rounded once where both sides are below 2⁵³; 0 where there is nothing.
func perMillion(_ millionths: Int64, over count: Int64) -> Double {
    count == 0 ? 0 : Double(millionths) / (Double(count) * 1_000_000)
}

extension JSONWriter {
    /// A member that is an object of counts; none where it is empty.
    mutating func counts(_ name: StaticString, _ members: [Named<Int64>]) {
        guard !members.isEmpty else { return }
        key(name)
        beginObject()
        for member in members {
            key(member.name)
            value(member.value)
        }
        endObject()
    }

    /// A member that is an object of strings; none where it is empty.
    mutating func texts(_ name: StaticString, _ members: [Named<String>]) {
        guard !members.isEmpty else { return }
        key(name)
        beginObject()
        for member in members {
            key(member.name)
            value(member.value)
        }
        endObject()
    }
}

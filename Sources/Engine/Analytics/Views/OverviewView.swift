package import Core
import Models

/// `GET /v1/analytics/overview`.
package enum OverviewView {
    /// What it is made of.
    package struct Parts: AnalyticsTotals {
        package var store = StoreTotals()
        package var days = DayTotals()
        package var values = ValueTotals()
        package var features = FeatureTotals()
        package var payments = FactTotals()
        package var lifetimeValue = LifetimeValueTotals()

        package init() {}

        package mutating func add(_ other: Parts) {
            store.add(other.store)
            days.add(other.days)
            values.add(other.values)
            features.add(other.features)
            payments.add(other.payments)
            lifetimeValue.add(other.lifetimeValue)
        }
    }

    /// - Parameter days: of the daily series, today the last.
    package static func answer(
        _ parts: Parts, names: EventNames, days: Int, _ frame: AnalyticsFrame
    ) -> JSONValue {
        frame.answer(
            "overview",
            [
                "totals": totals(parts), "events": events(parts, names),
                "purchase_values": values(parts.store.values),
                "features": features(parts.features), "payment_methods": payments(parts),
                "lifetime_value": parts.lifetimeValue.fields, "daily": daily(parts.days, days),
                "daily_by_payment_method": dailyPayments(parts, days),
            ])
    }

    private static func totals(_ parts: Parts) -> JSONValue {
        let sums = parts.days.totalSums
        let purchases = parts.days.total(of: Int(EventNames.purchase))
        return .fields([
            "events": .integer(parts.store.events), "users": .integer(parts.store.users),
            "buyers": .integer(parts.store.buyers), "sessions": .integer(sums.sessions),
            "purchases": .integer(purchases), "revenue": .money(sums.revenue),
            "refunds": .integer(parts.days.total(of: Int(EventNames.refund))),
            "refund_value": .money(sums.refundValue), "mean_value": .mean(sums.revenue, purchases),
            "mean_clv": .optional(parts.lifetimeValue.mean),
        ])
    }

    private static func events(_ parts: Parts, _ names: EventNames) -> JSONValue {
        var byName: [String: Int64] = [:]
        for code in 0..<AnalyticsLimits.dayNames {
            let count = parts.days.total(of: code)
            if count > 0 { byName[names.text(UInt16(code)), default: 0] += count }
        }
        var members: [JSONValue.Member] = [.init("name", shares(byName, of: parts.store.events))]
        for dimension in ValueTotals.dimensions {
            let counts = parts.values[dimension].mapValues(\.occurrences).filter { $0.value > 0 }
            members.append(.init(dimension.text, shares(counts, of: parts.store.events)))
        }
        return .object(members)
    }

    private static func shares(_ counts: [String: Int64], of events: Int64) -> JSONValue {
        .array(
            counts.ranked { $0 }.map { name, count in
                .fields([
                    "value": .string(name), "events": .integer(count), "share": .ratio(count, events),
                ])
            })
    }

    /// Raw, and as the segmentation transforms it; null before the first is adopted.
    private static func features(_ totals: FeatureTotals) -> JSONValue {
        guard let model = totals.model else { return .null }
        let rows = totals.sketches.enumerated().map { index, sketch -> JSONValue in
            return .object([.init("name", .string(totals.names[index]))]).merging(
                summary(sketch)
            ).with([
                "zero": .integer(sketch.nothing),
                "zero_transformed": .number(model.transformed(0, feature: index)),
                "histogram": .array(
                    sketch.histogram.map { bar in
                        .fields([
                            "from": .number(bar.from), "to": .number(bar.to),
                            "from_transformed": .number(model.transformed(bar.from, feature: index)),
                            "to_transformed": .number(model.transformed(bar.to, feature: index)),
                            "count": .integer(bar.count),
                        ])
                    }),
            ])
        }
        return .fields([
            "model": .string("segments@\(totals.version)"), "transform": .string(model.transform.text),
            "features": .array(rows),
        ])
    }

    private static func values(_ sketch: ValueSketch) -> JSONValue {
        summary(sketch).with([
            "relative_error": .number(ValueSketch.relativeError),
            "histogram": .array(
                sketch.histogram.map {
                    .fields([
                        "from": .number($0.from), "to": .number($0.to), "count": .integer($0.count),
                    ])
                }),
        ])
    }

    private static func summary(_ sketch: ValueSketch) -> JSONValue {
        let isEmpty = sketch.count == 0
        return .fields([
            "count": .integer(sketch.count), "mean": .optional(sketch.mean),
            "deviation": .optional(sketch.deviation), "min": isEmpty ? .null : .money(sketch.least),
            "q1": .optional(sketch.quantile(0.25)), "median": .optional(sketch.quantile(0.5)),
            "q3": .optional(sketch.quantile(0.75)), "max": isEmpty ? .null : .money(sketch.greatest),
        ])
    }

    /// Users by the method they pay with most.
    private static func payments(_ parts: Parts) -> JSONValue {
        let methods = parts.values[.paymentMethod]
        let purchases = methods.reduce(0) { $0 + $1.value.purchases }
        let users = methods.reduce(0) { $0 + $1.value.users }
        return .array(
            methods.ranked { $0.purchases }.map { name, totals in
                .fields([
                    "value": .string(name), "purchases": .integer(totals.purchases),
                    "share_of_purchases": .ratio(totals.purchases, purchases),
                    "revenue": .money(totals.revenue), "users": .integer(totals.users),
                    "share_of_users": .ratio(totals.users, users),
                ])
            })
    }

    /// Days of the last months by how purchases were paid, each as a share of the day's purchases and of its buyers by
    /// their first purchase.
    private static func dailyPayments(_ parts: Parts, _ wanted: Int) -> JSONValue {
        let cells = parts.payments.sums(.paymentDay) { key -> PaymentDay? in
            PaymentDay(
                day: MonthNumber.firstDay(of: key.month) + Int32(key.day - 1), method: key.value)
        }
        let days = parts.days
        let rows = cells.filter { days.today - $0.key.day < wanted }.sorted { a, b in
            a.key.day != b.key.day ? a.key.day < b.key.day : a.key.method.comesBefore(b.key.method)
        }
        return .array(
            rows.compactMap { key, cell in
                let row = Int(key.day - days.first)
                guard days.sums.indices.contains(row) else { return nil }
                return .fields([
                    "day": .day(key.day), "value": .string(key.method), "purchases": .integer(cell.count),
                    "share_of_purchases": .ratio(
                        cell.count, days.counts[row][Int(EventNames.purchase)]),
                    "revenue": .money(cell.revenue), "users": .integer(cell.buyers),
                    "share_of_users": .ratio(cell.buyers, days.sums[row].buyers),
                ])
            })
    }

    private struct PaymentDay: Hashable {
        var day: Int32
        var method: String
    }

    private static func daily(_ days: DayTotals, _ wanted: Int) -> JSONValue {
        let first = max(0, days.sums.count - wanted)
        return .array(
            days.sums.indices.dropFirst(first).map { row in
                let purchases = days.counts[row][Int(EventNames.purchase)]
                return .fields([
                    "day": .day(days.first + Int32(row)),
                    "events": .integer(days.counts[row].reduce(0, +)),
                    "visits": .integer(days.sums[row].sessions), "purchases": .integer(purchases),
                    "revenue": .money(days.sums[row].revenue),
                    "mean_value": .mean(days.sums[row].revenue, purchases),
                ])
            })
    }
}

extension Shard {
    package func overview() -> OverviewView.Parts {
        var parts = OverviewView.Parts()
        parts.store = storeTotals()
        parts.days = dayTotals()
        parts.values = valueTotals()
        parts.features = featureTotals()
        parts.payments = factTotals([.paymentDay])
        parts.lifetimeValue = lifetimeValueTotals()
        return parts
    }
}

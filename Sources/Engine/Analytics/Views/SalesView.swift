package import Core

/// `GET /v1/analytics/sales`: periods, what of them is unusual, and what a decline comes from.
package enum SalesView {
    package struct Parts: AnalyticsTotals {
        package var days = DayTotals()
        package var cohorts = CohortTotals()

        package init() {}

        package mutating func add(_ other: Parts) {
            days.add(other.days)
            cohorts.add(other.cohorts)
        }
    }

    package static func answer(_ given: Parts, _ frame: AnalyticsFrame) -> JSONValue {
        var parts = given
        parts.days = parts.days.throughToday()
        let months = Self.months(parts)
        let complete = months.filter(\.isComplete).suffix(2)
        let change = complete.count == 2 ? SalesChange(from: complete.first!, to: complete.last!) : nil
        return frame.answer(
            "sales",
            [
                "daily": .array(SalesPeriod.all(parts.days, by: .day).map(\.fields)),
                "weekly": .array(weekly(SalesPeriod.all(parts.days, by: .week))),
                "monthly": .array(months.map(\.fields)),
                "months_compared": change?.fields ?? .null,
                "decline": change.map { $0.isDecline ? $0.fields : .null } ?? .null,
            ])
    }

    /// Months with their distinct buyers.
    private static func months(_ parts: Parts) -> [SalesPeriod] {
        var buyers: [Int: Int64] = [:]
        for (key, cell) in parts.cohorts.cells { buyers[key.month, default: 0] += cell.buyers }
        return SalesPeriod.all(parts.days, by: .month).map { period in
            var month = period
            month.buyers = buyers[MonthNumber.of(period.from)] ?? 0
            return month
        }
    }

    /// Complete weeks before that a week is held against, and fewest.
    private static let weeksBefore = 8
    private static let weeksLeast = 4
    /// Deviations from the median beyond which a week is unusual.
    private static let unusual = 3.0

    /// Each week's revenue against the median of the complete weeks before it, in deviations as the median absolute
    /// deviation tells them (times 1.4826, which makes it that of a normal distribution).
    private static func weekly(_ weeks: [SalesPeriod]) -> [JSONValue] {
        weeks.indices.map { index in
            let before = weeks[..<index].filter(\.isComplete).suffix(weeksBefore).map {
                Double($0.sums.revenue)
            }
            var score: Double?
            if before.count >= weeksLeast, weeks[index].isComplete {
                let middle = median(before)
                let spread = 1.4826 * median(before.map { abs($0 - middle) })
                if spread > 0 { score = (Double(weeks[index].sums.revenue) - middle) / spread }
            }
            return weeks[index].fields.with([
                "unusual": .bool(abs(score ?? 0) > unusual), "score": .optional(score),
            ])
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// What days in a row add up to.
package struct SalesPeriod: Sendable {
    package enum Unit: Sendable {
        case day
        /// From Monday.
        case week
        case month
    }

    /// First and last day.
    package var from: Int32
    package var to: Int32
    /// All its days are over and known.
    package var isComplete: Bool
    package var sums = DaySums()
    package var signUps: Int64 = 0
    package var purchases: Int64 = 0
    package var refunds: Int64 = 0
    /// Distinct buyers; nil where they are not told.
    package var buyers: Int64?

    /// Every period that has a day that is held, in order.
    package static func all(_ days: DayTotals, by unit: Unit) -> [SalesPeriod] {
        var periods: [SalesPeriod] = []
        for row in days.sums.indices {
            let day = days.first + Int32(row)
            let (from, to) = bounds(of: day, unit)
            if periods.last?.from != from {
                let isKnown = from >= days.first && to < days.today
                periods.append(SalesPeriod(from: from, to: to, isComplete: isKnown))
            }
            periods[periods.count - 1].add(days, row)
        }
        return periods
    }

    private static func bounds(of day: Int32, _ unit: Unit) -> (Int32, Int32) {
        switch unit {
        case .day: return (day, day)
        case .week:
            let monday = day - Int32(LocalHour.weekday(day))
            return (monday, monday + 6)
        case .month:
            let date = CalendarDate(dayNumber: day)
            let first = day - Int32(date.day - 1)
            let next = CalendarDate(
                year: date.month == 12 ? date.year + 1 : date.year, month: date.month % 12 + 1, day: 1)
            return (first, next.dayNumber - 1)
        }
    }

    mutating func add(_ days: DayTotals, _ row: Int) {
        sums.add(days.sums[row])
        signUps += days.counts[row][Int(EventNames.signUp)]
        purchases += days.counts[row][Int(EventNames.purchase)]
        refunds += days.counts[row][Int(EventNames.refund)]
    }

    var fields: JSONValue {
        let fields = JSONValue.fields([
            "from": .day(from), "to": .day(to), "complete": .bool(isComplete),
            "visits": .integer(sums.sessions), "sign_ups": .integer(signUps),
            "first_purchases": .integer(sums.firstBuyers), "transactions": .integer(purchases),
            "revenue": .money(sums.revenue), "mean_value": .mean(sums.revenue, purchases),
            "conversion": .ratio(purchases, sums.sessions), "buyer_days": .integer(sums.buyers),
            "new_buyers": .integer(sums.firstBuyers),
            "returning_buyers": .integer(sums.buyers - sums.firstBuyers),
            "new_revenue": .money(sums.firstRevenue),
            "returning_revenue": .money(sums.revenue - sums.firstRevenue),
            "refunds": .integer(refunds), "refund_value": .money(sums.refundValue),
        ])
        guard let buyers else { return fields }
        return fields.with(["buyers": .integer(buyers)])
    }
}

/// What the change of revenue between two periods comes from: factors whose product revenue is, each with its part of
/// the change, which add up to it without a rest (logarithmic mean Divisia index; Ang 2005, Energy Policy 33, 867).
package struct SalesChange: Sendable {
    package let from: SalesPeriod
    package let to: SalesPeriod
    /// Visits, conversion, order value; nil where one of them is 0 in either.
    package let byVisits: [Double]?
    /// Buyers, purchases for each, order value.
    package let byBuyers: [Double]?

    package init(from: SalesPeriod, to: SalesPeriod) {
        self.from = from
        self.to = to
        byVisits = Self.parts(from, to, Double(from.sums.sessions), Double(to.sums.sessions))
        byBuyers = Self.parts(from, to, Double(from.buyers ?? 0), Double(to.buyers ?? 0))
    }

    /// Money.
    package var change: Double { Double(to.sums.revenue - from.sums.revenue) / 1e6 }
    package var isDecline: Bool { to.sums.revenue < from.sums.revenue }

    private static func parts(
        _ from: SalesPeriod, _ to: SalesPeriod, _ few: Double, _ many: Double
    ) -> [Double]? {
        let (old, new) = (Double(from.sums.revenue) / 1e6, Double(to.sums.revenue) / 1e6)
        let (oldCount, newCount) = (Double(from.purchases), Double(to.purchases))
        guard [old, new, oldCount, newCount, few, many].allSatisfy({ $0 > 0 }) else { return nil }
        let weight = old == new ? old : (new - old) / (logarithm(new) - logarithm(old))
        return [
            many / few, newCount / many / (oldCount / few), new / newCount / (old / oldCount),
        ].map { weight * logarithm($0) }
    }

    private static let factors = ["visits", "conversion", "order_value"]

    /// Factors of revenue: new over old, and their part of the change; revenue alone where a factor is 0.
    package var reasons: [Trigger.Reason] {
        let (old, new) = (Double(from.sums.revenue), Double(to.sums.revenue))
        guard let byVisits else {
            return [Trigger.Reason(feature: "revenue", value: old > 0 ? new / old : 0, contribution: change)]
        }
        let visits = Double(to.sums.sessions) / Double(from.sums.sessions)
        let purchases = Double(to.purchases) / Double(from.purchases)
        return zip(Self.factors, zip([visits, purchases / visits, new / old / purchases], byVisits)).map {
            Trigger.Reason(feature: $0, value: $1.0, contribution: $1.1)
        }
    }

    var fields: JSONValue {
        .fields([
            "from": from.fields, "to": to.fields, "change": .number(change),
            "by": named(byVisits, Self.factors),
            "by_buyers": named(byBuyers, ["buyers", "frequency", "order_value"]),
            "main": .optional(main.map { Self.factors[$0] }), "says": says,
            "sentence": .optional(sentence(in: "en")),
        ])
    }

    private func named(_ parts: [Double]?, _ names: [String]) -> JSONValue {
        guard let parts else { return .null }
        return .object(zip(names, parts).map { .init($0, .number($1)) })
    }

    /// The factor that moved revenue most its own way.
    private var main: Int? {
        guard let byVisits, change != 0 else { return nil }
        return byVisits.indices.max { a, b in
            (byVisits[a] * change, -a) < (byVisits[b] * change, -b)
        }
    }

    /// What the sentence says, without words: percent of the change, its main factor and that one's percent.
    private var said: (percent: Double, factor: Int, share: Int)? {
        guard let main, let byVisits else { return nil }
        let relative = (change / (Double(from.sums.revenue) / 1e6) * 1000).rounded() / 10
        return (relative, main, Int((byVisits[main] / change * 100).rounded()))
    }

    private var says: JSONValue {
        guard let said else { return .null }
        return .fields([
            "code": .string(change < 0 ? "revenue_fell" : "revenue_rose"),
            "percent": .number(abs(said.percent)),
            "factor": .string(Self.factors[said.factor]), "share": .integer(Int64(said.share)),
        ])
    }

    /// In plain words; of Korean and English, English where a language is neither.
    package func sentence(in language: String) -> String? {
        guard let said else { return nil }
        let percent = abs(said.percent)
        if language.hasPrefix("ko") {
            let factor = ["방문", "전환율", "주문 금액"][said.factor]
            let way = change < 0 ? "감소" : "증가"
            return "매출이 \(percent)% \(way)했습니다. 변화의 \(said.share)%는 \(factor)에서 왔습니다."
        }
        let factor = ["visits", "conversion", "order value"][said.factor]
        let way = change < 0 ? "fell" : "rose"
        return "Revenue \(way) by \(percent) %; \(factor) accounts for \(said.share) % of it."
    }
}

extension Shard {
    package func sales() -> SalesView.Parts {
        var parts = SalesView.Parts()
        parts.days = dayTotals()
        parts.cohorts = cohortTotals()
        return parts
    }
}

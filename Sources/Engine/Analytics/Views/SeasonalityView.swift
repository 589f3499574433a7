package import Core

/// `GET /v1/analytics/seasonality`: month, weekday and hour, of events, and of purchases by segment, category, channel.
package enum SeasonalityView {
    package struct Parts: AnalyticsTotals {
        package var days = DayTotals()
        package var hours = HourTotals()
        package var facts = FactTotals()

        package init() {}

        package mutating func add(_ other: Parts) {
            days.add(other.days)
            hours.add(other.hours)
            facts.add(other.facts)
        }
    }

    package static let kinds = ["segment", "category", "channel"]

    /// Cells by month, and by weekday and hour.
    static func kinds(by name: String) -> (dated: FactKind, rhythm: FactKind) {
        switch name {
        case "segment": (.segment, .segmentRhythm)
        case "category": (.category, .categoryRhythm)
        default: (.channel, .channelRhythm)
        }
    }

    /// - Parameter event: number and name of the events to count; nil: all.
    package static func answer(
        _ parts: Parts, event: (code: Int, name: String)?, by: String?, _ frame: AnalyticsFrame
    ) -> JSONValue {
        let hours = (0..<LocalHour.hours).map { hour(parts.hours, $0, event?.code) }
        let answer = frame.answer(
            "seasonality",
            [
                "event": .optional(event?.name),
                "hours": .array(
                    hours.indices.map { index in
                        JSONValue.fields([
                            "weekday": .integer(Int64(index / 24 + 1)), "hour": .integer(Int64(index % 24)),
                        ]).with(hours[index])
                    }),
                "weekdays": .array(
                    (0..<7).map { day in
                        let own = hours[day * 24..<day * 24 + 24]
                        return JSONValue.fields(["weekday": .integer(Int64(day + 1))]).with(Slot.sum(own))
                    }),
                "hours_of_day": .array(
                    (0..<24).map { hour in
                        let own = (0..<7).map { hours[$0 * 24 + hour] }
                        return JSONValue.fields(["hour": .integer(Int64(hour))]).with(Slot.sum(own))
                    }),
                "months": .array(months(parts.days, event?.code)), "by": .optional(by),
            ])
        guard let by else { return answer }
        return answer.with(["values": .array(values(parts.facts, by))])
    }

    /// Events, purchases and revenue of a stretch of the week.
    struct Slot {
        var events: Int64? = 0
        var purchases: Int64 = 0
        var revenue: Int128 = 0

        static func sum(_ slots: some Sequence<Slot>) -> Slot {
            slots.reduce(into: Slot()) { sum, slot in
                sum.events = sum.events.flatMap { own in slot.events.map { own + $0 } }
                sum.purchases += slot.purchases
                sum.revenue += slot.revenue
            }
        }
    }

    /// Names beyond those counted by hour have no number of their own.
    private static func hour(_ totals: HourTotals, _ hour: Int, _ code: Int?) -> Slot {
        let counts = totals.counts[hour]
        var events: Int64? = counts.reduce(0, +)
        if let code { events = code < counts.count ? counts[code] : nil }
        return Slot(
            events: events,
            purchases: counts[Int(EventNames.purchase)], revenue: totals.revenue[hour])
    }

    private static func months(_ days: DayTotals, _ code: Int?) -> [JSONValue] {
        var months: [(month: Int, slot: Slot, visits: Int64)] = []
        for row in days.sums.indices {
            let month = MonthNumber.of(days.first + Int32(row))
            if months.last?.month != month { months.append((month, Slot(), 0)) }
            let counts = days.counts[row]
            let slot = Slot(
                events: code.map { counts[min($0, counts.count - 1)] } ?? counts.reduce(0, +),
                purchases: counts[Int(EventNames.purchase)], revenue: days.sums[row].revenue)
            months[months.count - 1].slot = Slot.sum([months[months.count - 1].slot, slot])
            months[months.count - 1].visits += days.sums[row].sessions
        }
        return months.map { month in
            JSONValue.fields(["month": .month(month.month), "visits": .integer(month.visits)]).with(
                month.slot)
        }
    }

    private static func values(_ facts: FactTotals, _ by: String) -> [JSONValue] {
        let (dated, rhythm) = kinds(by: by)
        let name: (FactTotals.Key) -> String = { by == "segment" ? $0.segment ?? "none" : $0.value }
        let totals = facts.sums(dated) { name($0) }
        let months = facts.sums(dated) { Part(name: name($0), part: $0.month) }
        let slots = facts.sums(rhythm) { Part(name: name($0), part: $0.month) }
        return totals.ranked(\.revenue).map { value, cell in
            JSONValue.fields(["value": .string(value)]).with(cell).with([
                "months": .array(FactView.months(months, of: value)),
                "weekdays": .array(
                    (0..<7).map { .integer(slots[Part(name: value, part: $0)]?.count ?? 0) }),
                "hours": .array(
                    (0..<24).map {
                        .integer(slots[Part(name: value, part: FactKey.hours + $0)]?.count ?? 0)
                    }),
            ])
        }
    }

    struct Part: Hashable {
        var name: String
        var part: Int
    }
}

/// Cells of the table of purchases, as they are shown.
enum FactView {
    /// The months of one value, ascending.
    static func months(_ cells: [SeasonalityView.Part: FactCell], of value: String) -> [JSONValue] {
        cells.filter { $0.key.name == value }.sorted { $0.key.part < $1.key.part }.map {
            JSONValue.fields(["month": .month($0.key.part)]).with($0.value)
        }
    }
}

extension JSONValue {
    fileprivate func with(_ slot: SeasonalityView.Slot) -> JSONValue {
        with([
            "events": slot.events.map { .integer($0) } ?? .null, "purchases": .integer(slot.purchases),
            "revenue": .money(slot.revenue),
        ])
    }

    /// With what a cell counts.
    func with(_ cell: FactCell) -> JSONValue {
        with([
            "orders": .integer(cell.count), "quantity": .money(cell.quantity),
            "revenue": .money(cell.revenue),
        ])
    }
}

extension Shard {
    package func seasonality(by name: String?) -> SeasonalityView.Parts {
        var parts = SeasonalityView.Parts()
        parts.days = dayTotals()
        parts.hours = hourTotals()
        if let name {
            let kinds = SeasonalityView.kinds(by: name)
            parts.facts = factTotals([kinds.dated, kinds.rhythm])
        }
        return parts
    }
}

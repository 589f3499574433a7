import Core

/// The contract's words taken literally: everything that has arrived is kept, and each question sorts it
/// and walks through it. Shares no code with `Engine`.
struct PlainStore {
    struct Arrival {
        var event: PlainEvent
        var number: Int
        /// Older than `sessions.keep` when it came: a session of its own.
        var alone: Bool
        var late: Bool
    }

    static let knownNames = [
        "session_start", "first_visit", "view_item", "add_to_cart", "begin_checkout", "purchase", "refund",
        "login", "sign_up", "other",
    ]

    let settings: Settings
    private(set) var arrivals: [String: [Arrival]] = [:]
    /// In order of first appearance.
    private(set) var users: [String] = []
    private var customNames: [String] = []
    private(set) var now: Int64?
    /// Everything before it is closed.
    private(set) var frontier = Int64.min
    private(set) var events = 0
    private(set) var late = 0
    private(set) var duplicates = 0

    init(_ settings: Settings) { self.settings = settings }

    // MARK: Arrivals

    /// - Parameter wall: now, under the wall clock.
    mutating func take(_ event: PlainEvent, wall: Int64? = nil) {
        reach(wall ?? event.time)
        var event = event
        if !Self.knownNames.contains(event.name), !customNames.contains(event.name) {
            if customNames.count < settings.limits.customNames {
                customNames.append(event.name)
            } else {
                event.name = "other"
            }
        }
        if isRepeat(event) {
            duplicates += 1
            return
        }
        if arrivals[event.user] == nil { users.append(event.user) }
        let isLate = event.time < frontier
        let alone = event.time < (now ?? .min) - settings.sessions.keepMicroseconds
        arrivals[event.user, default: []].append(
            Arrival(event: event, number: events, alone: alone, late: isLate))
        events += 1
        if isLate { late += 1 }
    }

    private func isRepeat(_ event: PlainEvent) -> Bool {
        guard let id = event.id else { return false }
        return (arrivals[event.user] ?? []).contains {
            $0.event.id == id && abs($0.event.time - event.time) <= settings.dedupe.window
        }
    }

    /// Now moves; the watermark follows.
    mutating func reach(_ instant: Int64) {
        now = max(now ?? instant, instant)
        frontier = max(frontier, (now ?? instant) - settings.clock.allowedLateness)
    }

    /// `$advance`: closes everything up to and including an instant.
    mutating func advance(to instant: Int64) {
        now = max(now ?? instant, instant)
        frontier = max(frontier, instant + 1)
    }

    /// As if nothing of the user had ever come.
    mutating func erase(_ user: String) {
        arrivals[user] = nil
        users.removeAll { $0 == user }
    }

    func sorted(_ user: String) -> [Arrival] {
        (arrivals[user] ?? []).sorted {
            $0.event.time != $1.event.time ? $0.event.time < $1.event.time : $0.number < $1.number
        }
    }

    func day(_ time: Int64) -> Int64 {
        var offset = settings.clock.zone.offsets[0]
        for (start, value) in zip(settings.clock.zone.starts, settings.clock.zone.offsets) where start <= time
        {
            offset = value
        }
        let local = time + offset
        let quotient = local / Microseconds.day
        return local < quotient * Microseconds.day ? quotient - 1 : quotient
    }

    // MARK: One user

    func view(_ user: String) -> PlainView {
        let all = sorted(user)
        let events = all.map(\.event)
        var view = PlainView()
        guard let first = events.first, let last = events.last, let now else { return view }
        let today = day(now)
        view.exact["first_seen"] = "\(EventTime(microseconds: first.time))"
        view.exact["last_seen"] = "\(EventTime(microseconds: last.time))"
        view.exact["event_total"] = "\(events.count)"
        view.exact["converted"] = "\(events.contains { $0.name == "purchase" })"
        for (name, group) in Dictionary(grouping: events, by: \.name) {
            view.exact["events.\(name)"] = "\(group.count)"
        }
        for dimension in [Dimension.media, .device, .type, .channel, .paymentMethod] {
            if let value = mostFrequent(events, dimension) { view.exact["main.\(dimension.text)"] = value }
        }
        for dimension in [Dimension.gender, .ageBand, .region] {
            if let value = events.last(where: { $0.dimensions[dimension] != nil })?.dimensions[dimension] {
                view.exact["profile.\(dimension.text)"] = value
            }
        }
        let short = sessions(all, settings.sessions.shortGap)
        let long = sessions(all, settings.sessions.longGap)
        view.exact["sessions.short"] = "\(short.count) \(short.reduce(0) { $0 + $1.end - $1.start })"
        view.exact["sessions.long"] = "\(long.count) \(long.reduce(0) { $0 + $1.end - $1.start })"
        for days in [1, 7, 30, 90] as [Int64] {
            func inside(_ time: Int64) -> Bool { (today - days + 1...today).contains(day(time)) }
            let bought = events.filter { $0.name == "purchase" && inside($0.time) }
            view.exact["rolling.\(days)d"] =
                "\(events.filter { inside($0.time) }.count) \(short.filter { inside($0.start) }.count) "
                + "\(bought.count) \(bought.reduce(0) { $0 + ($1.value ?? 0) })"
        }
        describeCoupons(events, &view)
        describeRefunds(events, &view)
        describePurchases(events.filter { $0.name == "purchase" }, today, &view)
        return view
    }

    private func mostFrequent(_ events: [PlainEvent], _ dimension: Dimension) -> String? {
        var counts: [String: Int] = [:]
        for event in events { event.dimensions[dimension].map { counts[$0, default: 0] += 1 } }
        let most = counts.values.max()
        return events.compactMap { $0.dimensions[dimension] }.first { counts[$0] == most }
    }

    private func sessions(_ arrivals: [Arrival], _ gap: Int64) -> [(start: Int64, end: Int64)] {
        var runs: [(start: Int64, end: Int64)] = []
        for arrival in arrivals where !arrival.alone {
            let time = arrival.event.time
            if let last = runs.last, time - last.end <= gap {
                runs[runs.count - 1].end = time
            } else {
                runs.append((time, time))
            }
        }
        return runs + arrivals.filter(\.alone).map { ($0.event.time, $0.event.time) }
    }

    private func describeCoupons(_ events: [PlainEvent], _ view: inout PlainView) {
        let counts = [1, 2, 3].map { kind in events.filter { $0.coupon == kind }.count }
        if counts != [0, 0, 0] { view.exact["coupon"] = "\(counts[0]) \(counts[1]) \(counts[2])" }
    }

    private func describeRefunds(_ events: [PlainEvent], _ view: inout PlainView) {
        let refunds = events.filter { $0.name == "refund" }
        if refunds.isEmpty { return }
        view.exact["refunds"] = "\(refunds.count) \(refunds.reduce(0) { $0 + ($1.value ?? 0) })"
    }

    private func describePurchases(_ purchases: [PlainEvent], _ today: Int64, _ view: inout PlainView) {
        guard let first = purchases.first, let last = purchases.last else { return }
        let revenue = purchases.reduce(0) { $0 + ($1.value ?? 0) }
        let byDay = Dictionary(grouping: purchases) { day($0.time) }
        let days = byDay.keys.sorted()
        view.exact["purchase"] =
            "\(purchases.count) \(days.count) \(revenue) \(EventTime(microseconds: first.time)) "
            + "\(EventTime(microseconds: last.time))"
        let gaps = zip(days, days.dropFirst()).map { Double($1 - $0) }
        if !gaps.isEmpty {
            let mean = gaps.reduce(0, +) / Double(gaps.count)
            view.fractions["interval_mean"] = mean
            if gaps.count > 1 {
                let squares = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                view.fractions["interval_sd"] = (squares / Double(gaps.count - 1)).squareRoot()
            }
        }
        let firstDay = days[0]
        let lastDay = days[days.count - 1]
        view.exact["rfm"] =
            "\(days.count - 1) \(lastDay - firstDay) \(today - firstDay) \(today - lastDay)"
        let repeats = purchases.filter { day($0.time) != firstDay }.reduce(0) { $0 + ($1.value ?? 0) }
        view.fractions["rfm.monetary_value"] =
            gaps.isEmpty ? 0 : Double(repeats) / 1_000_000 / Double(gaps.count)
        describeAmounts(purchases, &view)
        for (index, purchase) in purchases.suffix(settings.limits.recentPurchases).reversed().enumerated() {
            view.exact["recent.\(index)"] =
                "\(EventTime(microseconds: purchase.time)) \(purchase.value ?? 0) \(purchase.items)"
        }
    }

    private func describeAmounts(_ purchases: [PlainEvent], _ view: inout PlainView) {
        var amounts: [String: Int64] = [:]
        for purchase in purchases {
            for dimension in [Dimension.channel, .paymentMethod] {
                guard let value = purchase.dimensions[dimension] else { continue }
                amounts["\(dimension.text).\(value)", default: 0] += purchase.value ?? 0
            }
            for item in purchase.items {
                guard let category = item.category, let price = item.price else { continue }
                amounts["category.\(category)", default: 0] += item.quantity * price / 1_000_000
            }
        }
        for (key, amount) in amounts where amount != 0 { view.exact["amount_by.\(key)"] = "\(amount)" }
    }
}

import Core

/// A captured row as the contract's words give it: features by name, and what came of it.
struct PlainRow {
    var user: String
    var anchor: Int64
    var features: [String: Double]
    var label: UInt8
}

/// The outcomes' rows, from the sorted events alone. Shares no code with `Engine`.
extension PlainStore {
    /// Rows of buyers at midnights of days that are multiples of the anchors' distance, where the horizon is over.
    func churnRows(_ user: String) -> [PlainRow] {
        let churn = settings.models.churn
        let horizon = churn.horizon ?? Settings.ChurnModel.firstHorizon
        let all = sorted(user).map(\.event)
        guard let first = all.first else { return [] }
        let step = churn.anchorEvery / Microseconds.day
        var rows: [PlainRow] = []
        for date in day(first.time)...day(frontier) where date % step == 0 {
            let anchor = settings.clock.zone.start(of: Int32(date)).microseconds
            let known = all.filter { $0.time < anchor }
            guard known.contains(where: { $0.name == "purchase" }), anchor + horizon <= frontier else {
                continue
            }
            let came = all.contains {
                $0.name == "purchase" && $0.time >= anchor && $0.time < anchor + horizon
            }
            rows.append(
                PlainRow(
                    user: user, anchor: anchor, features: churnFeatures(known, anchor), label: came ? 0 : 1))
        }
        return rows
    }

    /// Rows of carts and checkouts whose window is over, in the order of the user's events.
    func intentRows(_ user: String) -> [PlainRow] {
        let window = settings.models.highIntent.window
        let all = sorted(user).map(\.event)
        var rows: [PlainRow] = []
        for (index, event) in all.enumerated() {
            guard ["add_to_cart", "begin_checkout"].contains(event.name), event.time < frontier,
                event.time + window <= frontier
            else { continue }
            let came = all[(index + 1)...].contains {
                $0.name == "purchase" && $0.time < event.time + window
            }
            rows.append(
                PlainRow(
                    user: user, anchor: event.time, features: intentFeatures(Array(all[...index])),
                    label: came ? 1 : 0))
        }
        return rows
    }

    func churnFeatures(_ events: [PlainEvent], _ anchor: Int64) -> [String: Double] {
        let today = day(anchor)
        var row = windows(events, today)
        for name in Self.knownNames { row[name] = Double(events.filter { $0.name == name }.count) }
        row["event_total"] = Double(events.count)
        for days in [7, 30, 90] { row["share_\(days)d"] = row["events_\(days)d"]! / Double(events.count) }
        for (name, gap) in [("short", settings.sessions.shortGap), ("long", settings.sessions.longGap)] {
            let runs = runs(events, gap)
            let total = runs.reduce(0) { $0 + $1.last!.time - $1.first!.time }
            row["\(name)_sessions"] = Double(runs.count)
            row["\(name)_mean_s"] = Double(total) / 1e6 / Double(runs.count)
        }
        row["days_since_last_event"] = Double(anchor - events.last!.time) / 86_400e6
        row["days_since_first_event"] = Double(anchor - events.first!.time) / 86_400e6
        row.merge(purchases(events, today)) { $1 }
        row["purchase"] = Double(events.filter { $0.name == "purchase" }.count)
        let coupons = (1...3).map { kind in Double(events.filter { Int($0.coupon) == kind }.count) }
        row["coupon_used"] = coupons[0]
        row["coupon_not_used"] = coupons[1]
        row["coupon_clicked"] = coupons[2]
        row["coupon_used_ratio"] = coupons[0] / max(1, coupons.reduce(0, +))
        let gender = events.last { $0.dimensions[.gender] != nil }?.dimensions[.gender]
        row["gender_f"] = gender == "F" ? 1 : 0
        row["gender_m"] = gender == "M" ? 1 : 0
        let age = events.last { $0.dimensions[.ageBand] != nil }?.dimensions[.ageBand]
        let decade = age.flatMap { Double(String($0.prefix(1))) }
        row["age_band"] = (decade ?? 0) * 10
        row["age_known"] = decade == nil ? 0 : 1
        let devices = events.compactMap { $0.dimensions[.device] }
        row["mobile_share"] =
            devices.isEmpty ? 0 : Double(devices.filter { $0 == "mobile" }.count) / Double(devices.count)
        return row
    }

    func intentFeatures(_ events: [PlainEvent]) -> [String: Double] {
        let event = events.last!
        let today = day(event.time)
        var row = windows(events, today)
        row["begin_checkout"] = event.name == "begin_checkout" ? 1 : 0
        var offset: Int64 = 0
        for (start, value) in zip(settings.clock.zone.starts, settings.clock.zone.offsets)
        where start <= event.time || start == .min {
            offset = value
        }
        let hours = (event.time + offset) / Microseconds.hour
        row["hour"] = Double(hours % 24)
        row["weekday"] = Double((today + 3) % 7)
        let session = runs(events, settings.sessions.shortGap).last!
        row["session_s"] = Double(event.time - session.first!.time) / 1e6
        for name in ["view_item", "add_to_cart", "begin_checkout", "purchase"] {
            row["session_\(name)"] = Double(session.filter { $0.name == name }.count)
        }
        row["days_since_first_event"] = Double(event.time - events.first!.time) / 86_400e6
        row.merge(purchases(events, today)) { $1 }
        row["converted"] = events.contains { $0.name == "purchase" } ? 1 : 0
        for name in ["interval_sd_d", "monetary_value"] { row[name] = nil }
        return row
    }

    /// Events of the days before today.
    private func windows(_ events: [PlainEvent], _ today: Int64) -> [String: Double] {
        var row: [String: Double] = [:]
        for days in [7, 30, 90] as [Int64] {
            row["events_\(days)d"] = Double(
                events.filter { (today - days..<today).contains(day($0.time)) }.count)
        }
        return row
    }

    private func runs(_ events: [PlainEvent], _ gap: Int64) -> [[PlainEvent]] {
        var runs: [[PlainEvent]] = []
        for event in events {
            if let last = runs.last?.last, event.time - last.time <= gap {
                runs[runs.count - 1].append(event)
            } else {
                runs.append([event])
            }
        }
        return runs
    }

    /// Days up to the last purchase; counts and money of the days before today.
    private func purchases(_ events: [PlainEvent], _ today: Int64) -> [String: Double] {
        let bought = events.filter { $0.name == "purchase" }
        let days = Set(bought.map { day($0.time) }).sorted()
        let closed = bought.filter { day($0.time) < today }
        func revenue(_ purchases: [PlainEvent]) -> Double {
            Double(purchases.reduce(0) { $0 + ($1.value ?? 0) }) / 1e6
        }
        let gaps = zip(days, days.dropFirst()).map { Double($1 - $0) }
        let mean = gaps.isEmpty ? 0 : gaps.reduce(0, +) / Double(gaps.count)
        let squares = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let since = days.last.map { Double(today - $0) } ?? 0
        let repeats = closed.filter { day($0.time) != days[0] }
        let closedGaps = days.filter { $0 < today }.count - 1
        return [
            "purchase": Double(closed.count), "frequency": Double(max(0, days.count - 1)),
            "recency_d": Double((days.last ?? 0) - (days.first ?? 0)),
            "T_d": days.first.map { Double(today - $0) } ?? 0, "days_since_last": since,
            "purchases_30d": Double(closed.filter { day($0.time) >= today - 30 }.count),
            "purchases_90d": Double(closed.filter { day($0.time) >= today - 90 }.count),
            "interval_mean_d": mean,
            "interval_sd_d": gaps.count < 2 ? 0 : (squares / Double(gaps.count - 1)).squareRoot(),
            "days_since_last_per_interval": mean > 0 ? since / mean : 0,
            "revenue": revenue(closed),
            "mean_value": closed.isEmpty ? 0 : revenue(closed) / Double(closed.count),
            "monetary_value": closedGaps < 1 ? 0 : revenue(repeats) / Double(closedGaps),
        ]
    }
}

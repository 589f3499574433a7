import Core

/// What a random log should hold.
struct LogShape {
    var users = 8
    var events = 400
    var settings: Settings
    /// Share of events behind the watermark, within `sessions.keep`.
    var late = 0.0
    /// Share of events older than `sessions.keep`.
    var veryLate = 0.0
    /// Share of events that come out of order, but not late.
    var jitter = 0.3
    /// Share of events with an id, of which every third repeats one.
    var ids = 0.2
    var customNames = 3

    init(_ settings: Settings) { self.settings = settings }
}

/// A random log in the order of arrival: neighbours often stand exactly a gap or a delay apart.
func randomLog(_ shape: LogShape, seed: UInt64) -> [PlainEvent] {
    var random = Randomness(seed: seed)
    var generator = LogGenerator(shape)
    return (0..<shape.events).map { _ in generator.next(&random) }
}

private struct LogGenerator {
    let shape: LogShape
    var clock: Int64 = 1_711_800_000_000_000  // 2024-03-30T12:00:00Z
    var last: [String: Int64] = [:]
    var ids: [(user: String, id: String, time: Int64)] = []
    let distances: [Int64]

    init(_ shape: LogShape) {
        self.shape = shape
        let sessions = shape.settings.sessions
        let triggers = shape.settings.triggers
        let exact = [
            sessions.shortGap, sessions.shortGap, sessions.longGap, triggers.browseAbandoned.delay,
            triggers.cartAbandoned.delay, triggers.checkoutAbandoned.delay, triggers.dormant.delay,
            triggers.onboardingStalled.delay, triggers.churned.delay,
        ]
        distances = exact + exact.map { $0 + 1 } + exact.map { $0 - 1 } + [0, 0, 0, 1]
    }

    private mutating func step(_ random: inout Randomness, _ user: String) {
        let gap = shape.settings.sessions.shortGap
        if random.uniform() < 0.4, let before = last[user] {
            let wanted = before + distances[random.below(distances.count)]
            if wanted >= clock, wanted < clock + 100 * gap {
                clock = wanted
                return
            }
        }
        let steps = [0, 0, 1, gap / 60, gap / 60, gap / 3, gap / 3, gap, 3 * gap, 12 * gap, 48 * gap]
        clock += steps[random.below(steps.count)]
    }

    mutating func next(_ random: inout Randomness) -> PlainEvent {
        let user = "user-\(random.below(shape.users))"
        step(&random, user)
        var event = PlainEvent(user, eventTime(&random), name(&random))
        last[user] = max(last[user] ?? event.time, event.time)
        if event.name == "purchase" || event.name == "refund", random.below(5) > 0 {
            event.value = Int64(random.below(100_000)) * 10_000
        }
        if random.below(8) == 0 { event.coupon = UInt8(1 + random.below(3)) }
        for dimension in Dimension.allCases where random.below(3) == 0 {
            event.dimensions[dimension] = "\(dimension.text)-\(random.below(4))"
        }
        if event.name == "purchase" {
            event.items = (0..<random.below(4)).map { _ in item(&random) }
        }
        if random.uniform() < shape.ids { identify(&event, &random) }
        return event
    }

    private func eventTime(_ random: inout Randomness) -> Int64 {
        let lateness = shape.settings.clock.allowedLateness
        let keep = shape.settings.sessions.keepMicroseconds
        let drawn = random.uniform()
        if drawn < shape.veryLate {
            // Some right at the edge of what is kept.
            if random.below(3) == 0 { return clock - keep - Int64(random.below(3)) + 1 }
            return clock - keep - Int64(random.uniform() * Double(3 * keep))
        }
        if drawn < shape.veryLate + shape.late {
            let before = last.values.sorted()
            if random.below(3) == 0, !before.isEmpty {
                let near = before[random.below(before.count)] - distances[random.below(distances.count)]
                if near >= clock - keep, near <= clock { return near }
            }
            return clock - lateness - Int64(random.uniform() * Double(keep - lateness))
        }
        if drawn < shape.veryLate + shape.late + shape.jitter {
            return clock - Int64(random.uniform() * Double(lateness + 1))
        }
        return clock
    }

    private func name(_ random: inout Randomness) -> String {
        let names = [
            "session_start", "first_visit", "view_item", "view_item", "add_to_cart", "add_to_cart",
            "begin_checkout", "begin_checkout", "purchase", "refund", "login", "sign_up", "other",
        ]
        if shape.customNames > 0, random.below(10) == 0 {
            return "custom-\(random.below(shape.customNames))"
        }
        return names[random.below(names.count)]
    }

    private func item(_ random: inout Randomness) -> PlainItem {
        var item = PlainItem(id: "item-\(random.below(20))")
        item.quantity = Int64(1 + random.below(3)) * 1_000_000
        if random.below(3) > 0 { item.category = "category-\(random.below(5))" }
        if random.below(3) > 0 { item.price = Int64(random.below(5000)) * 1_000_000 }
        return item
    }

    private mutating func identify(_ event: inout PlainEvent, _ random: inout Randomness) {
        if random.below(3) == 0, let known = ids.last(where: { $0.user == event.user }) {
            event.id = known.id
            let window = shape.settings.dedupe.window
            let wanted = known.time + window + Int64(random.below(2))
            if random.below(2) == 0, wanted >= clock, wanted < clock + 2 * window {
                clock = wanted
                event.time = wanted
            }
        } else {
            event.id = "id-\(random.below(1_000_000))"
            ids.append((event.user, event.id ?? "", event.time))
        }
    }
}

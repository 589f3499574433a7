import Core

/// Sends users through other media and devices than their main ones now and then, without any user's main
/// one or any total of the shape changing.
///
/// Of a user's events always fewer than half are away, so that the main value is the most frequent one
/// whatever the others are.
struct SourceMixing {
    private let plan: UserPlan

    init(plan: UserPlan) { self.plan = plan }

    /// Runs of one user's events, and in them of one session.
    private static func sessionEnd(_ events: borrowing [PlannedEvent], from start: Int) -> Int {
        var end = start + 1
        while end < events.count, !events[end].opensSession { end += 1 }
        return end
    }

    /// Visits by desktop of those who mostly come by mobile, until the shape's number is reached.
    mutating func mixDevices(_ events: inout [PlannedEvent], _ randomness: inout Randomness) {
        var left = plan.shape.desktopEvents
        for event in events where event.isDesktop { left -= 1 }
        for chance in [0.06, 1] {
            var user = -1
            var allowance = 0
            var start = 0
            while start < events.count, left > 0 {
                let end = Self.sessionEnd(events, from: start)
                if events[start].user != user {
                    user = events[start].user
                    let isMobile = plan.flags[user].isDisjoint(with: [.desktop, .bot])
                    allowance =
                        isMobile && !wasMixed(events, user, start) ? (Int(plan.events[user]) - 1) / 2 : 0
                }
                if allowance > 0, randomness.uniform() < chance {
                    let taken = min(end - start, min(allowance, left))
                    for index in start..<start + taken { events[index].isDesktop = true }
                    left -= taken
                    allowance -= taken
                }
                start = end
            }
        }
    }

    /// In the second round: has been sent away already.
    private func wasMixed(_ events: borrowing [PlannedEvent], _ user: Int, _ start: Int) -> Bool {
        events[start..<start + Int(plan.events[user])].contains { $0.isDesktop }
    }

    /// Chooses sessions that come by another medium, then deals out exactly what each medium still lacks.
    mutating func mixMedia(_ events: inout [PlannedEvent], _ randomness: inout Randomness) {
        var lacking = plan.shape.media.map(\.events)
        let away = markAway(&events, &lacking, &randomness)
        settle(&lacking, total: away)
        var left = away
        var start = 0
        while start < events.count {
            let end = Self.sessionEnd(events, from: start)
            var index = start
            while index < end, events[index].isAway {
                var ball = randomness.below(left)
                var medium = 0
                while ball >= lacking[medium] {
                    ball -= lacking[medium]
                    medium += 1
                }
                // The rest of the session, or as much of it as the medium has left.
                while index < end, events[index].isAway, lacking[medium] > 0 {
                    events[index].medium = UInt8(medium)
                    lacking[medium] -= 1
                    left -= 1
                    index += 1
                }
            }
            start = end
        }
    }

    private func markAway(
        _ events: inout [PlannedEvent], _ lacking: inout [Int], _ randomness: inout Randomness
    ) -> Int {
        var away = 0
        var user = -1
        var allowance = 0
        var start = 0
        while start < events.count {
            let end = Self.sessionEnd(events, from: start)
            if events[start].user != user {
                user = events[start].user
                allowance = plan.flags[user].contains(.bot) ? 0 : (Int(plan.events[user]) - 1) / 2
            }
            if end - start <= allowance, randomness.uniform() < 0.3 {
                for index in start..<end { events[index].isAway = true }
                away += end - start
                allowance -= end - start
            } else {
                lacking[Int(events[start].medium)] -= end - start
            }
            start = end
        }
        return away
    }

    /// At small sizes a medium's users alone may have more than its events: others give way, of the same
    /// kind where they can.
    private func settle(_ lacking: inout [Int], total: Int) {
        for kind in [true, false] {
            let members = lacking.indices.filter { plan.shape.media[$0].isAd == kind }
            Self.cancel(&lacking, members)
        }
        Self.cancel(&lacking, Array(lacking.indices))
        let difference = total - lacking.reduce(0, +)
        precondition(difference == 0, "events by medium do not add up: \(difference)")
    }

    private static func cancel(_ lacking: inout [Int], _ members: [Int]) {
        var debt = 0
        for index in members where lacking[index] < 0 {
            debt -= lacking[index]
            lacking[index] = 0
        }
        for index in members.sorted(by: { lacking[$0] > lacking[$1] }) where debt > 0 {
            let given = min(debt, lacking[index])
            lacking[index] -= given
            debt -= given
        }
        if debt > 0, let first = members.first { lacking[first] -= debt }
    }
}

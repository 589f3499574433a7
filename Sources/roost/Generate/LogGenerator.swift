import Core

/// What `roost generate` was asked for.
struct GenerateRequest: Sendable, Equatable {
    var events = LogShape.published.events
    var users = LogShape.published.users
    var seed: UInt64 = 42
    /// First day of the log, days since 1970-01-01, and its length.
    var startDay = CalendarDate(year: 2024, month: 7, day: 1).dayNumber
    var days = 184
    var disturbances = Disturbances()
}

/// A synthetic log: the same request gives the same bytes.
struct LogGenerator {
    private let request: GenerateRequest
    private let shape: LogShape
    private let seasons: Seasons
    private let plan: EventPlan

    /// Plans the whole log. O(events log) time, 32 bytes an event at most.
    init(_ request: GenerateRequest) throws(GenerateFailure) {
        self.request = request
        shape = LogShape.published.scaled(events: request.events, users: request.users)
        seasons = Seasons(start: Int64(request.startDay) * Microseconds.day, days: request.days)
        var randomness = Randomness(seed: request.seed)
        let users = try UserPlan(shape: shape, randomness: &randomness)
        plan = try EventPlan(plan: users, seasons: seasons, randomness: &randomness)
    }

    /// Writes the lines, ordered by time but for what the disturbances do.
    ///
    /// - Parameter progress: called now and then with the number of events done.
    func write(to out: inout OutputBuffer, progress: (Int) -> Void = { _ in }) throws(SystemFailure) {
        var writer = LineWriter(shape: shape, seasons: seasons, ids: request.disturbances.ids)
        var chance = Randomness(seed: request.seed ^ 0xD157_04BA_4CE5)
        var held = HeldLines()
        for index in plan.events.indices {
            if index & 0xFFFF == 0 { progress(index) }
            let time = plan.events[index].time
            while let soonest = held.soonest, soonest <= time { try write(held.release(), &writer, &out) }
            if !holdBack(index, time, &held, &chance) { try write(index, &writer, &out) }
            try damage(&chance, &out)
        }
        while held.soonest != nil { try write(held.release(), &writer, &out) }
        try out.flush()
        progress(plan.events.count)
    }

    private func write(
        _ index: Int, _ writer: inout LineWriter, _ out: inout OutputBuffer
    ) throws(SystemFailure) {
        let event = plan.events[index]
        try writer.write(
            event, index: index, firstSeen: plan.firstSeen[event.user], values: plan.values, to: &out)
    }

    /// Decides whether a line comes late, and whether it comes once more.
    private func holdBack(
        _ index: Int, _ time: Int64, _ held: inout HeldLines, _ chance: inout Randomness
    ) -> Bool {
        let disturbances = request.disturbances
        guard disturbances.changesOrder else { return false }
        func later() -> Int64 { time + 1 + Int64(chance.uniform() * Double(disturbances.lateBy)) }
        if chance.uniform() < disturbances.repeated { held.hold(index, until: later()) }
        guard chance.uniform() < disturbances.late else { return false }
        held.hold(index, until: later())
        return true
    }

    private func damage(_ chance: inout Randomness, _ out: inout OutputBuffer) throws(SystemFailure) {
        guard request.disturbances.malformed > 0, chance.uniform() < request.disturbances.malformed
        else { return }
        try out.reserve(4096)
        out.append(MalformedLines.line(chance.next()))
        out.append(UInt8(ascii: "\n"))
    }
}

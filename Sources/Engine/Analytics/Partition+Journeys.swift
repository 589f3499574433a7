import Core

/// Journeys are counted as they are decided, in the order of event time; a late event has the user's recent ones
/// counted again.
extension Partition {
    /// The journey after a stage, whose further step is counted.
    ///
    /// - Parameter latest: number of the user's entry before, 0 none.
    @inline(__always)
    func journey(_ slot: Int, _ stage: Stage, _ time: Int64, after latest: UInt64) -> Journey {
        var before = Journey()
        var elapsed: Int64 = 0
        if latest != 0 {
            let last = stages.entry(lastInTime(latest)).pointee
            before = last.journey
            elapsed = time - last.time
        }
        let next = before.after(
            stage, elapsed: elapsed, hasBought: hasBought(slot, before: time), window: terms.funnelWindow)
        if next.isStep { countStep(slot, next.journey.depth - 1, next.journey.isAgain, 1) }
        return next.journey
    }

    /// Of a user's entries from one back, the one of the latest time: the first of those that came in their turn, which
    /// stand in the order of time, or a late one behind it.
    @inline(__always)
    private func lastInTime(_ latest: UInt64) -> UInt64 {
        stages.entry(latest).pointee.journey.isLate ? lastBehindLate(latest) : latest
    }

    @inline(never)
    private func lastBehindLate(_ latest: UInt64) -> UInt64 {
        var best = latest
        var number = latest
        while number != 0 {
            let entry = stages.entry(number).pointee
            if precedes(stages.entry(best).pointee, entry) { best = number }
            if !entry.journey.isLate { return best }
            number = stages.previous(number)
        }
        return best
    }

    @inline(__always)
    private func hasBought(_ slot: Int, before time: Int64) -> Bool {
        account(slot).map { $0.pointee.firstPurchase < time } ?? false
    }

    @inline(never)
    private func countStep(_ slot: Int, _ step: Int, _ isAgain: Bool, _ more: Int64) {
        analytics.journeys.add(JourneyRows.all, step: step, isAgain: isAgain, more)
        mains(users[slot]).forEach { dimension, value in
            analytics.journeys.add(
                UInt64(DimensionEntry.key(dimension: dimension, value: value)), step: step,
                isAgain: isAgain, more)
        }
    }

    /// A journey that is not over belongs to the user's main values as they are.
    func moveJourney(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, from old: UInt32, to new: UInt32,
        at time: Int64
    ) {
        let latest = stages.latest(user.pointee.stageLink)
        guard latest != 0 else { return }
        let entry = stages.entry(lastInTime(latest)).pointee
        guard
            entry.journey.isOpen(
                after: max(time, frontier, entry.time) - entry.time, window: terms.funnelWindow)
        else { return }
        for step in 0..<entry.journey.depth {
            for (value, more) in [(old, Int64(-1)), (new, 1)] {
                analytics.journeys.add(
                    UInt64(DimensionEntry.key(dimension: dimension, value: value)), step: step,
                    isAgain: entry.journey.isAgain, more)
            }
        }
    }

    // MARK: Late ones

    /// Counts a user's recent journeys again, with a late stage among them, and puts every entry right.
    ///
    /// - Parameters:
    ///   - late: the stage, which is not in the history yet.
    ///   - latest: number of the user's entry before.
    /// - Returns: the journey after the late one.
    func recount(_ slot: Int, _ late: StageEntry, after latest: UInt64) -> Journey {
        var known: [(number: UInt64, entry: StageEntry)] = []
        var number = latest
        // Of what is older some is forgotten: a late one that is left says nothing of what came after it.
        let oldest = frontier - terms.stageMemory - terms.stageDelays
        while number != 0, known.count < 4096 {
            let entry = stages.entry(number).pointee
            if entry.time >= oldest { known.append((number, entry)) }
            number = stages.previous(number)
        }
        known.sort { precedes($0.entry, $1.entry) }
        let place = known.firstIndex { precedes(late, $0.entry) } ?? known.count
        var all = known
        all.insert((0, late), at: place)
        // Where the late one is the first, no journey that has been forgotten reaches it.
        let before = walk(slot, known.map(\.entry), isSeeded: place > 0)
        let after = walk(slot, all.map(\.entry), isSeeded: place > 0)
        for step in 0..<Journey.steps {
            for isAgain in [false, true] {
                let more = after.steps.count(step, isAgain) - before.steps.count(step, isAgain)
                if more != 0 { countStep(slot, step, isAgain, more) }
            }
        }
        for (item, journey) in zip(all, after.journeys) where item.number != 0 {
            let entry = stages.entry(item.number)
            let isLate = entry.pointee.journey.isLate
            entry.pointee.journey = journey
            entry.pointee.journey.isLate = isLate
        }
        var own = after.journeys[place]
        own.isLate = true
        return own
    }

    private func precedes(_ a: StageEntry, _ b: StageEntry) -> Bool {
        a.time != b.time ? a.time < b.time : a.arrival < b.arrival
    }

    /// The journey after each of the entries, which are in the order of time, and the steps made in them.
    ///
    /// Who had bought when a journey began stays as it was known then.
    ///
    /// - Parameter isSeeded: the first stands as it was decided, and its step is not counted.
    private func walk(
        _ slot: Int, _ entries: [StageEntry], isSeeded: Bool
    ) -> (journeys: [Journey], steps: JourneyCell) {
        var journeys: [Journey] = []
        var steps = JourneyCell()
        for (index, entry) in entries.enumerated() {
            if index == 0, isSeeded {
                journeys.append(entry.journey)
                continue
            }
            let stage = Stage(rawValue: entry.stage) ?? .none
            let next = (journeys.last ?? Journey()).after(
                stage, elapsed: index == 0 ? 0 : entry.time - entries[index - 1].time,
                hasBought: entry.journey.isBegin
                    ? entry.journey.isAgain : hasBought(slot, before: entry.time),
                window: terms.funnelWindow)
            journeys.append(next.journey)
            if next.isStep { steps.add(step: next.journey.depth - 1, isAgain: next.journey.isAgain, 1) }
        }
        return (journeys, steps)
    }
}

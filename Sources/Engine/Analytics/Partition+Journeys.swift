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
            before = stages.entry(latest).pointee.journey
            elapsed = time - stages.entry(latest).pointee.time
        }
        let next = before.after(stage, elapsed: elapsed, hasBought: hasBought(slot, before: time))
        if next.isStep { countStep(slot, next.journey.depth - 1, next.journey.isAgain, 1) }
        return next.journey
    }

    @inline(__always)
    private func hasBought(_ slot: Int, before time: Int64) -> Bool {
        account(slot).map { $0.pointee.firstPurchase < time } ?? false
    }

    @inline(never)
    private func countStep(_ slot: Int, _ step: Int, _ isAgain: Bool, _ more: Int64) {
        analytics.journeys.add(JourneyRows.all, step: step, isAgain: isAgain, more)
        forEachMain(users[slot]) { dimension, value in
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
        let entry = stages.entry(latest).pointee
        guard entry.journey.isOpen(after: max(time, frontier) - entry.time) else { return }
        for step in 0..<entry.journey.depth {
            for (value, more) in [(old, Int64(-1)), (new, 1)] {
                analytics.journeys.add(
                    UInt64(DimensionEntry.key(dimension: dimension, value: value)), step: step,
                    isAgain: entry.journey.isAgain, more)
            }
        }
    }

    /// Counts a user's recent journeys again, with a late stage among them. The stage history reaches further back
    /// than a late event and a journey before it; what came before the history leaves no journey open there.
    ///
    /// - Parameters:
    ///   - entries: the user's, by time, the late one among them.
    ///   - late: that one.
    /// - Returns: the journey after all of them, as it stands with the late one.
    func recount(_ slot: Int, _ entries: [StageEntry], late: StageEntry) -> Journey {
        let before = walk(slot, entries.filter { $0.arrival != late.arrival })
        let after = walk(slot, entries)
        for step in 0..<Journey.steps {
            for isAgain in [false, true] {
                let more = after.steps.count(step, isAgain) - before.steps.count(step, isAgain)
                if more != 0 { countStep(slot, step, isAgain, more) }
            }
        }
        return after.journey.earlier(by: (entries.last?.time ?? late.time) - late.time)
    }

    /// The journey after entries in the order of time, and the steps made in them.
    private func walk(_ slot: Int, _ entries: [StageEntry]) -> (journey: Journey, steps: JourneyCell) {
        var journey = Journey()
        var steps = JourneyCell()
        var last: StageEntry?
        for entry in entries {
            guard let stage = Stage(rawValue: entry.stage) else { continue }
            let next = journey.after(
                stage, elapsed: entry.time - (last?.time ?? entry.time),
                hasBought: hasBought(slot, before: entry.time))
            journey = next.journey
            if next.isStep { steps.add(step: journey.depth - 1, isAgain: journey.isAgain, 1) }
            last = entry
        }
        return (journey, steps)
    }
}

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
        if next.isStep { countStep(slot, next.journey, 1) }
        return next.journey
    }

    @inline(__always)
    private func hasBought(_ slot: Int, before time: Int64) -> Bool {
        account(slot).map { $0.pointee.firstPurchase < time } ?? false
    }

    @inline(never)
    private func countStep(_ slot: Int, _ journey: Journey, _ more: Int64) {
        let (step, isAgain) = (journey.depth - 1, journey.isAgain)
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
        guard entry.journey.isOpen(after: time - entry.time) else { return }
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
    ///   - arrival: of the late one.
    /// - Returns: the journey after the last.
    func recount(_ slot: Int, _ entries: [StageEntry], late arrival: UInt64) -> Journey {
        _ = walk(slot, entries.filter { $0.arrival != arrival }, -1)
        return walk(slot, entries, 1)
    }

    /// Counts the steps of entries, by time.
    private func walk(_ slot: Int, _ entries: [StageEntry], _ more: Int64) -> Journey {
        var journey = Journey()
        var last: StageEntry?
        for entry in entries {
            guard let stage = Stage(rawValue: entry.stage) else { continue }
            let next = journey.after(
                stage, elapsed: entry.time - (last?.time ?? entry.time),
                hasBought: hasBought(slot, before: entry.time))
            if next.isStep { countStep(slot, next.journey, more) }
            journey = next.journey
            last = entry
        }
        return journey
    }
}

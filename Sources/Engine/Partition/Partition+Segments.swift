import Core
import Models

extension Partition {
    /// Measures of a user as they have arrived.
    func measures(_ slot: Int, into out: inout [Int64]) {
        let user = users[slot]
        for index in 0..<SegmentFeature.measureCount { out[index] = 0 }
        if user.pointee.nameCount > 0 {
            let names = pool.tail(user).names
            for index in 0..<Int(user.pointee.nameCount) {
                let code = Int(names[index].code)
                if code < EventNames.known.count { out[code] += Int64(names[index].count) }
            }
        }
        let sessions = EventNames.known.count
        out[sessions] = user.pointee.longTotal
        out[sessions + 1] = user.pointee.shortTotal
        out[sessions + 2] = Int64(user.pointee.longCount)
        out[sessions + 3] = Int64(user.pointee.shortCount)
    }

    /// Gathers what is not decided yet once for a sweep, which would else look through it for every user.
    func beginSweep() {
        var found: [Int: [UInt16]] = [:]
        for entry in pending.entries { found[Int(entry.slot), default: []].append(entry.code) }
        sweptUndecided = found
    }

    func endSweep() { sweptUndecided = nil }

    /// Takes away what has arrived but is not decided yet, so that the order of arrival does not show.
    func subtractUndecided(_ slot: Int, from out: inout [Int64]) {
        let user = users[slot]
        guard user.pointee.lastSeen > user.pointee.lastDecided, user.pointee.lastDecided != .min else {
            return
        }
        if let sweptUndecided {
            for code in sweptUndecided[slot] ?? [] where Int(code) < EventNames.known.count {
                out[Int(code)] -= 1
            }
        } else {
            for entry in pending.entries where Int(entry.slot) == slot {
                if Int(entry.code) < EventNames.known.count { out[Int(entry.code)] -= 1 }
            }
        }
        let sessions = EventNames.known.count
        let decided = decidedSessions(slot)
        out[sessions] = decided.longTotal
        out[sessions + 1] = decided.shortTotal
        out[sessions + 2] = decided.longCount
        out[sessions + 3] = decided.shortCount
    }

    /// Segment of a user by the model in use, from measures.
    private func segment(of measures: [Int64], _ point: inout [Double]) -> Int {
        guard let model = segments.model else { return -1 }
        for (index, feature) in segments.features.enumerated() {
            point[index] = Double(measures[feature.measure]) / feature.unit
        }
        return point.withUnsafeBufferPointer { Int(model.assign(features: $0.baseAddress.unsafelyUnwrapped)) }
    }

    // MARK: As events go by

    /// After each decided event: the session will close, and a count may have passed the bound.
    func watchSegment(_ slot: Int, _ event: PendingEntry) {
        armSessionClose(slot)
        let code = Int(event.code)
        guard code < EventNames.known.count, segments.bounds[code] < .infinity,
            terms.isEnabled(.botSuspected)
        else { return }
        let user = users[slot]
        if user.pointee.has(UserRecord.botDone) { return }
        let count = decidedCount(slot, event.code)
        if Double(count) <= segments.bounds[code] { return }
        user.pointee.flags |= UserRecord.botDone
        let feature = EventNames.known[code]
        let version = segments.version
        fire(.botSuspected, slot, due: event.time) { trigger in
            trigger.model = "segments@\(version)"
            trigger.why = [Trigger.Reason(feature: feature, value: Double(count))]
        }
    }

    private func decidedCount(_ slot: Int, _ code: UInt16) -> Int64 {
        let user = users[slot]
        var count: Int64 = 0
        let names = pool.tail(user).names
        for index in 0..<Int(user.pointee.nameCount) where names[index].code == code {
            count += Int64(names[index].count)
        }
        if Double(count) > segments.bounds[Int(code)], user.pointee.lastSeen > user.pointee.lastDecided {
            for entry in pending.entries where Int(entry.slot) == slot && entry.code == code { count -= 1 }
        }
        return count
    }

    func armSessionClose(_ slot: Int) {
        let user = users[slot]
        if user.pointee.has(UserRecord.sessionQueued) { return }
        user.pointee.flags |= UserRecord.sessionQueued
        push(.sessionClose, slot, max(user.pointee.lastDecided + terms.shortGap, decidedThrough))
    }

    /// A short session has closed: the user's segment is decided anew, and a buyer's tier.
    func closeSession(_ slot: Int, due: Int64) {
        closeSegment(slot, due: due)
        closeSessionInSegmentations(slot, due: due)
        closeTier(slot, due: due)
    }

    private func closeSegment(_ slot: Int, due: Int64) {
        guard segments.isFitted else { return }
        var measured = [Int64](repeating: 0, count: SegmentFeature.measureCount)
        measures(slot, into: &measured)
        var decided = measured
        subtractUndecided(slot, from: &decided)
        var point = [Double](repeating: 0, count: segments.features.count)
        place(slot, segment(of: decided, &point), measured, due: due)
    }

    /// Puts a user into a segment and says so where that is a move.
    private func place(_ slot: Int, _ id: Int, _ measured: [Int64], due: Int64) {
        let user = users[slot]
        let old = Int(user.pointee.segment) - 1
        if id == old { return }
        segments.move(
            from: old, to: id, measures: measured, converted: user.pointee.has(UserRecord.converted))
        user.pointee.segment = UInt16(id + 1)
        guard old >= 0 else { return }
        moved(slot, from: segments.name(old), to: segments.name(id), due: due)
    }

    private func moved(_ slot: Int, from: String, to: String, due: Int64, occurrence: Int = 0) {
        noteMove(from: from, to: to, at: due)
        let version = segments.version
        fire(.segmentMoved, slot, due: due) { trigger in
            trigger.occurrence = UInt32(occurrence)
            trigger.segment = to
            trigger.from = from
            trigger.to = to
            trigger.model = "segments@\(version)"
        }
        if !rules.movers.isEmpty {
            moved(slot, isTier: false, from: from, to: to, due: due, occurrence: occurrence)
        }
    }

    // MARK: Adoption

    /// Takes a segmentation into use and assigns every user; moves are decided at `instant`.
    func adoptSegments(_ bytes: [UInt8], version: Int, decidedOnly: Bool, instant: Int64) throws(StateError) {
        let hadModel = segments.isFitted
        let oldNames = (0..<SegmentState.idLimit).map { hadModel ? segments.name($0) : "" }
        preserveAll()
        try segments.adopt(bytes, version: version)
        analytics.features = [ValueSketch](repeating: ValueSketch(), count: segments.features.count)
        nameSegments()
        var measured = [Int64](repeating: 0, count: SegmentFeature.measureCount)
        var point = [Double](repeating: 0, count: segments.features.count)
        beginSweep()
        defer { endSweep() }
        for slot in 0..<users.count {
            let user = users[slot]
            if user.pointee.nameCount == 0 { continue }
            if decidedOnly, user.pointee.lastDecided == .min {
                user.pointee.segment = 0
                continue
            }
            measures(slot, into: &measured)
            var decided = measured
            if decidedOnly { subtractUndecided(slot, from: &decided) }
            noteFeatures(decided)
            let id = segment(of: decided, &point)
            segments.move(
                from: -1, to: id, measures: measured, converted: user.pointee.has(UserRecord.converted))
            let old = Int(user.pointee.segment) - 1
            user.pointee.segment = UInt16(id + 1)
            if old >= 0, oldNames[old] != segments.name(id) {
                moved(
                    slot, from: oldNames[old], to: segments.name(id), due: instant,
                    occurrence: segments.occurrence)
            }
            if user.pointee.lastDecided != .min,
                user.pointee.lastDecided + terms.shortGap >= decidedThrough,
                !user.pointee.has(UserRecord.sessionQueued)
            {
                user.pointee.flags |= UserRecord.sessionQueued
                push(.sessionClose, slot, user.pointee.lastDecided + terms.shortGap)
            }
            if id == SegmentState.outlierID, !user.pointee.has(UserRecord.botDone) {
                user.pointee.flags |= UserRecord.botDone
                fire(.botSuspected, slot, due: instant) { $0.model = "segments@\(version)" }
            }
        }
    }
}

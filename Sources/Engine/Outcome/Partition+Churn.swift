import Core
import Models

extension Partition {
    /// Users whose features are computed before their scores are.
    private static let sweepBlock = 256

    // MARK: Risk

    /// Takes a churn model into use and scores every buyer, as decided; risks are told at `instant`.
    func adoptChurn(_ bytes: [UInt8], version: Int, instant: Int64) throws(StateError) {
        preserveAll { $0.pointee.has(UserRecord.converted) }
        try churn.adopt(bytes, version: version)
        let undecided = UndecidedUsers(pending)
        var slots: [Int] = []
        var rows: [Float] = []
        for slot in 0..<users.count where users[slot].pointee.has(UserRecord.bought) {
            guard addChurnRow(slot, undecided[slot], &rows) else { continue }
            slots.append(slot)
            if slots.count == Self.sweepBlock { judge(&slots, &rows, instant) }
            awaitSessionClose(slot)
        }
        judge(&slots, &rows, instant)
    }

    private func addChurnRow(_ slot: Int, _ undecided: Undecided, _ rows: inout [Float]) -> Bool {
        let bought = scratchFeatures.withUnsafeMutableBufferPointer { row in
            churnFeatures(
                slot, .decided(undecided), at: decidedThrough, into: row.baseAddress.unsafelyUnwrapped)
        }
        if bought { rows.append(contentsOf: scratchFeatures[..<ChurnFeature.count]) }
        return bought
    }

    private func judge(_ slots: inout [Int], _ rows: inout [Float], _ instant: Int64) {
        for (place, probability) in churn.scores(rows).enumerated() {
            let start = place * ChurnFeature.count
            judgeRisk(
                slots[place], probability, due: instant, occurrence: churn.occurrence,
                row: { rows.withUnsafeBufferPointer { churn.row($0.baseAddress.unsafelyUnwrapped + start) } })
        }
        slots.removeAll(keepingCapacity: true)
        rows.removeAll(keepingCapacity: true)
    }

    /// A buyer's session that is not over yet will be looked at when it is.
    private func awaitSessionClose(_ slot: Int) {
        let user = users[slot]
        guard user.pointee.lastDecided != .min, user.pointee.lastDecided + terms.shortGap >= decidedThrough
        else { return }
        armSessionClose(slot)
    }

    /// A short session has closed: the risk is decided anew.
    func closeSessionRisk(_ slot: Int, due: Int64) {
        guard churn.isFitted, users[slot].pointee.has(UserRecord.bought) else { return }
        let undecided = undecided(slot)
        let row = scratchFeatures.withUnsafeMutableBufferPointer { row -> [Float]? in
            guard let base = row.baseAddress, churnFeatures(slot, .decided(undecided), at: due, into: base)
            else { return nil }
            return churn.row(base)
        }
        guard let row, let probability = churn.score(row) else { return }
        judgeRisk(slot, probability, due: due, occurrence: 0, row: { row })
    }

    /// Tells of a risk once, and again only after it has fallen below the lower threshold: so a probability
    /// that wavers around one of them does not tell every time.
    private func judgeRisk(
        _ slot: Int, _ probability: Double, due: Int64, occurrence: Int, row: () -> [Float]
    ) {
        let user = users[slot]
        if probability < terms.churnClear { user.pointee.flags &= ~UserRecord.churnRisk }
        guard probability >= terms.churnRisk, !user.pointee.has(UserRecord.churnRisk) else { return }
        user.pointee.flags |= UserRecord.churnRisk
        let (why, label) = (churn.reasons(row()), churn.label)
        fire(.churnRisk, slot, due: due) { trigger in
            trigger.occurrence = UInt32(occurrence)
            trigger.score = probability
            trigger.model = label
            trigger.why = why
        }
    }

    // MARK: What a page shows

    /// Probability that a buyer does not buy within the horizon, by what has arrived; nil for who never bought
    /// and without a model.
    func churnPrediction(_ slot: Int, at instant: Int64, explained: Bool) -> UserView.Probability? {
        guard churn.isFitted, users[slot].pointee.has(UserRecord.converted) else { return nil }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: ChurnFeature.count) { room in
            guard let base = room.baseAddress, churnFeatures(slot, .arrived, at: instant, into: base)
            else { return nil }
            let row = churn.row(base)
            return churn.score(row).map {
                UserView.Probability($0, why: explained ? churn.reasons(row) : [])
            }
        }
    }
}

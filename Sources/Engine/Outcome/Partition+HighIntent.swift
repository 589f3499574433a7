import Core
import Models

extension Partition {
    func adoptHighIntent(_ bytes: [UInt8], version: Int) throws(StateError) {
        // Who has nothing in a cart shows nothing of this model.
        preserveAll { $0.pointee.stageLink != 0 }
        try highIntent.adopt(bytes, version: version)
    }

    /// An add-to-cart or begin-checkout has been decided upon: it is kept for learning, and judged.
    func reachedCart(_ slot: Int, _ stage: Stage, _ time: Int64) {
        let captures = intents.isOn && intents.isSampled(captureHash(slot))
        guard captures || highIntent.isFitted else { return }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: IntentFeature.count) { room in
            guard let base = room.baseAddress else { return }
            intentFeatures(slot, stage, at: time, into: base)
            if captures {
                intents.append(slot, at: time, UnsafeBufferPointer(room), hash: { captureHash($0) })
            }
            if highIntent.isFitted { judgeIntent(slot, time, base) }
        }
    }

    /// Tells of a high intent once in a short session.
    private func judgeIntent(_ slot: Int, _ time: Int64, _ features: UnsafePointer<Float>) {
        let user = users[slot]
        let carts =
            features[IntentFeature.sessionCarts.rawValue] + features[IntentFeature.sessionCheckouts.rawValue]
        if carts <= 1 { user.pointee.flags &= ~UserRecord.intentTold }
        guard !user.pointee.has(UserRecord.intentTold), terms.isEnabled(.highIntent) else { return }
        let row = highIntent.row(features)
        guard let probability = highIntent.score(row), probability >= terms.highIntent else { return }
        user.pointee.flags |= UserRecord.intentTold
        let (why, label) = (highIntent.reasons(row), highIntent.label)
        fire(.highIntent, slot, due: time) { trigger in
            trigger.score = probability
            trigger.model = label
            trigger.why = why
        }
    }

    /// Probability that what is in a user's cart becomes a purchase within the window; nil without a pending
    /// cart or checkout, and without a model.
    func cartPrediction(_ slot: Int, explained: Bool) -> UserView.Probability? {
        guard highIntent.isFitted else { return nil }
        let latest = stages.latest(users[slot].pointee.stageLink)
        guard latest != 0 else { return nil }
        let entry = stages.entry(latest).pointee
        guard let stage = Stage(rawValue: entry.pending), stage == .cart || stage == .checkout else {
            return nil
        }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: IntentFeature.count) { room in
            guard let base = room.baseAddress else { return nil }
            intentFeatures(slot, stage, at: entry.pendingTime, into: base)
            let row = highIntent.row(base)
            return highIntent.score(row).map {
                UserView.Probability($0, why: explained ? highIntent.reasons(row) : [])
            }
        }
    }
}

import Core

extension Partition {
    // MARK: Buyers at anchors

    /// Someone's first purchase has been decided upon.
    func becameBuyer(_ slot: Int) {
        if anchors.isOn { anchors.consider(slot, hash: captureHash(slot)) }
    }

    /// By which users are sampled: of the id alone.
    func captureHash(_ slot: Int) -> UInt64 { StableHash.hash128(users.id(slot)).0 }

    /// Decides up to each instant at which something is captured or joined, and does it there: so what is
    /// captured knows everything before the instant and nothing else, wherever records are cut.
    func captureAnchors(through target: Int64) {
        anchors.skip(to: target, settings.zone)
        while anchors.nextInstant <= target {
            let instant = anchors.nextInstant
            if instant > frontier { decide(before: instant) }
            anchors.join(at: instant) { slot, since in
                (account(slot)?.pointee.lastPurchaseDecided ?? .min) >= since
            }
            if anchors.isAnchor(instant) { anchors.keep(captured(at: instant), settings.zone) }
        }
    }

    /// Features of the sampled buyers, everything before the instant being decided and nothing else.
    private func captured(at instant: Int64) -> AnchorSet {
        var set = AnchorSet(instant: instant)
        let slots = anchors.sample.slots
        guard !slots.isEmpty else { return set }
        let undecided = UndecidedUsers(pending)
        set.slots.reserveCapacity(slots.count)
        set.features.reserveCapacity(slots.count * ChurnFeature.count)
        for slot in slots {
            let bought = scratchFeatures.withUnsafeMutableBufferPointer { row in
                churnFeatures(
                    Int(slot), .decided(undecided[Int(slot)]), at: instant,
                    into: row.baseAddress.unsafelyUnwrapped)
            }
            guard bought, let account = account(Int(slot)) else { continue }
            set.slots.append(slot)
            set.features.append(contentsOf: scratchFeatures[..<ChurnFeature.count])
            set.eventLead = max(set.eventLead, users[Int(slot)].pointee.lastDecided - instant)
            set.purchaseLead = max(set.purchaseLead, account.pointee.lastPurchaseDecided - instant)
        }
        return set
    }

    /// Takes changed settings of what is captured; what was captured under others does not compare, and goes.
    func adoptOutcomes(_ changed: OutcomeSettings, before old: OutcomeSettings) {
        if !changed.capturesAnchors(like: old) {
            anchors = AnchorRows(changed)
            for slot in 0..<users.count where users[slot].pointee.has(UserRecord.bought) { becameBuyer(slot) }
            if anchors.isOn, frontier > EventTime.distantPast.microseconds {
                anchors.start(after: frontier, settings.zone)
            }
        }
        if changed.intentWindow != old.intentWindow || changed.intentRows != old.intentRows {
            intents = IntentRows(changed)
        }
    }
}

extension OutcomeSettings {
    /// Whether anchors fall as under others, and hold the same.
    func capturesAnchors(like other: OutcomeSettings) -> Bool {
        churnHorizon == other.churnHorizon && anchorDays == other.anchorDays && anchors == other.anchors
            && churnRows == other.churnRows
    }
}

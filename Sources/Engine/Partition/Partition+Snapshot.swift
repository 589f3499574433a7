import Core

extension Partition {
    private static let formatVersion: UInt32 = 8
    /// The one before, which ends with the captured rows: what came later begins where it is brought up.
    private static let formerVersion: UInt32 = 7

    /// The whole state, at `position`.
    ///
    /// - Parameter memory: is written into where it is large enough; its contents are dropped.
    func snapshot(reusing memory: consuming [UInt8] = []) -> [UInt8] {
        var out = ByteWriter(reusing: consume memory, capacity: byteCount + byteCount / 8)
        out.put(Self.formatVersion)
        out.put(UInt32(number))
        out.put(position)
        for value in [frontier, now, eventCount, lateCount, duplicateCount] { out.put(value) }
        out.put(arrivals)
        settings.write(to: &out)
        users.write(to: &out)
        accounts.write(to: &out)
        pool.write(to: &out)
        strings.write(to: &out)
        dedupe.write(to: &out)
        due.write(to: &out)
        pending.write(to: &out)
        pendingPurchases.write(to: &out)
        stages.write(to: &out)
        backFill.write(to: &out)
        segments.write(to: &out)
        repurchase.write(to: &out)
        tiers.write(to: &out)
        lifetimeValue.write(to: &out)
        tierTotals.write(to: &out)
        out.put(UInt64(segmentations.count))
        for segmentation in segmentations { segmentation.write(to: &out) }
        formerDelays.write(to: &out)
        churn.write(to: &out)
        highIntent.write(to: &out)
        anchors.write(to: &out)
        intents.write(to: &out)
        analytics.write(to: &out)
        items.write(to: &out)
        lines.write(to: &out)
        recommendations.write(to: &out)
        quantities.write(to: &out)
        followUps.write(to: &out)
        rules.write(to: &out)
        arbiter.write(to: &out)
        return out.bytes
    }

    /// Puts back what `snapshot` gave.
    convenience init(
        number: Int, snapshot: UnsafeRawBufferPointer, key: HashKey, storeKey: HashKey
    ) throws(StateError) {
        var input = ByteReader(snapshot)
        let version: UInt32 = try input.get()
        guard version == Self.formatVersion || version == Self.formerVersion else {
            throw StateError(
                "partition \(number): snapshot of format \(version), this build knows "
                    + "\(Self.formerVersion) and \(Self.formatVersion)")
        }
        let isWhole = version == Self.formatVersion
        let saved: UInt32 = try input.get()
        guard saved == UInt32(number) else {
            throw StateError("partition \(number): snapshot is of \(saved)")
        }
        let position: UInt64 = try input.get()
        var values: [Int64] = []
        for _ in 0..<5 { values.append(try input.get()) }
        let arrivals: UInt64 = try input.get()
        let settings = try EngineSettings(from: &input)
        self.init(number: number, settings: settings, key: key, storeKey: storeKey)
        self.position = position
        frontier = values[0]
        decidedThrough = values[0]
        now = values[1]
        eventCount = values[2]
        lateCount = values[3]
        duplicateCount = values[4]
        self.arrivals = arrivals
        users = try UserTable(from: &input, key: key)
        accounts = try Slab<AccountRecord>(from: &input)
        pool = try BlockPool(from: &input)
        strings = try StringTable(from: &input, key: key)
        dedupe = try DedupeSet(from: &input, limit: settings.dedupeIDs / Partitioning.count)
        due = try DueQueue(from: &input)
        pending = try Heap<PendingEntry>(from: &input)
        pendingPurchases = try Heap<PendingPurchase>(from: &input)
        if !isWhole { pendingPurchases.forEach { $0.items = 0 } }
        stages = try StageHistory(from: &input, hasJourneys: isWhole)
        backFill = try BackFill(from: &input)
        segments = try SegmentState(from: &input)
        repurchase = try ModelSlot(from: &input)
        tiers = try ModelSlot(from: &input)
        lifetimeValue = try ModelSlot(from: &input)
        tierTotals = try TierTotals(from: &input)
        for _ in 0..<(try input.count(of: 8)) {
            segmentations.append(try Segmentation(from: &input, users: users.count))
        }
        formerDelays = try FormerDelays(from: &input)
        churn = try OutcomeSlot(from: &input, ChurnFeature.names)
        highIntent = try OutcomeSlot(from: &input, IntentFeature.names)
        anchors = try AnchorRows(
            from: &input, settings.outcomes, zone: settings.zone, users: users.count)
        intents = try IntentRows(from: &input, settings.outcomes, users: users.count)
        if isWhole { try readOn(&input) }
        readyRules()
        nameDevices()
        guard input.remaining == 0 else {
            throw StateError("partition \(number): \(input.remaining) bytes too many in the snapshot")
        }
        try check()
        backFill.index()
    }

    /// What the former version did not have.
    private func readOn(_ input: inout ByteReader) throws(StateError) {
        analytics = try Analytics(from: &input)
        items = try ItemHistory(from: &input) { slot in
            guard slot < users.count, Int(users[slot].pointee.account) <= accounts.count else { return 0 }
            return users[slot].pointee.account
        }
        lines = try LineLog(
            from: &input, limit: settings.items.lines, users: users.count, strings: strings.count)
        recommendations = try RecommendationState(from: &input, settings.items)
        quantities = try QuantityRows(from: &input, strings: strings.count)
        followUps = try FollowUps(from: &input, settings.outcomes, users: users.count)
        rules = try RuleBook(from: &input, settings.declared, users: users.count)
        arbiter = try Arbiter(from: &input, settings.declared, users: users.count)
    }

    /// Takes changed settings: timers are set anew for everybody they may move for.
    func adopt(_ changed: EngineSettings) {
        let old = settings
        settle(changed)
        dedupe.setLimit(changed.dedupeIDs / Partitioning.count)
        if old.outcomes != changed.outcomes { adoptOutcomes(changed.outcomes, before: old.outcomes) }
        if old.items != changed.items { adoptItems(changed.items, before: old.items) }
        followUps.adopt(changed.outcomes)
        if old.declared != changed.declared { adoptRules(changed.declared, before: old.declared) }
        guard old.rules != changed.rules else { return }
        formerDelays.ended(old.rules.map(\.delay), at: frontier)
        // Their timers are queued anew below.
        due.removeAll { [TimerKind.dormant, .churned, .winBack].map(\.rawValue).contains($0.kind) }
        for slot in 0..<users.count where users[slot].pointee.lastDecided != .min { rearm(slot) }
    }

    private func rearm(_ slot: Int) {
        let user = users[slot]
        user.pointee.flags &= ~(UserRecord.dormantQueued | UserRecord.churnQueued | UserRecord.winBackQueued)
        if !user.pointee.has(UserRecord.bought), !user.pointee.has(UserRecord.dormantDone) {
            armDormant(slot)
        }
        if let account = account(slot), account.pointee.lastPurchaseDecided != .min {
            let churned = user.pointee.has(UserRecord.churnDone)
            let wonBack = user.pointee.has(UserRecord.winBackDone)
            armAfterPurchase(slot)
            if churned { user.pointee.flags |= UserRecord.churnDone }
            if wonBack { user.pointee.flags |= UserRecord.winBackDone }
        }
        if let account = account(slot), account.pointee.pendingSignUp != .min {
            armOnboarding(slot, account.pointee.pendingSignUp)
        }
        let latest = stages.latest(user.pointee.stageLink)
        if latest != 0, let stage = Stage(rawValue: stages.entry(latest).pointee.pending), stage != .none {
            let instant =
                stages.entry(latest).pointee.pendingTime + terms.delay(stage.rule ?? .browseAbandoned)
            if instant >= decidedThrough {
                pushStageTimer(stage, slot, stages.entry(latest).pointee.pendingTime)
            } else {
                stages.entry(latest).pointee.pending = 0
            }
        }
    }
}

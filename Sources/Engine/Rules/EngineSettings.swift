package import Core

/// The part of the settings that state follows from. It is written to the journal when it changes, so
/// that a replay decides as the daemon did.
package struct EngineSettings: Sendable, Equatable {
    package var clockMode: ClockModeCode = .wall
    package var allowedLateness: Int64 = 0
    package var zone = Zone.utc
    package var shortGap: Int64 = 0
    package var longGap: Int64 = 0
    package var keep: Int64 = 0
    package var dedupeWindow: Int64 = 0
    package var maxAge: Int64 = 0
    package var dedupeIDs = 0
    package var customNames = 0
    package var valuesPerDimension = 0
    package var recentPurchases = 0
    /// Indexed by the rule's raw value: enabled, delay. That of `replenish_due` is how far ahead its forecast looks;
    /// 0: the item's own interval decides.
    package var rules: [RuleSetting] = []
    /// Instants of scheduled refits under the event clock: distance and offset from midnight; nil: none.
    package var refitEvery: Int64?
    package var refitAt: Int64 = 0
    package var outcomes = OutcomeSettings()
    package var items = ItemSettings()
    /// Declared rules, and what is common to all.
    package var declared = RuleSettings()
    /// From the first step of a journey to the last.
    package var funnelWindow = Settings.Analytics.defaultFunnelWindow
    /// Which purchases count for the grade; nil: all.
    package var gradeCondition: Settings.GradeCondition?

    package enum ClockModeCode: UInt8, Sendable {
        case wall = 0
        case event = 1
    }

    package struct RuleSetting: Sendable, Equatable {
        package var enabled: Bool
        package var delay: Int64
    }

    package init(_ settings: Settings) {
        clockMode = settings.clock.mode == .wall ? .wall : .event
        allowedLateness = settings.clock.allowedLateness
        zone = settings.clock.zone
        shortGap = settings.sessions.shortGap
        longGap = settings.sessions.longGap
        keep = settings.sessions.keepMicroseconds
        dedupeWindow = settings.dedupe.window
        maxAge = settings.triggers.maxAge
        dedupeIDs = settings.limits.dedupeIDs
        customNames = settings.limits.customNames
        valuesPerDimension = settings.limits.valuesPerDimension
        recentPurchases = settings.limits.recentPurchases
        rules = [RuleSetting](
            repeating: RuleSetting(enabled: true, delay: 0), count: Self.highestRule + 1)
        let triggers = settings.triggers
        for (rule, setting) in [
            (BuiltInRule.browseAbandoned, triggers.browseAbandoned),
            (.cartAbandoned, triggers.cartAbandoned), (.checkoutAbandoned, triggers.checkoutAbandoned),
            (.churned, triggers.churned), (.winBack, triggers.winBack), (.dormant, triggers.dormant),
            (.onboardingStalled, triggers.onboardingStalled), (.welcome, triggers.welcome),
            (.repurchaseDue, triggers.repurchaseDue), (.segmentMoved, triggers.segmentMoved),
            (.botSuspected, triggers.botSuspected), (.tierChanged, triggers.tierChanged),
            (.churnRisk, triggers.churnRisk), (.highIntent, triggers.highIntent),
            (.replenishDue, triggers.replenishDue),
        ] {
            rules[Int(rule.rawValue)] = RuleSetting(enabled: setting.enabled, delay: setting.delay)
        }
        if triggers.replenishFrom == "forecast" {
            rules[Int(BuiltInRule.replenishDue.rawValue)].delay = triggers.replenishHorizon
        }
        if settings.clock.mode == .event, let schedule = settings.models.schedule {
            refitEvery = schedule.every
            refitAt = schedule.at
        }
        outcomes = OutcomeSettings(settings)
        items = ItemSettings(settings)
        declared = RuleSettings(settings.triggers)
        funnelWindow = settings.analytics.funnelWindow
        gradeCondition = settings.models.tiers.gradeCondition
    }

    /// Whether both mean the same, whichever names of events were known when they were written.
    package func isSame(as other: EngineSettings) -> Bool {
        var copy = other
        copy.declared.codes = declared.codes
        return self == copy
    }

    private static let highestRule = Int(BuiltInRule.allCases.map(\.rawValue).max() ?? 0)

    @inline(__always)
    func delay(_ rule: BuiltInRule) -> Int64 { rules[Int(rule.rawValue)].delay }

    @inline(__always)
    func isEnabled(_ rule: BuiltInRule) -> Bool { rules[Int(rule.rawValue)].enabled }

    /// How old a stage event may be and still be judged by the user's history: as old as one that joins a
    /// session, or one that is due yet.
    var stageMemory: Int64 {
        max(keep, delay(.browseAbandoned), delay(.cartAbandoned), delay(.checkoutAbandoned))
    }

    /// How far before an event what was pending then can reach: a browse that counts may have been preceded
    /// by a cart that no longer did, and that by a checkout.
    var stageDelays: Int64 {
        delay(.browseAbandoned) + delay(.cartAbandoned) + delay(.checkoutAbandoned)
    }

    /// First instant of the schedule strictly after a time; nil before the first event.
    package func nextRefit(after time: EventTime) -> EventTime? {
        guard let every = refitEvery, every > 0, time > .distantPast else { return nil }
        return RefitSchedule(every: every, at: refitAt).next(after: time, in: zone)
    }

    /// Set in the first byte of saved settings that hold all of today's; without it they end with the outcomes of
    /// churn and carts, and what came later stands as where nothing is configured.
    private static let isWhole: UInt8 = 0x80
    /// Set where a catalogue, then where the funnel's window, then where the grades' condition, follows at the end;
    /// without it the window is the default, and every purchase counts for the grade.
    private static let hasGradeCondition: UInt8 = 0x10
    private static let hasCatalogue: UInt8 = 0x20
    private static let hasWindow: UInt8 = 0x40

    package func write(to out: inout ByteWriter) {
        let catalogue = items.catalogue.isEmpty ? 0 : Self.hasCatalogue
        let condition = gradeCondition == nil ? 0 : Self.hasGradeCondition
        out.put(clockMode.rawValue | Self.isWhole | Self.hasWindow | catalogue | condition)
        out.put(allowedLateness)
        out.put(zone.name)
        out.put(UInt64(zone.starts.count))
        for row in zone.starts.indices {
            out.put(zone.starts[row])
            out.put(zone.offsets[row])
        }
        for value in [shortGap, longGap, keep, dedupeWindow, maxAge] { out.put(value) }
        for value in [dedupeIDs, customNames, valuesPerDimension, recentPurchases] { out.put(Int64(value)) }
        out.put(UInt64(rules.count))
        for rule in rules {
            out.put(rule.enabled)
            out.put(rule.delay)
        }
        out.put(refitEvery != nil)
        out.put(refitEvery ?? 0)
        out.put(refitAt)
        outcomes.write(to: &out)
        items.write(to: &out)
        declared.write(to: &out)
        if !items.catalogue.isEmpty { items.writeCatalogue(to: &out) }
        out.put(funnelWindow)
        if let gradeCondition {
            out.put(UInt8(gradeCondition.dimension.rawValue))
            out.put(UInt64(gradeCondition.values.count))
            for value in gradeCondition.values { out.put(value) }
        }
    }

    package init(from input: inout ByteReader) throws(StateError) {
        let head: UInt8 = try input.get()
        let isWhole = head & Self.isWhole != 0
        let flags = Self.isWhole | Self.hasWindow | Self.hasCatalogue | Self.hasGradeCondition
        guard let mode = ClockModeCode(rawValue: head & ~flags) else {
            throw StateError("unknown clock mode in saved settings")
        }
        clockMode = mode
        allowedLateness = try input.get()
        let name = try input.getText()
        let zoneRows = try input.count(of: 16)
        var starts: [Int64] = []
        var offsets: [Int64] = []
        for _ in 0..<zoneRows {
            starts.append(try input.get())
            offsets.append(try input.get())
        }
        guard zoneRows > 0, starts[0] == .min else { throw StateError("time zone \(name) has no rows") }
        zone = Zone(name: name, starts: starts, offsets: offsets)
        shortGap = try input.get()
        longGap = try input.get()
        keep = try input.get()
        dedupeWindow = try input.get()
        maxAge = try input.get()
        dedupeIDs = Int(try input.get(Int64.self))
        customNames = Int(try input.get(Int64.self))
        valuesPerDimension = Int(try input.get(Int64.self))
        recentPurchases = Int(try input.get(Int64.self))
        let ruleRows = try input.count(of: 9)
        for _ in 0..<ruleRows {
            rules.append(RuleSetting(enabled: try input.getBool(), delay: try input.get()))
        }
        guard ruleRows > Int(BuiltInRule.retracted.rawValue) else {
            throw StateError("saved settings know \(ruleRows) rules")
        }
        // Rules that came later stand as they do where nothing is configured.
        while rules.count <= Self.highestRule { rules.append(RuleSetting(enabled: true, delay: 0)) }
        let scheduled = try input.getBool()
        let every: Int64 = try input.get()
        refitEvery = scheduled ? every : nil
        refitAt = try input.get()
        outcomes = try OutcomeSettings(from: &input, isWhole: isWhole)
        if isWhole {
            items = try ItemSettings(from: &input)
            declared = try RuleSettings(from: &input)
            if head & Self.hasCatalogue != 0 { try items.readCatalogue(from: &input) }
        }
        if head & Self.hasWindow != 0 { funnelWindow = try input.get() }
        if head & Self.hasGradeCondition != 0 { gradeCondition = try Self.condition(from: &input) }
        try check()
    }

    private static func condition(
        from input: inout ByteReader
    ) throws(StateError) -> Settings.GradeCondition {
        let number: UInt8 = try input.get()
        var values: [String] = []
        for _ in 0..<(try input.count(of: 8)) { values.append(try input.getText()) }
        guard let dimension = Dimension(rawValue: Int(number)), !values.isEmpty else {
            throw StateError("saved settings hold a condition of grades that no configuration can have")
        }
        return Settings.GradeCondition(dimension: dimension, values: values)
    }

    /// Lengths of time that can be added to an event time.
    private func check() throws(StateError) {
        let lengths = [allowedLateness, shortGap, longGap, keep, dedupeWindow, maxAge, refitAt, funnelWindow]
        // A thousand years.
        let bound = 365_250 * Microseconds.day
        guard (lengths + rules.map(\.delay)).allSatisfy({ (-bound...bound).contains($0) }),
            (refitEvery ?? 1) > 0, (refitEvery ?? 1) <= bound,
            zone.offsets.allSatisfy({ abs($0 / Microseconds.day) < 2 }),
            zip(zone.starts, zone.starts.dropFirst()).allSatisfy(<),
            [dedupeIDs, customNames, valuesPerDimension, recentPurchases].allSatisfy({ $0 >= 0 })
        else { throw StateError("saved settings hold a value that no configuration can have") }
    }
}

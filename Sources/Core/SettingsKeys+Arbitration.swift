/// Keys of what is common to all triggers: who may be sent what, how often and when.
extension SettingsKeys {
    private static let year = 366 * Microseconds.day

    static let arbitration: [SettingsKey] = [
        SettingsKey(
            "triggers.dry_run", .flag(\.triggers.arbitration.dryRun),
            "Decide and trace everything, record and send nothing."),
        SettingsKey(
            "triggers.control_group", .real(\.triggers.arbitration.controlGroup, 0...1),
            "Share of all users whom nothing is sent, for comparison: theirs are recorded as holdout."),
        SettingsKey(
            "triggers.consent", .choice(\.triggers.consent, of: ["granted", "unless_refused"]),
            "Whom triggers are for: everybody who has not refused by $consent, or only who has granted it."),
        SettingsKey(
            "triggers.caps.day", .optionalCount(\.triggers.arbitration.dayCap, 0...100),
            "Sent to a user on one calendar day, of all rules together; null: no bound."),
        SettingsKey(
            "triggers.caps.week", .optionalCount(\.triggers.arbitration.weekCap, 0...100),
            "Sent to a user on seven calendar days in a row; null: no bound."),
        SettingsKey(
            "triggers.caps.channels", .shaped(read: readChannels, write: writeChannels),
            "The same by channel of the rules, at most eight: {push: {day: 1, week: 3}}."),
        SettingsKey(
            "triggers.quiet_hours", .shaped(read: readQuiet, write: writeQuiet),
            "Hours of the user's day when nothing is sent: {from: \"21h\", to: \"8h\", action: \"hold\"}; what "
                + "falls due is held until they are over, or dropped (action: \"drop\"). null: none."),
        SettingsKey(
            "triggers.regions", .shaped(read: readRegions, write: writeRegions),
            "Time zone by the profile's region: {Z17: \"Asia/Seoul\"}; elsewhere clock.timezone holds."),
        SettingsKey(
            "triggers.timezones", .shaped(read: readZones, write: writeZones),
            "Time zones that $profile may give a user, which come before the region's."),
        SettingsKey(
            "triggers.exclusive", .shaped(read: readExclusive, write: writeExclusive),
            "Sets of rules of which a user gets one within a time: {lifecycle: \"7d\"}; rules say exclusive."),
        SettingsKey(
            "triggers.budget.day", .optionalCount(\.triggers.arbitration.budget, 0...many),
            "Sent to all users together on a calendar day, shared evenly among the partitions, so that it is "
                + "never passed; null: no bound."),
        SettingsKey(
            "triggers.budget.hour", .optionalCount(\.triggers.arbitration.breaker, 0...many),
            "Circuit breaker, shared likewise: what would send more within an hour sends nothing for the rest "
                + "of the day; null: none."),
        SettingsKey(
            "triggers.language", .text(\.triggers.language),
            "Language of templates for who has said none by $profile."),
        SettingsKey(
            "triggers.decisions", .count(\.triggers.decisions, Partitioning.count...1 << 26),
            "Decisions kept in all, for GET /v1/decisions; the oldest go."),
        SettingsKey(
            "triggers.playbook", .text(\.triggers.playbook),
            "Another file of rules, beside this one, {NAME: {on: …}}; what is declared here comes over it. Any "
                + "other name in triggers declares a rule: on, when, delay, cooldown, priority, holdout, "
                + "channel, action, items, template, coupon, exclusive, dry_run; all but on and delay also "
                + "stand under a built-in name. See playbook.json5."),
    ]

    // MARK: Shapes

    private static func members(
        _ value: JSONValue, _ wanted: String
    ) throws(SettingRefusal) -> [JSONValue.Member] {
        guard case .object(let members) = value else { throw value.refusal(wanted: wanted) }
        return members
    }

    /// Reads each member, saying where one is wrong.
    private static func each<T>(
        _ value: JSONValue, _ wanted: String, _ read: (JSONValue.Member) throws(SettingRefusal) -> T
    ) throws(SettingRefusal) -> [T] {
        var result: [T] = []
        for member in try members(value, wanted) {
            do throws(SettingRefusal) { result.append(try read(member)) } catch {
                throw SettingRefusal(error.reason, below: [member.key] + error.below)
            }
        }
        return result
    }

    @Sendable
    private static func readChannels(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        let caps = try each(value, "an object, {push: {day: 1}}") {
            (member) throws(SettingRefusal) -> ArbitrationSettings.ChannelCap in
            var cap = ArbitrationSettings.ChannelCap(channel: member.key, day: nil, week: nil)
            for bound in try members(member.value, "an object, {day: 1, week: 3}") {
                let count = Int(try bound.value.asInteger(in: 0...100))
                switch bound.key {
                case "day": cap.day = count
                case "week": cap.week = count
                default: throw SettingRefusal("unknown key; a channel has day and week", below: [bound.key])
                }
            }
            return cap
        }
        guard caps.count <= 8 else { throw SettingRefusal("must be at most 8 channels") }
        settings.triggers.arbitration.channelCaps = caps
    }

    @Sendable
    private static func writeChannels(_ settings: Settings) -> JSONValue {
        .object(
            settings.triggers.arbitration.channelCaps.map { cap in
                var bounds: [JSONValue.Member] = []
                if let day = cap.day { bounds.append(.init("day", .integer(Int64(day)))) }
                if let week = cap.week { bounds.append(.init("week", .integer(Int64(week)))) }
                return .init(cap.channel, .object(bounds))
            })
    }

    @Sendable
    private static func readQuiet(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        if value == .null {
            settings.triggers.arbitration.quiet = nil
            return
        }
        var quiet = ArbitrationSettings.QuietHours(from: -1, to: -1)
        let day = 0...Microseconds.day - 1
        _ = try each(value, "null or an object, {from: \"21h\", to: \"8h\"}") {
            (member) throws(SettingRefusal) -> Void in
            switch member.key {
            case "from": quiet.from = try member.value.asDuration(in: day)
            case "to": quiet.to = try member.value.asDuration(in: day)
            case "action":
                let action = try member.value.asText()
                guard action == "hold" || action == "drop" else {
                    throw SettingRefusal("must be hold or drop, not \"\(action)\"")
                }
                quiet.holds = action == "hold"
            default: throw SettingRefusal("unknown key; quiet hours have from, to and action")
            }
        }
        guard quiet.from >= 0, quiet.to >= 0, quiet.from != quiet.to else {
            throw SettingRefusal("needs from and to, two different times of the day")
        }
        settings.triggers.arbitration.quiet = quiet
    }

    @Sendable
    private static func writeQuiet(_ settings: Settings) -> JSONValue {
        guard let quiet = settings.triggers.arbitration.quiet else { return .null }
        return .object([
            .init("from", .string(DurationText.text(quiet.from))),
            .init("to", .string(DurationText.text(quiet.to))),
            .init("action", .string(quiet.holds ? "hold" : "drop")),
        ])
    }

    @Sendable
    private static func readRegions(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        settings.triggers.arbitration.regions = try each(value, "an object, {Z17: \"Asia/Seoul\"}") {
            (member) throws(SettingRefusal) -> ArbitrationSettings.RegionZone in
            .init(region: member.key, zone: try find(member.value, zone))
        }
    }

    private static func find(
        _ value: JSONValue, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) -> Zone {
        let name = try value.asText()
        guard let found = zone(name) else {
            throw SettingRefusal("no time zone \"\(name)\" on this machine")
        }
        return found
    }

    @Sendable
    private static func writeRegions(_ settings: Settings) -> JSONValue {
        .object(
            settings.triggers.arbitration.regions.map { .init($0.region, .string($0.zone.name)) })
    }

    @Sendable
    private static func readZones(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        guard case .array(let elements) = value else { throw value.refusal(wanted: "a list of time zones") }
        var zones: [Zone] = []
        for (index, element) in elements.enumerated() {
            do throws(SettingRefusal) { zones.append(try find(element, zone)) } catch {
                throw SettingRefusal(error.reason, below: ["\(index)"])
            }
        }
        settings.triggers.arbitration.zones = zones
    }

    @Sendable
    private static func writeZones(_ settings: Settings) -> JSONValue {
        .array(settings.triggers.arbitration.zones.map { .string($0.name) })
    }

    @Sendable
    private static func readExclusive(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        settings.triggers.arbitration.exclusive = try each(value, "an object, {lifecycle: \"7d\"}") {
            (member) throws(SettingRefusal) -> ArbitrationSettings.ExclusiveSet in
            .init(name: member.key, within: try member.value.asDuration(in: 0...year))
        }
    }

    @Sendable
    private static func writeExclusive(_ settings: Settings) -> JSONValue {
        .object(
            settings.triggers.arbitration.exclusive.map {
                .init($0.name, .string(DurationText.text($0.within)))
            })
    }
}

extension Settings.TriggerSettings {
    /// `arbitration.needsConsent` as the file says it.
    var consent: String {
        get { arbitration.needsConsent ? "granted" : "unless_refused" }
        set { arbitration.needsConsent = newValue == "granted" }
    }
}

extension Settings {
    /// Rules that name a set or a channel that is not there.
    var ruleConflicts: [SettingsConflict] {
        let sets = triggers.arbitration.exclusive.map(\.name)
        let segmentations = Set(models.ownSegmentations.keys)
        return triggers.declared.flatMap { rule in
            var conflicts = rule.conflicts(segmentations)
            if !rule.exclusive.isEmpty, !sets.contains(rule.exclusive) {
                conflicts.append(
                    .init(
                        "triggers.\(rule.name).exclusive",
                        "there is no set \"\(rule.exclusive)\" in triggers.exclusive"))
            }
            return conflicts
        }
    }
}

extension RuleDeclaration {
    /// What its condition, its words and its coupons ask about segmentations that are not configured.
    ///
    /// - Parameter segmentations: those configured beside the built-in ones.
    fileprivate func conflicts(_ segmentations: Set<String>) -> [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        func check(_ key: String, _ read: () throws(RuleTextError) -> Void) {
            do throws(RuleTextError) { try read() } catch {
                conflicts.append(.init("triggers.\(name).\(key)", error.sentence))
            }
        }
        check("when") { () throws(RuleTextError) in
            _ = try ConditionProgram(parsing: when, segmentations: segmentations)
        }
        for words in template {
            check(words.language.isEmpty ? "template" : "template.\(words.language)") {
                () throws(RuleTextError) in
                _ = try MessageTemplate(parsing: words.text, segmentations: segmentations)
            }
        }
        for (index, coupon) in coupons.enumerated() {
            check(coupons.count == 1 ? "coupon.when" : "coupon.\(index).when") {
                () throws(RuleTextError) in
                _ = try ConditionProgram(parsing: coupon.when, segmentations: segmentations)
            }
        }
        return conflicts
    }

    /// Names of the rules that are not as they were, as the log tells them.
    static func changed(from old: [RuleDeclaration], to new: [RuleDeclaration]) -> [String] {
        let names = Set(old.map(\.name)).union(new.map(\.name))
        return names.sorted().filter { name in
            old.first { $0.name == name } != new.first { $0.name == name }
        }.map { "triggers.\($0)" }
    }
}

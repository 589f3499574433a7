/// A trigger as the configuration declares it. A built-in one has no occasion of its own: what is declared is
/// laid over it.
package struct RuleDeclaration: Sendable, Equatable {
    /// Name of type and rule.
    package var name: String
    package var enabled = true
    /// Nil for the built-in ones.
    package var occasion: RuleOccasion?
    /// Condition that must hold when it is due; empty: it always does.
    package var when = ""
    /// From the occasion to the trigger, microseconds.
    package var delay: Int64 = 0
    /// How long the user is left alone by this rule once it has fired.
    package var cooldown: Int64 = 0
    /// Of several that are due at one instant the greater goes first.
    package var priority = 0
    /// Share of users held out, 0 to 1.
    package var holdout = 0.0
    package var channel = ""
    package var action = ""
    /// Set of rules of which a user gets one within a time; empty: none.
    package var exclusive = ""
    /// Items wanted with it.
    package var items = 0
    /// By language; the empty language is everybody else's.
    package var template: [Words] = []
    /// The first whose condition holds.
    package var coupons: [Coupon] = []
    /// Decided and traced, never sent.
    package var dryRun = false

    package struct Words: Sendable, Equatable {
        package var language: String
        package var text: String
        package init(language: String, text: String) {
            self.language = language
            self.text = text
        }
    }

    package struct Coupon: Sendable, Equatable {
        package var when = ""
        package var code = ""
        /// Percent.
        package var discount = 0.0
        package init() {}
    }

    package init(name: String) { self.name = name }

    /// Whether there is more to it than the built-in rule has.
    package var isPlain: Bool {
        var bare = RuleDeclaration(name: name)
        bare.enabled = enabled
        return self == bare
    }
}

/// When a declared trigger may fall due.
package enum RuleOccasion: Sendable, Equatable {
    /// An event of this name; the next one begins the delay again.
    case event(String)
    /// No event of a name in the delay after one of another.
    case absence(of: String, after: String)
    /// The user has changed segment or tier; empty lists are any.
    case segmentMoved(from: [String], to: [String])
    case tierChanged(from: [String], to: [String])
    /// 00:00 of the predicted date of the next purchase, less the lead.
    case predicted(lead: Int64)
    /// A number of the user's has crossed a bound; told again only when it was back beyond `clear`.
    ///
    /// Looked at when a short session closes, after each refit, and daily at `daily` where that is given.
    case crossed(String, isAbove: Bool, bound: Double, clear: Double, daily: Int64?)
    /// Every day at an offset from midnight, on these days of the week (bit 0: Monday).
    case daily(at: Int64, weekdays: UInt8)
}

extension RuleOccasion {
    /// What `when` would say of the bound: makes the name ready and checks that it is a number.
    package static func number(_ name: String) throws(RuleTextError) -> ConditionProgram {
        let program = try ConditionProgram(parsing: "has(\(name))")
        guard program.steps.count == 1, program.steps[0].code == .has,
            program.steps[0].a.field.kind == .number, !program.asksItem
        else { throw RuleTextError(0, "\(name) is not a number of the user page") }
        return program
    }
}

/// Settings under which triggers that are due are sent, held or dropped.
package struct ArbitrationSettings: Sendable, Equatable {
    /// Sent per user on a calendar day and on seven in a row; nil: no bound.
    package var dayCap: Int?
    package var weekCap: Int?
    package var channelCaps: [ChannelCap] = []
    package var quiet: QuietHours?
    /// Share of users whom nothing is sent.
    package var controlGroup = 0.0
    /// Sets of rules, with how long one of a set keeps the others back.
    package var exclusive: [ExclusiveSet] = []
    /// Zone by region, and the zones that a profile may name.
    package var regions: [RegionZone] = []
    package var zones: [Zone] = []
    /// Only who has agreed is sent anything; else who has not refused.
    package var needsConsent = false
    package var dryRun = false
    /// Sent to all users together on a calendar day.
    package var budget: Int?
    /// More than so many within an hour stop everything for the rest of the day.
    package var breaker: Int?

    package init() {}

    package struct ChannelCap: Sendable, Equatable {
        package var channel: String
        package var day: Int?
        package var week: Int?
        package init(channel: String, day: Int?, week: Int?) {
            self.channel = channel
            self.day = day
            self.week = week
        }
    }

    package struct QuietHours: Sendable, Equatable {
        /// Offsets from midnight; where `from` is later than `to` they go over midnight.
        package var from: Int64
        package var to: Int64
        /// Held until they are over; else dropped.
        package var holds = true
        package init(from: Int64, to: Int64) {
            self.from = from
            self.to = to
        }

        /// Whether an offset from midnight lies in them.
        package func contains(_ offset: Int64) -> Bool {
            from < to ? (from..<to).contains(offset) : offset >= from || offset < to
        }
    }

    package struct ExclusiveSet: Sendable, Equatable {
        package var name: String
        package var within: Int64
        package init(name: String, within: Int64) {
            self.name = name
            self.within = within
        }
    }

    package struct RegionZone: Sendable, Equatable {
        package var region: String
        package var zone: Zone
        package init(region: String, zone: Zone) {
            self.region = region
            self.zone = zone
        }
    }

    /// Whether anything is to be arbitrated; refusals are heeded either way.
    package var isOn: Bool { self != ArbitrationSettings() }
}

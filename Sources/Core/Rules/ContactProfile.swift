/// What a user, or somebody for them, has said by `$consent` and `$profile`.
package struct ContactProfile: Sendable, Equatable {
    /// Nil: nothing was said.
    package var granted: Bool?
    package var name = ""
    /// Lower case: `ko`.
    package var language = ""
    /// IANA name; heeded where it is one of `triggers.timezones`.
    package var zone = ""

    package init() {}

    /// Takes over what is said now.
    package mutating func merge(_ other: ContactProfile) {
        granted = other.granted ?? granted
        if !other.name.isEmpty { name = other.name }
        if !other.language.isEmpty { language = other.language }
        if !other.zone.isEmpty { zone = other.zone }
    }
}

/// One decision about a trigger, as `GET /v1/decisions` tells.
package struct DecisionView: Sendable, Equatable {
    package var at: EventTime
    package var due: EventTime
    package var rule: String
    /// `sent`, `held`, `capped` and so on.
    package var decision: String

    package init(at: EventTime, due: EventTime, rule: String, decision: String) {
        self.at = at
        self.due = due
        self.rule = rule
        self.decision = decision
    }
}

/// What is planned to be sent, as `GET /v1/schedule` tells.
package struct ScheduleView: Sendable {
    package struct Day: Sendable {
        /// Days of `clock.timezone` since 1970-01-01.
        package var date: Int32
        package var rules: [(rule: String, sent: Int64, heldOut: Int64)]
        package init(date: Int32, rules: [(rule: String, sent: Int64, heldOut: Int64)]) {
            self.date = date
            self.rules = rules
        }
    }

    package var asOf: EventTime
    package var days: [Day]
    /// By due time, rule and user, as many as were asked for.
    package var sends: [Trigger]

    package init(asOf: EventTime, days: [Day], sends: [Trigger]) {
        self.asOf = asOf
        self.days = days
        self.sends = sends
    }
}

/// Whether a user is held out, as `GET /v1/holdout` tells.
package struct HoldoutView: Sendable, Equatable {
    package var user: [UInt8]
    package var rule: String?
    /// `treated`, or `holdout` of the rule or of everything.
    package var group: String
    /// Of the control group, whom nothing is sent.
    package var isControl: Bool

    package init(user: [UInt8], rule: String?, group: String, isControl: Bool) {
        self.user = user
        self.rule = rule
        self.group = group
        self.isControl = isControl
    }
}

/// What a user, or somebody for them, has said by `$consent` and `$profile` or in fields of their events.
package struct ContactProfile: Sendable, Equatable {
    /// Of all channels that have no word of their own; nil: nothing was said.
    package var granted: Bool?
    /// By name of the channel, ascending.
    package private(set) var channels: [Channel] = []
    package var name = ""
    /// Lower case: `ko`.
    package var language = ""
    /// IANA name; heeded where it is one of `triggers.timezones`.
    package var zone = ""

    package init() {}

    package struct Channel: Sendable, Equatable {
        package var name: String
        package var granted: Bool
    }

    /// More channels than that are not kept of one user.
    package static let mostChannels = 64

    /// What is said of a channel; what was said of it before no longer counts.
    package mutating func set(_ channel: String, granted: Bool) {
        let place = channels.firstIndex { $0.name >= channel } ?? channels.count
        if place < channels.count, channels[place].name == channel {
            channels[place].granted = granted
        } else if channels.count < Self.mostChannels {
            channels.insert(Channel(name: channel, granted: granted), at: place)
        }
    }

    /// Whether a message may go out through a channel (empty: a rule without one).
    package func allows(_ channel: String, needsConsent: Bool) -> Bool {
        channels.first { $0.name == channel }?.granted ?? granted ?? !needsConsent
    }

    /// Takes over what is said now. A word about all channels does away with those about single ones.
    package mutating func merge(_ other: ContactProfile) {
        if let said = other.granted {
            granted = said
            channels = []
        }
        for channel in other.channels { set(channel.name, granted: channel.granted) }
        if !other.name.isEmpty { name = other.name }
        if !other.language.isEmpty { language = other.language }
        if !other.zone.isEmpty { zone = other.zone }
    }
}

extension ContactProfile {
    /// What the decoder has packed of an event: a byte for all channels (0 nothing, 1 granted, 2 refused), their
    /// number, each as such a byte and a text after its length in one byte; name, language and zone, each after
    /// its length in two bytes, little-endian.
    ///
    /// - Returns: nil where the bytes are none such.
    package init?(packed bytes: UnsafeRawBufferPointer) {
        var place = 0
        func take(_ count: Int) -> UnsafeRawBufferPointer? {
            guard count <= bytes.count - place else { return nil }
            defer { place += count }
            return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
        }
        guard let head = take(2), head[0] <= 2 else { return nil }
        if head[0] != 0 { granted = head[0] == 1 }
        for _ in 0..<head[1] {
            guard let one = take(2), one[0] == 1 || one[0] == 2, let name = take(Int(one[1])) else {
                return nil
            }
            set(String(decoding: name, as: UTF8.self), granted: one[0] == 1)
        }
        var words: [String] = []
        for _ in 0..<3 {
            guard let length = take(2), let text = take(Int(length[0]) | Int(length[1]) << 8) else {
                return nil
            }
            words.append(String(decoding: text, as: UTF8.self))
        }
        guard place == bytes.count else { return nil }
        (name, language, zone) = (words[0], words[1].lowercased(), words[2])
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

    /// A figure with its 95 % interval.
    package struct Estimate: Sendable, Equatable {
        package var value: Double
        package var low: Double
        package var high: Double
        package init(value: Double, low: Double, high: Double) {
            self.value = value
            self.low = low
            self.high = high
        }
    }

    /// What all planned sends of a rule are expected to come to.
    package struct Rule: Sendable, Equatable {
        package var name: String
        package var sent: Int64
        package var heldOut: Int64
        /// Purchases, and revenue, that would not come without them; nil where that has not been measured.
        package var purchases: Estimate?
        package var revenue: Estimate?
        /// Why one of these is missing.
        package var reason: String?
        /// Lifetime value of those to be sent to, each times the probability of churn; nil without the models.
        package var valueAtRisk: Double?
        package init(name: String, sent: Int64, heldOut: Int64) {
            self.name = name
            self.sent = sent
            self.heldOut = heldOut
        }
    }

    package var asOf: EventTime
    package var days: [Day]
    /// By name.
    package var rules: [Rule]
    /// Of all rules together, each user once.
    package var valueAtRisk: Double?
    /// By due time, rule and user, as many as were asked for.
    package var sends: [Trigger]

    package init(asOf: EventTime, days: [Day], rules: [Rule], valueAtRisk: Double?, sends: [Trigger]) {
        self.asOf = asOf
        self.days = days
        self.rules = rules
        self.valueAtRisk = valueAtRisk
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

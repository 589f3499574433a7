import Core

/// What declared rules fire for a log without late lines, walked through plainly.
struct PlainRules {
    /// Times of a user's events by name, in the order of (time, arrival).
    private let byUser: [String: [PlainEvent]]
    private let end: Int64

    init(_ log: [PlainEvent], end: Int64) {
        let order = log.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        byUser = Dictionary(grouping: order.map(\.element), by: \.user)
        self.end = end
    }

    /// `on: {event: name}` with a delay: an event begins it again; several of one instant are one.
    func event(_ name: String, delay: Int64, cooldown: Int64 = 0) -> Set<String> {
        var fired: Set<String> = []
        for (user, events) in byUser {
            let times = events.filter { $0.name == name }.map(\.time)
            var last = Int64.min
            for (index, time) in times.enumerated() {
                let due = time + delay
                let isReplaced = delay > 0 && index + 1 < times.count && times[index + 1] <= due
                if isReplaced || due > end || due == last { continue }
                if last != .min, due < last + cooldown { continue }
                last = due
                fired.insert("\(user) \(due)")
            }
        }
        return fired
    }

    /// `on: {absence: of, after: after, within: delay}`.
    func absence(of: String, after: String, delay: Int64) -> Set<String> {
        var fired: Set<String> = []
        for (user, events) in byUser {
            var pending: Int64?
            func settle(before instant: Int64) {
                guard let due = pending, due < instant, due <= end else { return }
                fired.insert("\(user) \(due)")
                pending = nil
            }
            for event in events {
                settle(before: event.time)
                if event.name == of { pending = nil }
                if event.name == after { pending = event.time + delay }
            }
            settle(before: .max)
        }
        return fired
    }
}

extension RuleDeclaration {
    /// A rule for a test.
    static func made(
        _ name: String, _ occasion: RuleOccasion, delay: Int64 = 0, when: String = "",
        _ change: (inout RuleDeclaration) -> Void = { _ in }
    ) -> RuleDeclaration {
        var rule = RuleDeclaration(name: name)
        rule.occasion = occasion
        rule.delay = delay
        rule.when = when
        change(&rule)
        return rule
    }
}

extension Settings {
    /// With declared rules, in the order of their names.
    func declaring(
        _ rules: RuleDeclaration..., arbitration: (inout ArbitrationSettings) -> Void = { _ in }
    ) -> Settings {
        var settings = self
        settings.triggers.declared = rules.sorted { $0.name < $1.name }
        arbitration(&settings.triggers.arbitration)
        return settings
    }
}

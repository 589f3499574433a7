/// Names for groups of buyers by how they pay, and where each group should be brought.
///
/// - `star`: active and profitable, and users of the method: activity, revenue and use of the method above the
///   average.
/// - `supporter`: active but cheap: what they pay a line is below the average, and some group is less active.
/// - `value`: rare but dear: what they pay a line is above the average, activity is not.
///
/// Activity is the mean of the standardised measures of doing that the segmentation looks at, dearness that of
/// its amounts, use that of its measures of the method; the averages are those of everybody. Of the ways to
/// give these names, each at most once, the one that gives most of them is taken, and of these the one that
/// fits best: `star` activity + revenue + use, `supporter` activity − dearness, `value` dearness − activity,
/// by the groups' places among each other. A group that continues an earlier one keeps its name while it
/// misses what the name asks by at most a quarter of a deviation. Others are called by the feature in which
/// they deviate most, `occasional` where they do less than others in all.
///
/// The published segmentation that these names come from has three groups and aims at the star: supporters
/// should pay more, those of value should come more often, stars should stay.
enum PaymentNames {
    static let star = "star"
    private static let names = [star, "supporter", "value"]
    /// Features by what they say.
    static let doing: Set<String> = [
        "purchase_span_d", "item_lines", "purchase_days", "frequency", "purchase",
    ]
    private static let amounts: Set<String> = [
        "method_line_mean", "other_line_mean", "line_mean", "monetary_value", "day_mean",
    ]
    private static let method: Set<String> = [
        "method_count", "method_amount", "method_line_mean", "method_lines",
    ]
    /// Standardised units by which a group may miss what its name asks.
    private static let slack = 0.25

    /// A feature's name without the method of payment after the colon.
    static func stem(_ name: String) -> String {
        String(name.prefix { $0 != ":" })
    }

    static func assign(
        _ profiles: [SegmentProfile], features: [String], kept: [String?]
    ) -> [String] {
        guard profiles.count > 1 else { return profiles.map { _ in "everyone" } }
        let groups = profiles.map { Group($0, features) }
        var names = zip(groups, kept).map { group, name in
            name.flatMap { fits($0, group, groups, slack: slack) ? $0 : nil }
        }
        let free = names.indices.filter { names[$0] == nil }
        let open = Self.names.filter { !names.contains($0) }
        let cost = open.map { name in
            free.map { index in
                fits(name, groups[index], groups, slack: 0)
                    ? -score(name, index, groups) : Double.infinity
            }
        }
        for (index, column) in optimalAssignment(cost: cost).enumerated() {
            guard let column, cost[index][column].isFinite else { continue }
            names[free[column]] = open[index]
        }
        return SegmentNames.describeOthers(
            profiles, features: features, names: names,
            kept: kept.map { name in name.flatMap { Self.names.contains($0) ? nil : $0 } },
            idle: "occasional")
    }

    /// Every named group aims at the star.
    static func setTargets(_ segments: inout [SegmentsModel.Segment]) {
        guard let target = segments.first(where: { $0.name == star })?.id else { return }
        for index in segments.indices where names.contains(segments[index].name) {
            segments[index].target = target
        }
    }

    /// What a group is like, standardised over everybody but for the revenue.
    private struct Group {
        var users: Double
        var revenue: Double
        var activity: Double
        var dearness: Double
        var use: Double

        init(_ profile: SegmentProfile, _ features: [String]) {
            users = Double(profile.users)
            revenue = profile.revenue
            func mean(_ of: Set<String>) -> Double {
                let values = zip(features, profile.centroid).filter { of.contains(stem($0.0)) }.map(\.1)
                return values.reduce(0, +) / Double(max(1, values.count))
            }
            activity = mean(doing)
            dearness = mean(amounts)
            use = mean(method)
        }
    }

    private static func fits(_ name: String, _ group: Group, _ all: [Group], slack: Double) -> Bool {
        switch name {
        case star:
            let users = all.reduce(0) { $0 + $1.users }
            let average = all.reduce(0) { $0 + $1.revenue * $1.users } / max(1, users)
            return group.activity >= -slack && group.use >= -slack && group.revenue >= average * (1 - slack)
        case "supporter":
            return group.dearness <= slack && all.contains { $0.activity < group.activity + slack }
        case "value":
            return group.dearness >= -slack && group.activity <= slack
        default: return false
        }
    }

    private static func score(_ name: String, _ index: Int, _ all: [Group]) -> Double {
        func place(_ key: (Group) -> Double) -> Double {
            let own = key(all[index])
            let below = all.filter { key($0) < own }.count
            let equal = all.filter { key($0) == own }.count
            return (Double(below) + Double(equal - 1) / 2) / Double(max(1, all.count - 1))
        }
        switch name {
        case star: return place(\.activity) + place(\.revenue) + place(\.use)
        case "supporter": return place(\.activity) - place(\.dearness)
        default: return place(\.dearness) - place(\.activity)
        }
    }
}

extension SegmentsConfig.Naming {
    /// Which features say how much a user does.
    func activity(_ features: [SegmentsConfig.Feature]) -> [Bool] {
        switch self {
        case .activity: features.map(\.counted)
        case .value, .payments: features.map { PaymentNames.doing.contains($0.name) }
        }
    }
}

/// Names for groups by what their members are like.
///
/// A name says something of its own about the members, so a group has to deserve it, and has to be a group:
/// fewer than ten members, or than one in ten thousand of all, bear none of these names.
/// - `vip` who spend most: mean revenue the greatest of all groups and at least twice everybody's, every third
///   member or more a buyer.
/// - `loyal` who come often, spend and are still there: more active than the average, value above it, and
///   silent at most half as long.
/// - `newcomer` who are new: first seen later than the average, value not above it.
/// - `dormant` who are of little value and gone: silent longer than the average; buyers are fewer than half of
///   them, or value is not above the average.
/// - `at_risk` whose value is above the average and who have not come for long: silent at least three quarters
///   as long as everybody is on average.
///
/// The averages are those of all members of all groups; of value, those of the groups that are not `vip`, for
/// a few of these would else make everybody else poor; where nobody spends, value is activity. Of the ways to
/// give these names, each at most once, the one that gives most of them is taken, and of these the one that
/// fits best by the groups' places among each other, 0 for the least and 1 for the greatest:
/// `loyal` 2·value + activity − 2·silence + age/2 · `newcomer` 2 − 3·age − silence/2 ·
/// `dormant` 2·silence − value · `at_risk` value + silence. Ties go to the group that comes first in canonical
/// order and the name that comes first above.
///
/// A group that continues an earlier one keeps its name. One of the five it loses when it has come to deserve
/// it by far no longer, and a descriptive one when one of the five is free that it deserves by far (`slack`).
///
/// Other groups get a descriptive name from the feature in which they deviate most: `cart_heavy`,
/// `checkout_heavy`, …, `visitors` where they do less than others in all, `everyone` where there is one group.
enum SegmentNames {
    private static let five: Set<String> = ["vip", "loyal", "newcomer", "dormant", "at_risk"]
    private static let fitted = ["loyal", "newcomer", "dormant", "at_risk"]
    /// Fewest members of a group with one of the five names.
    private static let fewestMembers = 10.0
    /// And its least share of all users, as one in so many.
    private static let oneIn = 10_000.0
    /// How much less than what gives a name keeps it, as a factor of every bound; so much more than that takes
    /// the place of a descriptive one.
    private static let slack = 0.75

    /// - Parameter kept: names of groups that are matched to earlier ones; nil for a new group.
    /// - Returns: a name for each group, all distinct, none of them `outlier`.
    static func assign(
        _ profiles: [SegmentProfile], features: [String], kept: [String?]
    ) -> [String] {
        var names = stillDeserved(kept, profiles)
        var taken = Set(names.compactMap { $0 }).union(kept.compactMap { $0 }.filter(isDescriptive))
        taken.insert(SegmentsModel.outlierName)
        if profiles.count > 1 {
            nameBest(profiles, kept, &names, &taken)
            nameOthers(profiles, kept, &names, &taken)
        }
        return describeOthers(
            profiles, features: features, names: names, kept: kept.map { isDescriptive($0) ? $0 : nil },
            idle: "visitors")
    }

    /// Descriptive names for the groups that have no other.
    /// - Parameters:
    ///   - names: those given already.
    ///   - kept: earlier descriptive names.
    ///   - idle: of a group that does less than others in all.
    static func describeOthers(
        _ profiles: [SegmentProfile], features: [String], names: [String?], kept: [String?], idle: String
    ) -> [String] {
        var taken = Set((names + kept).compactMap { $0 })
        taken.insert(SegmentsModel.outlierName)
        return profiles.indices.map { index in
            if let name = names[index] ?? kept[index] { return name }
            let alone = profiles.count == 1
            let name = distinct(
                alone ? "everyone" : description(profiles[index], features: features, idle: idle), taken)
            taken.insert(name)
            return name
        }
    }

    /// Those of the five that stay.
    private static func stillDeserved(_ kept: [String?], _ profiles: [SegmentProfile]) -> [String?] {
        let vip = kept.firstIndex(of: "vip")
        let deserved = deserved(profiles, except: vip, slack: slack)
        let groups = profiles.filter { isGroup($0, of: profiles, slack: slack) }
        let most = groups.map(\.revenue).max() ?? 0
        return profiles.indices.map { index in
            guard let name = kept[index], five.contains(name),
                isGroup(profiles[index], of: profiles, slack: slack)
            else { return nil }
            if index == vip { return profiles[index].revenue >= most * slack ? name : nil }
            return deserved[index].contains(name) ? name : nil
        }
    }

    private static func isGroup(
        _ profile: SegmentProfile, of all: [SegmentProfile], slack: Double = 1
    ) -> Bool {
        let users = all.reduce(0.0) { $0 + Double($1.users) }
        return Double(profile.users) >= slack * max(fewestMembers, users / oneIn)
    }

    private static func nameBest(
        _ profiles: [SegmentProfile], _ kept: [String?], _ names: inout [String?], _ taken: inout Set<String>
    ) {
        guard !taken.contains("vip") else { return }
        let average = mean(profiles, \.revenue)
        let groups = profiles.indices.filter { isGroup(profiles[$0], of: profiles) }
        guard let best = groups.max(by: { profiles[$0].revenue < profiles[$1].revenue }),
            names[best] == nil, profiles[best].revenue > 0,
            profiles[best].revenue >= 2 * average / (isDescriptive(kept[best]) ? slack : 1),
            profiles[best].buyers * 3 >= profiles[best].users
        else { return }
        names[best] = "vip"
        taken.insert("vip")
    }

    private static func isDescriptive(_ name: String?) -> Bool { name.map { !five.contains($0) } ?? false }

    private static func nameOthers(
        _ profiles: [SegmentProfile], _ kept: [String?], _ names: inout [String?], _ taken: inout Set<String>
    ) {
        let free = profiles.indices.filter { names[$0] == nil && isGroup(profiles[$0], of: profiles) }
        let open = fitted.filter { !taken.contains($0) }
        guard !free.isEmpty, !open.isEmpty else { return }
        let vip = names.firstIndex(of: "vip")
        let deserved = zip(
            deserved(profiles, except: vip), Self.deserved(profiles, except: vip, slack: 1 / slack)
        )
        .enumerated().map { isDescriptive(kept[$0]) ? $1.1 : $1.0 }
        let scores = fits(profiles)
        let cost = open.map { name in
            free.map { deserved[$0].contains(name) ? -(scores[$0][name] ?? 0) : Double.infinity }
        }
        for (index, column) in optimalAssignment(cost: cost).enumerated() {
            guard let column, cost[index][column].isFinite else { continue }
            names[free[column]] = open[index]
            taken.insert(open[index])
        }
    }

    /// The names that each group may bear.
    private static func deserved(
        _ profiles: [SegmentProfile], except vip: Int?, slack: Double = 1
    ) -> [Set<String>] {
        let others = profiles.indices.filter { $0 != vip }.map { profiles[$0] }
        let spend = others.contains { $0.revenue > 0 }
        let value: (SegmentProfile) -> Double = { spend ? $0.revenue : $0.activity }
        let averageValue = mean(others, value)
        let silence = mean(profiles, \.daysSinceLastEvent)
        let age = mean(profiles, \.daysSinceFirstEvent)
        return profiles.map { group in
            var names: Set<String> = []
            let isValued = value(group) > averageValue * slack
            let isCheap = value(group) * slack <= averageValue
            let silent = group.daysSinceLastEvent
            if isValued, group.activity > 0, silent * slack <= silence / 2 { names.insert("loyal") }
            if isCheap, group.daysSinceFirstEvent <= age * (0.97 - 0.1 * (slack - 1)) {
                names.insert("newcomer")
            }
            if silent > silence * slack, isCheap || Double(group.buyers) * 2 * slack < Double(group.users) {
                names.insert("dormant")
            }
            if isValued, silent >= 0.75 * silence * slack { names.insert("at_risk") }
            return names
        }
    }

    /// Over all members.
    private static func mean(_ profiles: [SegmentProfile], _ value: (SegmentProfile) -> Double) -> Double {
        let users = profiles.reduce(0) { $0 + Double($1.users) }
        return profiles.reduce(0) { $0 + value($1) * Double($1.users) } / max(1, users)
    }

    private static func fits(_ profiles: [SegmentProfile]) -> [[String: Double]] {
        let groups = profiles.filter { isGroup($0, of: profiles) }
        let value = places(profiles, among: groups) { ($0.revenue, $0.buyerShare, $0.activity) }
        let activity = places(profiles, among: groups) { ($0.activity, 0, 0) }
        let silence = places(profiles, among: groups) { ($0.daysSinceLastEvent, $0.daysSinceLastPurchase, 0) }
        let age = places(profiles, among: groups) { ($0.daysSinceFirstEvent, 0, 0) }
        return profiles.indices.map { index in
            [
                "loyal": 2 * value[index] + activity[index] - 2 * silence[index] + age[index] / 2,
                "newcomer": 2 - 3 * age[index] - silence[index] / 2,
                "dormant": 2 * silence[index] - value[index],
                "at_risk": value[index] + silence[index],
            ]
        }
    }

    /// Place of each among the groups, 0…1; equal ones share the mean of their places.
    private static func places(
        _ profiles: [SegmentProfile], among groups: [SegmentProfile],
        by key: (SegmentProfile) -> (Double, Double, Double)
    ) -> [Double] {
        let keys = groups.map(key)
        let span = Double(max(1, keys.count - 1))
        return profiles.map(key).map { own in
            let below = keys.filter { $0 < own }.count
            let equal = keys.filter { $0 == own }.count
            return (Double(below) + Double(equal - 1) / 2) / span
        }
    }

    private static let stems = [
        "add_to_cart": "cart", "begin_checkout": "checkout", "first_visit": "first_visit",
        "session_start": "session", "sign_up": "sign_up", "long_total_s": "long_session",
    ]

    private static func description(
        _ profile: SegmentProfile, features: [String], idle: String
    ) -> String {
        var most = 0.5
        var name = idle
        for (feature, deviation) in zip(features, profile.centroid) where deviation > most {
            most = deviation
            name = "\(stems[feature] ?? feature)_heavy"
        }
        return name
    }

    private static func distinct(_ name: String, _ taken: Set<String>) -> String {
        guard taken.contains(name) else { return name }
        var number = 2
        while taken.contains("\(name)_\(number)") { number += 1 }
        return "\(name)_\(number)"
    }
}

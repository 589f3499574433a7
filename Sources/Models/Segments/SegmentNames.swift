/// Names for groups by what their members are like.
///
/// Each group is placed among all groups, 0 for the least and 1 for the greatest, in value (mean revenue; on
/// equal revenue the share of buyers, then activity), activity, silence (days since the last event) and age
/// (days since the first). Then
/// 1. `vip` is the group of the greatest value;
/// 2. the others get the names, each at most once, that together fit best:
///    `loyal` 2·value + activity − 2·silence + age/2 · `newcomer` 2 − 3·age − silence/2 ·
///    `at_risk` value + silence · `dormant` 2·silence − value (greater fits better);
/// 3. groups beyond these five, and a group that is alone, get a descriptive name from the feature in which
///    they deviate most: `cart_heavy`, `checkout_heavy`, …, `visitors` where they do less than others in all.
/// Ties go to the group that comes first in canonical order and the name that comes first above.
enum SegmentNames {
    private static let fitted = ["loyal", "newcomer", "at_risk", "dormant"]

    /// - Parameter kept: names of groups that are matched to earlier ones; nil for a new group.
    /// - Returns: a name for each group, all distinct, none of them `outlier`.
    static func assign(
        _ profiles: [SegmentProfile], features: [String], kept: [String?]
    ) -> [String] {
        var names = kept
        var taken = Set(kept.compactMap { $0 })
        taken.insert(SegmentsModel.outlierName)
        if profiles.count > 1 {
            nameBest(profiles, &names, &taken)
            nameOthers(profiles, &names, &taken)
        }
        return profiles.indices.map { index in
            if let name = names[index] { return name }
            let alone = profiles.count == 1
            let name = distinct(
                alone ? "everyone" : description(profiles[index], features: features), taken)
            taken.insert(name)
            return name
        }
    }

    private static func nameBest(
        _ profiles: [SegmentProfile], _ names: inout [String?], _ taken: inout Set<String>
    ) {
        guard !taken.contains("vip") else { return }
        let values = places(profiles) { ($0.revenue, $0.buyerShare, $0.activity) }
        let free = profiles.indices.filter { names[$0] == nil }
        guard let best = free.max(by: { values[$0] < values[$1] || (values[$0] == values[$1] && $0 > $1) })
        else { return }
        names[best] = "vip"
        taken.insert("vip")
    }

    private static func nameOthers(
        _ profiles: [SegmentProfile], _ names: inout [String?], _ taken: inout Set<String>
    ) {
        let free = profiles.indices.filter { names[$0] == nil }
        let open = fitted.filter { !taken.contains($0) }
        guard !free.isEmpty, !open.isEmpty else { return }
        let scores = fits(profiles)
        let cost = open.map { name in free.map { -(scores[$0][name] ?? 0) } }
        for (index, column) in optimalAssignment(cost: cost).enumerated() {
            guard let column else { continue }
            names[free[column]] = open[index]
            taken.insert(open[index])
        }
    }

    private static func fits(_ profiles: [SegmentProfile]) -> [[String: Double]] {
        let value = places(profiles) { ($0.revenue, $0.buyerShare, $0.activity) }
        let activity = places(profiles) { ($0.activity, 0, 0) }
        let silence = places(profiles) { ($0.daysSinceLastEvent, $0.daysSinceLastPurchase, 0) }
        let age = places(profiles) { ($0.daysSinceFirstEvent, 0, 0) }
        return profiles.indices.map { index in
            [
                "loyal": 2 * value[index] + activity[index] - 2 * silence[index] + age[index] / 2,
                "newcomer": 2 - 3 * age[index] - silence[index] / 2,
                "at_risk": value[index] + silence[index],
                "dormant": 2 * silence[index] - value[index],
            ]
        }
    }

    /// Place of each group among all, 0…1; equal ones share the mean of their places.
    private static func places(
        _ profiles: [SegmentProfile], by key: (SegmentProfile) -> (Double, Double, Double)
    ) -> [Double] {
        let keys = profiles.map(key)
        let span = Double(max(1, profiles.count - 1))
        return keys.map { own in
            let below = keys.filter { $0 < own }.count
            let equal = keys.filter { $0 == own }.count
            return (Double(below) + Double(equal - 1) / 2) / span
        }
    }

    private static let stems = [
        "add_to_cart": "cart", "begin_checkout": "checkout", "first_visit": "first_visit",
        "session_start": "session", "sign_up": "sign_up", "long_total_s": "long_session",
    ]

    private static func description(_ profile: SegmentProfile, features: [String]) -> String {
        var most = 0.5
        var name = "visitors"
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

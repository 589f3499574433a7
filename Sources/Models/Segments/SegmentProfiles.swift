/// What the members of each group are like, from the columns that are not clustered.
struct SegmentProfile: Sendable, Equatable {
    var users: UInt64 = 0
    /// Members who ever bought.
    var buyers: UInt64 = 0
    /// Means over the members.
    var revenue = 0.0
    var daysSinceLastEvent = 0.0
    var daysSinceFirstEvent = 0.0
    /// Over the buyers among them; 0 without any.
    var daysSinceLastPurchase = 0.0
    /// Mean of the centroid's standardised measures of doing: how much they do.
    var activity = 0.0
    /// Standardised.
    var centroid: [Double] = []

    var buyerShare: Double { users > 0 ? Double(buyers) / Double(users) : 0 }
}

/// Sums of many values that come out the same in any order: fixed point, 2⁻²⁰.
struct ExactSum {
    private var units: Int128 = 0

    mutating func add(_ value: Double) {
        let bounded = min(max(value, -0x1p64), 0x1p64)
        units += Int128((bounded * 0x1p20).rounded())
    }

    var value: Double { Double(units) / 0x1p20 }
}

extension SegmentProfile {
    /// - Parameters:
    ///   - clusterOf: per user the cluster, or −1 for one set apart; shape [n].
    ///   - active: which features say how much a user does.
    ///   - silentByPurchase: silence is that since the last purchase, for buyers.
    static func profiles(
        _ columns: SegmentsColumns, clusterOf: (Int) -> Int, centroids: [[Double]], active: [Bool],
        silentByPurchase: Bool = false
    ) -> [SegmentProfile] {
        var profiles = centroids.map { SegmentProfile(centroid: $0) }
        var sums = centroids.map { _ in [ExactSum](repeating: ExactSum(), count: 4) }
        for user in 0..<columns.users {
            let cluster = clusterOf(user)
            guard cluster >= 0 else { continue }
            profiles[cluster].users += 1
            sums[cluster][0].add(columns.revenue[user])
            let sincePurchase = columns.daysSinceLastPurchase[user]
            let silence =
                silentByPurchase && !sincePurchase.isNaN ? sincePurchase : columns.daysSinceLastEvent[user]
            sums[cluster][1].add(silence)
            sums[cluster][2].add(columns.daysSinceFirstEvent[user])
            if !sincePurchase.isNaN {
                profiles[cluster].buyers += 1
                sums[cluster][3].add(sincePurchase)
            }
        }
        for index in profiles.indices {
            let users = Double(max(1, profiles[index].users))
            profiles[index].revenue = sums[index][0].value / users
            profiles[index].daysSinceLastEvent = sums[index][1].value / users
            profiles[index].daysSinceFirstEvent = sums[index][2].value / users
            profiles[index].daysSinceLastPurchase =
                sums[index][3].value / Double(max(1, profiles[index].buyers))
            let counts = zip(centroids[index], active).filter(\.1).map(\.0)
            profiles[index].activity = counts.reduce(0, +) / Double(max(1, counts.count))
        }
        return profiles
    }
}

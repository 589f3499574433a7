import Core
import Models

/// The mean lifetime value of buyers as of today, from a sample of each partition's: to ask everybody would cost the
/// more the more users there are. Where a partition has no more users than are looked at, it is exact.
package struct LifetimeValueTotals: AnalyticsTotals {
    package private(set) var buyers: Int64 = 0
    package private(set) var sampled: Int64 = 0
    package private(set) var horizon: Int?
    /// Estimated for all buyers, millionths.
    private var value: Int128 = 0
    /// Variance of that estimate, money squared.
    private var variance: Int128 = 0

    package init() {}

    package mutating func add(_ other: LifetimeValueTotals) {
        buyers += other.buyers
        sampled += other.sampled
        horizon = horizon ?? other.horizon
        value += other.value
        variance += other.variance
    }

    /// Buyers of one partition whose value is worked out, and users looked at to find them.
    private static let buyersMost = 64
    private static let usersMost = 4096
    /// Beyond what sums of money hold; such a model is none.
    private static let bound = 1e12

    fileprivate mutating func add(_ partition: Partition) {
        guard let model = partition.lifetimeValue.model, partition.analytics.buyers > 0 else { return }
        horizon = model.horizon
        buyers += partition.analytics.buyers
        let users = partition.users.count
        let looked = min(users, Self.usersMost)
        var values: [Double] = []
        for step in 0..<looked where values.count < Self.buyersMost || looked == users {
            guard let account = partition.account(step * users / looked),
                let tier = partition.tierValues(account, asOf: partition.today, without: .none)
            else { continue }
            values.append(min(max(tier.lifetimeValue ?? 0, 0), Self.bound))
        }
        if values.isEmpty { return }
        sampled += Int64(values.count)
        let all = Double(partition.analytics.buyers)
        let moments = SampleMoments(values)
        value += Int128((moments.mean * all * 1e6).rounded())
        if values.count > 1, Double(values.count) < all {
            let count = Double(values.count)
            variance += Int128((all * all * moments.variance / count * (1 - count / all)).rounded())
        }
    }

    /// Money; nil without a model or buyers.
    package var mean: Double? { sampled == 0 ? nil : Double(value) / 1e6 / Double(buyers) }

    var fields: JSONValue {
        guard let mean, let horizon else { return .null }
        return .fields([
            "mean": .number(mean), "standard_error": .number(Double(variance).squareRoot() / Double(buyers)),
            "horizon_d": .integer(Int64(horizon)), "buyers": .integer(buyers), "sampled": .integer(sampled),
        ])
    }
}

extension Shard {
    package func lifetimeValueTotals() -> LifetimeValueTotals {
        sum { partition, totals in totals.add(partition) }
    }
}

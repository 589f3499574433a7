import Core
import Models

/// What partitions add up to, as plain values with names in place of a partition's numbers. Adding is exact and its
/// order does not matter, so that an answer does not depend on who owns which partition.
package protocol AnalyticsTotals: Sendable {
    init()
    mutating func add(_ other: Self)
}

extension Partition {
    /// Text of a string's number; values without a row of their own are `(other)`.
    func text(_ value: UInt32) -> String {
        Int(value) < strings.count ? strings.string(value) : "(other)"
    }
}

extension Shard {
    /// Adds up what each partition gives, in their order.
    func sum<Totals: AnalyticsTotals>(_ add: (Partition, inout Totals) -> Void) -> Totals {
        var totals = Totals()
        forEachPartition { add($0, &totals) }
        return totals
    }
}

/// Users by each feature of the first segmentation, as they were when it was adopted.
package struct FeatureTotals: AnalyticsTotals {
    package private(set) var version = 0
    /// Of the model, in its order.
    package private(set) var names: [String] = []
    package private(set) var sketches: [ValueSketch] = []
    private(set) var model: SegmentsModel?

    package init() {}

    package mutating func add(_ other: FeatureTotals) {
        if names.isEmpty { (version, names, model) = (other.version, other.names, other.model) }
        add(other.sketches)
    }

    fileprivate mutating func add(_ partition: Partition) {
        guard let model = partition.segments.model else { return }
        (version, names, self.model) = (partition.segments.version, model.features, model)
        add(partition.analytics.features)
    }

    private mutating func add(_ more: [ValueSketch]) {
        if sketches.isEmpty { sketches = [ValueSketch](repeating: ValueSketch(), count: more.count) }
        for index in more.indices { sketches[index].add(more[index]) }
    }
}

/// Numbers of the whole store.
package struct StoreTotals: AnalyticsTotals {
    package var events: Int64 = 0
    package var users: Int64 = 0
    package var buyers: Int64 = 0
    package var values = ValueSketch()
    /// Events that found no cell in the table of purchases.
    package var dropped: Int64 = 0

    package init() {}

    package mutating func add(_ other: StoreTotals) {
        events += other.events
        users += other.users
        buyers += other.buyers
        values.add(other.values)
        dropped += other.dropped
    }
}

extension Shard {
    package func featureTotals() -> FeatureTotals { sum { partition, totals in totals.add(partition) } }

    package func storeTotals() -> StoreTotals {
        sum { partition, totals in
            totals.events += partition.eventCount
            totals.users += Int64(partition.users.count - partition.users.erasedCount)
            totals.buyers += partition.analytics.buyers
            totals.values.add(partition.analytics.sketch)
            totals.dropped += partition.analytics.facts.dropped
        }
    }
}

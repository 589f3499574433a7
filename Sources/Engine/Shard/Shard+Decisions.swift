package import Core

extension Shard {
    /// What was decided about a user's triggers, the oldest kept first.
    package func decisions(of id: [UInt8]) -> [DecisionView] {
        var views: [DecisionView] = []
        let number = id.withUnsafeBytes { Partitioning.partition(of: $0) }
        forEachPartition { partition in
            guard partition.number == number, let slot = partition.slot(of: id) else { return }
            views = partition.arbiter.decisions.inOrder.filter { Int($0.slot) == slot }.map { entry in
                DecisionView(
                    at: EventTime(microseconds: entry.at), due: EventTime(microseconds: entry.due),
                    rule: partition.rules.name(entry.rule),
                    decision: DecisionReason(rawValue: entry.reason)?.text ?? "")
            }
        }
        return views
    }

    /// Rules that have too little data about a user as things stand, by name.
    package func abstaining(of id: [UInt8]) -> [String] {
        var names: [String] = []
        let number = id.withUnsafeBytes { Partitioning.partition(of: $0) }
        forEachPartition { partition in
            guard partition.number == number, let slot = partition.slot(of: id) else { return }
            names = partition.abstaining(slot)
        }
        return names
    }

    /// Decisions ever taken, by what became of the trigger.
    package func decisionCounts() -> [Named<Int64>] {
        var sums = DecisionReason.allCases.map { Named($0.text, Int64(0)) }
        forEachPartition { partition in
            for (index, count) in partition.arbiter.decisions.counts.enumerated() {
                sums[index].value += count
            }
        }
        return sums
    }
}

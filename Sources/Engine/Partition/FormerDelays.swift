import Core

/// Delays of the rules as they were before settings changed, newest last.
///
/// A change takes hold at a frontier: what was due before it was decided by the old delays, everything else is
/// by the new ones. So the delay that a trigger was sent under follows from when it was due.
struct FormerDelays {
    struct Epoch {
        /// The frontier at which it ended.
        var end: Int64
        /// By the rule's raw value.
        var delays: [Int64]
    }

    private(set) var epochs: [Epoch] = []
    /// Beyond it the oldest are forgotten, and what they decided is judged by the oldest that is left.
    private static let kept = 64

    init() {}

    mutating func ended(_ delays: [Int64], at frontier: Int64) {
        // Nothing was decided between two changes at one frontier.
        if let last = epochs.last, last.end >= frontier { return }
        epochs.append(Epoch(end: frontier, delays: delays))
        if epochs.count > Self.kept { epochs.removeFirst() }
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(epochs.count))
        for epoch in epochs {
            out.put(epoch.end)
            out.put(UInt64(epoch.delays.count))
            for delay in epoch.delays { out.put(delay) }
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        for _ in 0..<(try input.count(of: 16)) {
            let end: Int64 = try input.get()
            var delays: [Int64] = []
            for _ in 0..<(try input.count(of: 8)) { delays.append(try input.get()) }
            guard delays.count > Int(BuiltInRule.retracted.rawValue), end > epochs.last?.end ?? .min else {
                throw StateError("former delays that cannot be")
            }
            epochs.append(Epoch(end: end, delays: delays))
        }
    }
}

extension Partition {
    /// The delay under which a trigger with a due time was decided.
    func delay(_ rule: BuiltInRule, ofDue due: Int64) -> Int64 {
        for epoch in formerDelays.epochs where due < epoch.end { return epoch.delays[Int(rule.rawValue)] }
        return terms.delay(rule)
    }

    /// When a stage that begins at a time falls due if nothing replaces it: by the delay of then, or by a later
    /// one that came before it was due; nil where it was past due by the new delay, which leaves it undecided
    /// for ever.
    func stageDue(_ rule: BuiltInRule, from time: Int64) -> Int64? {
        var begin = Int64.min
        for epoch in formerDelays.epochs where time < epoch.end {
            let due = time + epoch.delays[Int(rule.rawValue)]
            if due < begin { return nil }
            if due < epoch.end { return due }
            begin = epoch.end
        }
        let due = time + terms.delay(rule)
        return due < begin ? nil : due
    }
}

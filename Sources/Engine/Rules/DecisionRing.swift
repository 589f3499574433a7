import Core

/// What became of a trigger that was due. Raw values are part of saved state.
enum DecisionReason: UInt8, CaseIterable, Sendable {
    case sent = 0
    /// Waits for the end of the quiet hours.
    case held
    case quiet
    case capped
    case noConsent
    case control
    case holdout
    case outranked
    case stale
    case dryRun
    /// Held, and no longer true when it was released.
    case lapsed
    /// The budget of all users together is used up, or its circuit breaker has opened.
    case budget
    case breaker
    /// The condition asks what a model does not say of the user.
    case tooLittleData

    var text: String {
        switch self {
        case .sent: "sent"
        case .held: "held"
        case .quiet: "quiet"
        case .capped: "capped"
        case .noConsent: "no_consent"
        case .control: "control"
        case .holdout: "holdout"
        case .outranked: "outranked"
        case .stale: "stale"
        case .dryRun: "dry_run"
        case .lapsed: "lapsed"
        case .budget: "budget"
        case .breaker: "breaker"
        case .tooLittleData: "too_little_data"
        }
    }
}

/// One decision, 24 bytes.
struct DecisionEntry: BitwiseCopyable {
    var at: Int64
    var due: Int64
    var slot: UInt32
    var rule: UInt16
    var reason: UInt8
    var detail: UInt8 = 0
}

/// The last decisions of a partition, and how many there were by reason: the oldest make room. Those for want of
/// data have a quarter of the room, and make none of what was decided about a trigger go.
struct DecisionRing {
    private var decided: Ring
    private var abstained: Ring
    private(set) var limit: Int
    private(set) var counts = [Int64](repeating: 0, count: DecisionReason.allCases.count)

    private struct Ring {
        private(set) var entries: [DecisionEntry] = []
        private var next = 0
        let limit: Int

        init(limit: Int, _ entries: [DecisionEntry] = []) {
            self.limit = limit
            self.entries = Array(entries.suffix(limit))
        }

        /// Oldest first.
        var inOrder: [DecisionEntry] { Array(entries[next...] + entries[..<next]) }

        mutating func append(_ entry: DecisionEntry) {
            if entries.count < limit {
                entries.append(entry)
            } else {
                entries[next] = entry
                next = next + 1 == limit ? 0 : next + 1
            }
        }

        mutating func remove(where matches: (DecisionEntry) -> Bool) {
            self = Ring(limit: limit, inOrder.filter { !matches($0) })
        }
    }

    init(limit: Int) {
        self.limit = limit
        decided = Ring(limit: limit)
        abstained = Ring(limit: max(1, limit / 4))
    }

    var byteCount: Int {
        (decided.entries.capacity + abstained.entries.capacity) * MemoryLayout<DecisionEntry>.stride
    }

    mutating func append(_ entry: DecisionEntry) {
        counts[Int(entry.reason)] += 1
        keep(entry)
    }

    private mutating func keep(_ entry: DecisionEntry) {
        if entry.reason == DecisionReason.tooLittleData.rawValue {
            abstained.append(entry)
        } else {
            decided.append(entry)
        }
    }

    /// By when it was decided, each kind in its own order.
    var inOrder: [DecisionEntry] {
        let (a, b) = (decided.inOrder, abstained.inOrder)
        if b.isEmpty { return a }
        var merged: [DecisionEntry] = []
        var place = 0
        for entry in a {
            while place < b.count, b[place].at < entry.at {
                merged.append(b[place])
                place += 1
            }
            merged.append(entry)
        }
        return merged + b[place...]
    }

    mutating func setLimit(_ limit: Int) {
        guard limit != self.limit else { return }
        let (a, b) = (decided.inOrder, abstained.inOrder)
        self.limit = limit
        decided = Ring(limit: limit, a)
        abstained = Ring(limit: max(1, limit / 4), b)
    }

    mutating func remove(where matches: (DecisionEntry) -> Bool) {
        decided.remove(where: matches)
        abstained.remove(where: matches)
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(counts.count))
        for count in counts { out.put(count) }
        let entries = decided.inOrder + abstained.inOrder
        out.put(UInt64(entries.count))
        for entry in entries {
            out.put(entry.at)
            out.put(entry.due)
            out.put(entry.slot)
            out.put(entry.rule)
            out.put(entry.reason)
            out.put(entry.detail)
        }
    }

    init(from input: inout ByteReader, limit: Int) throws(StateError) {
        self.init(limit: limit)
        for index in 0..<(try input.count(of: 8)) {
            let count: Int64 = try input.get()
            if index < counts.count { counts[index] = count }
        }
        let total = try input.count(of: 24)
        guard total <= limit + abstained.limit else {
            throw StateError("\(total) decisions, of which \(limit) are kept")
        }
        for _ in 0..<total {
            let entry = DecisionEntry(
                at: try input.get(), due: try input.get(), slot: try input.get(), rule: try input.get(),
                reason: try input.get(), detail: try input.get())
            guard DecisionReason(rawValue: entry.reason) != nil, EventTime.isPossible(entry.at),
                EventTime.isPossible(entry.due)
            else { throw StateError("a decision that cannot be, of reason \(entry.reason)") }
            keep(entry)
        }
    }
}

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

/// The last decisions of a partition, and how many there were by reason: the oldest make room.
struct DecisionRing {
    private var entries: [DecisionEntry] = []
    private var next = 0
    private(set) var limit: Int
    private(set) var counts = [Int64](repeating: 0, count: DecisionReason.allCases.count)

    init(limit: Int) { self.limit = limit }

    var byteCount: Int { entries.capacity * MemoryLayout<DecisionEntry>.stride }

    mutating func append(_ entry: DecisionEntry) {
        counts[Int(entry.reason)] += 1
        if entries.count < limit {
            entries.append(entry)
        } else {
            entries[next] = entry
            next = next + 1 == limit ? 0 : next + 1
        }
    }

    /// Oldest first.
    var inOrder: [DecisionEntry] { Array(entries[next...] + entries[..<next]) }

    mutating func setLimit(_ limit: Int) {
        guard limit != self.limit else { return }
        self.limit = limit
        entries = Array(inOrder.suffix(limit))
        next = 0
    }

    mutating func remove(where matches: (DecisionEntry) -> Bool) {
        entries = inOrder.filter { !matches($0) }
        next = 0
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(counts.count))
        for count in counts { out.put(count) }
        out.put(UInt64(entries.count))
        for entry in inOrder {
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
        guard total <= limit else { throw StateError("\(total) decisions, of which \(limit) are kept") }
        for _ in 0..<total {
            let entry = DecisionEntry(
                at: try input.get(), due: try input.get(), slot: try input.get(), rule: try input.get(),
                reason: try input.get(), detail: try input.get())
            guard DecisionReason(rawValue: entry.reason) != nil, EventTime.isPossible(entry.at),
                EventTime.isPossible(entry.due)
            else { throw StateError("a decision that cannot be, of reason \(entry.reason)") }
            entries.append(entry)
        }
    }
}

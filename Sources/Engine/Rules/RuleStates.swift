import Core

extension EventTime {
    /// Whether microseconds of saved state can be a time: far beyond what a line may carry, and far from where
    /// sums overflow.
    static func isPossible(_ microseconds: Int64) -> Bool {
        microseconds >= distantPast.microseconds && microseconds <= distantFuture.microseconds
    }
}

/// What one rule knows of one user.
struct RuleState: BitwiseCopyable {
    /// Slot and number of the rule, + 1; 0: nobody's.
    fileprivate(set) var key: UInt64 = 0
    /// When it is due; `Int64.max`: nothing waits. For a built-in rule: when what was held was released.
    var pending: Int64 = .max
    /// Due time of the last one recorded, `Int64.min` before the first; where it was held, its own due time.
    var fired: Int64 = .min
    /// Due time that the last one was recorded under.
    var sent: Int64 = .min
    /// Absence: the last event that ends the wait. Crossing: 1 while beyond the bound. Predicted date: 1 once
    /// it was told in the present cycle.
    var mark: Int64 = .min
    /// Number of what waits for the end of the quiet hours; it may be gone. 0: nothing ever did.
    var held: UInt64 = 0

    init() {}

    /// Whether all of it can have been written: times that sums can be made of.
    fileprivate var isPossible: Bool {
        let times = [pending, fired, sent, mark].filter { $0 != .max && $0 != .min }
        return times.allSatisfy(EventTime.isPossible)
    }

    var slot: UInt32 { UInt32(truncatingIfNeeded: (key - 1) >> 16) }
    var rule: UInt16 { UInt16(truncatingIfNeeded: key - 1) }

    static func key(_ slot: Int, _ rule: UInt16) -> UInt64 { (UInt64(slot) << 16 | UInt64(rule)) + 1 }
}

/// The users about whom a rule knows something, by slot and rule: open addressing, 48 bytes each. Nobody
/// else costs anything.
struct RuleStates {
    private var entries: [RuleState] = []
    private(set) var count = 0

    init() {}

    var byteCount: Int { entries.capacity * MemoryLayout<RuleState>.stride }

    private func home(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 24) & (entries.count - 1)
    }

    /// Place of what is known; nil where nothing is.
    @inline(__always)
    private func place(_ key: UInt64) -> Int? {
        if count == 0 { return nil }
        var index = home(key)
        while entries[index].key != 0 {
            if entries[index].key == key { return index }
            index = (index + 1) & (entries.count - 1)
        }
        return nil
    }

    func find(_ slot: Int, _ rule: UInt16) -> RuleState? {
        place(RuleState.key(slot, rule)).map { entries[$0] }
    }

    /// Changes what is known, from nothing where that is so.
    mutating func update(_ slot: Int, _ rule: UInt16, _ change: (inout RuleState) -> Void) {
        let key = RuleState.key(slot, rule)
        if let place = place(key) { return change(&entries[place]) }
        if (count + 1) * 4 > entries.count * 3 { grow() }
        var state = RuleState()
        change(&state)
        state.key = key
        insert(state)
    }

    private mutating func insert(_ state: RuleState) {
        var index = home(state.key)
        while entries[index].key != 0 { index = (index + 1) & (entries.count - 1) }
        entries[index] = state
        count += 1
    }

    private mutating func grow() {
        let old = entries
        entries = [RuleState](repeating: RuleState(), count: max(16, old.count * 2))
        count = 0
        for state in old where state.key != 0 { insert(state) }
    }

    /// Keeps what matches. O(n).
    mutating func keep(where holds: (RuleState) -> Bool) {
        let kept = entries.filter { $0.key != 0 && holds($0) }
        entries = []
        count = 0
        guard !kept.isEmpty else { return }
        var size = 16
        while kept.count * 4 > size * 3 { size *= 2 }
        entries = [RuleState](repeating: RuleState(), count: size)
        for state in kept { insert(state) }
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(count))
        for state in entries.filter({ $0.key != 0 }).sorted(by: { $0.key < $1.key }) {
            out.put(state.key)
            for time in [state.pending, state.fired, state.sent, state.mark] { out.put(time) }
            out.put(state.held)
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        for _ in 0..<(try input.count(of: 48)) {
            var state = RuleState()
            let key: UInt64 = try input.get()
            state.pending = try input.get()
            state.fired = try input.get()
            state.sent = try input.get()
            state.mark = try input.get()
            state.held = try input.get()
            guard key != 0, place(key) == nil else {
                throw StateError("what a rule knows stands there twice")
            }
            guard state.isPossible else { throw StateError("a rule knows of a time that cannot be") }
            if (count + 1) * 4 > entries.count * 3 { grow() }
            state.key = key
            insert(state)
        }
    }
}

/// A time at which a rule may fire for a user, or what was held is released. Validated when it is reached.
struct RuleTimer: HeapEntry, Equatable {
    var due: Int64
    /// Of what was held; 0: nothing was.
    var held: UInt64
    var slot: UInt32
    var rule: UInt32

    static func precedes(_ a: RuleTimer, _ b: RuleTimer) -> Bool {
        if a.due != b.due { return a.due < b.due }
        if a.slot != b.slot { return a.slot < b.slot }
        if a.rule != b.rule { return a.rule < b.rule }
        return a.held < b.held
    }
}

import Core

/// Rows of the cart model: features of users at an add-to-cart or begin-checkout, and whether a purchase came
/// within the window. The latest so many, of a sample of the users that is halved whenever they would
/// reach back less than `span`: so a small shop keeps all and a large one keeps weeks.
struct IntentRows {
    /// How far back the rows are to reach, microseconds.
    static let span = 28 * Microseconds.day

    private let limit: Int
    private let window: Int64
    /// Users are sampled whose hash ends in so many zero bits.
    private(set) var halvings: UInt8 = 0
    /// Rows in a ring that begins at `head`; the columns are of one length.
    private var head = 0
    private var times: [Int64] = []
    private var slots: [UInt32] = []
    private var labels: [UInt8] = []
    private var features: [Float] = []

    init(_ settings: OutcomeSettings) {
        limit = settings.intentRows
        window = settings.intentWindow
    }

    @inline(__always)
    var isOn: Bool { limit > 0 }
    var count: Int { times.count }

    var byteCount: Int {
        times.capacity * 8 + slots.capacity * 4 + labels.capacity + features.capacity * 4
    }

    @inline(__always)
    private var mask: UInt64 { (1 << UInt64(halvings)) - 1 }

    @inline(__always)
    func isSampled(_ hash: UInt64) -> Bool { hash & mask == 0 }

    /// Place in the columns of the row that is so many after the oldest.
    private func place(_ row: Int) -> Int {
        let place = head + row
        return place >= count ? place - count : place
    }

    /// A row: when, whose, what came of it, and the features.
    func row(_ number: Int) -> (time: Int64, slot: Int, label: UInt8, features: ArraySlice<Float>) {
        let place = place(number)
        let start = place * IntentFeature.count
        return (
            times[place], Int(slots[place]), labels[place], features[start..<start + IntentFeature.count]
        )
    }

    /// Whether the outcome of a row is known once everything before an instant is decided.
    func isClosed(_ number: Int, at frontier: Int64) -> Bool { times[place(number)] + window <= frontier }

    /// Adds a row; times do not descend.
    /// - Parameter hash: of the user of a slot.
    mutating func append(
        _ slot: Int, at time: Int64, _ row: UnsafeBufferPointer<Float>, hash: (_ slot: Int) -> UInt64
    ) {
        if count == limit {
            while count == limit, halvings < 32, time - times[head] < Self.span {
                halvings += 1
                let mask = mask
                keep { hash(Int($0)) & mask == 0 }
            }
            if !isSampled(hash(slot)) { return }
        }
        if count < limit {
            if head != 0 { keep { _ in true } }
            times.append(time)
            slots.append(UInt32(slot))
            labels.append(0)
            features.append(contentsOf: row)
            return
        }
        times[head] = time
        slots[head] = UInt32(slot)
        labels[head] = 0
        let start = head * IntentFeature.count
        for index in 0..<IntentFeature.count { features[start + index] = row[index] }
        head = head + 1 == count ? 0 : head + 1
    }

    /// A purchase: the open rows of the user before it have come to a good end.
    /// - Parameter frontier: rows whose window ended before it are closed.
    mutating func purchased(_ slot: Int, at time: Int64, frontier: Int64) {
        let oldest = max(time, frontier) - window
        var row = count - 1
        while row >= 0 {
            let place = place(row)
            if times[place] <= oldest { return }
            if Int(slots[place]) == slot, times[place] <= time { labels[place] = 1 }
            row -= 1
        }
    }

    mutating func erase(_ erased: Set<UInt32>) {
        if slots.contains(where: erased.contains) { keep { !erased.contains($0) } }
    }

    /// Keeps the rows of some slots, from the oldest on, and begins the ring anew.
    private mutating func keep(_ isKept: (UInt32) -> Bool) {
        let old = self
        head = 0
        times.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        features.removeAll(keepingCapacity: true)
        for number in 0..<old.count {
            let row = old.row(number)
            guard isKept(UInt32(row.slot)) else { continue }
            times.append(row.time)
            slots.append(UInt32(row.slot))
            labels.append(row.label)
            features.append(contentsOf: row.features)
        }
    }

    func write(to out: inout ByteWriter) {
        out.put(halvings)
        out.put(UInt64(count))
        for number in 0..<count {
            let row = row(number)
            out.put(row.time)
            out.put(UInt32(row.slot))
            out.put(row.label)
            for value in row.features { out.put(value.bitPattern) }
        }
    }

    init(from input: inout ByteReader, _ settings: OutcomeSettings, users: Int) throws(StateError) {
        self.init(settings)
        halvings = try input.get()
        let rows = try input.count(of: 13 + 4 * IntentFeature.count)
        guard rows <= limit, halvings <= 32 else {
            throw StateError("\(rows) rows of carts, at most \(limit)")
        }
        for _ in 0..<rows {
            times.append(try input.get())
            slots.append(try input.get())
            labels.append(try input.get())
            for _ in 0..<IntentFeature.count { features.append(Float(bitPattern: try input.get())) }
        }
        let bounds = EventTime.distantPast.microseconds...EventTime.distantFuture.microseconds
        guard slots.allSatisfy({ Int($0) < users }), labels.allSatisfy({ $0 <= 1 }),
            features.allSatisfy(\.isFinite), times.allSatisfy(bounds.contains),
            zip(times, times.dropFirst()).allSatisfy({ $0 <= $1 })
        else { throw StateError("a row of a cart holds what cannot be") }
    }
}

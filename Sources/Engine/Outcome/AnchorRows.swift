import Core

/// Rows of one anchor: features of buyers as they were then, and, once the horizon has passed, what came.
struct AnchorSet: Equatable {
    let instant: Int64
    /// In the order of `BuyerSample`.
    var slots: [UInt32] = []
    /// Shape [slots][ChurnFeature.count].
    var features: [Float] = []
    /// 1 where no purchase came within the horizon; empty until it has passed.
    var labels: [UInt8] = []
    var isJoined = false
    /// How far the newest event, and the newest purchase, that any row knows lies after the anchor; negative,
    /// unless something was known too early. Microseconds.
    var eventLead = Int64.min
    var purchaseLead = Int64.min

    init(instant: Int64) { self.instant = instant }

    var byteCount: Int { slots.capacity * 4 + features.capacity * 4 + labels.capacity + 64 }

    /// Takes rows out.
    mutating func remove(_ erased: Set<UInt32>) {
        guard slots.contains(where: erased.contains) else { return }
        let old = self
        slots.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        features.removeAll(keepingCapacity: true)
        for (row, slot) in old.slots.enumerated() where !erased.contains(slot) {
            slots.append(slot)
            if isJoined { labels.append(old.labels[row]) }
            let start = row * ChurnFeature.count
            features.append(contentsOf: old.features[start..<start + ChurnFeature.count])
        }
    }

    func write(to out: inout ByteWriter) {
        out.put(instant)
        out.put(isJoined)
        out.put(eventLead)
        out.put(purchaseLead)
        out.put(UInt64(slots.count))
        for slot in slots { out.put(slot) }
        for value in features { out.put(value.bitPattern) }
        for label in labels { out.put(label) }
    }

    init(from input: inout ByteReader, users: Int) throws(StateError) {
        instant = try input.get()
        isJoined = try input.getBool()
        eventLead = try input.get()
        purchaseLead = try input.get()
        let count = try input.count(of: 4 + 4 * ChurnFeature.count)
        for _ in 0..<count {
            let slot: UInt32 = try input.get()
            guard Int(slot) < users else { throw StateError("a captured row of no user") }
            slots.append(slot)
        }
        features.reserveCapacity(count * ChurnFeature.count)
        for _ in 0..<count * ChurnFeature.count { features.append(Float(bitPattern: try input.get())) }
        if isJoined { for _ in 0..<count { labels.append(try input.get()) } }
        guard features.allSatisfy(\.isFinite), labels.allSatisfy({ $0 <= 1 }) else {
            throw StateError("a captured row holds what cannot be")
        }
    }
}

/// The anchors whose rows are held, and when the next one is.
struct AnchorRows {
    private let settings: OutcomeSettings
    private(set) var sample: BuyerSample
    /// Ascending by instant.
    private(set) var sets: [AnchorSet] = []
    /// Day of the next anchor; nil before the first event, or where nothing is captured.
    private var nextDay: Int32?
    private var nextAnchor = Int64.max
    /// Nothing is to be captured or joined before it.
    private(set) var nextInstant = Int64.max

    init(_ settings: OutcomeSettings) {
        self.settings = settings
        sample = BuyerSample(limit: settings.churnRows)
    }

    var isOn: Bool { settings.churnRows > 0 && settings.anchors > 0 }
    var needsStart: Bool { nextDay == nil && isOn }

    var byteCount: Int { sample.byteCount + sets.reduce(0) { $0 + $1.byteCount } }

    /// The first anchor will be that after an instant.
    mutating func start(after instant: Int64, _ zone: Zone) {
        let step = Int32(settings.anchorDays)
        let day = zone.day(of: EventTime(microseconds: instant))
        let passed = Int32(Int64(day).flooredDivision(by: Int64(step)).quotient)
        setNext((passed + 1) * step, zone)
    }

    private mutating func setNext(_ day: Int32, _ zone: Zone) {
        nextDay = day
        nextAnchor = zone.start(of: day).microseconds
        update()
    }

    private mutating func update() {
        let open = sets.first { !$0.isJoined }
        nextInstant = min(nextAnchor, open.map { $0.instant + settings.churnHorizon } ?? .max)
    }

    /// Passes over anchors whose rows would be dropped before the frontier comes to `target`.
    mutating func skip(to target: Int64, _ zone: Zone) {
        guard let nextDay else { return }
        let step = Int32(settings.anchorDays)
        let last = zone.day(of: EventTime(microseconds: target))
        let kept = Int64(last) - Int64(step) * Int64(settings.anchors + 1)
        guard kept > Int64(nextDay) else { return }
        let skipped = Int32((kept - Int64(nextDay)) / Int64(step))
        if skipped > 0 { setNext(nextDay + skipped * step, zone) }
    }

    // MARK: At an instant

    /// The anchor that an instant is; nil where it is none.
    func isAnchor(_ instant: Int64) -> Bool { instant == nextAnchor }

    /// Keeps what an anchor captured, drops what has grown too old, and turns to the next.
    mutating func keep(_ set: AnchorSet, _ zone: Zone) {
        guard let day = nextDay else { return }
        let step = Int32(settings.anchorDays)
        if !set.slots.isEmpty { sets.append(set) }
        let oldest = zone.start(of: day - step * Int32(settings.anchors - 1)).microseconds
        sets.removeAll { $0.instant < oldest }
        setNext(day + step, zone)
    }

    /// Joins the outcomes of the sets whose horizon ends at an instant.
    /// - Parameter bought: whether a slot has bought at or after an instant.
    mutating func join(at instant: Int64, bought: (_ slot: Int, _ since: Int64) -> Bool) {
        for index in sets.indices
        where !sets[index].isJoined && sets[index].instant + settings.churnHorizon <= instant {
            let since = sets[index].instant
            sets[index].labels = sets[index].slots.map { bought(Int($0), since) ? 0 : 1 }
            sets[index].isJoined = true
        }
        update()
    }

    // MARK: Buyers

    mutating func consider(_ slot: Int, hash: UInt64) { sample.consider(slot, hash: hash) }

    mutating func erase(_ slots: Set<UInt32>) {
        sample.remove(slots)
        for index in sets.indices { sets[index].remove(slots) }
        sets.removeAll { $0.slots.isEmpty }
        update()
    }

    // MARK: Saved state

    func write(to out: inout ByteWriter) {
        out.put(nextDay != nil)
        out.put(nextDay ?? 0)
        sample.write(to: &out)
        out.put(UInt64(sets.count))
        for set in sets { set.write(to: &out) }
    }

    init(from input: inout ByteReader, _ settings: OutcomeSettings, zone: Zone, users: Int) throws(StateError)
    {
        self.init(settings)
        let started = try input.getBool()
        let day: Int32 = try input.get()
        sample = try BuyerSample(from: &input, limit: settings.churnRows, users: users)
        for _ in 0..<(try input.count(of: 33)) { sets.append(try AnchorSet(from: &input, users: users)) }
        guard sets.count <= settings.anchors,
            zip(sets, sets.dropFirst()).allSatisfy({ $0.instant < $1.instant }),
            abs(Int64(day)) < 1 << 24, started || sets.isEmpty
        else { throw StateError("captured rows of \(sets.count) anchors are out of order") }
        let bounds = EventTime.distantPast.microseconds...EventTime.distantFuture.microseconds
        guard sets.allSatisfy({ bounds.contains($0.instant) }) else {
            throw StateError("an anchor at an instant that cannot be")
        }
        if started { setNext(day, zone) }
    }
}

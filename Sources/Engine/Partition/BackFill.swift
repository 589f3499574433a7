import Core

/// What the back-filled part of one user's past has pending, walked through in the order of time.
struct PastEntry: BitwiseCopyable {
    /// Latest event walked through.
    var last: Int64
    /// Latest purchase among them, and sign-up without a purchase since; `Int64.min`: none.
    var purchase: Int64 = .min
    var signUp: Int64 = .min
    var stageTime: Int64 = 0
    /// `UInt32.max` once the user is erased.
    var slot: UInt32
    /// Raw value of the pending stage.
    var stage: UInt8 = 0
    var flags: UInt8 = 0

    static let bought: UInt8 = 1 << 0
    /// Has been recorded, or found untrue, for the present absence.
    static let dormantDone: UInt8 = 1 << 1
    static let churnDone: UInt8 = 1 << 2
    static let winBackDone: UInt8 = 1 << 3

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

/// The users whose past is being filled in: those with events that came, under the wall clock, more than
/// `triggers.max_age` after their time.
///
/// What such an event makes due long ago is recorded as stale, but not at once: the next line may be the
/// purchase after the cart. It waits for an event of the same user beyond its due time, or until the
/// back-fill is over: no such line has come for a while. A user costs 40 bytes until then.
struct BackFill: ~Copyable {
    /// Users in the order in which their first such event came.
    private(set) var entries = Slab<PastEntry>()
    /// Index + 1 of a slot's entry; 0: none.
    private var places: [UInt32] = []
    /// Events within the allowed lateness of the latest: their turn may not have come.
    var waiting = Heap<PendingEntry>()
    /// Latest event time of the back-fill.
    var head = Int64.min
    /// now of the last record with such an event, in whatever partition, and of the first one.
    private(set) var touched: Int64 = 0
    private(set) var begun: Int64 = 0
    /// The entries before `cursor` are done with; those before `end` are being settled.
    private(set) var cursor = 0
    private(set) var end = 0

    /// Users settled in one record: each may bring several triggers.
    static let settledAtOnce = 4096

    init() {}

    var isEmpty: Bool { entries.count == 0 && waiting.isEmpty }
    var isSettling: Bool { cursor < end }
    var byteCount: Int { entries.byteCount + places.capacity * 4 + waiting.byteCount }

    /// A record at `now` has events of long ago.
    mutating func touch(_ now: Int64) { touched = now }

    /// When the rest is settled if nothing more comes; `Int64.max`: nothing waits.
    ///
    /// - Parameters:
    ///   - quiet: how long no such event has come when a back-fill is over.
    ///   - longest: where they come all the time, as from devices that were offline, they are settled so
    ///     long after the first.
    func settledAt(quiet: Int64, longest: Int64) -> Int64 {
        isEmpty ? .max : min(touched + quiet, begun + longest)
    }

    /// From here on all that is here is settled.
    mutating func beginSettling() { end = entries.count }

    /// A user's entry, made where there is none.
    mutating func entry(_ slot: Int, _ time: Int64) -> UnsafeMutablePointer<PastEntry> {
        if places.count <= slot {
            places.append(contentsOf: repeatElement(0, count: slot + 1 - places.count + places.count / 2))
        }
        if places[slot] == 0 {
            places[slot] = UInt32(
                entries.append(PastEntry(last: time, slot: UInt32(truncatingIfNeeded: slot))) + 1)
        }
        return entries[Int(places[slot]) - 1]
    }

    /// The next entry to settle; it is forgotten with the next call.
    mutating func next() -> PastEntry {
        let entry = entries[cursor].pointee
        cursor += 1
        if entry.slot != .max { places[Int(entry.slot)] = 0 }
        return entry
    }

    /// The first event after a time of rest.
    mutating func begin(_ now: Int64) { if isEmpty { begun = now } }

    /// Gives back what is settled.
    mutating func trim(_ now: Int64) {
        guard cursor == end, cursor > 0 else { return }
        var rest = Slab<PastEntry>()
        for index in cursor..<entries.count {
            let entry = entries[index].pointee
            let place = rest.append(entry) + 1
            if entry.slot != .max { places[Int(entry.slot)] = UInt32(place) }
        }
        entries = rest
        (cursor, end, begun) = (0, 0, now)
        if isEmpty {
            places = []
            head = .min
        }
    }

    mutating func erase(_ slots: Set<UInt32>) {
        waiting.remove { slots.contains($0.slot) }
        for slot in slots where Int(slot) < places.count && places[Int(slot)] != 0 {
            entries[Int(places[Int(slot)]) - 1].pointee = PastEntry(last: 0, slot: .max)
            places[Int(slot)] = 0
        }
    }

    func write(to out: inout ByteWriter) {
        for value in [head, touched, begun] { out.put(value) }
        out.put(UInt64(cursor))
        out.put(UInt64(end))
        entries.write(to: &out)
        waiting.write(to: &out)
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        head = try input.get()
        touched = try input.get()
        begun = try input.get()
        cursor = try input.getSize()
        end = try input.getSize()
        entries = try Slab<PastEntry>(from: &input)
        waiting = try Heap<PendingEntry>(from: &input)
        guard cursor <= end, end <= entries.count else {
            throw StateError("a back-fill of \(entries.count) users, settled from \(cursor) to \(end)")
        }
    }

    /// After a restore, once the entries are known to be in order: where each user's is.
    mutating func index() {
        for index in cursor..<entries.count where entries[index].pointee.slot != .max {
            let slot = Int(entries[index].pointee.slot)
            if places.count <= slot {
                places.append(contentsOf: repeatElement(0, count: slot + 1 - places.count))
            }
            places[slot] = UInt32(index + 1)
        }
    }
}

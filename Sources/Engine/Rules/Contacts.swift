package import Core

/// What was sent to one user in the last seven days, by day: of all channels, and of each that has a cap.
struct ContactCounts: BitwiseCopyable {
    /// Channels that can have a cap of their own.
    static let channels = 8
    static let days = 7

    /// Newest day that is counted.
    var day: Int32 = .min
    /// By age in days and channel, the last of each day being all together, shape [7][9].
    private var counts = InlineArray<63, UInt8>(repeating: 0)

    init() {}

    private static func place(_ age: Int, _ channel: Int) -> Int { age * (channels + 1) + channel }

    /// Makes a day the newest.
    private mutating func move(to newest: Int32) {
        guard newest > day else { return }
        let shift = day == .min ? Self.days : Int(min(Int64(newest) - Int64(day), Int64(Self.days)))
        for age in stride(from: Self.days - 1, through: 0, by: -1) {
            for channel in 0...Self.channels {
                counts[Self.place(age, channel)] =
                    age >= shift ? counts[Self.place(age - shift, channel)] : 0
            }
        }
        day = newest
    }

    /// Sent on the day, and on the seven up to it.
    mutating func sent(on today: Int32, channel: Int?) -> (day: Int, week: Int) {
        move(to: today)
        let channel = channel ?? Self.channels
        var week = 0
        for age in 0..<Self.days { week += Int(counts[Self.place(age, channel)]) }
        return (Int(counts[Self.place(0, channel)]), week)
    }

    mutating func count(on today: Int32, channel: Int?) {
        move(to: today)
        for place in [Self.channels] + (channel.map { [$0] } ?? []) {
            let index = Self.place(0, place)
            counts[index] = counts[index] == .max ? .max : counts[index] + 1
        }
    }

    /// Moves the channels' counts: where each of the new ones was, nil where it is new.
    mutating func rearrange(_ places: [Int?]) {
        let old = counts
        for age in 0..<Self.days {
            for channel in 0..<Self.channels {
                let was = channel < places.count ? places[channel] : nil
                counts[Self.place(age, channel)] = was.map { old[Self.place(age, $0)] } ?? 0
            }
        }
    }

    func write(to out: inout ByteWriter) {
        out.put(day)
        for index in counts.indices { out.put(counts[index]) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        day = try input.get()
        for index in counts.indices { counts[index] = try input.get() }
    }
}

extension ContactProfile {
    /// Set in the first byte where channels follow.
    private static let hasChannels: UInt8 = 4

    package func write(to out: inout ByteWriter) {
        let said: UInt8 = granted.map { $0 ? 1 : 2 } ?? 0
        out.put(channels.isEmpty ? said : said | Self.hasChannels)
        if !channels.isEmpty {
            out.put(UInt8(channels.count))
            for channel in channels {
                out.put(channel.name)
                out.put(channel.granted)
            }
        }
        for text in [name, language, zone] { out.put(text) }
    }

    package init(from input: inout ByteReader) throws(StateError) {
        self.init()
        let head: UInt8 = try input.get()
        let said = head & ~Self.hasChannels
        guard said <= 2 else { throw StateError("consent \(head)") }
        granted = said == 0 ? nil : said == 1
        if head & Self.hasChannels != 0 {
            for _ in 0..<(try input.get(UInt8.self)) {
                set(try input.getText(), granted: try input.getBool())
            }
        }
        name = try input.getText()
        language = try input.getText()
        zone = try input.getText()
    }
}

/// A trigger that waits for the end of the user's quiet hours, as it was when it fell due.
struct HeldTrigger {
    var slot: UInt32
    var rule: UInt16
    var due: Int64
    var occurrence: UInt32
    /// As `TriggerBody` writes it.
    var body: [UInt8]
}

extension HeldTrigger {
    /// Whether it can have been written: it is read again when it is released.
    fileprivate var isPossible: Bool {
        var trigger = Trigger(type: "", rule: "", user: [], at: .distantPast, due: .distantPast)
        do { _ = try TriggerBody.decode(body, into: &trigger) } catch { return false }
        return EventTime.isPossible(due)
    }
}

/// What deciding between triggers has to remember. Only users who were sent something under a cap, who said
/// something, or for whom something is held cost anything: about 80 bytes for a capped one.
struct Arbiter {
    var contacts: [UInt32: ContactCounts] = [:]
    /// Last due time by user and set: slot << 8 | set.
    var sets: [UInt64: Int64] = [:]
    var profiles: [ErasureMark: ContactProfile] = [:]
    var held: [UInt64: HeldTrigger] = [:]
    private(set) var lastHeld: UInt64 = 0
    var decisions: DecisionRing
    var budget = SpentBudget()

    init(_ settings: RuleSettings) { decisions = DecisionRing(limit: settings.decisions) }

    var byteCount: Int {
        contacts.capacity * 72 + sets.capacity * 16 + profiles.capacity * 88 + held.capacity * 64
            + decisions.byteCount
    }

    mutating func hold(_ trigger: HeldTrigger) -> UInt64 {
        lastHeld += 1
        held[lastHeld] = trigger
        return lastHeld
    }

    mutating func erase(_ slots: Set<UInt32>) {
        for slot in slots { contacts[slot] = nil }
        for key in sets.keys where slots.contains(UInt32(truncatingIfNeeded: key >> 8)) { sets[key] = nil }
        for (key, trigger) in held where slots.contains(trigger.slot) { held[key] = nil }
        decisions.remove { slots.contains($0.slot) }
    }

    /// Forgets users to whom nothing was sent lately. Their going changes nothing.
    mutating func compact(today: Int32, before instant: Int64) {
        contacts = contacts.filter { $0.value.day > today - Int32(ContactCounts.days) }
        sets = sets.filter { $0.value > instant }
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(contacts.count))
        for (slot, counts) in contacts.sorted(by: { $0.key < $1.key }) {
            out.put(slot)
            counts.write(to: &out)
        }
        out.put(UInt64(sets.count))
        for (key, due) in sets.sorted(by: { $0.key < $1.key }) {
            out.put(key)
            out.put(due)
        }
        out.put(UInt64(profiles.count))
        for (mark, profile) in profiles.sorted(by: { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) })
        {
            out.put(mark.high)
            out.put(mark.low)
            out.put(mark.partition)
            profile.write(to: &out)
        }
        out.put(lastHeld)
        out.put(UInt64(held.count))
        for (number, trigger) in held.sorted(by: { $0.key < $1.key }) {
            out.put(number)
            out.put(trigger.slot)
            out.put(trigger.rule)
            out.put(trigger.due)
            out.put(trigger.occurrence)
            out.put(trigger.body)
        }
        decisions.write(to: &out)
        budget.write(to: &out)
    }

    init(from input: inout ByteReader, _ settings: RuleSettings, users: Int) throws(StateError) {
        for _ in 0..<(try input.count(of: 71)) {
            let slot: UInt32 = try input.get()
            contacts[slot] = try ContactCounts(from: &input)
            guard Int(slot) < users else { throw StateError("what was sent to user \(slot) of \(users)") }
        }
        for _ in 0..<(try input.count(of: 16)) {
            let key: UInt64 = try input.get()
            sets[key] = try input.get()
        }
        for _ in 0..<(try input.count(of: 42)) {
            let mark = ErasureMark(
                high: try input.get(), low: try input.get(), partition: try input.get())
            profiles[mark] = try ContactProfile(from: &input)
        }
        lastHeld = try input.get()
        for _ in 0..<(try input.count(of: 34)) {
            let number: UInt64 = try input.get()
            let trigger = HeldTrigger(
                slot: try input.get(), rule: try input.get(), due: try input.get(),
                occurrence: try input.get(), body: try input.getBlob())
            guard Int(trigger.slot) < users, number <= lastHeld, trigger.isPossible else {
                throw StateError("a held trigger of user \(trigger.slot) of \(users)")
            }
            held[number] = trigger
        }
        decisions = try DecisionRing(from: &input, limit: settings.decisions)
        budget = try SpentBudget(from: &input)
    }
}

/// How deep a user is in the shop.
enum Stage: UInt8, Sendable {
    case none = 0
    case browse
    case cart
    case checkout
    /// A purchase: clears what is pending.
    case purchase

    init(rule: BuiltInRule) {
        switch rule {
        case .browseAbandoned: self = .browse
        case .cartAbandoned: self = .cart
        case .checkoutAbandoned: self = .checkout
        default: self = .none
        }
    }

    var rule: BuiltInRule? {
        switch self {
        case .browse: .browseAbandoned
        case .cart: .cartAbandoned
        case .checkout: .checkoutAbandoned
        default: nil
        }
    }
}

/// One stage event or purchase of the recent past, with what was pending after it.
struct StageEntry: BitwiseCopyable {
    var time: Int64
    var arrival: UInt64
    var pendingTime: Int64
    var slot: UInt32
    /// The same user's entry before this one: distance back in the ring, 0 none.
    var back: UInt32
    var stage: UInt8
    var pending: UInt8
    /// After it.
    var journey = Journey()
}

/// Stage events and purchases of the last days, one behind the other; those of a user are chained. Late
/// events are judged by running a user's chain again. What has grown too old is dropped from the front.
struct StageHistory: ~Copyable {
    private var ring: UnsafeMutablePointer<StageEntry>
    private var mask: UInt64 = 31
    /// Absolute numbers of the oldest entry and of the next one, from 1 on.
    private(set) var base: UInt64 = 1
    private(set) var next: UInt64 = 1

    init() { ring = .allocate(capacity: 32) }

    deinit { ring.deallocate() }

    var byteCount: Int { Int(mask + 1) * MemoryLayout<StageEntry>.stride }

    @inline(__always)
    func entry(_ number: UInt64) -> UnsafeMutablePointer<StageEntry> { ring + Int(number & mask) }

    /// Absolute number of a user's latest entry from the 32 bits in the record; 0 where there is none or
    /// it has been dropped. (A ring never holds 2³² entries.)
    @inline(__always)
    func latest(_ link: UInt32) -> UInt64 {
        if link == 0 || base == next { return 0 }
        let number = (next & ~0xFFFF_FFFF) | UInt64(link)
        let candidate = number >= next ? number &- (1 << 32) : number
        return candidate >= base && candidate < next ? candidate : 0
    }

    /// Asks for a user's latest entry.
    @inline(__always)
    func prefetchLatest(_ link: UInt32) { prefetch(ring + Int(UInt64(link) & mask)) }

    /// The entry before, or 0.
    func previous(_ number: UInt64) -> UInt64 {
        let back = UInt64(entry(number).pointee.back)
        return back == 0 || number < base &+ back ? 0 : number - back
    }

    /// Appends; gives the 32 bits for the record.
    mutating func append(_ entry: StageEntry, after latest: UInt64) -> UInt32 {
        // A link of 0 means none: skip numbers whose low bits are 0.
        if next & 0xFFFF_FFFF == 0 {
            push(
                StageEntry(time: .min, arrival: 0, pendingTime: 0, slot: .max, back: 0, stage: 0, pending: 0))
        }
        var linked = entry
        linked.back = latest == 0 ? 0 : UInt32(truncatingIfNeeded: next - latest)
        push(linked)
        return UInt32(truncatingIfNeeded: next - 1)
    }

    private mutating func push(_ entry: StageEntry) {
        if next - base == mask + 1 { grow() }
        ring[Int(next & mask)] = entry
        next += 1
    }

    private mutating func grow() {
        let size = Int(mask + 1) * 2
        let grown = UnsafeMutablePointer<StageEntry>.allocate(capacity: size)
        for number in base..<next { grown[Int(number & UInt64(size - 1))] = ring[Int(number & mask)] }
        ring.deallocate()
        ring = grown
        mask = UInt64(size - 1)
    }

    /// Drops entries older than a time from the front, stopping at the first that is not.
    mutating func drop(before time: Int64) {
        while base < next, entry(base).pointee.time < time { base += 1 }
    }

    func write(to out: inout ByteWriter) {
        out.put(base)
        out.put(next)
        var number = base
        while number < next {
            withUnsafeBytes(of: entry(number).pointee) { out.put($0) }
            number += 1
        }
    }

    /// Bytes of a saved entry of before there were journeys, which stand at its end.
    private static let sizeWithoutJourney = 34

    /// - Parameter hasJourneys: false: from before there were any.
    init(from input: inout ByteReader, hasJourneys: Bool) throws(StateError) {
        let size = hasJourneys ? MemoryLayout<StageEntry>.size : Self.sizeWithoutJourney
        self.init()
        let first: UInt64 = try input.get()
        let end: UInt64 = try input.get()
        guard first >= 1, end >= first,
            end - first <= UInt64(input.remaining / size)
        else { throw StateError("stage history from \(first) to \(end)") }
        base = first
        next = first
        for _ in first..<end {
            var entry = StageEntry(
                time: 0, arrival: 0, pendingTime: 0, slot: 0, back: 0, stage: 0, pending: 0)
            var failure: StateError?
            withUnsafeMutableBytes(of: &entry) { target in
                let saved = UnsafeMutableRawBufferPointer(rebasing: target[..<size])
                do throws(StateError) { try input.copy(into: saved) } catch { failure = error }
            }
            if let failure { throw failure }
            push(entry)
        }
    }
}

import Core

/// Event ids seen, as fingerprints of user and id with the event's time.
///
/// Two generations: when the newer is full the older is forgotten, so memory is bounded and which ids
/// are remembered follows from the order of the log alone.
struct DedupeSet: ~Copyable {
    private struct Entry: BitwiseCopyable {
        var fingerprint: UInt64
        var time: Int64
    }

    private var current: [Entry] = []
    private var currentCount = 0
    private var previous: [Entry] = []
    private var previousCount = 0
    private var generationLimit: Int
    private(set) var forgotten: Int64 = 0

    /// - Parameter limit: ids remembered, over both generations.
    init(limit: Int) { generationLimit = max(1, limit / 2) }

    mutating func setLimit(_ limit: Int) { generationLimit = max(1, limit / 2) }

    var byteCount: Int { (current.count + previous.count) * 16 }

    /// Whether an event repeats one within the window; remembers it where not.
    ///
    /// - Parameter fingerprint: not 0.
    mutating func isRepeat(_ fingerprint: UInt64, time: Int64, window: Int64) -> Bool {
        if Self.holds(current, fingerprint, time, window) || Self.holds(previous, fingerprint, time, window) {
            return true
        }
        if currentCount >= generationLimit {
            forgotten += Int64(previousCount)
            previous = current
            previousCount = currentCount
            current = []
            currentCount = 0
        }
        if (currentCount + 1) * 10 > current.count * 7 { grow() }
        Self.insert(&current, Entry(fingerprint: fingerprint, time: time))
        currentCount += 1
        return false
    }

    private static func holds(_ table: [Entry], _ fingerprint: UInt64, _ time: Int64, _ window: Int64) -> Bool
    {
        if table.isEmpty { return false }
        let mask = table.count - 1
        var position = Int(truncatingIfNeeded: fingerprint) & mask
        while table[position].fingerprint != 0 {
            if table[position].fingerprint == fingerprint,
                abs(table[position].time &- time) <= window
            {
                return true
            }
            position = (position + 1) & mask
        }
        return false
    }

    private static func insert(_ table: inout [Entry], _ entry: Entry) {
        let mask = table.count - 1
        var position = Int(truncatingIfNeeded: entry.fingerprint) & mask
        while table[position].fingerprint != 0 { position = (position + 1) & mask }
        table[position] = entry
    }

    private mutating func grow() {
        var grown = [Entry](
            repeating: Entry(fingerprint: 0, time: 0), count: max(16, current.count * 2))
        for entry in current where entry.fingerprint != 0 { Self.insert(&grown, entry) }
        current = grown
    }

    func write(to out: inout ByteWriter) {
        for table in [previous, current] {
            out.put(UInt64(table.count))
            table.withUnsafeBytes { out.put($0) }
        }
        out.put(UInt64(previousCount))
        out.put(UInt64(currentCount))
        out.put(forgotten)
    }

    init(from input: inout ByteReader, limit: Int) throws(StateError) {
        self.init(limit: limit)
        previous = try Self.readTable(&input)
        current = try Self.readTable(&input)
        previousCount = try input.getSize()
        currentCount = try input.getSize()
        forgotten = try input.get()
    }

    private static func readTable(_ input: inout ByteReader) throws(StateError) -> [Entry] {
        let total = try input.count(of: MemoryLayout<Entry>.stride)
        guard total & (total - 1) == 0 || total == 0 else {
            throw StateError("dedupe table of size \(total)")
        }
        var table = [Entry](repeating: Entry(fingerprint: 0, time: 0), count: total)
        var failure: StateError?
        table.withUnsafeMutableBytes { target in
            do throws(StateError) { try input.copy(into: target) } catch { failure = error }
        }
        if let failure { throw failure }
        return table
    }
}

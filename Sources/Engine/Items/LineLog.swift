/// The latest lines of purchases of a partition, in the order in which they were decided: who bought what on
/// which day, a line for an item and a day. 12 bytes a line; beyond the bound the oldest are forgotten. What
/// is counted over them, baskets and pairs and triples of items, is exact for the time they reach back.
struct LineLog {
    private let limit: Int
    /// Rings that begin at `head`, of one length.
    private var head = 0
    private var slots: [UInt32] = []
    private var days: [Int32] = []
    private var items: [UInt32] = []
    /// Lines that were pushed out.
    private(set) var forgotten: Int64 = 0

    init(limit: Int) { self.limit = limit }

    var count: Int { slots.count }
    var byteCount: Int { slots.capacity * 4 + days.capacity * 4 + items.capacity * 4 }

    /// From the oldest on.
    subscript(line: Int) -> (slot: Int, day: Int32, item: UInt32) {
        let place = head + line < count ? head + line : head + line - count
        return (Int(slots[place]), days[place], items[place])
    }

    mutating func append(slot: Int, day: Int32, item: UInt32) {
        guard limit > 0 else { return }
        let slot = UInt32(truncatingIfNeeded: slot)
        if count < limit {
            if head != 0 { keep { _ in true } }
            makeRoom()
            slots.append(slot)
            days.append(day)
            items.append(item)
            return
        }
        (slots[head], days[head], items[head]) = (slot, day, item)
        head = head + 1 == count ? 0 : head + 1
        forgotten += 1
    }

    /// Grows by a quarter: there are many partitions.
    private mutating func makeRoom() {
        guard count == slots.capacity else { return }
        let room = count + count / 4 + 32
        slots.reserveCapacity(room)
        days.reserveCapacity(room)
        items.reserveCapacity(room)
    }

    mutating func erase(_ erased: Set<UInt32>) {
        if slots.contains(where: erased.contains) { keep { !erased.contains($0) } }
    }

    /// Keeps the lines of some users and begins the ring anew.
    private mutating func keep(_ isKept: (UInt32) -> Bool) {
        let old = self
        head = 0
        slots.removeAll(keepingCapacity: true)
        days.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
        for number in 0..<old.count {
            let line = old[number]
            guard isKept(UInt32(line.slot)) else { continue }
            slots.append(UInt32(line.slot))
            days.append(line.day)
            items.append(line.item)
        }
    }

    /// With another bound: the oldest beyond it go.
    func bounded(to limit: Int) -> LineLog {
        var changed = LineLog(limit: limit)
        changed.forgotten = forgotten + Int64(max(0, count - limit))
        for number in max(0, count - limit)..<count {
            let line = self[number]
            changed.append(slot: line.slot, day: line.day, item: line.item)
        }
        return changed
    }

    func write(to out: inout ByteWriter) {
        out.put(forgotten)
        out.put(UInt64(count))
        for number in 0..<count {
            let line = self[number]
            out.put(UInt32(line.slot))
            out.put(line.day)
            out.put(line.item)
        }
    }

    init(from input: inout ByteReader, limit: Int, users: Int, strings: Int) throws(StateError) {
        self.init(limit: limit)
        forgotten = try input.get()
        let lines = try input.count(of: 12)
        guard lines <= limit, forgotten >= 0 else {
            throw StateError("\(lines) lines of purchases, at most \(limit)")
        }
        slots.reserveCapacity(lines)
        days.reserveCapacity(lines)
        items.reserveCapacity(lines)
        for _ in 0..<lines {
            slots.append(try input.get())
            days.append(try input.get())
            items.append(try input.get())
        }
        guard slots.allSatisfy({ Int($0) < users }), items.allSatisfy({ Int($0) < strings }),
            days.allSatisfy({ abs(Int64($0)) < 1 << 30 })
        else { throw StateError("a line of a purchase holds what cannot be") }
    }
}

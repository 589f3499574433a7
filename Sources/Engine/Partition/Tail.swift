/// The sections of a user's tail block, in this order: kept short and long sessions, day buckets, dimension
/// values, event names, fired triggers: those of wider alignment first, and last what grows most.
/// Addresses are computed from the record's counts.
struct Tail {
    let base: UnsafeMutableRawPointer
    let user: UnsafeMutablePointer<UserRecord>

    static let firedSize = MemoryLayout<FiredEntry>.stride
    static let sessionSize = MemoryLayout<KeptSession>.stride
    static let daySize = MemoryLayout<DayBucket>.stride
    static let dimensionSize = MemoryLayout<DimensionEntry>.stride
    static let nameSize = MemoryLayout<NameEntry>.stride
    /// What a first event takes: a day, a name and three dimensions. So much is taken at once.
    static let firstBytes = 40
    /// Room beyond what is asked for when a tail grows, so that it does not move at each entry; `compact`
    /// takes it back from who has gone quiet.
    static let slack = 16

    @inline(__always)
    static func shortOffset(_ user: UnsafeMutablePointer<UserRecord>) -> Int { 0 }

    @inline(__always)
    static func longOffset(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        shortOffset(user) + Int(user.pointee.shortKept) * sessionSize
    }

    @inline(__always)
    static func dayOffset(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        longOffset(user) + Int(user.pointee.longKept) * sessionSize
    }

    @inline(__always)
    static func dimensionOffset(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        dayOffset(user) + Int(user.pointee.dayCount) * daySize
    }

    @inline(__always)
    static func nameOffset(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        dimensionOffset(user) + Int(user.pointee.dimensionCount) * dimensionSize
    }

    @inline(__always)
    static func firedOffset(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        nameOffset(user) + Int(user.pointee.nameCount) * nameSize
    }

    @inline(__always)
    static func byteCount(_ user: UnsafeMutablePointer<UserRecord>) -> Int {
        firedOffset(user) + Int(user.pointee.firedCount) * firedSize
    }

    @inline(__always)
    var fired: UnsafeMutablePointer<FiredEntry> {
        (base + Self.firedOffset(user)).assumingMemoryBound(to: FiredEntry.self)
    }
    @inline(__always)
    var short: UnsafeMutablePointer<KeptSession> {
        (base + Self.shortOffset(user)).assumingMemoryBound(to: KeptSession.self)
    }
    @inline(__always)
    var long: UnsafeMutablePointer<KeptSession> {
        (base + Self.longOffset(user)).assumingMemoryBound(to: KeptSession.self)
    }
    @inline(__always)
    var days: UnsafeMutablePointer<DayBucket> {
        (base + Self.dayOffset(user)).assumingMemoryBound(to: DayBucket.self)
    }
    @inline(__always)
    var dimensions: UnsafeMutablePointer<DimensionEntry> {
        (base + Self.dimensionOffset(user)).assumingMemoryBound(to: DimensionEntry.self)
    }
    @inline(__always)
    var names: UnsafeMutablePointer<NameEntry> {
        (base + Self.nameOffset(user)).assumingMemoryBound(to: NameEntry.self)
    }
}

extension BlockPool {
    /// The tail of a user that has one.
    @inline(__always)
    func tail(_ user: UnsafeMutablePointer<UserRecord>) -> Tail {
        Tail(base: address(user.pointee.tail), user: user)
    }

    /// Opens a gap of `size` bytes at `offset` of the tail, growing the block where needed. The caller
    /// writes the entry and raises the count.
    @inline(__always)
    mutating func openGap(
        _ user: UnsafeMutablePointer<UserRecord>, at offset: Int, size: Int
    ) -> UnsafeMutableRawPointer {
        let used = Tail.byteCount(user)
        if used + size > capacity(class: user.pointee.tailClass, reference: user.pointee.tail) {
            (user.pointee.tail, user.pointee.tailClass) = grow(
                user.pointee.tail, sizeClass: user.pointee.tailClass, used: used,
                to: used == 0 ? max(size, Tail.firstBytes) : used + size + Tail.slack)
        }
        let base = address(user.pointee.tail)
        let gap = base + offset
        if used > offset { Self.shift(gap, by: size, used - offset) }
        return gap
    }

    /// Moves what stands behind a gap; a few words, which a loop moves faster than a call.
    @inline(__always)
    private static func shift(_ start: UnsafeMutableRawPointer, by size: Int, _ count: Int) {
        if count > 96 { return (start + size).copyMemory(from: start, byteCount: count) }
        var offset = count - 2
        while offset >= 0 {
            (start + offset + size).storeBytes(of: (start + offset).load(as: UInt16.self), as: UInt16.self)
            offset -= 2
        }
    }

    /// Closes a gap; the caller lowers the count afterwards.
    mutating func closeGap(_ user: UnsafeMutablePointer<UserRecord>, at offset: Int, size: Int) {
        let used = Tail.byteCount(user)
        let gap = address(user.pointee.tail) + offset
        if used > offset + size { gap.copyMemory(from: gap + size, byteCount: used - offset - size) }
    }

    /// Whether the tail must grow for so many bytes more.
    func isFull(_ user: UnsafeMutablePointer<UserRecord>, for size: Int) -> Bool {
        Tail.byteCount(user) + size > capacity(class: user.pointee.tailClass, reference: user.pointee.tail)
    }

    /// Gives back what the tail does not use.
    mutating func fit(_ user: UnsafeMutablePointer<UserRecord>) {
        let used = Tail.byteCount(user)
        guard used > 0, used + 8 <= capacity(class: user.pointee.tailClass, reference: user.pointee.tail)
        else { return }
        (user.pointee.tail, user.pointee.tailClass) = grow(
            user.pointee.tail, sizeClass: user.pointee.tailClass, used: used, to: used)
    }
}

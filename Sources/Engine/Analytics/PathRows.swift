import Core

/// Event names as steps of a path: 1 and up for the first names, one for all others.
enum PathStep {
    static let count = 64
    static let other: UInt16 = 63

    @inline(__always)
    static func of(_ code: UInt16) -> UInt16 { code < other - 1 ? code + 1 : other }
}

/// What follows what within a short session, of the events that came in the order of their times.
struct PathRows: ~Copyable {
    /// Shape [from][to]; row 0 counts the steps themselves.
    private var counts: UnsafeMutablePointer<UInt64>

    private static let size = PathStep.count * PathStep.count

    init() {
        counts = .allocate(capacity: Self.size)
        counts.initialize(repeating: 0, count: Self.size)
    }

    deinit { counts.deallocate() }

    var byteCount: Int { Self.size * 8 }

    /// - Parameter last: the step before in the session, 0 at its begin.
    @inline(__always)
    mutating func add(_ step: UInt16, after last: UInt16) {
        counts[Int(step)] &+= 1
        if last != 0 { counts[Int(last) * PathStep.count + Int(step)] &+= 1 }
    }

    func steps(_ step: Int) -> UInt64 { counts[step] }
    func count(from: Int, to: Int) -> UInt64 { counts[from * PathStep.count + to] }

    func write(to out: inout ByteWriter) {
        out.put(counts: UnsafeBufferPointer(start: counts, count: Self.size))
    }

    mutating func read(from input: inout ByteReader) throws(StateError) {
        try input.get(counts: UnsafeMutableBufferPointer(start: counts, count: Self.size))
    }
}

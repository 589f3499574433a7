import Core
import Glibc

/// Puts any number of records into the order of their keys within bounded memory: what does not fit is
/// written, in order, to a temporary file, and merged at the end. Records with equal keys keep their order.
struct SortedRuns: ~Copyable {
    private struct Entry {
        var start: Int
        var keyCount: Int
        var count: Int
    }

    private let bytesMax: Int
    /// Keys and payloads, one after the other.
    private var arena: [UInt8] = []
    private var entries: [Entry] = []
    private var file: File?
    /// The file's.
    private var descriptor: Int32 = -1
    private var runs: [Range<Int64>] = []

    /// - Parameter bytesMax: of records held in memory.
    init(bytesMax: Int = 128 << 20) { self.bytesMax = bytesMax }

    mutating func add(key: [UInt8], payload: [UInt8]) throws(CommandFailure) {
        if arena.count + key.count + payload.count > bytesMax, !entries.isEmpty { try spill() }
        entries.append(Entry(start: arena.count, keyCount: key.count, count: key.count + payload.count))
        arena += key
        arena += payload
    }

    /// Hands out everything in order and is empty then.
    mutating func drain(
        _ take: (_ key: ArraySlice<UInt8>, _ payload: ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        if runs.isEmpty {
            for entry in sorted() {
                let split = entry.start + entry.keyCount
                try take(arena[entry.start..<split], arena[split..<entry.start + entry.count])
            }
        } else {
            try spill()
            try merge(take)
        }
        arena = []
        entries = []
        runs = []
        file = nil
    }

    private func sorted() -> [Entry] {
        arena.withUnsafeBytes { bytes in
            entries.sorted { a, b in
                let order = bytes.baseAddress.map {
                    memcmp($0 + a.start, $0 + b.start, min(a.keyCount, b.keyCount))
                }
                guard let order, order != 0 else { return (a.keyCount, a.start) < (b.keyCount, b.start) }
                return order < 0
            }
        }
    }

    // MARK: On disk

    /// Lengths of key and record, four bytes each, before every record of a run.
    fileprivate static let lengthBytes = 8

    private mutating func spill() throws(CommandFailure) {
        do throws(SystemFailure) {
            if file == nil {
                let made = try File(temporaryFor: "sorting")
                descriptor = made.descriptor
                file = consume made
            }
            let begin = runs.last?.upperBound ?? 0
            var out: [UInt8] = []
            var written = begin
            for entry in sorted() {
                for number in [entry.keyCount, entry.count] {
                    withUnsafeBytes(of: UInt32(number).littleEndian) { out.append(contentsOf: $0) }
                }
                out.append(contentsOf: arena[entry.start..<entry.start + entry.count])
                guard out.count >= 4 << 20 else { continue }
                try file?.write(out)
                written += Int64(out.count)
                out.removeAll(keepingCapacity: true)
            }
            try file?.write(out)
            runs.append(begin..<written + Int64(out.count))
        } catch {
            throw CommandFailure("\(error) (temporary files go to TMPDIR, else /tmp)")
        }
        arena.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }

    /// The least of the runs' heads, again and again. Runs are few, so that looking at all heads is cheap.
    private func merge(
        _ take: (_ key: ArraySlice<UInt8>, _ payload: ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        var cursors: [RunCursor] = []
        for run in runs { cursors.append(try RunCursor(descriptor, run)) }
        while true {
            var least: Int?
            for index in cursors.indices where cursors[index].hasRecord {
                if let best = least, !cursors[index].precedes(cursors[best]) { continue }
                least = index
            }
            guard let least else { return }
            try take(cursors[least].key, cursors[least].payload)
            try cursors[least].advance()
        }
    }
}

/// A run on its way back from disk.
private struct RunCursor {
    private let descriptor: Int32
    private var left: Range<Int64>
    private var buffer: [UInt8] = []
    private var start = 0
    private var keyCount = 0
    private var count = 0
    private(set) var hasRecord = true

    init(_ descriptor: Int32, _ run: Range<Int64>) throws(CommandFailure) {
        self.descriptor = descriptor
        left = run
        try advance()
    }

    var key: ArraySlice<UInt8> { buffer[start..<start + keyCount] }
    var payload: ArraySlice<UInt8> { buffer[start + keyCount..<start + count] }

    func precedes(_ other: RunCursor) -> Bool {
        let order = buffer.withUnsafeBytes { mine in
            other.buffer.withUnsafeBytes { theirs in
                memcmp(
                    mine.baseAddress! + start, theirs.baseAddress! + other.start,
                    min(keyCount, other.keyCount))
            }
        }
        return order == 0 ? keyCount < other.keyCount : order < 0
    }

    mutating func advance() throws(CommandFailure) {
        start += count
        count = 0
        guard try ensure(SortedRuns.lengthBytes) else {
            hasRecord = false
            return
        }
        keyCount = length(at: start)
        let record = length(at: start + 4)
        start += SortedRuns.lengthBytes
        guard try ensure(record) else { throw CommandFailure("a temporary file was cut") }
        count = record
    }

    private func length(at index: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(buffer[index + $1]) << (8 * $1) }
    }

    /// Brings so many bytes from `start` on into the buffer; false at the end of the run.
    private mutating func ensure(_ wanted: Int) throws(CommandFailure) -> Bool {
        guard buffer.count - start < wanted else { return true }
        buffer.removeSubrange(..<start)
        start = 0
        while buffer.count < wanted {
            guard !left.isEmpty else { return false }
            let room = Int(min(Int64(256 << 10), left.upperBound - left.lowerBound))
            let before = buffer.count
            buffer.append(contentsOf: repeatElement(0, count: room))
            let got = buffer.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + before, room, off_t(left.lowerBound))
            }
            if got <= 0 { throw CommandFailure("\(SystemFailure("cannot read a temporary file"))") }
            buffer.removeSubrange((before + got)...)
            left = left.lowerBound + Int64(got)..<left.upperBound
        }
        return true
    }
}

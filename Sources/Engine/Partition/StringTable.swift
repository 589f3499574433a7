import Core

/// The partition's own numbers for strings (media, categories, items): in order of first appearance.
struct StringTable: ~Copyable {
    private var text: [UInt8] = []
    /// End of each string in `text`.
    private var ends: [UInt32] = []
    /// Open addressing from hash to number + 1.
    private var index: [UInt32]
    private var mask: Int
    private let key: HashKey

    init(key: HashKey) {
        self.key = key
        index = [UInt32](repeating: 0, count: 64)
        mask = 63
    }

    var count: Int { ends.count }
    var byteCount: Int { text.capacity + ends.capacity * 4 + index.capacity * 4 }

    func bytes(_ number: UInt32) -> ArraySlice<UInt8> {
        let start = number == 0 ? 0 : Int(ends[Int(number) - 1])
        return text[start..<Int(ends[Int(number)])]
    }

    func string(_ number: UInt32) -> String { String(decoding: bytes(number), as: UTF8.self) }

    /// Number of a string, given its hash under the table's key.
    mutating func intern(_ value: UnsafeRawBufferPointer, hash: UInt64) -> UInt32 {
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = index[position]
            if entry == 0 { break }
            if matches(entry - 1, value) { return entry - 1 }
            position = (position + 1) & mask
        }
        let number = UInt32(ends.count)
        makeRoom(value.count)
        text.append(contentsOf: value)
        ends.append(UInt32(text.count))
        index[position] = number + 1
        if ends.count * 4 > index.count * 3 { grow() }
        return number
    }

    /// Grows by a quarter, not twofold: there are many partitions.
    private mutating func makeRoom(_ bytes: Int) {
        if text.count + bytes > text.capacity { text.reserveRoom(text.count + bytes + text.count / 4 + 256) }
        if ends.count == ends.capacity { ends.reserveRoom(ends.count + ends.count / 4 + 32) }
    }

    mutating func intern(_ value: UnsafeRawBufferPointer) -> UInt32 { intern(value, hash: key.hash(value)) }

    /// Number of a string; nil where the partition has never met it.
    func find(_ value: [UInt8]) -> UInt32? {
        value.withUnsafeBytes { find($0, hash: key.hash($0)) }
    }

    /// As above, given its hash under the table's key.
    func find(_ value: UnsafeRawBufferPointer, hash: UInt64) -> UInt32? {
        var position = Int(truncatingIfNeeded: hash) & mask
        while index[position] != 0 {
            if matches(index[position] - 1, value) { return index[position] - 1 }
            position = (position + 1) & mask
        }
        return nil
    }

    private func matches(_ number: UInt32, _ value: UnsafeRawBufferPointer) -> Bool {
        let start = number == 0 ? 0 : Int(ends[Int(number) - 1])
        let end = Int(ends[Int(number)])
        guard end - start == value.count else { return false }
        return text.withUnsafeBytes { text in
            let mine = text.baseAddress.unsafelyUnwrapped + start
            var offset = 0
            while offset + 8 <= value.count {
                if mine.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    != value.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                {
                    return false
                }
                offset += 8
            }
            while offset < value.count {
                if text[start + offset] != value[offset] { return false }
                offset += 1
            }
            return true
        }
    }

    // MARK: Ahead of `intern`, so that the misses of many look-ups overlap

    func prefetchIndex(_ hashes: UnsafeBufferPointer<UInt64>) {
        index.withUnsafeBufferPointer { index in
            guard let base = index.baseAddress else { return }
            for hash in hashes { prefetch(base + (Int(truncatingIfNeeded: hash) & mask)) }
        }
    }

    func prefetchEnds(_ hashes: UnsafeBufferPointer<UInt64>) {
        index.withUnsafeBufferPointer { index in
            ends.withUnsafeBufferPointer { ends in
                guard let base = ends.baseAddress else { return }
                for hash in hashes {
                    let entry = index[Int(truncatingIfNeeded: hash) & mask]
                    if entry != 0 { prefetch(base + Int(entry - 1)) }
                }
            }
        }
    }

    func prefetchText(_ hashes: UnsafeBufferPointer<UInt64>) {
        index.withUnsafeBufferPointer { index in
            ends.withUnsafeBufferPointer { ends in
                text.withUnsafeBytes { text in
                    guard let base = text.baseAddress else { return }
                    for hash in hashes {
                        let entry = index[Int(truncatingIfNeeded: hash) & mask]
                        if entry > 1 { prefetch(base + Int(ends[Int(entry - 2)])) }
                    }
                }
            }
        }
    }

    private mutating func grow() {
        mask = index.count * 2 - 1
        index = [UInt32](repeating: 0, count: mask + 1)
        for number in 0..<ends.count {
            let start = number == 0 ? 0 : Int(ends[number - 1])
            let hash = text.withUnsafeBytes { text in
                key.hash(UnsafeRawBufferPointer(rebasing: text[start..<Int(ends[number])]))
            }
            var position = Int(truncatingIfNeeded: hash) & mask
            while index[position] != 0 { position = (position + 1) & mask }
            index[position] = UInt32(number) + 1
        }
    }

    func write(to out: inout ByteWriter) {
        out.put(text)
        out.put(UInt64(ends.count))
        for end in ends { out.put(end) }
    }

    init(from input: inout ByteReader, key: HashKey) throws(StateError) {
        self.init(key: key)
        text = try input.getBlob()
        let total = try input.count(of: 4)
        ends.reserveCapacity(total)
        var last: UInt32 = 0
        for _ in 0..<total {
            let end: UInt32 = try input.get()
            guard end >= last, Int(end) <= text.count else { throw StateError("string table out of order") }
            ends.append(end)
            last = end
        }
        var size = 64
        while total * 4 > size * 3 { size *= 2 }
        index = [UInt32](repeating: 0, count: size / 2)
        grow()
    }
}

extension Array {
    /// Exactly this much room; `reserveCapacity` may double it.
    fileprivate mutating func reserveRoom(_ capacity: Int) {
        var grown: [Element] = []
        grown.reserveCapacity(capacity)
        grown.append(contentsOf: self)
        self = grown
    }
}

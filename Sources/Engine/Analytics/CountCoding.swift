import Core

/// Counts of which many are 0, saved in few bytes: LEB128, and after a 0 how many follow it.
extension ByteWriter {
    mutating func put(counts: UnsafeBufferPointer<UInt32>) {
        var index = 0
        while index < counts.count {
            put(short: counts[index])
            let start = index
            index += 1
            guard counts[start] == 0 else { continue }
            while index < counts.count, counts[index] == 0 { index += 1 }
            put(short: UInt32(truncatingIfNeeded: index - start - 1))
        }
    }

    private mutating func put(short value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }
}

extension ByteReader {
    mutating func get(counts: UnsafeMutableBufferPointer<UInt32>) throws(StateError) {
        var index = 0
        while index < counts.count {
            let value = try getShort()
            counts[index] = value
            index += 1
            guard value == 0 else { continue }
            let more = Int(try getShort())
            guard more <= counts.count - index else { throw StateError("counts of analytics run over") }
            for _ in 0..<more {
                counts[index] = 0
                index += 1
            }
        }
    }

    private mutating func getShort() throws(StateError) -> UInt32 {
        var value: UInt32 = 0
        for shift in stride(from: 0, through: 28, by: 7) {
            let byte: UInt8 = try get()
            value |= UInt32(byte & 0x7F) << UInt32(shift)
            if byte < 0x80 { return value }
        }
        throw StateError("a count of analytics has no end")
    }
}

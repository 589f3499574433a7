import Core

/// Counts of which many are 0, saved in few bytes: LEB128, and after a 0 how many follow it.
extension ByteWriter {
    mutating func put<Count: FixedWidthInteger & UnsignedInteger>(counts: UnsafeBufferPointer<Count>) {
        var index = 0
        while index < counts.count {
            put(short: UInt64(counts[index]))
            let start = index
            index += 1
            guard counts[start] == 0 else { continue }
            while index < counts.count, counts[index] == 0 { index += 1 }
            put(short: UInt64(index - start - 1))
        }
    }

    private mutating func put(short value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }
}

extension ByteReader {
    mutating func get<Count: FixedWidthInteger & UnsignedInteger>(
        counts: UnsafeMutableBufferPointer<Count>
    ) throws(StateError) {
        var index = 0
        while index < counts.count {
            guard let value = Count(exactly: try getShort()) else {
                throw StateError("a count of analytics is too large")
            }
            counts[index] = value
            index += 1
            guard value == 0 else { continue }
            let more = Int(truncatingIfNeeded: try getShort())
            guard more >= 0, more <= counts.count - index else {
                throw StateError("counts of analytics run over")
            }
            for _ in 0..<more {
                counts[index] = 0
                index += 1
            }
        }
    }

    private mutating func getShort() throws(StateError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, through: 63, by: 7) {
            let byte: UInt8 = try get()
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw StateError("a count of analytics has no end")
    }
}

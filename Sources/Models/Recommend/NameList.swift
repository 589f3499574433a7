/// Distinct byte strings in ascending order, found by halving.
package struct NameList: Sendable, Equatable {
    private var text: [UInt8] = []
    private var offsets: [UInt32] = [0]

    /// - Parameter names: ascending and distinct.
    init(ascending names: some Sequence<some Collection<UInt8>>) {
        for name in names {
            text.append(contentsOf: name)
            offsets.append(UInt32(text.count))
        }
    }

    package var count: Int { offsets.count - 1 }
    package var byteCount: Int { text.count + offsets.count * 4 }

    package subscript(_ number: Int) -> ArraySlice<UInt8> {
        text[Int(offsets[number])..<Int(offsets[number + 1])]
    }

    /// As text; what is no UTF-8 is replaced.
    package func string(_ number: Int) -> String { String(decoding: self[number], as: UTF8.self) }

    /// Number of a name; nil where it is not among them. O(log n).
    package func find(_ name: UnsafeRawBufferPointer) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low].elementsEqual(name) ? low : nil
    }

    func write(to writer: inout ByteWriter) {
        writer.put(UInt32(count))
        for number in 0..<count { writer.put(Array(self[number])) }
    }

    /// Names that do not ascend are refused.
    init(from reader: inout ByteReader) throws(CodingFailure) {
        for _ in 0..<(try reader.count(ofAtLeast: 4)) {
            let at = reader.position
            let name = try reader.blob()
            if count > 0, !self[count - 1].lexicographicallyPrecedes(name) { throw .badValue(at: at) }
            text.append(contentsOf: name)
            offsets.append(UInt32(text.count))
        }
    }
}

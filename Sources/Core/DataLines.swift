/// Finds data lines by their index, going forward; blank lines have none.
package struct DataLines {
    private let bytes: UnsafeRawBufferPointer
    private var next: UInt32 = 0
    private var start = 0

    package init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package mutating func line(_ index: UInt32) -> Slice<UnsafeRawBufferPointer> {
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            var line = bytes[start..<end]
            start = end + 1
            if line.last == 0x0D { line.removeLast() }
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
            defer { next += 1 }
            if next == index { return line }
        }
        return bytes[bytes.count...]
    }
}

import Glibc

/// A log's bytes as the system's cache has them, line by line.
struct MappedLog: ~Copyable {
    let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws {
        let file = try File(reading: path)
        guard let size = file.size, size > 0 else { throw CommandFailure("\(path) is empty or not a file") }
        guard let base = mmap(nil, Int(size), PROT_READ, MAP_PRIVATE, file.descriptor, 0), base != MAP_FAILED
        else { throw SystemFailure("cannot map \(path)") }
        bytes = UnsafeRawBufferPointer(start: base, count: Int(size))
        // Only a matter of speed.
        _ = madvise(base, Int(size), MADV_SEQUENTIAL)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

    /// Offset behind the newline of the line that begins at an offset.
    func lineEnd(from start: Int) -> Int {
        guard let base = bytes.baseAddress, let newline = memchr(base + start, 0x0A, bytes.count - start)
        else { return bytes.count }
        return UnsafeRawPointer(newline) - base + 1
    }

    /// A string member of a flat line, without its quotes, where it is written as `roost generate` does;
    /// nil where it is not.
    ///
    /// - Parameter opening: the key with its quotes, colon and the value's opening quote.
    func value(after opening: StaticString, in line: Range<Int>) -> UnsafeRawBufferPointer? {
        guard let base = bytes.baseAddress, let start = end(of: opening, in: line),
            let quote = memchr(base + start, 0x22, line.upperBound - start)
        else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(UnsafeRawPointer(quote) - base)])
    }

    /// Offset behind the first occurrence of a text within a line.
    private func end(of text: StaticString, in line: Range<Int>) -> Int? {
        let length = text.utf8CodeUnitCount
        guard let base = bytes.baseAddress else { return nil }
        var at = line.lowerBound
        while at + length <= line.upperBound,
            let found = memchr(base + at, Int32(text.utf8Start.pointee), line.upperBound - length - at + 1)
        {
            at = UnsafeRawPointer(found) - base
            if memcmp(found, text.utf8Start, length) == 0 { return at + length }
            at += 1
        }
        return nil
    }
}

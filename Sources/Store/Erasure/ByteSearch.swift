import Glibc

/// Looks for bytes in all files of a data directory: what an erasure is held against when it is done.
package struct ByteSearch {
    private let fileSystem: any FileSystem
    private let held: HeldFiles?
    private static let windowBytes = 4 << 20

    /// - Parameter held: the databases that this process has open, where it has any.
    package init(fileSystem: any FileSystem, held: HeldFiles? = nil) {
        self.fileSystem = fileSystem
        self.held = held
    }

    /// Places at which each of the needles stands in a file.
    package func count(_ needles: [[UInt8]], in path: String) throws(FileError) -> (
        found: [Int64], bytes: Int64
    ) {
        let file = try open(path)
        let overlap = max(0, (needles.map(\.count).max() ?? 1) - 1)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.windowBytes + overlap, alignment: 16)
        defer { buffer.deallocate() }
        var found = [Int64](repeating: 0, count: needles.count)
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            let window = UnsafeRawBufferPointer(rebasing: buffer[0..<count])
            let isLast = count < buffer.count
            for (index, needle) in needles.enumerated() {
                // What begins in the overlap is counted by the next window.
                let limit = isLast ? count : Self.windowBytes
                found[index] += Self.places(of: needle, in: window, before: limit)
            }
            if isLast { return (found, offset + Int64(count)) }
            offset += Int64(Self.windowBytes)
        }
    }

    private func open(_ path: String) throws(FileError) -> any File {
        if let file = try held?.file(path) { return file }
        return try fileSystem.open(path, .read)
    }

    private static func places(of needle: [UInt8], in window: UnsafeRawBufferPointer, before limit: Int)
        -> Int64
    {
        var (found, start): (Int64, Int) = (0, 0)
        while let place = window.firstPlace(of: needle, from: start), place < limit {
            found += 1
            start = place + 1
        }
        return found
    }
}

extension UnsafeRawBufferPointer {
    /// Where bytes stand first, at or after a place; nil where nowhere, or where they are none.
    func firstPlace(of needle: [UInt8], from start: Int) -> Int? {
        guard let first = needle.first, let base = baseAddress else { return nil }
        var place = start
        while place + needle.count <= count {
            guard let found = memchr(base + place, Int32(first), count - place - needle.count + 1) else {
                return nil
            }
            if memcmp(found, needle, needle.count) == 0 { return UnsafeRawPointer(found) - base }
            place = UnsafeRawPointer(found) - base + 1
        }
        return nil
    }
}

import CZlib

/// Why compressed input could not be unpacked.
package enum GunzipError: Error, Equatable {
    /// Not gzip, or damaged: zlib's code, after so many bytes of output.
    case corrupt(code: Int32, afterBytes: Int)
    /// The input ended within a member.
    case truncated(afterBytes: Int)
    /// More would come out than is allowed.
    case tooLarge(limit: Int)
    /// zlib found no memory for its window.
    case outOfMemory
}

/// Unpacks gzip as it comes, in pieces of bounded size. Members that follow each other are one text.
package struct Gunzip: ~Copyable {
    private let limit: Int
    private let stream: UnsafeMutablePointer<z_stream>
    private let output: UnsafeMutableRawBufferPointer
    private var produced = 0
    /// Within a member: the input may not end here.
    private var isInside = false

    /// - Parameter limit: most bytes that may come out in all.
    package init(limit: Int, pieceBytes: Int = 64 << 10) throws(GunzipError) {
        self.limit = limit
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        output = .allocate(byteCount: pieceBytes, alignment: 64)
        // 15 bits of window, 16 more for "gzip only".
        let size = Int32(MemoryLayout<z_stream>.size)
        if inflateInit2_(stream, 15 + 16, ZLIB_VERSION, size) != Z_OK { throw .outOfMemory }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        output.deallocate()
    }

    /// Unpacks what this input completes; `emit` sees each piece before the next overwrites it.
    package mutating func unpack(
        _ input: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) -> Void
    ) throws(GunzipError) {
        // zlib does not write to its input; its C declaration is older than `const`.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        var outputWasFull = false
        while stream.pointee.avail_in > 0 || outputWasFull {
            let count = try step()
            outputWasFull = count == output.count
            if count > 0 { emit(UnsafeRawBufferPointer(rebasing: output[..<count])) }
        }
    }

    /// The input has ended. Throws where that was within a member.
    package func finish() throws(GunzipError) {
        if isInside { throw .truncated(afterBytes: produced) }
    }

    /// At most one piece; the bytes of it.
    private mutating func step() throws(GunzipError) -> Int {
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        if stream.pointee.avail_in > 0 { isInside = true }
        let code = inflate(stream, Z_NO_FLUSH)
        let count = output.count - Int(stream.pointee.avail_out)
        produced += count
        if produced > limit { throw .tooLarge(limit: limit) }
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END:
            isInside = false
            inflateReset(stream)
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .corrupt(code: code, afterBytes: produced)
        }
        return count
    }
}

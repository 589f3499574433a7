import Core
import Wire

/// Bytes of a file or of standard input, unpacked where they are gzip.
struct ByteSource: ~Copyable {
    private let file: File
    private let name: String
    private var gunzip: Gunzip?
    /// Read ahead to tell what it is.
    private var head: [UInt8]
    private var piece: [UInt8]

    /// Bytes as they lie on disk; nil where that cannot be known.
    let size: Int64?
    /// Of them read.
    private(set) var position: Int64 = 0

    /// - Parameter path: `-`: standard input.
    init(path: String) throws(CommandFailure) {
        let name = path == "-" ? "standard input" : path
        let opened: File
        do throws(SystemFailure) {
            opened = path == "-" ? File(borrowing: 0) : try File(reading: path)
        } catch {
            throw CommandFailure("\(error)")
        }
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        var head: [UInt8] = []
        do throws(SystemFailure) {
            while head.count < 2 {
                let count = try Self.read(opened, &piece)
                if count == 0 { break }
                head.append(contentsOf: piece[..<count])
            }
        } catch {
            throw CommandFailure("\(name): \(error)")
        }
        gunzip = head.starts(with: [0x1F, 0x8B]) ? try Self.unpacking(name) : nil
        size = opened.size
        file = opened
        self.name = name
        self.head = head
        self.piece = piece
    }

    private static func unpacking(_ name: String) throws(CommandFailure) -> Gunzip {
        do throws(GunzipError) {
            return try Gunzip(limit: .max)
        } catch {
            throw CommandFailure("\(name): \(error)")
        }
    }

    private static func read(_ file: borrowing File, _ piece: inout [UInt8]) throws(SystemFailure) -> Int {
        try piece.withUnsafeMutableBufferPointer { buffer throws(SystemFailure) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Appends what comes next.
    ///
    /// - Returns: false at the end, where nothing was appended.
    mutating func read(into output: inout [UInt8]) throws(CommandFailure) -> Bool {
        do {
            if !head.isEmpty {
                let bytes = head
                head = []
                try take(bytes[...], into: &output)
                return true
            }
            let count = try Self.read(file, &piece)
            if count == 0 {
                if gunzip != nil { try gunzip!.finish() }
                return false
            }
            try take(piece[..<count], into: &output)
            return true
        } catch let error as SystemFailure {
            throw CommandFailure("\(name): \(error)")
        } catch {
            throw CommandFailure("\(name): damaged gzip (\(error))")
        }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) throws(GunzipError) {
        position += Int64(bytes.count)
        guard gunzip != nil else {
            output.append(contentsOf: bytes)
            return
        }
        var unpacked: [UInt8] = []
        let packed = Array(bytes)
        try packed.withUnsafeBufferPointer { buffer throws(GunzipError) in
            try gunzip!.unpack(UnsafeRawBufferPointer(buffer)) { unpacked.append(contentsOf: $0) }
        }
        output.append(contentsOf: unpacked)
    }
}

import Glibc

/// A call to the system that failed: what was tried, on what, and errno in words.
struct SystemFailure: Error, CustomStringConvertible {
    var action: String
    var code: Int32

    /// Reads errno; call it first thing after the failure.
    init(_ action: String) {
        code = errno
        self.action = action
    }

    init(_ action: String, code: Int32) {
        self.action = action
        self.code = code
    }

    var description: String { "\(action): \(String(cString: strerror(code)))" }
}

/// Files read or written as a whole or in large pieces. Owns the descriptor.
struct File: ~Copyable {
    let descriptor: Int32
    private let owned: Bool

    /// A descriptor that belongs to the process: standard input, output or error.
    init(borrowing descriptor: Int32) {
        self.descriptor = descriptor
        owned = false
    }

    init(reading path: String) throws(SystemFailure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        owned = true
        if descriptor < 0 { throw SystemFailure("cannot open \(path)") }
    }

    init(creating path: String) throws(SystemFailure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        owned = true
        if descriptor < 0 { throw SystemFailure("cannot create \(path)") }
    }

    /// A file without a name, in `TMPDIR` or `/tmp`, that is gone with its descriptor.
    init(temporaryFor purpose: String) throws(SystemFailure) {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var name = Array("\(directory)/roost-\(purpose)-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        owned = true
        if descriptor < 0 { throw SystemFailure("cannot create a temporary file in \(directory)") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(name)
    }

    deinit { if owned { close(descriptor) } }

    /// Bytes of a regular file, nil of a pipe or terminal.
    var size: Int64? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_size)
    }

    /// The same by path, without opening it, for opening a pipe takes from it.
    static func size(of path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_size)
    }

    /// - Returns: bytes read, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw SystemFailure("cannot read") }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count >= 0 { done += count } else if errno != EINTR { throw SystemFailure("cannot write") }
        }
    }

    func write(_ bytes: [UInt8]) throws(SystemFailure) {
        try bytes.withUnsafeBufferPointer { buffer throws(SystemFailure) in
            try write(UnsafeRawBufferPointer(buffer))
        }
    }

    func write(_ text: String) throws(SystemFailure) { try write(Array(text.utf8)) }

    static func read(path: String) throws(SystemFailure) -> [UInt8] {
        let file = try File(reading: path)
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try piece.withUnsafeMutableBufferPointer { buffer throws(SystemFailure) in
                try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: piece[..<count])
        }
    }
}

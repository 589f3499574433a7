import Glibc

/// What durability needs of a file system, so that a test can put one underneath that loses power.
///
/// Paths are absolute or relative to the working directory, as given. Every error names operation, path
/// and errno.
package protocol FileSystem: Sendable {
    func open(_ path: String, _ mode: FileMode) throws(FileError) -> any File
    /// Replaces `to` where it exists. Durable after `syncDirectory` of the directories of both.
    func rename(_ from: String, to: String) throws(FileError)
    func unlink(_ path: String) throws(FileError)
    /// Names in a directory, without `.` and `..`, ascending.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Creates a directory, readable by the owner only; nothing happens where it exists.
    func createDirectory(_ path: String) throws(FileError)
    /// Makes creations, renames and removals in a directory durable.
    func syncDirectory(_ path: String) throws(FileError)
}

/// How a file is opened.
package enum FileMode: Sendable {
    /// It must exist.
    case read
    /// To be read and written; it must exist.
    case update
    /// To be read and written; created where missing, emptied where not.
    case create
    /// To be read and written; created where missing, kept as it is where not.
    case createOrKeep
}

/// An open file; closed when the last reference goes.
package protocol File: AnyObject, Sendable {
    var path: String { get }
    func size() throws(FileError) -> Int64
    /// Fills the buffer from `offset`; fewer bytes only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int
    /// Writes all of it; when this throws, any part may have been written.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError)
    func truncate(to length: Int64) throws(FileError)
    /// Contents and length on disk (`fdatasync`). After a failure nothing is known about what is on disk.
    func syncData() throws(FileError)
    /// Contents and attributes on disk (`fsync`).
    func sync() throws(FileError)
    /// Takes the advisory lock of the whole file, held until the file is closed; false if another has it.
    func tryLock() throws(FileError) -> Bool
    /// Says that a stretch will be read soon.
    func prefetch(at offset: Int64, count: Int)
}

/// A failed call: which, on what and where in it, and the system's reason.
package struct FileError: Error, Equatable, Sendable {
    package enum Operation: String, Sendable {
        case open, read, write, truncate, fdatasync, fsync, rename, unlink, list, mkdir, flock, stat
    }

    package var operation: Operation
    package var path: String
    /// Of reads and writes, the byte at which they stopped.
    package var offset: Int64?
    package var code: Int32

    package init(_ operation: Operation, _ path: String, _ code: Int32, at offset: Int64? = nil) {
        self.operation = operation
        self.path = path
        self.offset = offset
        self.code = code
    }

    /// No room on the device, or in the owner's quota: passes when room is made.
    package var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
    package var isMissing: Bool { code == ENOENT }
    package var isOtherDevice: Bool { code == EXDEV }
}

extension FileError: CustomStringConvertible {
    package var description: String {
        let place = offset.map { " at byte \($0)" } ?? ""
        return "\(operation.rawValue) \(path)\(place): \(systemReason(code)) (errno \(code))"
    }
}

extension File {
    /// The whole file.
    package func readAll() throws(FileError) -> [UInt8] {
        let length = Int(try size())
        var bytes = [UInt8](repeating: 0, count: length)
        let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(FileError) in
            try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        bytes.removeLast(length - count)
        return bytes
    }

    package func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
            try write(UnsafeRawBufferPointer(buffer), at: offset)
        }
    }
}

extension FileSystem {
    /// Writes a small or large file so that a power cut leaves the old one or the new one, whole:
    /// temporary file, fsync, rename, fsync of the directory. The temporary file is removed on failure.
    package func replace(
        _ name: String, in directory: String, with parts: [UnsafeRawBufferPointer]
    ) throws(FileError) {
        let temporary = "\(directory)/\(name)\(temporarySuffix)"
        do {
            let file = try open(temporary, .create)
            var offset: Int64 = 0
            for part in parts {
                try file.write(part, at: offset)
                offset += Int64(part.count)
            }
            try file.sync()
            try rename(temporary, to: "\(directory)/\(name)")
        } catch {
            try discard(temporary, after: error)
        }
        try syncDirectory(directory)
    }

    /// Removes what a failed write left, then throws that failure; the removal's own failure changes
    /// nothing about it, for leftovers are also cleared at the next start.
    private func discard(_ temporary: String, after failure: FileError) throws(FileError) {
        do { try unlink(temporary) } catch { throw failure }
        throw failure
    }

    /// Creates a directory where it is missing, durably; its parent must exist.
    package func ensureDirectory(_ path: String) throws(FileError) {
        try createDirectory(path)
        let components = path.split(separator: "/", omittingEmptySubsequences: true)
        let parent = components.dropLast().joined(separator: "/")
        try syncDirectory(path.hasPrefix("/") ? "/" + parent : parent.isEmpty ? "." : parent)
    }

    /// Removes the temporary files a crash left in a directory.
    package func removeTemporaries(in directory: String) throws(FileError) {
        for name in try list(directory) where name.hasSuffix(temporarySuffix) {
            try unlink("\(directory)/\(name)")
        }
    }
}

/// Ends the name of a file that is not whole yet.
package let temporarySuffix = ".tmp"

/// The system's words for an errno.
private func systemReason(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else { return "unknown error" }
        return String(cString: buffer.baseAddress!)
    }
}

import Glibc

/// The file system of the machine.
package struct DiskFileSystem: FileSystem {
    package init() {}

    package func open(_ path: String, _ mode: FileMode) throws(FileError) -> any File {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .update: O_RDWR
            case .create: O_RDWR | O_CREAT | O_TRUNC
            case .createOrKeep: O_RDWR | O_CREAT
            }
        let descriptor = try retrying(.open, path) { Glibc.open(path, flags | O_CLOEXEC, 0o600) }
        return DiskFile(path: path, descriptor: Int32(descriptor))
    }

    package func rename(_ from: String, to: String) throws(FileError) {
        _ = try retrying(.rename, from) { Glibc.rename(from, to) }
    }

    package func unlink(_ path: String) throws(FileError) {
        _ = try retrying(.unlink, path) { Glibc.unlink(path) }
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = opendir(directory) else { throw FileError(.list, directory, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw FileError(.list, directory, errno) }
        return names.sorted()
    }

    package func createDirectory(_ path: String) throws(FileError) {
        do {
            _ = try retrying(.mkdir, path) { mkdir(path, 0o700) }
        } catch {
            guard error.code == EEXIST else { throw error }
        }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = try retrying(.open, path) {
            Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        let directory = DiskFile(path: path, descriptor: Int32(descriptor))
        try directory.sync()
    }
}

/// A file descriptor with the path it was opened by.
private final class DiskFile: File {
    let path: String
    private let descriptor: Int32

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// What was to be kept has been synced before; a close has nothing to add to that.
    deinit { close(descriptor) }

    func size() throws(FileError) -> Int64 {
        var status = stat()
        _ = try retrying(.stat, path) { fstat(descriptor, &status) }
        return Int64(status.st_size)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = try retrying(.read, path, at: offset + Int64(done)) {
                pread(descriptor, base + done, buffer.count - done, off_t(offset) + done)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = try retrying(.write, path, at: offset + Int64(done)) {
                pwrite(descriptor, base + done, bytes.count - done, off_t(offset) + done)
            }
            guard count > 0 else { throw FileError(.write, path, EIO, at: offset) }
            done += count
        }
    }

    func truncate(to length: Int64) throws(FileError) {
        _ = try retrying(.truncate, path) { ftruncate(descriptor, off_t(length)) }
    }

    /// Not repeated after EINTR or anything else: a second fsync may succeed about pages that the first
    /// one gave up.
    func syncData() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw FileError(.fdatasync, path, errno) }
    }

    func sync() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError(.fsync, path, errno) }
    }

    func tryLock() throws(FileError) -> Bool {
        do {
            _ = try retrying(.flock, path) { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            guard error.code == EWOULDBLOCK else { throw error }
            return false
        }
    }

    func prefetch(at offset: Int64, count: Int) {
        posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_WILLNEED)
    }
}

/// Repeats a call that a signal interrupted; any other failure becomes an error.
private func retrying<Result: FixedWidthInteger>(
    _ operation: FileError.Operation, _ path: String, at offset: Int64? = nil, _ call: () -> Result
) throws(FileError) -> Int {
    while true {
        let result = call()
        if result >= 0 { return Int(result) }
        let code = errno
        if code != EINTR { throw FileError(operation, path, code, at: offset) }
    }
}

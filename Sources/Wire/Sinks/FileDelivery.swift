import Core
import Glibc
import Synchronization

/// Appends lines to a file, durably, and closes and numbers it when it has grown: `triggers.ndjson` becomes
/// `triggers.ndjson.1`, which becomes `.2`, and so on up to those kept.
final class FileDelivery: SinkDelivery {
    let most = 4096
    let deadLetterAfter: Int64? = nil
    private let target: Settings.FileSink
    private let state = Mutex(State())

    private struct State {
        var descriptor: Descriptor?
        var bytes: Int64 = 0
    }

    init(_ target: Settings.FileSink) { self.target = target }

    func interrupt() {}
    func close() { state.withLock { $0 = State() } }

    func deliver(_ batch: borrowing SinkBatch) throws(SinkFailure) {
        do {
            var (descriptor, bytes) = try opened()
            if bytes >= target.rotateBytes {
                try rotate()
                (descriptor, bytes) = try opened()
            }
            try append(batch.lines, to: descriptor.number, at: bytes)
            let grown = bytes + Int64(batch.lines.count)
            state.withLock { $0.bytes = grown }
        } catch {
            close()
            throw error
        }
    }

    private func failure(_ action: String) -> SinkFailure {
        SinkFailure("cannot \(action) \(target.path): \(SystemCalls.describe(errno))")
    }

    // MARK: Opening

    /// The file and its length. One that another program has moved away is opened anew.
    private func opened() throws(SinkFailure) -> (Descriptor, Int64) {
        if let open = state.withLock({ $0.descriptor }), isStillThere(open.number) {
            return (open, state.withLock { $0.bytes })
        }
        let number = open(target.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard number >= 0 else { throw failure("open") }
        let descriptor = Descriptor(number)
        let bytes = try wholeLines(number)
        state.withLock { $0 = State(descriptor: descriptor, bytes: bytes) }
        return (descriptor, bytes)
    }

    private func isStillThere(_ descriptor: Int32) -> Bool {
        var (own, there) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(target.path, &there) == 0 && own.st_ino == there.st_ino
            && own.st_dev == there.st_dev
    }

    /// Cuts the line that a crash left unfinished; the length of what is whole.
    private func wholeLines(_ descriptor: Int32) throws(SinkFailure) -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at") }
        // A pipe or a device has no length to mend.
        guard status.st_mode & S_IFMT == S_IFREG else { return 0 }
        var end = Int64(status.st_size)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while end > 0 {
            let start = max(0, end - Int64(buffer.count))
            let count = pread(descriptor, &buffer, Int(end - start), off_t(start))
            guard count == Int(end - start) else { throw failure("read") }
            if let newline = buffer[..<count].lastIndex(of: 0x0A) {
                end = start + Int64(newline) + 1
                break
            }
            end = start
        }
        if end < Int64(status.st_size), ftruncate(descriptor, off_t(end)) != 0 { throw failure("mend") }
        return end
    }

    // MARK: Writing

    private func append(
        _ lines: [UInt8], to descriptor: Int32, at offset: Int64
    ) throws(SinkFailure) {
        var written = 0
        while written < lines.count {
            let count = lines.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress.map { $0 + written }, lines.count - written,
                    off_t(offset) + off_t(written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let failure = failure("write")
                // Half a line is taken back; where that fails, the next opening does it.
                _ = ftruncate(descriptor, off_t(offset))
                throw failure
            }
            written += count
        }
        guard fdatasync(descriptor) == 0 else { throw failure("sync") }
    }

    private func rotate() throws(SinkFailure) {
        close()
        func numbered(_ number: Int) -> String { number == 0 ? target.path : "\(target.path).\(number)" }
        guard target.keep > 0 else {
            guard unlink(target.path) == 0 || errno == ENOENT else { throw failure("remove") }
            return
        }
        for number in stride(from: target.keep - 1, through: 0, by: -1) {
            guard rename(numbered(number), numbered(number + 1)) == 0 || errno == ENOENT else {
                throw failure("number")
            }
        }
    }
}

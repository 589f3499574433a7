import Core
import Glibc

/// Why a fit gave no answer.
enum FitFailure: Error, CustomStringConvertible {
    case system(String, Int32)
    case deadline(seconds: Int64)
    case crashed(signal: Int32)
    case exited(code: Int32)

    var description: String {
        switch self {
        case .system(let call, let code): "\(call) failed: \(String(cString: strerror(code)))"
        case .deadline(let seconds): "the fit ran past its deadline of \(seconds) s and was ended"
        case .crashed(let signal): "the fit ended by signal \(signal)"
        case .exited(let code): "the fit ended with code \(code)"
        }
    }
}

/// Shared memory that the child reads its request from.
struct FitRequestMemory: ~Copyable {
    let descriptor: Int32
    let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter byteCount: zero-filled.
    init(byteCount: Int) throws(FitFailure) {
        descriptor = Self.anonymousFile()
        guard descriptor >= 0 else { throw .system("open(O_TMPFILE)", errno) }
        // Reserved now: a page that memory has no room for would end the daemon when it is written.
        let code = posix_fallocate(descriptor, 0, byteCount)
        guard code == 0 else {
            close(descriptor)
            throw .system("posix_fallocate", code)
        }
        let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let base, base != MAP_FAILED else {
            let code = errno
            close(descriptor)
            throw .system("mmap", code)
        }
        bytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }

    /// A file without a name in memory, closed when a child is started.
    private static func anonymousFile() -> Int32 {
        open("/dev/shm", O_RDWR | __O_TMPFILE | O_DIRECTORY | O_CLOEXEC, 0o600)
    }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
        close(descriptor)
    }

    func put(_ values: [UInt8], at offset: Int) {
        values.withUnsafeBytes { copy($0, offset) }
    }

    func put<T: BitwiseCopyable>(_ values: [T], at offset: Int) {
        values.withUnsafeBytes { copy($0, offset) }
    }

    private func copy(_ raw: UnsafeRawBufferPointer, _ offset: Int) {
        UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + raw.count]).copyMemory(from: raw)
    }
}

/// The fitting child: `roost fit` at the lowest priority with a bound on memory. If it dies, only it.
enum FitChild {
    /// Where the child finds its request.
    static let requestDescriptor: Int32 = 3

    /// Runs a fit; blocks until its answer, its end or the deadline.
    static func run(
        _ request: borrowing FitRequestMemory, deadlineMicroseconds: Int64, memoryBytes: Int64
    ) throws(FitFailure) -> [UInt8] {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw .system("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child: pid_t
        do throws(FitFailure) {
            child = try spawn(request.descriptor, ends[1], memoryBytes)
        } catch {
            close(ends[0])
            close(ends[1])
            throw error
        }
        close(ends[1])
        defer { close(ends[0]) }
        let answer = collect(ends[0], deadlineMicroseconds)
        if answer == nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard let answer else { throw .deadline(seconds: deadlineMicroseconds / Microseconds.second) }
        let signal = status & 0x7F
        if signal != 0 { throw .crashed(signal: signal) }
        let code = (status >> 8) & 0xFF
        if code != 0 { throw .exited(code: code) }
        return answer
    }

    private static func spawn(_ request: Int32, _ output: Int32, _ memoryBytes: Int64) throws(FitFailure)
        -> pid_t
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, request, requestDescriptor)
        let arguments = ["roost", "fit", "--memory", String(memoryBytes)]
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        let passive = strdup("OMP_WAIT_POLICY=passive")
        defer { free(passive) }
        let entries = surroundings(passive)
        var child: pid_t = 0
        let code = posix_spawn(&child, "/proc/self/exe", &actions, nil, pointers, entries)
        guard code == 0 else { throw .system("posix_spawn", code) }
        return child
    }

    /// Our environment and, before it, that threads of a fit sleep while they wait for each other: turning in
    /// circles, as they otherwise would, takes the core from those they wait for.
    private static func surroundings(
        _ passive: UnsafeMutablePointer<CChar>?
    ) -> [UnsafeMutablePointer<CChar>?] {
        var entries = [passive]
        var place = 0
        while let entry = environ[place] {
            entries.append(entry)
            place += 1
        }
        return entries + [nil]
    }

    /// Everything the child writes, or nil when the deadline passes first.
    private static func collect(_ descriptor: Int32, _ deadlineMicroseconds: Int64) -> [UInt8]? {
        let end = SystemTime().monotonic() + deadlineMicroseconds
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let left = end - SystemTime().monotonic()
            if left <= 0 { return nil }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, Int32(min(left / 1000 + 1, 1000)))
            if ready <= 0 { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return answer }
            answer.append(contentsOf: buffer[..<count])
        }
    }
}

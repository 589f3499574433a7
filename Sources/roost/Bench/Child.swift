import Glibc

/// A program that the bench runs beside itself, its standard output at hand. Ended with it.
struct Child: ~Copyable {
    let pid: pid_t
    private let output: Int32
    private var isOver = false

    /// Processor time of a program that has ended, microseconds, the system's share included.
    struct Ending {
        var status: Int32
        var processorMicroseconds: Int64
    }

    /// - Parameter program: path; `/proc/self/exe` is this one.
    init(_ program: String, _ arguments: [String]) throws(SystemFailure) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemFailure("cannot make a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var words = ([program] + arguments).map { strdup($0) } as [UnsafeMutablePointer<CChar>?]
        words.append(nil)
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, program, &actions, nil, words, environ)
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw SystemFailure("cannot run \(program)", code: code)
        }
        pid = child
        output = ends[0]
    }

    /// Ends it at once; returns when it is gone.
    func kill() {
        Glibc.kill(pid, SIGKILL)
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    deinit {
        close(output)
        if !isOver {
            Glibc.kill(pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        }
    }

    /// The next line of the output, without its newline; nil at the end.
    func line() throws(SystemFailure) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        let file = File(borrowing: output)
        while true {
            let count = try withUnsafeMutableBytes(of: &byte) { one throws(SystemFailure) in
                try file.read(into: one)
            }
            if count == 0 { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
            if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }

    /// - Parameter signal: sent first; 0: none.
    mutating func end(by signal: Int32 = 0) throws(SystemFailure) -> Ending {
        if signal != 0 { Glibc.kill(pid, signal) }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(pid, &status, 0, &usage) < 0 {
            if errno != EINTR { throw SystemFailure("cannot wait for \(pid)") }
        }
        isOver = true
        func microseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec) }
        return Ending(
            status: status,
            processorMicroseconds: microseconds(usage.ru_utime) + microseconds(usage.ru_stime))
    }

    /// Processor time so far, microseconds in steps of the kernel's tick (10 ms).
    func processorMicroseconds() throws(SystemFailure) -> Int64 {
        let text = String(decoding: try File.read(path: "/proc/\(pid)/stat"), as: UTF8.self)
        // The name, in parentheses, may hold blanks.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        let ticks = (Int64(fields[12]) ?? 0) + (Int64(fields[13]) ?? 0)
        return ticks * 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Most resident memory so far, bytes.
    func peakBytes() throws(SystemFailure) -> Int64 {
        let text = String(decoding: try File.read(path: "/proc/\(pid)/status"), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let number = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        return (number.flatMap { Int64($0) } ?? 0) * 1024
    }
}

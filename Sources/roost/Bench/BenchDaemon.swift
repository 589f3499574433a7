import Core
import Glibc

/// A daemon of the bench's own in a child process, its data in a new folder that goes with it.
struct BenchDaemon: ~Copyable {
    let folder: String
    private var child: Child?
    private(set) var ingest = ListenAddress("127.0.0.1:0")!
    private(set) var triggers = ListenAddress("127.0.0.1:0")!
    private(set) var status = ListenAddress("127.0.0.1:0")!
    private let clock = SystemTime()

    private init(folder: String) { self.folder = folder }

    /// - Parameter parent: folder in which the daemon's is made.
    static func prepared(in parent: String, _ configuration: BenchConfiguration) throws -> BenchDaemon {
        var template = Array("\(parent)/roost-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure("cannot make a folder in \(parent)") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let daemon = BenchDaemon(folder: folder)
        let file = try File(creating: "\(folder)/roost.json5")
        try file.write(configuration.text(data: "\(folder)/data"))
        return daemon
    }

    deinit {
        child?.kill()
        do {
            var remover = try Child("/bin/rm", ["-rf", folder])
            _ = try remover.end()
        } catch {
            Terminal.complain("\(folder) could not be removed: \(error)\n")
        }
    }

    /// - Returns: microseconds until it said that it is ready.
    mutating func start() throws -> Int64 {
        let begin = clock.monotonic()
        let started = try Child("/proc/self/exe", ["serve", "--config", "\(folder)/roost.json5"])
        guard let line = try started.line() else { throw CommandFailure("the daemon did not start") }
        let ready = try Reply.tree(Array(line.utf8))["ready"]
        guard let ingest = ready?["ingest"]?.text.flatMap({ ListenAddress($0) }),
            let triggers = ready?["triggers"]?.text.flatMap({ ListenAddress($0) }),
            let status = ready?["status"]?.text.flatMap({ ListenAddress($0) })
        else { throw CommandFailure("the daemon's first line is not understood: \(line)") }
        self.ingest = ingest
        self.triggers = triggers
        self.status = status
        child = consume started
        return clock.monotonic() - begin
    }

    /// - Returns: microseconds until it had ended.
    mutating func end(by signal: Int32) throws -> Int64 {
        guard var running = child.take() else { return 0 }
        let begin = clock.monotonic()
        _ = try running.end(by: signal)
        return clock.monotonic() - begin
    }

    func processorMicroseconds() throws -> Int64 { try child?.processorMicroseconds() ?? 0 }
    func peakBytes() throws -> Int64 { try child?.peakBytes() ?? 0 }
    func answer() throws -> JSONValue { try HTTPClient.getTree("/v1/status", from: status) }

    /// A counter of `/metrics`, since the daemon's start.
    func metric(_ name: String) throws -> Int64 {
        var body: [UInt8] = []
        try HTTPClient.get("/metrics", from: status) { body += $0 }
        let lines = String(decoding: body, as: UTF8.self).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix(name + " ") }),
            let value = Int64(line.dropFirst(name.utf8.count + 1))
        else { throw CommandFailure("/metrics has no \(name)") }
        return value
    }
}

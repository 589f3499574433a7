import Core
import Dispatch
import Engine
import Glibc
import Status
import Synchronization
import Wire

let roostVersion = CommandTable.version

/// Runs the daemon until a signal ends it.
///
/// - Returns: the exit code: 0 after SIGTERM or SIGINT, else what failed (`DaemonFailure`).
func serve(settings: Settings, configPath: String) -> Int32 {
    boundAllocator(processors: processorCount())
    signal(SIGPIPE, SIG_IGN)
    // A file at its size limit is a failed write, to be told like any other.
    signal(SIGXFSZ, SIG_IGN)
    raiseDescriptorLimit()
    // What the store writes is its owner's alone.
    umask(0o077)
    let writer = LogWriter(time: SystemTime())
    let lifecycle = Lifecycle(settings: settings, configPath: configPath, writer: writer)
    return lifecycle.run()
}

private final class Lifecycle: Sendable {
    /// Those in force; SIGHUP may change them.
    private let settings: Guarded<Settings>
    /// Empty: the defaults hold.
    private let configPath: String
    private let writer: LogWriter
    private let queue = DispatchQueue(label: "roost.lifecycle")
    private let signals = Guarded<Int>(0)
    private let firstSignal = Guarded<Int64>(0)
    private let daemon = Guarded<Daemon?>(nil)

    init(settings: Settings, configPath: String, writer: LogWriter) {
        self.settings = Guarded(settings)
        self.configPath = configPath
        self.writer = writer
    }

    func run() -> Int32 {
        let settings = settings.value
        for address in [settings.listen.ingest, settings.listen.triggers, settings.listen.status]
        where address.insecure && (address.tls == nil || address.tokenFile.isEmpty) {
            writer.log.warning(
                "\(address.address) is open to others without TLS or without a token, as configured")
        }
        for number in [SIGTERM, SIGINT, SIGHUP] { watch(number) }
        Task { await self.start() }
        dispatchMain()
    }

    private func watch(_ number: Int32) {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        // The handler keeps its source, which nothing else does.
        source.setEventHandler { withExtendedLifetime(source) { self.received(number) } }
        source.resume()
    }

    private func start() async {
        do {
            let started = try await Daemon.start(settings.value, log: writer.log) { self.end($0) }
            daemon.update { $0 = started }
            var line = JSONWriter()
            line.beginObject()
            line.key("ready")
            line.beginObject()
            line.key("ingest")
            line.value(started.ingest.address)
            line.key("triggers")
            line.value(started.triggers.address)
            line.key("status")
            line.value(started.status.boundAddress)
            line.endObject()
            line.endObject()
            line.newline()
            try File(borrowing: 1).write(line.text)
        } catch {
            writer.log.error("roost cannot start: \(error)")
            writer.flush()
            exit(DaemonFailure.exitCode(of: error))
        }
    }

    private func received(_ number: Int32) {
        if number == SIGHUP { return reload() }
        let now = SystemTime().monotonic()
        // One order often comes twice at once, to the process and to its group.
        if signals.value > 0, now - firstSignal.value < Microseconds.second { return }
        if signals.value == 0 { firstSignal.update { $0 = now } }
        signals.update { $0 += 1 }
        guard signals.value == 1, let daemon = daemon.value else {
            writer.log.warning("ended at once; what was acknowledged is on disk")
            writer.flush()
            exit(1)
        }
        Task {
            await daemon.stop()
            self.writer.log.info("stopped")
            self.writer.flush()
            exit(0)
        }
    }

    /// Takes over what can change live; where the file is not valid, nothing.
    private func reload() {
        guard !configPath.isEmpty else {
            return writer.log.warning("SIGHUP: there is no --config FILE to read; nothing changed")
        }
        guard let daemon = daemon.value, signals.value == 0 else {
            return writer.log.warning("SIGHUP: not ready; nothing changed")
        }
        do throws(SettingsFailure) {
            let reload = SettingsReload(try SettingsFile.load(configPath), over: settings.value)
            if !reload.kept.isEmpty {
                writer.log.warning(
                    "SIGHUP: \(reload.kept.joined(separator: ", ")) cannot change live and keeps its value; restart for it"
                )
            }
            settings.update { $0 = reload.settings }
            let log = writer.log
            let changed = reload.changed.isEmpty ? "nothing" : reload.changed.joined(separator: ", ")
            daemon.sequencer.reload(reload.settings) { log.info("SIGHUP: in force now: \(changed) changed") }
        } catch {
            for problem in error.problems { writer.log.error("SIGHUP: \(configPath): \(problem)") }
            writer.log.error("SIGHUP: the settings are refused and the old ones stay")
        }
    }

    /// A disk or the state failed: nothing more may be acknowledged.
    private func end(_ failure: DaemonFailure) {
        writer.log.error("\(failure); stopping without further acks")
        writer.flush()
        exit(failure.exitCode)
    }
}

/// Allows as many descriptors as the system lets this process have.
private func raiseDescriptorLimit() {
    let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    var bound = rlimit()
    guard getrlimit(resource, &bound) == 0 else { return }
    bound.rlim_cur = max(bound.rlim_cur, min(bound.rlim_max, 1 << 20))
    // Where it is refused, the limit stays, and the ports keep within it.
    _ = setrlimit(resource, &bound)
}

/// Resident memory of this process, bytes.
func residentBytes() -> Int64 {
    let descriptor = open("/proc/self/statm", O_RDONLY)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return 0 }
    let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Int64(fields[1]) ?? 0) * Int64(sysconf(Int32(_SC_PAGESIZE))) : 0
}

/// Processors that this process may run on (`taskset`, a container's cpuset); those of the machine where the
/// system does not tell.
func processorCount() -> Int {
    let ofMachine = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    do {
        let status = String(decoding: try File.read(path: "/proc/self/status"), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
        // A mask in hexadecimal.
        let allowed = line.drop { $0 != ":" }.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return allowed > 0 ? allowed : ofMachine
    } catch {
        return ofMachine
    }
}

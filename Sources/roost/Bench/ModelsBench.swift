import Core
import Dispatch
import Glibc

/// `roost bench models`: all models fitted on FILE by a daemon, their figures on held-out users or later time
/// beside those of the baselines; then `repurchase` once more, on later time.
func modelsBench(_ request: BenchRequest) throws -> Int32 {
    var daemon = try BenchDaemon.prepared(in: request.folder, request.configuration)
    _ = try daemon.start()
    try replay(request.file, into: daemon)
    let status = try daemon.answer()
    var figures = Figures()
    figures.add("users", count: status["users"]?.whole ?? 0)
    figures.add("events", count: status["ingest"]?["events"]?.whole ?? 0)
    var seconds = 0.0
    for name in status["models"]?.members.map(\.key) ?? [] {
        _ = try HTTPClient.post("/v1/models/\(name)/refit", [], to: daemon.status)
        let model = try HTTPClient.getTree("/v1/models/\(name)", from: daemon.status)
        seconds += model["seconds"]?.real ?? 0
        add(model, named: name, to: &figures)
    }
    figures.add("all fits", "\(Readable.fixed(seconds, 2)) s")
    _ = try daemon.end(by: SIGKILL)
    try LaterRepurchaseBench.add(request.file, request.configuration, to: &figures)
    try figures.print()
    return ExitCode.done
}

/// `roost bench refit`: ingest while all models are refitted again and again, against ingest alone, in turns.
func refitBench(_ request: BenchRequest) throws -> Int32 {
    let load = Load(request.file)
    var configuration = request.configuration
    // Under the event clock the stream waits for a fit, by design.
    configuration.clock = .wall
    var alone: [IngestPass] = []
    var beside: [IngestPass] = []
    var fits: Int64 = 0
    for _ in 0..<2 {
        alone.append(try IngestPass(load, configuration, in: request.folder))
        var daemon = try BenchDaemon.prepared(in: request.folder, configuration)
        _ = try daemon.start()
        let refits = Refits(of: daemon.status)
        beside.append(try IngestPass(load, into: daemon))
        fits += try refits.stop()
        _ = try daemon.end(by: SIGKILL)
    }
    var figures = Figures()
    figures.add("ingest alone", alone.rates)
    figures.add("ingest while models are refitted", "\(beside.rates); \(fits) fits")
    figures.add(
        "cost of refitting",
        "\(Readable.percent(1 - beside.rate / alone.rate)) of the rate (aim: at most 10 %)")
    try figures.print()
    return ExitCode.done
}

/// Asks for refits of all models, one after the other, until it is told to stop.
private final class Refits: Sendable {
    private let isOver = Guarded(false)
    private let done = Guarded<Int64>(0)
    private let trouble = Guarded<String?>(nil)
    private let group = DispatchGroup()

    init(of address: ListenAddress) {
        DispatchQueue(label: "roost.bench.refits").async(group: group) { [self] in
            do {
                let models = try HTTPClient.getTree("/v1/status", from: address)["models"]
                while !isOver.value {
                    for name in models?.members.map(\.key) ?? [] where !isOver.value {
                        _ = try HTTPClient.post("/v1/models/\(name)/refit", [], to: address)
                        done.update { $0 += 1 }
                    }
                }
            } catch let failure as CommandFailure {
                trouble.update { $0 = failure.reason }
            } catch {
                trouble.update { $0 = "\(error)" }
            }
        }
    }

    /// - Returns: fits that were answered.
    func stop() throws(CommandFailure) -> Int64 {
        isOver.update { $0 = true }
        group.wait()
        if let reason = trouble.value { throw CommandFailure(reason) }
        return done.value
    }
}

private func replay(_ path: String, into daemon: borrowing BenchDaemon) throws {
    var feeder = try Child(
        "/proc/self/exe", ["replay", path, "--to", "\(daemon.ingest.host):\(daemon.ingest.port)"])
    guard try feeder.end().status == 0 else { throw CommandFailure("\(path) could not be replayed") }
}

/// The verdict and each figure that is a number, the baselines' last.
private func add(_ model: JSONValue, named name: String, to figures: inout Figures) {
    var verdict = "refused"
    if case .bool(true) = model["adopted"] { verdict = "adopted" }
    let seconds = Readable.fixed(model["seconds"]?.real ?? 0, 2)
    figures.add(name, "\(verdict) in \(seconds) s: \(model["reason"]?.text ?? "")")
    add(model["metrics"], below: "  ", to: &figures)
    add(model["baseline"], below: "  baseline ", to: &figures)
}

private func add(_ tree: JSONValue?, below label: String, to figures: inout Figures) {
    for member in tree?.members ?? [] {
        if let number = member.value.real {
            let isWhole = number == number.rounded() && abs(number) < 1e15
            figures.add(
                label + member.key, isWhole ? Readable.count(Int64(number)) : Readable.fixed(number, 4))
        } else if let text = member.value.text {
            figures.add(label + member.key, text)
        } else if !member.value.members.isEmpty {
            add(member.value, below: "\(label)\(member.key).", to: &figures)
        }
    }
}

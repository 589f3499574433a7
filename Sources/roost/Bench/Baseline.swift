import Core
import Glibc

/// A sketch of the physical limit, run on the same file in the same run.
struct Baseline {
    /// What one run of it said.
    struct Run {
        var events: Int64
        /// Of the work alone, without loading the file.
        var eventsPerSecond: Double
        /// Of the whole process, loading the file included.
        var processorMicroseconds: Int64
        var bytesPerUser: String?
    }

    private(set) var runs: [Run] = []
    private let program: String
    private let arguments: [String]

    init(_ folder: String, _ program: String, _ arguments: [String]) {
        self.program = "\(folder)/\(program)"
        self.arguments = arguments
    }

    mutating func run() throws {
        var child = try Child(program, arguments)
        let line = try child.line() ?? ""
        let ending = try child.end()
        let words = line.split(separator: " ").map(String.init)
        func value(_ key: String) -> String? {
            words.firstIndex(of: key).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        }
        guard ending.status == 0, let events = (value("events") ?? value("n")).flatMap({ Int64($0) }),
            let rate = value("Mev/s").flatMap({ Double($0) })
        else { throw CommandFailure("\(program) failed (status \(ending.status)): \(line)") }
        runs.append(
            Run(
                events: events, eventsPerSecond: rate * 1e6,
                processorMicroseconds: ending.processorMicroseconds, bytesPerUser: value("B/user")))
    }

    /// The quickest run, which is the harder one to reach.
    private var best: Run? { runs.max { $0.eventsPerSecond < $1.eventsPerSecond } }

    /// - Parameters:
    ///   - rate: events a second of what was measured.
    ///   - processor: its microseconds an event; nil: rate only.
    ///   - aim: least ratio of the rates that is wanted; nil: none is.
    ///   - processorAim: most ratio of the processor times that is wanted.
    func compare(
        rate: Double, processor: Double?, aim: Double? = nil, processorAim: Double? = nil,
        _ figures: inout Figures
    ) {
        guard let best else { return }
        let name = program.split(separator: "/").last ?? ""
        let all = runs.map { Readable.count(Int64($0.eventsPerSecond)) }.joined(separator: " and ")
        figures.add("\(name)", "\(all) events/s")
        let wanted = aim.map { " (aim: at least \(Readable.fixed($0, 1)))" } ?? ""
        figures.add(
            "ratio of rates", "\(Readable.fixed(rate / best.eventsPerSecond, 3)) of the quicker run\(wanted)")
        guard let processor, let least = runs.map(\.processorMicroseconds).min() else { return }
        let own = Double(least) / Double(max(1, best.events))
        figures.add(
            "\(name) CPU", "\(Readable.fixed(own, 3)) s per million events, reading the file included")
        let most = processorAim.map { " (aim: at most \(Readable.fixed($0, 1)))" } ?? ""
        figures.add("ratio of CPU", "\(Readable.fixed(processor / own, 2)) times the sketch's\(most)")
        addState(&figures)
    }

    /// What the sketch keeps for a user.
    func addState(_ figures: inout Figures) {
        let name = program.split(separator: "/").last ?? ""
        if let bytes = runs.last?.bytesPerUser { figures.add("\(name) state", "\(bytes) bytes a user") }
    }
}

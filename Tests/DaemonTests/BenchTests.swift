import Core
import Foundation
import Testing

@testable import roost

/// A bench that takes an option it does not heed, or misreads its log, measures something else than it says.
@Suite struct BenchTests {
    private func request(_ words: String...) throws -> BenchRequest {
        let arguments = try Arguments(words, for: benchCommand)
        return try Bench.named(arguments.operands[0]).request(arguments)
    }

    private func remove(_ folder: String) {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record(error) }
    }

    @Test func everyScenarioIsThere() {
        let names = Set(Bench.all.map(\.name))
        #expect(names.isSuperset(of: ["decode", "ingest", "full", "restart", "latency", "memory", "engine"]))
        for name in names { #expect(Help.text(of: benchCommand).contains("  \(name) ")) }
    }

    @Test func eachHelpExplainsTheScenarioAndItsOptionsOnly() throws {
        for bench in Bench.all {
            let help = Help.text(of: try #require(benchCommand.narrowed([bench.name])))
            #expect(help.contains("usage: roost bench \(bench.name)"))
            #expect(help.contains(bench.summary))
            #expect(help.contains("aseline"))
            for option in benchCommand.options {
                #expect(help.contains(option.name + " ") == bench.options.contains(option.name))
            }
            #expect(CommandTable.run(["bench", bench.name, "--help"]) == 0)
        }
        #expect(benchCommand.narrowed([]) == nil)
        #expect(benchCommand.narrowed(["nonsense"]) == nil)
    }

    @Test func theFileIsWantedTakenOrRefused() throws {
        #expect(try request("ingest", "f").file == "f")
        #expect(try request("full").file.isEmpty)
        #expect(try request("full", "f").file == "f")
        #expect(throws: UsageError.self) { try request("latency") }
        #expect(throws: UsageError.self) { try request("generate", "f") }
        let known = Bench.all.map(\.name).joined(separator: ", ")
        #expect(throws: UsageError("unknown bench x; known are \(known)")) { try request("x", "f") }
    }

    @Test func anOptionOfAnotherScenarioIsAUsageError() throws {
        let given = try request(
            "ingest", "f", "--connections", "2", "--compare-connections", "--baseline", "b", "--no-triggers")
        #expect(given.connections == 2)
        #expect(given.comparesConnections)
        #expect(given.baseline == "b")
        #expect(!given.configuration.triggers)
        #expect(throws: UsageError.self) { try request("decode", "f", "--connections", "2") }
        #expect(throws: UsageError.self) { try request("latency", "f", "--no-triggers") }
        #expect(throws: UsageError.self) { try request("memory", "f", "--nonsense") }
        #expect(CommandTable.run(["bench", "decode", "f", "--folder", "x"]) == 2)
    }

    @Test func aScenariosConfigurationIsReadAsItIsMeant() throws {
        #expect(try BenchConfiguration().settings().snapshot == Settings().snapshot)
        var changed = BenchConfiguration(triggers: false, allowedLateness: 7, saving: .continuous)
        let settings = try changed.settings()
        #expect(settings.clock.mode == .event)
        #expect(settings.clock.allowedLateness == 7 * Microseconds.day)
        #expect(settings.snapshot.interval == Microseconds.second)
        #expect(!settings.triggers.welcome.enabled)
        changed.saving = .never
        #expect(try changed.settings().snapshot.journalBytes > 1 << 40)
    }

    @Test func percentilesAreValuesByNearestRank() {
        let values = Percentiles((1...200).map(Int64.init).reversed())
        #expect(values.at(0.5) == 100)
        #expect(values.at(0.99) == 198)
        #expect(values.at(1) == 200)
        #expect(Percentiles([7]).at(0.5) == 7)
    }

    @Test func aSplitLogKeepsEveryLineAndTheOrderOfEachUser() throws {
        let folder = NSTemporaryDirectory() + "roost-split-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { remove(folder) }
        let lines = (0..<500).map { "{\"n\":\($0),\"user_id\":\"user-\($0 * 7 % 40)\"}" }
        let path = folder + "/log"
        try lines.map { $0 + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
        let split = try SplitLog.made(of: path, parts: 2, in: folder)
        var seen: [String] = []
        var owners: [String: Int] = [:]
        for (part, name) in split.paths.enumerated() {
            let text = try String(contentsOfFile: name, encoding: .utf8)
            let own = text.split(separator: "\n").map { String($0) }
            #expect(own == lines.filter(Set(own).contains))
            for line in own {
                let user = String(line.split(separator: "\"")[5])
                #expect(owners[user, default: part] == part)
                owners[user] = part
            }
            seen += own
        }
        #expect(Set(seen) == Set(lines))
        #expect(seen.count == lines.count)
        #expect(Set(owners.values) == [0, 1])
    }

    @Test func rowsOfBuyersAreFittedOrRefused() throws {
        let path = NSTemporaryDirectory() + "roost-buyers-\(UUID().uuidString)"
        defer { remove(path) }
        let rows = (0..<300).map { buyer -> String in
            let frequency = buyer % 3 == 0 ? 0 : buyer % 7
            let recency = frequency * (3 + buyer % 11)
            return "\(frequency),\(recency),\(recency + buyer % 90),\(frequency == 0 ? 0 : 5 + buyer % 17)\n"
        }
        try ("frequency,recency,T,monetary_value\n" + rows.joined())
            .write(toFile: path, atomically: true, encoding: .utf8)
        #expect(CommandTable.run(["bench", "clv", path]) == 0)
        #expect(CommandTable.run(["bench", "clv", path, "--baseline", "/nowhere"]) == 1)
        try "frequency,recency,T,monetary_value\n5,3,9,1.5\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        #expect(CommandTable.run(["bench", "clv", path]) == 1)
    }

    @Test func aProbeSignsUpAtTheTimeOfAnotherLine() throws {
        let time = Array("2024-07-01T00:00:14.473588Z".utf8)
        let line = time.withUnsafeBytes { Probe.line(12, time: $0) }
        #expect(line.last == 0x0A)
        let tree = try Reply.tree(Array(line.dropLast()))
        #expect(tree["event_timestamp"]?.text == "2024-07-01T00:00:14.473588Z")
        #expect(tree["event_name"]?.text == "sign_up")
        #expect(Probe.number(ofUser: tree["user_pseudo_id"]?.text ?? "") == 12)
        #expect(Probe.number(ofUser: "1025918326.1719792014") == nil)
    }
}

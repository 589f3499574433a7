import Core
import Foundation
import Testing

@testable import roost

/// A backtest gives what a plain count gives, and the same whatever the machine.
@Suite struct BacktestTests {
    private static let day = Microseconds.day

    /// Purchases on days of users, through the daemon's own decoder.
    private func history(_ purchases: [(user: String, day: Int)], end: Int) throws -> PurchaseHistory {
        let lines =
            purchases.map { line($0.user, "purchase", day: $0.day) } + [line("last", "login", day: end)]
        var history = PurchaseHistory()
        for batch in try batches(lines) { history.take(batch) }
        history.settle(in: .utc)
        return history
    }

    private func line(_ user: String, _ name: String, day: Int) -> String {
        let time = EventTime(microseconds: Int64(day) * Self.day + Microseconds.hour)
        return "{\"user_id\":\"\(user)\",\"event_name\":\"\(name)\",\"time\":\"\(time)\"}"
    }

    private func batches(_ lines: [String]) throws -> [EventBatch] {
        let folder = try TemporaryFolder()
        let path = try folder.write("log.ndjson", lines.map { "\($0)\n" }.joined())
        var reader = HistoryReader(Settings(), key: HashKey(k0: 1, k1: 2), needsSource: false)
        var batches: [EventBatch] = []
        try reader.read(path, told: { _, _ in }) { batches.append($0) }
        return batches
    }

    @Test func datesAreHeldAgainstTheNextPurchaseDay() throws {
        let history = try history(
            [("a", 0), ("a", 10), ("a", 24), ("b", 0), ("b", 20), ("c", 5)], end: 60)
        func forecast(_ user: String, date: Int32, _ p10: Int32, _ p90: Int32) throws -> MadeForecast {
            let buyer = try #require(history.buyer(Array(user.utf8)))
            return MadeForecast(
                buyer: buyer, day: 20, lastDay: history.days(buyer).last { $0 <= 20 } ?? 0,
                next: .init(date: date, p10: p10, p90: p90), churn: nil)
        }
        let judgement = ForecastJudgement(history: history, zone: .utc)
        // a came on day 24; b and c not again, b's interval is over and c's is not.
        let figures = judgement.dates([
            try forecast("a", date: 27, 22, 30), try forecast("b", date: 40, 30, 50),
            try forecast("c", date: 50, 40, 70),
        ])
        #expect(figures.predictions == 3)
        #expect(figures.came == 1)
        #expect(figures.meanError == 3)
        #expect(figures.bias == -3)
        #expect(figures.known == 2)
        #expect(figures.covered == 1)
        // Intervals ended by day 20: 10 and 20; their median 15 after a's day 10 is day 25.
        #expect(figures.baselineMeanError == 1)
    }

    @Test func risksAreJudgedWhereTheirHorizonLiesWithinTheLog() throws {
        let users = (0..<40).map { "u\($0)" }
        // The first twenty buy again ten days after they were scored on day 3.
        let history = try history(
            users.map { ($0, 0) } + users.prefix(20).map { ($0, 13) }, end: 40)
        func scores(on day: Int32) -> [MadeForecast] {
            users.enumerated().map { number, user in
                MadeForecast(
                    buyer: history.buyer(Array(user.utf8)) ?? 0, day: day, lastDay: 0,
                    churn: number < 20 ? 0.1 : 0.9)
            }
        }
        let judgement = ForecastJudgement(history: history, zone: .utc)
        let figures = judgement.churn(
            scores(on: 3) + scores(on: 30), horizon: 20 * Self.day, threshold: 0.9)
        #expect(figures.scores == 80)
        #expect(figures.known == 40)
        #expect(figures.churned == 20)
        #expect(figures.precision == 1)
        #expect(figures.recall == 1)
        #expect(figures.areaUnderROC == 1)
        #expect(figures.baselineAreaUnderROC == 0.5)
        #expect(figures.deciles.map(\.lift) == [2, 2, 2, 2, 2, 0, 0, 0, 0, 0])
        let narrow = judgement.churn(scores(on: 3), horizon: 5 * Self.day, threshold: 0.9)
        #expect(narrow.churned == 40)
        #expect(narrow.recall == 0.5)
    }

    @Test func whatComesAfterTheBoundIsLeftOutAndTheLinesAreNumberedAnew() throws {
        let lines = [
            line("a", "login", day: 1), "nonsense", line("b", "login", day: 9), line("c", "login", day: 2),
            "more nonsense",
        ]
        let batches = try batches(lines)
        let whole = try #require(batches.first)
        #expect(batches.count == 1)
        #expect(whole.lineCount == 5)
        let (kept, left, numbers) = whole.leavingOut(after: 5 * Self.day)
        #expect(left == 1)
        #expect(numbers == [0, 1, 3, 4])
        #expect(kept.lineCount == 4)
        #expect(kept.rows.map(\.line) == [0, 2])
        #expect(kept.rows.map { kept.user(of: $0) } == ["a", "c"])
        #expect(kept.rejections.map(\.line) == [1, 3])
        let all = whole.leavingOut(after: 9 * Self.day + Microseconds.hour)
        #expect(all.left == 0 && all.lines == nil)
    }

    @Test func theNumberOfShardsChangesNothing() throws {
        var settings = Settings()
        settings.clock.mode = .event
        settings.models.schedule = Settings.Schedule(every: nil)
        let folder = try TemporaryFolder()
        var lines: [String] = []
        var buyers: Set<Int> = []
        for day in 0..<120 {
            for user in 0..<50 where (user * 7 + day) % (3 + user % 11) == 0 {
                lines.append(line("u\(user)", day % 4 == 0 ? "purchase" : "add_to_cart", day: day))
                if day % 4 == 0 { buyers.insert(user) }
            }
        }
        let path = try folder.write("log.ndjson", lines.joined(separator: "\n"))
        let request = BacktestRequest(
            files: [path], until: EventTime(microseconds: 200 * Self.day), directory: folder.path)
        for shards in [1, 3] {
            let run = try BacktestRun(
                request, configuration: "test", settings: settings, shardCount: shards)
            let figures = try run.figures(triggers: "\(shards).ndjson")
            #expect(figures.rules.map(\.name) == ["cart_abandoned", "churned", "dormant", "win_back"])
            // Nobody is silent for 14 days before the log ends; after it everybody is who never bought.
            #expect(figures.rules.first { $0.name == "dormant" }?.figures.total == 50 - buyers.count)
            #expect(buyers.count < 50)
            #expect(figures.dates.reason?.contains("models.schedule") == true)
        }
        let one = try folder.read("1.ndjson")
        #expect(!one.isEmpty)
        #expect(try folder.read("3.ndjson") == one)
    }

    @Test func messagesAreCountedByUserWithThoseWhoGotNone() throws {
        var tally = TriggerTally(try history([("a", 3)], end: 40), zone: .utc)
        for (user, rule, group) in [
            ("a", "churned", "treated"), ("a", "win_back", "treated"), ("b", "churned", "holdout"),
            ("b", "retracted", "treated"), ("c", "churned", "treated"),
        ] {
            tally.take(
                try JSONReader.parse(
                    Array(
                        """
                        {"seq":1,"id":"00000000000000010000000000000000","rule":"\(rule)","user":"\(user)",\
                        "at":"1970-01-02T00:00:00Z","group":"\(group)"}
                        """.utf8)))
        }
        let messages = tally.messages(users: 5)
        #expect(messages.total == 3)
        #expect(messages.bands.prefix(3).map(\.users) == [3, 1, 1])
        #expect(messages.most == 2)
        #expect(messages.mostInADay == 2)
        #expect(messages.mean == 0.6)
        // Only a bought, on day 3: within a week of the second.
        #expect(tally.rules["churned"]?.followed == 3)
        #expect(tally.rules["churned"]?.bought == 1)
    }
}

/// A folder that is gone with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("roost-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }
}

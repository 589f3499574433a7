import Core
import Testing

@testable import roost

/// A broken configuration: what is in the file, and the key, line and reason that must be told.
struct BrokenSettings: Sendable, CustomStringConvertible {
    var text: String
    var path: String
    var line: Int
    var reason: String
    var description: String { path.isEmpty ? text : path }

    init(_ text: String, _ path: String, line: Int, _ reason: String) {
        self.text = text
        self.path = path
        self.line = line
        self.reason = reason
    }

    static let all: [BrokenSettings] = [
        // Not JSON5.
        .init("{\n  data_dir: \"a\"\n  sinks: [],\n}", "", line: 3, "a comma or \"}\" is due here"),
        .init("{\n  data_dir: \"a\n}", "data_dir", line: 2, "no closing quote"),
        .init(
            "{ clock: {\n  mode: wall } }", "clock.mode", line: 2,
            "wall is not a value; text stands in quotes"),
        .init("{ /* no end\n", "", line: 1, "the comment that begins here has no end"),
        .init("{\n sessions: {\n  keep: 30m } }", "sessions.keep", line: 3, "30m is not a number"),
        .init("{\n models: {\n seed: NaN } }", "models.seed", line: 3, "NaN makes no sense here"),
        .init("{\n limits: {", "limits", line: 2, "the text ends"),
        .init("{} {}", "", line: 1, "after the end"),
        .init("\n[]", "", line: 2, "the configuration is an object"),
        // Keys.
        .init("{\n  dat_dir: \"x\" }", "dat_dir", line: 2, "did you mean data_dir?"),
        .init(
            "{ triggers: {\n cart_abandonned: {} } }", "triggers.cart_abandonned", line: 2,
            "did you mean cart_abandoned?"),
        .init(
            "{ clock: {\n\n  short_gap: \"1m\" } }", "clock.short_gap", line: 3, "there is sessions.short_gap"
        ),
        .init("{\n sinks: [],\n colour: 2 }", "colour", line: 3, "known here are"),
        .init(
            "{ dedupe: { window: \"1h\",\n window: \"2h\" } }", "dedupe.window", line: 2,
            "given twice, first in line 1"),
        .init("{ clock: {},\n clock: {} }", "clock", line: 2, "given twice"),
        .init(
            "{ schema: { event_names: {\n a: 'x',\n a: 'y' } } }", "schema.event_names.a", line: 3,
            "given twice, first in line 2"),
        // Types.
        .init("{ journal:\n 5 }", "journal", line: 2, "must be an object, not a number"),
        .init("{ clock: {\n mode: 7 } }", "clock.mode", line: 2, "must be a string, not a number"),
        .init(
            "{ models: {\n enabled: \"segments\" } }", "models.enabled", line: 2, "must be a list of names"),
        .init(
            "{ models: { segments: {\n k: 2.5 } } }", "models.segments.k", line: 2,
            "must be a whole number, not 2.5"),
        .init(
            "{ listen: { ingest: {\n insecure: \"yes\" } } }", "listen.ingest.insecure", line: 2,
            "must be true or false"),
        .init("{ sessions: {\n long_gap: 24 } }", "sessions.long_gap", line: 2, "a duration such as \"30m\""),
        // Values.
        .init("{ sessions: {\n long_gap: \"1 day\" } }", "sessions.long_gap", line: 2, "is not a duration"),
        .init(
            "{ clock: {\n mode: \"wal\" } }", "clock.mode", line: 2,
            "must be \"wall\" or \"event\", not \"wal\""),
        .init(
            "{ clock: {\n timezone: \"Asia/Soul\" } }", "clock.timezone", line: 2,
            "no time zone \"Asia/Soul\""),
        .init("{ clock: { timezone: '../../../etc/passwd' } }", "clock.timezone", line: 1, "no time zone"),
        .init(
            "{ models: { segments: {\n k: 21 } } }", "models.segments.k", line: 2, "must be 0 to 20, not 21"),
        .init(
            "{ models: { segments: {\n features: ['login',\n 'logins'] } } }", "models.segments.features.1",
            line: 3, "\"logins\" is not known"),
        .init(
            "{ models: { segments: { features: [] } } }", "models.segments.features", line: 1, "at least 1"),
        .init(
            "{ models: { enabled: ['segments', 'segments'] } }", "models.enabled.1", line: 1, "named twice"),
        .init("{ models: {\n schedule: { at: '3h' } } }", "models.schedule", line: 2, "needs every"),
        .init(
            "{ listen: { status: {\n address: \"127.0.0.1:70000\" } } }", "listen.status.address", line: 2,
            "ports are 0 to 65535"),
        .init(
            "{ listen: { status: { address: ':7003' } } }", "listen.status.address", line: 1, "names no host"),
        .init(
            "{ listen: { ingest: {\n tls: { cert: 'a' } } } }", "listen.ingest.tls.cert", line: 2,
            "certificate and key are known"),
        .init(
            "{ listen: { ingest: { tls: {\n certificate: 'a' } } } }", "listen.ingest.tls", line: 1,
            "both certificate and key"),
        .init(
            "{ listen: { status: {\n tls: 'a.pem' } } }", "listen.status.tls", line: 2,
            "must be {certificate"),
        .init(
            "{ models: { tiers: {\n grade_condition: { chanel: 'a' } } } }",
            "models.tiers.grade_condition.chanel", line: 2, "no such field; fields are device"),
        .init(
            "{ models: { tiers: {\n grade_condition: { channel: 'a', store: 'b' } } } }",
            "models.tiers.grade_condition", line: 2, "must name one field"),
        .init(
            "{ models: { tiers: { grade_condition: {\n channel: ['a', 'a'] } } } }",
            "models.tiers.grade_condition.channel.1", line: 2, "named twice"),
        .init(
            "{ models: { tiers: { grade_condition: {\n channel: [] } } } }",
            "models.tiers.grade_condition.channel", line: 2, "must name 1 to 64 values, not 0"),
        .init("{ schema: {\n preset: 'ga4' } }", "schema.preset", line: 2, "only preset so far"),
        .init("{ schema: { fields: {\n usr: ['a'] } } }", "schema.fields.usr", line: 2, "no such field"),
        .init(
            "{ schema: { fields: {\n user: [] } } }", "schema.fields.user", line: 2,
            "every event needs this field"),
        .init("{ schema: { event_names: {\n a: 1 } } }", "schema.event_names.a", line: 2, "must be a string"),
        .init("{ sinks: [\n{}] }", "sinks.0", line: 2, "a sink needs a type"),
        .init("{ limits: {\n line_bytes: 1e6 } }", "limits.line_bytes", line: 2, "must be a whole number"),
        // What does not go together.
        .init(
            "{ listen: { ingest: {\n address: \"0.0.0.0:7001\" } } }", "listen.ingest.address", line: 2,
            "insecure: true"),
        .init(
            "{ listen: { ingest: { address: '127.0.0.1:9' },\n status: { address: '127.0.0.1:9' } } }",
            "listen.status.address", line: 2, "also the address of listen.ingest"),
        .init(
            "{ sessions: {\n short_gap: \"24h\" } }", "sessions.short_gap", line: 2,
            "must be less than sessions.long_gap"),
        .init(
            "{ sessions: { long_gap: '2d',\n keep: \"2d\" } }", "sessions.keep", line: 2,
            "sessions.long_gap + clock.allowed_lateness"),
        .init(
            "{ clock: {\n allowed_lateness: \"3d\" } }", "sessions.keep", line: 1,
            "2d must be at least sessions.long_gap"),
        .init(
            "{ limits: {\n ingest_connections: 10 } }", "limits.ingest_connections_per_peer", line: 1,
            "at most limits.ingest_connections, 10"),
        .init(
            "{ schema: { fields: {\n store: ['device'] } } }", "schema.fields.store", line: 2,
            "\"device\" is also a source key of device"),
    ]
}

@Suite struct SettingsBrokenTests {
    @Test(arguments: BrokenSettings.all)
    func aBrokenFileNamesKeyLineAndReason(_ broken: BrokenSettings) {
        do throws(SettingsFailure) {
            _ = try SettingsFile.read(broken.text)
            Issue.record("accepted: \(broken.text)")
        } catch {
            #expect(error.problems.count == 1, "\(error.problems)")
            let problem = error.problems[0]
            #expect(problem.path == broken.path)
            #expect(problem.line == broken.line)
            #expect(problem.reason.contains(broken.reason), "\(problem.reason)")
        }
    }

    @Test func thereAreThirtyAndMore() { #expect(BrokenSettings.all.count >= 30) }

    @Test func everythingWrongIsToldAtOnceInTheOrderOfTheLines() {
        let text = """
            {
              data_dir: 1,
              clok: {},
              clock: { mode: "x", timezone: "Nowhere/At_All" },
              models: { segments: { k: -1 } },
            }
            """
        do throws(SettingsFailure) {
            _ = try SettingsFile.read(text)
            Issue.record("accepted")
        } catch {
            #expect(error.problems.map(\.line) == [2, 3, 4, 4, 5])
            #expect(
                error.problems.map(\.path)
                    == ["data_dir", "clok", "clock.mode", "clock.timezone", "models.segments.k"])
            #expect("\(error.problems[0])" == "line 2, column 13: data_dir: must be a string, not a number")
        }
    }

    @Test func aFileThatIsNotThereIsToldByName() {
        do throws(SettingsFailure) {
            _ = try SettingsFile.load("/nonexistent/roost.json5")
            Issue.record("read")
        } catch {
            #expect(error.problems.count == 1)
            #expect(error.problems[0].reason.contains("/nonexistent/roost.json5: No such file or directory"))
        }
    }
}

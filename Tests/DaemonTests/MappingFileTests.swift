import Core
import Foundation
import Testing

@testable import roost

/// A mapping of one's own: what it can say, and what is told about what it cannot.
@Suite struct MappingFileTests {
    private static let needed = "time: {instant: 't'}, fields: {user: 'u', name: 'n'}"

    private func problems(_ text: String) -> [String] {
        do throws(SettingsFailure) {
            _ = try MappingFile.read(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func everyPresetIsAMappingAPersonCouldHaveWritten() throws {
        for name in Presets.names {
            let mapping = try MappingFile.read(try #require(Presets.text(name)))
            #expect(mapping.fields["user"]?.isEmpty == false, "\(name)")
        }
        let lpoint = try MappingFile.read(try #require(Presets.text("lpoint")))
        #expect(lpoint.zone.name == "Asia/Seoul" && lpoint.services.first?.zone.name == "Asia/Seoul")
        #expect(Presets.text("custom") == nil)
    }

    @Test func everythingAMappingCanSayIsTaken() throws {
        let mapping = try MappingFile.read(
            """
            {
              encoding: "euc-kr", delimiter: "tab", timezone: "Asia/Seoul", day_order: "day_first",
              columns: ["a", "b"], time: {instant: "t", date: ["d", "e"], clock: "c"},
              fields: {user: "u", age_band: "born", value: ["v", "w"]}, optional: ["value"],
              constants: {name: "purchase"}, values: {device: {"1": "mobile", "*": null}},
              bands: {age_band: {edges: [20, 40], birth_years: true}}, basket: "r",
              refund: {column: "r", prefix: "C"}, name_without_value: "visit",
              levels: {large: "l"}, absent: ["-"], whole: ["user"],
            }
            """)
        var expected = ImportMapping()
        expected.encoding = .named("euc-kr")
        expected.delimiter = .byte(9)
        expected.zone = try #require(ZoneTable.zone(named: "Asia/Seoul"))
        expected.dayOrder = .dayFirst
        expected.columns = [["a", "b"]]
        expected.instant = ["t"]
        expected.date = ["d", "e"]
        expected.clock = ["c"]
        expected.fields = ["user": ["u"], "age_band": ["born"], "value": ["v", "w"]]
        expected.optional = ["value"]
        expected.constants = ["name": "purchase"]
        expected.values = ["device": ["1": "mobile", "*": nil]]
        expected.bands = ["age_band": Bands(edges: [20, 40], birthYears: true)]
        expected.basket = ["r"]
        expected.refund = .init(columns: ["r"], prefix: "C")
        expected.nameWithoutValue = "visit"
        expected.levels = ["large": ["l"]]
        expected.absent = ["-"]
        expected.whole = ["user"]
        #expect(mapping == expected)
    }

    @Test(arguments: [
        ("{\n tme: {} }", "line 2, column 2: tme: unknown key; did you mean time?"),
        ("{time: {instant: 't'},\n fields: {users: 'u'}}", "line 2, column 11: fields.users: unknown key"),
        ("{\(needed), delimiter: 'ab'}", "delimiter: a delimiter is one ASCII character"),
        ("{\(needed),\n encoding: 'euc-kp'}", "line 2, column 12: encoding: no encoding \"euc-kp\""),
        ("{\(needed),\n timezone: 'Asia/Soul'}", "line 2, column 12: timezone: no time zone"),
        ("{\(needed),\n day_order: 'ymd'}", "line 2, column 13: day_order: must be \"month_first\""),
        ("{\(needed), values: {type: [1]}}", "values.type: must be an object, not a list"),
        ("{\(needed), values: {type: {a: 1}}}", "values.type.a: must be a string"),
        ("{\(needed), values: {type: {a: 'x', a: 'y'}}}", "values.type.a: given twice"),
        ("{\(needed), bands: {age_band: {edges: [30, 20]}}}", "bands.age_band: needs edges"),
        ("{\(needed), bands: {age_band: {edges: [20], birth_years: 1}}}", "must be true or false"),
        ("{\(needed), refund: {column: 'c'}}", "refund: needs column and prefix"),
        ("{\(needed), optional: ['vlue']}", "optional: no field \"vlue\""),
        ("{\(needed), basket: []}", "basket: must name at least one"),
        ("{\(needed), basket: 5}", "basket: must be a string"),
        ("{\(needed), services: {\(needed), services: {}}}", "services.services: services have no services"),
        ("{fields: {user: 'u', name: 'n'}}", "line 1, column 1: time is missing"),
        ("{time: {date: 'd'}, fields: {user: 'u'}}", "name is missing"),
        ("{time: {clock: 'c', instant: 'i'}, fields: {user: 'u', name: 'n'}}", "time: clock needs date"),
        ("[]", "must be an object"),
        ("{time: ", "the text ends where a value is due"),
    ])
    func whatIsWrongIsToldWithPlaceAndKey(_ text: String, _ told: String) {
        let found = problems(text)
        #expect(found.contains { $0.contains(told) }, "\(found)")
    }

    @Test func everythingThatIsWrongIsToldAtOnce() {
        let found = problems("{\n colour: 1,\n delimiter: 7,\n fields: {user: 5}}")
        #expect(found.count == 3)
    }

    // MARK: The command

    private func run(_ words: String...) -> Int32 { CommandTable.run(["import"] + words) }

    @Test func aWrongCommandLineIsTheUsersAndAWrongFileAFailure() throws {
        let path = NSTemporaryDirectory() + "roost-mapping-\(UUID().uuidString)"
        defer { unlink(path) }
        try File(creating: path).write("{colour: 1}")
        #expect(run("x") == 2)
        #expect(run() == 2)
        #expect(run("x", "--preset", "ga") == 2)
        #expect(run("x", "--preset", "custom") == 2)
        #expect(run("x", "--preset", "ga-export", "--mapping", path) == 2)
        #expect(run("x", "--preset", "ga-export", "--encoding", "klingon") == 2)
        #expect(run("x", "--preset", "ga-export", "--timezone", "Moon/Sea") == 2)
        #expect(run("x", "--preset", "ga-export", "--category-level", "large") == 2)
        #expect(run("x", "--preset", "lpoint", "--category-level", "huge") == 2)
        #expect(run("x", "--preset", "ga-export", "--services", "y") == 2)
        #expect(run("x", "--preset", "lpoint", "--age-edges", "30,20") == 2)
        #expect(run("x", "--preset", "lpoint", "--birth-years") == 2)
        #expect(run("x", "--preset", "lpoint", "--delimiter", "::") == 2)
        #expect(run("--print-mapping") == 2)
        #expect(run("/nonexistent/file", "--preset", "ga-export") == 1)
        #expect(run("x", "--preset", "custom", "--mapping", path) == 1)
        #expect(run(path, "--preset", "ga-export") == 1)
    }
}

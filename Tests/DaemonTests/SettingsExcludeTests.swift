import Core
import Foundation
import Testing

@testable import roost

/// A list of items that is not read, read wrongly, or missed without a word.
struct SettingsExcludeTests {
    private func settings(_ text: String, named path: String) throws -> Settings {
        try Data(text.utf8).write(to: URL(filePath: path))
        defer {
            do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) }
        }
        return try SettingsFile.read("{models: {recommendations: {exclude_file: '\(path)'}}}")
    }

    private var path: String { FileManager.default.temporaryDirectory.path() + "/exclude-\(UUID()).txt" }

    @Test func `each line is an item, without remarks and white space`() throws {
        let read = try settings("# out of stock\nPD0001\r\n\n  PD 2 \n#PD0003\nPD0004", named: path)
        #expect(read.models.recommendations.excluded == ["PD0001", "PD 2", "PD0004"])
        #expect(try SettingsFile.read("{}").models.recommendations.excluded.isEmpty)
    }

    @Test func `a file that is not there is told with its key and line`() throws {
        let failure = #expect(throws: SettingsFailure.self) {
            try SettingsFile.read("{\nmodels: {recommendations: {exclude_file: '/nowhere/at/all'}}}")
        }
        let problem = try #require(failure?.problems.first)
        #expect(problem.path == "models.recommendations.exclude_file")
        #expect(problem.line == 2)
        #expect(problem.reason.contains("/nowhere/at/all"))
    }

    @Test func `a changed list is a change although no key has another value`() throws {
        var (old, given) = (Settings(), Settings())
        old.models.recommendations.excluded = ["a"]
        given.models.recommendations.excluded = ["a", "b"]
        let reload = SettingsReload(given, over: old)
        #expect(reload.changed == ["models.recommendations.exclude_file"])
        #expect(reload.settings.models.recommendations.excluded == ["a", "b"])
    }

    @Test func `the catalogue says names, categories and stock`() throws {
        let path = path
        let text =
            #"{"item_id": "PD1", "name": "텐트", "item_category": "Outdoor", "stock": 12.5, "colour": "red"}"#
            + "\n\n" + #"{"item_id": 7, "stock": null}"# + "\n"
        try Data(text.utf8).write(to: URL(filePath: path))
        defer { do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) } }
        let file = "{models: {recommendations: {catalogue_file: '\(path)'}}}"
        let items = try SettingsFile.read(file).models.recommendations.catalogue
        #expect(items.map(\.id) == ["PD1", "7"])
        #expect(items.map(\.name) == ["텐트", ""])
        #expect(items.map(\.stock) == [12.5, nil])
        try Data("{\"item_id\": \"a\"}\n{\"item_id\": \"b\", \"stock\": \"many\"}".utf8).write(
            to: URL(filePath: path))
        let failure = #expect(throws: SettingsFailure.self) { try SettingsFile.read(file) }
        #expect(failure?.problems.first?.reason.contains("line 2: stock is of the wrong type") == true)
        var (old, given) = (Settings(), Settings())
        given.models.recommendations.catalogue = items
        #expect(SettingsReload(given, over: old).changed == ["models.recommendations.catalogue_file"])
        old.models.recommendations.catalogue = items
        #expect(SettingsReload(given, over: old).changed.isEmpty)
    }

    @Test func `days of late are whole`() throws {
        #expect(throws: SettingsFailure.self) {
            try SettingsFile.read("{models: {recommendations: {recent: '36h'}}}")
        }
    }
}

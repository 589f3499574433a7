import Core
import Testing

@testable import roost

/// `listen.sources`: what is taken, and what is told about the rest.
@Suite struct SettingsSourcesTests {
    private func problems(_ text: String) -> [String] {
        do throws(SettingsFailure) {
            _ = try SettingsFile.read(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func hostsAndNamesAreTaken() throws {
        let settings = try SettingsFile.read(
            "{listen: {sources: [{address: 'shop.example:9000'}, {address: '[::1]:9'},],}, limits: {sources: 2}}"
        )
        #expect(settings.listen.sources.map(\.address) == ["shop.example:9000", "[::1]:9"])
        #expect(ListenAddress("[::1]:9")?.text == "[::1]:9")
        #expect(ListenAddress("shop.example:9000")?.text == "shop.example:9000")
    }

    @Test(arguments: [
        ("{listen: {\n sources: {} } }", "line 2, column 11: listen.sources: must be a list"),
        ("{listen: { sources: [\n'a:1'] } }", "line 2, column 1: listen.sources.0: must be an object"),
        ("{listen: { sources: [\n{}] } }", "line 2, column 1: listen.sources.0: a source needs an address"),
        (
            "{listen: { sources: [{address: 'a:1'},\n{address: 'a'}] } }",
            "line 2, column 2: listen.sources.1.address: \"a\" is not an address"
        ),
        (
            "{listen: { sources: [{\naddress: 7}] } }",
            "line 2, column 1: listen.sources.0.address: must be a string, not a number"
        ),
        (
            "{listen: { sources: [{address: 'a:0'}] } }",
            "line 1, column 23: listen.sources.0.address: a:0 wants a port"
        ),
        (
            "{listen: { sources: [{address: 'a:1',\n tls: true}] } }",
            "line 2, column 2: listen.sources.0.tls: unknown key; a source has an address"
        ),
        (
            "{listen: { sources: [{address: 'a:1',\n address: 'b:1'}] } }",
            "listen.sources.0.address: given twice"
        ),
        (
            "{listen: {\n sources: [{address: 'a:1'}, {address: 'a:1'}] } }",
            "line 2, column 11: listen.sources: a:1 is named twice"
        ),
        (
            "{listen: {\n sources: [{address: '127.0.0.1:7001'}] } }",
            "listen.sources: 127.0.0.1:7001 is the address of listen.ingest itself"
        ),
        (
            "{limits: {sources: 1}, listen: { sources: [{address: 'a:1'}, {address: 'a:2'}] } }",
            "listen.sources: there are 2; at most limits.sources, 1, are read"
        ),
        (
            "{limits: {\nsource_retry_least: '1m'}}",
            "line 2, column 21: limits.source_retry_least: 1m must be at most limits.source_retry_most, 30s"
        ),
    ])
    func whatIsWrongIsToldWithPlaceAndKey(_ text: String, _ told: String) {
        let found = problems(text)
        #expect(found.count == 1 && found[0].contains(told), "\(found)")
    }
}

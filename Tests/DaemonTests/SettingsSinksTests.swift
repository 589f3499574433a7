import Core
import Testing

@testable import roost

/// `sinks`: what is taken, and what is told about the rest.
@Suite struct SettingsSinksTests {
    private func problems(_ text: String) -> [String] {
        do throws(SettingsFailure) {
            _ = try SettingsFile.read(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func eachKindIsTakenWithItsDefaults() throws {
        let settings = try SettingsFile.read(
            """
            {sinks: [
              {type: 'tcp', address: 'crm.example:9100', types: ['cart_abandoned'], from: 'oldest'},
              {type: 'webhook', url: 'https://crm.example/t?token=x', batch: 50, secret: 's', timeout: '3s',
               dead_letter_after: '2d', name: 'crm', include_holdout: true},
              {type: 'file', path: 'out/t.ndjson', rotate_bytes: 4096, keep: 0},
            ]}
            """)
        #expect(settings.sinks.map(\.name) == ["tcp:crm.example:9100", "crm", "file:out/t.ndjson"])
        var tcp = Settings.Sink(
            name: "tcp:crm.example:9100", target: .tcp(.init(address: "crm.example:9100")))
        tcp.types = ["cart_abandoned"]
        tcp.start = .oldest
        #expect(settings.sinks[0] == tcp)
        guard case .webhook(let webhook) = settings.sinks[1].target else {
            throw SettingsFailure(problems: [])
        }
        #expect(webhook.batch == 50)
        #expect(webhook.deadLetterAfter == 2 * Microseconds.day)
        #expect(webhook.timeout == 3 * Microseconds.second)
        #expect(settings.sinks[1].includeHoldout)
        guard case .file(let file) = settings.sinks[2].target else { throw SettingsFailure(problems: []) }
        #expect(file.keep == 0)
        #expect(file.rotateBytes == 4096)
        // What goes into the name of a cursor and a label of a metric is not a secret.
        for (url, name) in [
            ("https://h/t?token=x", "webhook:https://h/t"), ("http://me:pw@h:1/t", "webhook:http://h:1/t"),
        ] {
            let plain = try SettingsFile.read("{sinks: [{type: 'webhook', url: '\(url)'}]}")
            #expect(plain.sinks[0].name == name)
        }
    }

    @Test(arguments: [
        ("{sinks: {}}", "line 1, column 9: sinks: must be a list"),
        ("{sinks: [7]}", "sinks.0: must be an object with a type"),
        ("{sinks: [\n{}]}", "line 2, column 1: sinks.0: a sink needs a type"),
        ("{sinks: [{\ntype: 'kafka'}]}", "line 2, column 1: sinks.0.type: must be \"tcp\", \"webhook\" or"),
        ("{sinks: [{type: 'tcp'}]}", "sinks.0: a sink of type \"tcp\" needs address"),
        ("{sinks: [{type: 'tcp', address: 'a'}]}", "sinks.0.address: \"a\" is not an address"),
        ("{sinks: [{type: 'tcp', address: 'a:0'}]}", "sinks.0.address: a:0 wants a port"),
        (
            "{sinks: [{type: 'tcp', address: 'a:1', url: 'x'}]}",
            "sinks.0.url: unknown key; this sink has type"
        ),
        ("{sinks: [{type: 'webhook', url: 'ftp://h'}]}", "sinks.0.url: must be https://HOST"),
        ("{sinks: [{type: 'webhook', url: 'http://'}]}", "sinks.0.url: must be https://HOST"),
        (
            "{sinks: [{type: 'webhook', url: 'http://h', batch: 0}]}",
            "sinks.0.batch: must be 1 to 1000, not 0"
        ),
        ("{sinks: [{type: 'webhook', url: 'http://h', timeout: 5}]}", "sinks.0.timeout: must be a duration"),
        ("{sinks: [{type: 'file', path: 'x/'}]}", "sinks.0.path: must be the path of a file"),
        ("{sinks: [{type: 'file', path: 'x', types: []}]}", "sinks.0.types: must be a list of types"),
        ("{sinks: [{type: 'file', path: 'x', types: ['a', 1]}]}", "sinks.0.types.1: must be a type"),
        ("{sinks: [{type: 'file', path: 'x', from: 'then'}]}", "sinks.0.from: must be \"now\" or \"oldest\""),
        ("{sinks: [{type: 'file', path: 'x', keep: 1,\n keep: 2}]}", "sinks.0.keep: given twice"),
        (
            "{sinks: [{type: 'tcp', address: 'a:1'}, {type: 'tcp', address: 'a:1'}]}",
            "sinks.1: another sink is named \"tcp:a:1\""
        ),
        (
            "{sinks: [{type: 'file', path: 'x', name: 'a'}, {type: 'file', path: 'x', name: 'b'}]}",
            "sinks.1: another sink writes to x"
        ),
        (
            "{limits: {sinks: 1}, sinks: [{type: 'file', path: 'x'}, {type: 'file', path: 'y'}]}",
            "sinks: there are 2; at most limits.sinks, 1"
        ),
        ("{limits: {sink_retry_least: '1h'}}", "limits.sink_retry_least: 1h must be at most"),
    ])
    func whatIsWrongIsToldWithPlaceAndKey(_ text: String, _ told: String) {
        let found = problems(text)
        #expect(found.count == 1 && found[0].contains(told), "\(found)")
    }
}

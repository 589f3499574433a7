import Core
import Testing

@testable import roost

/// The shipped configuration, the table of keys and `Settings` say the same.
@Suite struct SettingsFileTests {
    static let shippedPath: String = {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return here.dropLast(3).joined(separator: "/") + "/config/roost.json5"
    }()

    static func shippedText() throws -> String {
        String(decoding: try File.read(path: shippedPath), as: UTF8.self)
    }

    @Test func theShippedFileIsWhatTheTableSays() throws {
        #expect(
            try Self.shippedText() == SettingsFile.shipped(),
            "run: roost check --defaults > config/roost.json5")
    }

    @Test func theShippedFileReadsAsTheDefaults() throws {
        #expect(try SettingsFile.load(Self.shippedPath) == Settings())
    }

    @Test func theShippedFileShowsEveryKeyAndNoOther() throws {
        var found: Set<String> = []
        let known = Set(SettingsKeys.all.map(\.path))
        func walk(_ node: JSON5Node, _ path: String) {
            if known.contains(path) {
                found.insert(path)
            } else if case .object(let members) = node.content {
                for member in members {
                    walk(member.value, path.isEmpty ? member.key : "\(path).\(member.key)")
                }
            } else {
                Issue.record("\(path) is not in the table")
            }
        }
        walk(try JSON5Reader.read(try Self.shippedText()), "")
        #expect(found == known)
    }

    @Test func everyKeyIsExplainedAboveItsDefault() throws {
        let lines = try Self.shippedText().split(separator: "\n").map { $0.drop { $0 == " " } }
        for key in SettingsKeys.all {
            #expect(key.sentence.last == ".", "\(key.path) wants a sentence")
            let name = key.path.split(separator: ".").last ?? ""
            let places = lines.indices.filter { lines[$0].hasPrefix("\(name):") }
            #expect(places.contains { lines[$0 - 1].hasPrefix("//") }, "\(key.path) has no explanation")
        }
    }

    /// A value other than the default for each key.
    private static func other(than value: JSONValue, for key: SettingsKey) -> JSONValue {
        switch key.kind {
        case .text: .string("other")
        case .address: .string("127.0.0.1:0")
        case .certificate: .object([.init("certificate", .string("a.pem")), .init("key", .string("b.pem"))])
        case .flag: value == .bool(true) ? .bool(false) : .bool(true)
        case .count(_, let range), .bytes(_, let range):
            .integer(
                Int64(range.lowerBound) == value.whole ? Int64(range.upperBound) : Int64(range.lowerBound))
        case .bigCount(_, let range), .bigBytes(_, let range):
            .integer(range.lowerBound == value.whole ? range.upperBound : range.lowerBound)
        case .seed: .integer(7)
        case .real(_, let range):
            .number(value == .number(range.lowerBound) ? range.upperBound : range.lowerBound)
        case .reals(_, let range, let lengths):
            .array([JSONValue](repeating: .number(range.upperBound), count: lengths.max() ?? 1))
        case .duration(_, let range), .optionalDuration(_, let range), .durationOrAuto(_, let range):
            .string(DurationText.text(range.lowerBound == 0 ? range.upperBound : range.lowerBound))
        case .durations(_, let range): .strings([DurationText.text(range.lowerBound)])
        case .clockMode: .string("event")
        case .choice(_, let known): .string(known.first { value != .string($0) } ?? known[0])
        case .zone: .string("Asia/Seoul")
        case .names(_, let known, _): .strings([known[1]])
        case .fields: .object([.init("user", .strings(["uid"]))])
        case .mapping: .object([.init("a", .string("b"))])
        case .schedule: .object([.init("every", .string("1h"))])
        case .sources: .array([.object([.init("address", .string("shop.example:9000"))])])
        case .sinks:
            .array([.object([.init("type", .string("tcp")), .init("address", .string("crm.example:9100"))])])
        case .optionalCount(_, let range): .integer(Int64(range.lowerBound))
        case .shaped: shaped(key.path)
        case .fixed(let only, _): only
        }
    }

    /// Values of the keys that have a shape of their own.
    private static func shaped(_ path: String) -> JSONValue {
        let zone = JSONValue.string("Asia/Seoul")
        switch path {
        case "triggers.caps.channels": return .object([.init("push", .object([.init("day", .integer(1))]))])
        case "triggers.quiet_hours":
            return .object([
                .init("from", .string("22h")), .init("to", .string("8h")), .init("action", .string("drop")),
            ])
        case "triggers.regions": return .object([.init("Z17", zone)])
        case "triggers.timezones": return .array([zone])
        case "models.segmentations":
            return .object([
                .init("loyalty", .object([.init("features", .strings(["frequency", "recency_d"]))]))
            ])
        case "models.tiers.grade_condition": return .object([.init("channel", .string("online"))])
        case "triggers.exclusive": return .object([.init("lifecycle", .string("7d"))])
        default: return .null
        }
    }

    /// Leaves of the tree of stored properties, by path.
    private static func leaves(_ value: Any, _ path: String = "") -> [String: String] {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .struct, !(value is Zone), !(value is Settings.Schedule) else {
            return [path: "\(value)"]
        }
        var all: [String: String] = [:]
        for child in mirror.children {
            let name = child.label ?? "?"
            all.merge(leaves(child.value, path.isEmpty ? name : "\(path).\(name)")) { a, _ in a }
        }
        return all
    }

    @Test func everyStoredPropertyIsSetByExactlyOneKey() throws {
        let defaults = Self.leaves(Settings())
        var owner: [String: String] = [:]
        for key in SettingsKeys.all {
            var settings = Settings()
            let value = Self.other(than: key.value(in: settings), for: key)
            try key.apply(value, to: &settings, zone: ZoneTable.zone(named:))
            let changed = Self.leaves(settings).filter { defaults[$0.key] != $0.value }.map(\.key)
            if case .fixed = key.kind {
                #expect(changed.isEmpty)
            } else {
                #expect(changed.count == 1, "\(key.path) sets \(changed)")
            }
            for property in changed {
                #expect(
                    owner[property] == nil, "\(property) is set by \(key.path) and \(owner[property] ?? "")")
                owner[property] = key.path
            }
        }
        // What follows at once has no delay to configure.
        let without: Set = [
            "triggers.segmentMoved.delay", "triggers.tierChanged.delay", "triggers.botSuspected.delay",
            "triggers.churnRisk.delay", "triggers.highIntent.delay",
            "triggers.replenishDue.delay",
            // What a file says that a key names.
            "models.recommendations.excluded", "models.recommendations.catalogue",
            // Segmentations share a type, and each has the keys that mean something for it.
            "models.segments.method", "models.value.outlierDistance", "models.payments.outlierDistance",
            // Rules are declared by their own names.
            "triggers.declared",
        ]
        #expect(Set(defaults.keys).subtracting(owner.keys) == without)
    }

    @Test func aKeyReadsBackAsItWasSet() throws {
        for key in SettingsKeys.all {
            guard case .fields = key.kind else {
                var settings = Settings()
                let value = Self.other(than: key.value(in: settings), for: key)
                try key.apply(value, to: &settings, zone: ZoneTable.zone(named:))
                var again = Settings()
                try key.apply(key.value(in: settings), to: &again, zone: ZoneTable.zone(named:))
                #expect(again == settings, "\(key.path)")
                continue
            }
        }
    }

    @Test func segmentationsUnderNamesOfTheirOwn() throws {
        func models(_ text: String) throws -> Settings.ModelSettings {
            try SettingsFile.read("{models: {segmentations: \(text)}}").models
        }
        let read = try models(
            "{loyalty: {features: ['frequency', 'T_d'], transform: 'raw', k: 5}, a: {features: ['login']}}")
        #expect(read.segmentation("loyalty")?.features == ["frequency", "T_d"])
        #expect(read.segmentation("loyalty")?.transform == "raw" && read.segmentation("loyalty")?.k == 5)
        #expect(read.segmentation("a")?.k == 0 && read.segmentation("b") == nil)
        #expect(Array(read.fitted.prefix(6)) == ["segments", "repurchase", "clv", "a", "loyalty", "tiers"])
        for wrong in [
            "{tiers: {features: ['login']}}", "{Loyalty: {features: ['login']}}", "{loyalty: {}}",
            "{loyalty: {features: ['nothing']}}", "{loyalty: {features: ['login'], outliers: 3}}", "[]",
            "{loyalty: {features: ['login'], k: 21}}", "{loyalty: {features: ['method_count']}}",
        ] {
            #expect(throws: SettingsFailure.self, "\(wrong)") { try models(wrong) }
        }
    }

    @Test func valuesOfAFileReplaceDefaultsAndLeaveTheRest() throws {
        let settings = try SettingsFile.read(
            """
            // A shop's file.
            {
              data_dir: '/var/lib/roost', clock: {mode: "event", timezone: "Asia/Seoul", max_jump: "30d"},
              "listen": {"ingest": {"address": "0.0.0.0:7001", "insecure": true}},
              schema: {fields: {user: "회원번호", value: ["amount"]}, event_names: {"회원가입완료": "sign_up"}},
              sessions: {short_gap: "45m"}, models: {schedule: {every: "24h", at: "4h"}, segments: {k: 0x8,},},
              triggers: {cart_abandoned: {delay: "90m"}, repurchase_due: {lead: "3d"}, dormant: {enabled: false}},
            }
            """)
        #expect(settings.dataDirectory == "/var/lib/roost")
        #expect(settings.clock.mode == .event)
        #expect(settings.clock.zone.name == "Asia/Seoul")
        #expect(settings.clock.maxJump == 30 * Microseconds.day)
        #expect(settings.listen.ingest.insecure)
        #expect(settings.schema.fields["user"] == ["회원번호"])
        #expect(settings.schema.fields["value"] == ["amount"])
        #expect(settings.schema.fields["time"] == Settings.Schema.defaultFields["time"])
        #expect(settings.schema.eventNames == ["회원가입완료": "sign_up"])
        #expect(settings.sessions.shortGap == 45 * Microseconds.minute)
        #expect(settings.models.schedule == .init(every: Microseconds.day, at: 4 * Microseconds.hour))
        #expect(settings.models.segments.k == 8)
        #expect(settings.triggers.cartAbandoned.delay == 90 * Microseconds.minute)
        #expect(settings.triggers.repurchaseDue.delay == 3 * Microseconds.day)
        #expect(!settings.triggers.dormant.enabled)
        #expect(settings.triggers.churned == Settings().triggers.churned)
        #expect(try SettingsFile.read("{models: {schedule: 'off'}}").models.schedule == .init(every: nil))
        let chosen = try SettingsFile.read("{models: {churn: {horizon: 'auto', search_time: '90s'}}}").models
            .churn
        #expect(chosen.horizon == nil && chosen.search.time == 90 * Microseconds.second)
        #expect(
            try SettingsFile.read("{models: {churn: {horizon: '9d'}}}").models.churn.horizon == 9
                * Microseconds.day)
        #expect(throws: SettingsFailure.self) {
            try SettingsFile.read("{models: {churn: {horizon: 'soon'}}}")
        }
        #expect(try SettingsFile.read("{}") == Settings())
    }
}

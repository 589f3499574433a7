import Core
import Foundation
import Testing

@testable import roost

/// The generated log at a four-hundredth of its size, against the published figures in proportion.
@Suite struct GenerateTests {
    struct Line {
        var time, user, name, device, media, type: String
        var value: Int64?
        var id: String?
    }

    /// Lines of a request, through a temporary file.
    static func text(_ request: GenerateRequest) throws -> [String] {
        let path = NSTemporaryDirectory() + "roost-generate-\(UUID().uuidString)"
        defer { unlink(path) }
        let generator = try LogGenerator(request)
        let file = try File(creating: path)
        var out = OutputBuffer(descriptor: file.descriptor)
        try generator.write(to: &out)
        return String(decoding: try File.read(path: path), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    static func request(events: Int, users: Int? = nil) -> GenerateRequest {
        var request = GenerateRequest()
        request.events = events
        request.users = users ?? Int((Double(events) * 4_481_842 / 25_597_319).rounded())
        return request
    }

    /// The canonical fields in the order in which they are written; a test holds that to a JSON reader.
    static func parse(_ line: String) throws -> Line {
        let parts = line.utf8.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
        func text(_ index: Int) -> String { String(Substring(parts[index])) }
        try #require(parts.count > 23, "\(line)")
        var at = 13
        var parsed = Line(time: text(3), user: text(7), name: text(11), device: "", media: "", type: "")
        if text(at) == "event_id" {
            parsed.id = text(at + 2)
            at += 4
        }
        if text(at) == "purchase_value" {
            parsed.value = Int64(text(at + 1).filter(\.isNumber))
            at += 2
        }
        (parsed.device, parsed.media, parsed.type) = (text(at + 2), text(at + 6), text(at + 10))
        return parsed
    }

    @Test func aLineReadsAsJSONWithItemsWorthThePurchase() throws {
        var request = Self.request(events: 3_000)
        request.disturbances.ids = true
        for line in try Self.text(request) {
            let tree = try JSON5Reader.read(line).value
            let parsed = try Self.parse(line)
            #expect(
                [
                    "event_timestamp", "user_pseudo_id", "event_name", "event_id", "device", "media", "type",
                ].map { tree[$0]?.text }
                    == [
                        parsed.time, parsed.user, parsed.name, parsed.id, parsed.device, parsed.media,
                        parsed.type,
                    ])
            #expect(tree["purchase_value"]?.whole == parsed.value)
            #expect((parsed.value != nil) == (parsed.name == "purchase"))
            guard let items = tree["items"]?.elements, let value = parsed.value else { continue }
            let worth = items.reduce(0) { $0 + ($1["quantity"]?.whole ?? 0) * ($1["price"]?.whole ?? 0) }
            #expect(worth == value)
        }
    }

    static func counts<Key: Hashable>(_ keys: some Sequence<Key>) -> [Key: Int] {
        keys.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    @Test func aSmallLogHasThePublishedSharesInProportion() throws {
        let request = Self.request(events: 63_993)
        let lines = try Self.text(request).map(Self.parse)
        let scale = 63_993.0 / 25_597_319
        #expect(lines.count == 63_993)
        #expect(zip(lines, lines.dropFirst()).allSatisfy { $0.time <= $1.time })
        let names = Self.counts(lines.map(\.name))
        for (name, published) in [
            ("session_start", 15_710_066), ("first_visit", 3_803_531), ("begin_checkout", 3_720_879),
            ("purchase", 987_648), ("add_to_cart", 846_926), ("login", 491_079), ("sign_up", 37_190),
        ] {
            #expect(abs(Double(names[name] ?? 0) - Double(published) * scale) <= 1, "\(name)")
        }
        let kinds = Self.counts(lines.map(\.type))
        #expect(abs(Double(kinds["ad"] ?? 0) - 18_782_137 * scale) < 0.002 * 18_782_137 * scale)
        #expect(abs(Double(lines.count { $0.device == "desktop" }) - 790_247 * scale) <= 1)

        let byUser = Dictionary(grouping: lines, by: \.user)
        #expect(byUser.count == request.users)
        var users: [String: Int] = [:]
        var byMedium: [String: (users: Int, converted: Int)] = [:]
        for events in byUser.values {
            let converted = events.contains { $0.name == "purchase" }
            users["\(Self.main(events.map(\.device))) \(converted)", default: 0] += 1
            byMedium[Self.main(events.map(\.media)), default: (0, 0)].users += 1
            if converted { byMedium[Self.main(events.map(\.media)), default: (0, 0)].converted += 1 }
        }
        let userScale = Double(request.users) / 4_481_842
        for (key, published) in [
            ("desktop false", 390_444.0), ("desktop true", 9_091), ("mobile false", 3_621_810),
            ("mobile true", 460_497),
        ] {
            #expect(abs(Double(users[key] ?? 0) - published * userScale) <= 2, "\(key)")
        }
        for (medium, percent) in [
            ("advertiser_apppush", 57.7), ("direct", 23.2), ("criteo", 1.5), ("ADN", 0.002),
        ] {
            let found = try #require(byMedium[medium])
            #expect(abs(100 * Double(found.converted) / Double(found.users) - percent) < 0.5, "\(medium)")
        }
        let few = byUser.values.count { $0.count <= 4 }
        #expect(Double(few) / Double(byUser.count) > 0.6)
    }

    /// The most frequent, ties to the first.
    private static func main(_ values: [String]) -> String {
        let counts = counts(values)
        let most = counts.values.max() ?? 0
        return values.first { counts[$0] == most } ?? ""
    }

    @Test func purchaseValuesHaveThePublishedMeanAndQuartiles() {
        var randomness = Randomness(seed: 1)
        let values = Prices.values(tastes: (0..<100_000).map { _ in Float(randomness.gauss()) }).sorted()
        #expect(values[24_999] == 29_900 && values[49_999] == 41_110 && values[74_999] == 59_970)
        let mean = values.reduce(0.0) { $0 + Double($1) } / 100_000
        #expect(abs(mean - 53_180) < 5)
        #expect(Prices.values(tastes: []).isEmpty)
        #expect(Prices.values(tastes: [0]).count == 1)
    }

    @Test func theSameSeedGivesTheSameBytesAndAnotherSeedOthers() throws {
        var request = Self.request(events: 5_000)
        request.disturbances = Disturbances(
            late: 0.1, lateBy: Microseconds.hour, repeated: 0.1, malformed: 0.05, ids: true)
        let first = try Self.text(request)
        #expect(try Self.text(request) == first)
        request.seed = 43
        #expect(try Self.text(request) != first)
    }

    @Test func lateRepeatedAndUnusableLinesComeAsAskedFor() throws {
        var request = Self.request(events: 20_000)
        let plain = try Self.text(request)
        request.disturbances = Disturbances(
            late: 0.1, lateBy: Microseconds.hour, repeated: 0.05, malformed: 0.02, ids: true)
        let disturbed = try Self.text(request)
        let good = disturbed.filter { $0.contains("\"event_id\"") && $0.hasSuffix("}") }
        let ids = Self.counts(try good.map { try Self.parse($0).id ?? "" })
        #expect(ids.count == 20_000)
        #expect(ids.values.allSatisfy { $0 <= 2 })
        #expect((800...1200).contains(good.count - 20_000))
        #expect((300...500).contains(disturbed.count - good.count))
        // Without ids, order and extras it is the same log.
        let bare = Set(good.map(Self.withoutID))
        #expect(bare == Set(plain))
        try expectLateness(good, share: 0.1, atMost: Microseconds.hour)
    }

    private static func withoutID(_ line: String) -> String {
        var parts = line.utf8.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
        parts.removeSubrange(13..<17)
        return parts.map { String(Substring($0)) }.joined(separator: "\"")
    }

    private func expectLateness(_ lines: [String], share: Double, atMost most: Int64) throws {
        var newest = ""
        var late = 0
        var seen: Set<String> = []
        for line in lines {
            let event = try Self.parse(line)
            if seen.insert(event.id ?? "").inserted, event.time < newest { late += 1 }
            newest = max(newest, event.time)
        }
        #expect(Double(late) < share * 1.2 * Double(lines.count))
        #expect(Double(late) > share * 0.5 * Double(lines.count))
    }

    @Test(arguments: [1, 7, 60, 300, 1_000, 6_000])
    func anySizeHasExactlyItsEvents(_ events: Int) throws {
        let lines = try Self.text(Self.request(events: events, users: max(1, events / 6)))
        #expect(lines.count == events)
        for line in lines { _ = try Self.parse(line) }
    }

    @Test func aSizeThatCannotHaveTheShapeIsRefused() {
        #expect(throws: GenerateFailure.self) { try LogGenerator(Self.request(events: 1000, users: 2000)) }
        #expect(throws: GenerateFailure.self) { try LogGenerator(Self.request(events: 100_000, users: 10)) }
    }

    @Test func theStretchIsWhatWasAskedFor() throws {
        var request = Self.request(events: 3_000)
        request.startDay = CalendarDate(year: 2023, month: 2, day: 27).dayNumber
        request.days = 3
        let lines = try Self.text(request).map(Self.parse)
        #expect(Set(lines.map { $0.time.prefix(10) }) == ["2023-02-27", "2023-02-28", "2023-03-01"])
    }

    @Test func heldLinesComeOutByTheirTimeThenInOrder() {
        var held = HeldLines()
        var randomness = Randomness(seed: 9)
        let times = (0..<200).map { _ in Int64(randomness.below(50)) }
        for (index, time) in times.enumerated() { held.hold(index, until: time) }
        var released: [Int] = []
        while held.soonest != nil { released.append(held.release()) }
        #expect(released == times.indices.sorted { (times[$0], $0) < (times[$1], $1) })
    }
}

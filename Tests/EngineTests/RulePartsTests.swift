import Core
import Testing

@testable import Engine
@testable import EngineSupport

/// Parts of the rules' state that lose, invent or mix up what they hold.
struct RulePartsTests {
    private func again<Value>(
        _ write: (inout ByteWriter) -> Void, _ read: (inout ByteReader) throws -> Value
    ) throws -> Value {
        var out = ByteWriter()
        write(&out)
        return try out.bytes.withUnsafeBytes { bytes in
            var input = ByteReader(bytes)
            let value = try read(&input)
            #expect(input.remaining == 0)
            return value
        }
    }

    private var everything: Settings {
        let hour = Microseconds.hour
        return Settings.event().declaring(
            .made("a", .event("view_item"), delay: hour, when: "converted") { rule in
                rule.template = [.init(language: "ko", text: "{name|고객}님"), .init(language: "", text: "x")]
                rule.coupons = [.init(), .init()]
                rule.coupons[1].code = "TEN"
                rule.coupons[1].discount = 12.5
                rule.exclusive = "one"
                rule.dryRun = true
                rule.items = 3
            },
            .made("b", .absence(of: "purchase", after: "login"), delay: 2 * hour) { $0.enabled = false },
            .made("c", .segmentMoved(from: ["x"], to: ["y", "z"])),
            .made("d", .tierChanged(from: [], to: ["VIP"])) { $0.priority = -4 },
            .made("e", .predicted(lead: 3 * hour)) { $0.holdout = 0.25 },
            .made("f", .crossed("rfm.frequency", isAbove: false, bound: 1, clear: 2, daily: nil)),
            .made("g", .crossed("event_total", isAbove: true, bound: 9, clear: 3, daily: 5 * hour)),
            .made("h", .daily(at: 7 * hour, weekdays: 3)) { $0.cooldown = 30 * Microseconds.day }
        ) { arbitration in
            arbitration.dayCap = 1
            arbitration.channelCaps = [.init(channel: "push", day: nil, week: 2)]
            arbitration.quiet = .init(from: 22 * hour, to: 8 * hour)
            arbitration.exclusive = [.init(name: "one", within: hour)]
            arbitration.regions = [.init(region: "Z1", zone: .berlin)]
            arbitration.zones = [.santiago]
            arbitration.budget = 10
            arbitration.needsConsent = true
            arbitration.controlGroup = 0.125
        }
    }

    @Test func `settings read back as they were journaled, whatever they declare`() throws {
        let settings = EngineSettings(everything)
        let read = try again({ settings.write(to: &$0) }, { try EngineSettings(from: &$0) })
        #expect(read == settings)
        #expect(read.declared.declared.count == 8)
    }

    /// Settings as they were written before there were rules: without the bit that says they hold all, and ending
    /// before the outcomes of triggers, the items and the rules.
    private func written(ofOld settings: EngineSettings) -> [UInt8] {
        var whole = ByteWriter()
        settings.write(to: &whole)
        var later = ByteWriter()
        later.put(settings.outcomes.followUp)
        later.put(UInt64(settings.outcomes.followUps))
        settings.items.write(to: &later)
        settings.declared.write(to: &later)
        later.put(settings.funnelWindow)
        var bytes = Array(whole.bytes.dropLast(later.bytes.count))
        bytes[0] &= 0x1F
        return bytes
    }

    @Test func `settings of before there were rules read as none`() throws {
        let settings = EngineSettings(everything)
        let read = try written(ofOld: settings).withUnsafeBytes { bytes in
            var input = ByteReader(bytes)
            let read = try EngineSettings(from: &input)
            #expect(input.remaining == 0)
            return read
        }
        var expected = settings
        expected.outcomes.followUp = 0
        expected.outcomes.followUps = 0
        expected.items = ItemSettings()
        expected.declared = RuleSettings()
        #expect(read == expected)
        #expect(settings.declared != expected.declared)
    }

    @Test func `what was said of a user reads back, and names nobody`() throws {
        var profile = ContactProfile()
        profile.granted = false
        profile.name = "김민지"
        profile.zone = "Asia/Seoul"
        let mark = Rig.storeKey.erasureMark(of: Array("user-7".utf8))
        let entry = JournalEntry.contact(ContactEntry(mark: mark, profile: profile))
        let payload = entry.encoded()
        let read = try payload.withUnsafeBytes { try JournalEntry(kind: entry.kind, payload: $0) }
        guard case .contact(let contact) = read else { return #expect(Bool(false)) }
        #expect(contact == ContactEntry(mark: mark, profile: profile))
        #expect(!String(decoding: payload, as: UTF8.self).contains("user-7"))
    }

    @Test(arguments: 1...4)
    func `what rules know of users is what a dictionary says`(seed: UInt64) throws {
        var random = Randomness(seed: seed)
        var states = RuleStates()
        var plain: [String: Int64] = [:]
        for turn in 0..<2000 {
            let (slot, rule) = (random.below(300), UInt16(64 + random.below(3)))
            if turn % 500 == 499 {
                states.keep { $0.slot % 2 == 0 }
                plain = plain.filter { (Int($0.key.split(separator: " ")[0]) ?? 1) % 2 == 0 }
            }
            states.update(slot, rule) { $0.fired = Int64(turn) }
            plain["\(slot) \(rule)"] = Int64(turn)
        }
        let read = try again({ states.write(to: &$0) }, { try RuleStates(from: &$0) })
        #expect(read.count == plain.count)
        for (key, turn) in plain {
            let parts = key.split(separator: " ").compactMap { Int($0) }
            #expect(states.find(parts[0], UInt16(parts[1]))?.fired == turn)
            #expect(read.find(parts[0], UInt16(parts[1]))?.fired == turn)
        }
        #expect(read.find(301, 64) == nil)
    }

    @Test func `of decisions the last are kept, in their order, and all are counted`() throws {
        var ring = DecisionRing(limit: 10)
        for turn in 0..<27 {
            ring.append(
                DecisionEntry(
                    at: Int64(turn), due: 0, slot: UInt32(turn % 3), rule: 1,
                    reason: UInt8(turn) % DecisionReason.tooLittleData.rawValue))
        }
        #expect(ring.inOrder.map(\.at) == Array(17..<27))
        #expect(ring.counts.reduce(0, +) == 27)
        let read = try again({ ring.write(to: &$0) }, { try DecisionRing(from: &$0, limit: 10) })
        #expect(read.inOrder.map(\.at) == Array(17..<27))
        ring.remove { $0.slot == 0 }
        ring.append(DecisionEntry(at: 99, due: 0, slot: 1, rule: 1, reason: 0))
        #expect(ring.inOrder.map(\.at) == [17, 19, 20, 22, 23, 25, 26, 99])
        ring.setLimit(3)
        #expect(ring.inOrder.map(\.at) == [25, 26, 99])
    }

    @Test(arguments: 1...4)
    func `what was sent on a day and on seven is what a list says`(seed: UInt64) throws {
        var random = Randomness(seed: seed)
        var counts = ContactCounts()
        var list: [(day: Int32, channel: Int?)] = []
        var today: Int32 = 19_000
        for _ in 0..<300 {
            today += Int32([0, 0, 0, 1, 1, 2, 9][random.below(7)])
            let channel = random.below(3) == 0 ? nil : random.below(3)
            for asked in [nil, 0, 1, 2] {
                let own = list.filter { asked == nil || $0.channel == asked }
                let sent = counts.sent(on: today, channel: asked)
                #expect(sent.day == own.count { $0.day == today })
                #expect(sent.week == own.count { $0.day > today - 7 })
            }
            counts.count(on: today, channel: channel)
            list.append((today, channel))
        }
    }

    @Test(arguments: [0, 1, 5, 64, 100, 1_000_003])
    func `shares of the budget add up to it on every day`(whole: Int) {
        for turn in [-3, 0, 1, 64, 19_000] {
            let shares = (0..<Partitioning.count).map {
                SpentBudget.share(whole, partition: $0, turn: Int64(turn))
            }
            #expect(shares.reduce(0, +) == Int64(whole))
            #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
        }
    }
}

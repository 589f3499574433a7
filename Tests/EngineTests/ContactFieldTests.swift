import Core
import Engine
import Testing

@testable import EngineSupport

/// What events say of consent and profile counts for others, at another time than a control line there would, or
/// as records are cut.
struct ContactFieldTests {
    private let start: Int64 = 1_711_843_200_000_000

    private func settings() -> Settings {
        var settings = Settings.event { $0.clock.allowedLateness = 0 }
        settings.triggers.declared = [
            .made("mailed", .event("view_item")) { $0.channel = "mail" },
            .made("seen", .event("view_item")) {
                $0.template = [
                    .init(language: "ko", text: "{name|?}님"), .init(language: "", text: "{name|?}"),
                ]
            },
        ]
        return settings
    }

    private func said(_ change: (inout ContactProfile) -> Void) -> ContactProfile {
        var profile = ContactProfile()
        change(&profile)
        return profile
    }

    private func randomLog(_ seed: UInt64) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        return (0..<300).map { index in
            var event = PlainEvent(
                "u\(random.below(5))", start + Int64(index) * Microseconds.minute, "view_item")
            if random.below(4) == 0 { event.id = "id-\(random.below(20))" }
            guard random.below(3) == 0 else { return event }
            event.contact = said { profile in
                switch random.below(4) {
                case 0: profile.granted = random.below(2) == 0
                case 1: profile.set("mail", granted: random.below(2) == 0)
                case 2: profile.name = "n\(random.below(3))"
                default: profile.language = random.below(2) == 0 ? "ko" : "en"
                }
            }
            return event
        }
    }

    private func told(_ rig: Rig) -> [String] {
        rig.triggers.map { "\($0.rule) \($0.userName) \($0.due) \($0.message ?? "")" }
    }

    @Test(arguments: 1...3)
    func `it counts as a control line behind its event would, however records are cut`(seed: UInt64)
        async throws
    {
        let log = randomLog(seed)
        var plain = try Rig(settings())
        var seen: Set<String> = []
        for event in log {
            var bare = event
            bare.contact = nil
            try await plain.take([bare])
            let isRepeat = event.id.map { !seen.insert("\(event.user) \($0)").inserted } ?? false
            guard let contact = event.contact, !isRepeat else { continue }
            let mark = Rig.storeKey.erasureMark(of: Array(event.user.utf8))
            try await plain.take(.contact(ContactEntry(mark: mark, profile: contact)))
        }
        let end = start + Microseconds.day
        try await plain.take(.advance(to: end))
        #expect(plain.triggers.contains { $0.message == "n1님" })
        for size in [1, 7, 300] {
            var rig = try Rig(settings(), shards: 2)
            var rest = log[...]
            while !rest.isEmpty {
                try await rig.take(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            try await rig.take(.advance(to: end))
            #expect(told(rig) == told(plain), "records of \(size)")
        }
    }

    @Test func `a word about all channels does away with those about single ones`() {
        var profile = said { $0.set("mail", granted: true) }
        #expect(profile.allows("mail", needsConsent: true))
        #expect(!profile.allows("push", needsConsent: true))
        #expect(profile.allows("push", needsConsent: false))
        profile.merge(said { $0.granted = false })
        #expect(!profile.allows("mail", needsConsent: false))
        profile.merge(said { $0.set("push", granted: true) })
        #expect(profile.allows("push", needsConsent: true))
        #expect(!profile.allows("mail", needsConsent: false))
    }

    @Test func `it is saved and comes back, and goes with the user`() async throws {
        var rig = try Rig(settings())
        var event = PlainEvent("u", start, "view_item")
        event.contact = said {
            $0.set("mail", granted: false)
            $0.name = "Kim"
        }
        try await rig.take([event])
        var again = try Rig(
            settings(), shards: 1, key: rig.key, ledger: rig.ledger.snapshot(),
            partitions: await rig.snapshots())
        try await again.take(.advance(to: start + 1))
        #expect(told(again) == ["seen u \(EventTime(microseconds: start)) Kim"])
        try await again.take(.erase([Rig.storeKey.erasureMark(of: Array("u".utf8))]))
        try await again.take([PlainEvent("u", start + 10, "view_item")])
        try await again.take(.advance(to: start + 11))
        #expect(again.triggers.map(\.rule).sorted() == ["mailed", "seen", "seen"])
        #expect(again.triggers.last?.message == "?")
    }

    @Test func `bytes that are no such words say nothing`() {
        let whole = said {
            $0.set("mail", granted: false)
            $0.name = "Kim"
            $0.zone = "Asia/Seoul"
        }
        let bytes = whole.packed
        #expect(bytes.withUnsafeBytes { ContactProfile(packed: $0) } == whole)
        for count in 0..<bytes.count {
            #expect(Array(bytes.prefix(count)).withUnsafeBytes { ContactProfile(packed: $0) } == nil)
        }
        #expect((bytes + [0]).withUnsafeBytes { ContactProfile(packed: $0) } == nil)
    }
}

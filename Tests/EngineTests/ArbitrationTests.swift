import Core
import Engine
import Testing

@testable import EngineSupport

/// A user who is told too often, at night, against their word, or while they are held out.
struct ArbitrationTests {
    private let hour = Microseconds.hour
    private let day = Microseconds.day
    /// 2024-03-31T00:00:00Z, the day Berlin's clocks go forward.
    private let midnight: Int64 = 1_711_843_200_000_000

    private func rig(
        _ rules: [RuleDeclaration], zone: Zone = .utc, alone: Bool = false,
        _ change: (inout ArbitrationSettings) -> Void
    ) throws -> Rig {
        var settings = Settings.event(zone) { $0.clock.allowedLateness = 0 }
        if alone {
            settings.triggers.browseAbandoned.enabled = false
            settings.triggers.cartAbandoned.enabled = false
            settings.triggers.dormant.enabled = false
        }
        settings.triggers.declared = rules.sorted { $0.name < $1.name }
        change(&settings.triggers.arbitration)
        return try Rig(settings)
    }

    private func told(_ rig: Rig, _ rule: String) -> [Int64] {
        rig.triggers.filter { $0.rule == rule && $0.group == .treated }.map { $0.due.microseconds }
    }

    private func decisions(_ rig: Rig, _ user: String) async -> [String] {
        let id = Array(user.utf8)
        return await rig.shards[0].decisions(of: id).map { "\($0.rule) \($0.decision)" }
    }

    @Test(arguments: 1...3)
    func `no cap of a day, of seven days or of a channel is ever passed`(seed: UInt64) async throws {
        var rig = try rig(
            [
                .made("seen", .event("view_item")) { $0.channel = "push" },
                .made("cart", .event("add_to_cart")) { $0.channel = "mail" },
            ], alone: true
        ) { arbitration in
            arbitration.dayCap = 3
            arbitration.weekCap = 7
            arbitration.channelCaps = [.init(channel: "push", day: 2, week: 4)]
        }
        var random = Randomness(seed: seed)
        var log: [PlainEvent] = []
        var time = midnight
        for _ in 0..<600 {
            time += 1 + Int64(random.below(Int(3 * hour)))
            log.append(
                PlainEvent("u\(random.below(3))", time, random.below(2) == 0 ? "view_item" : "add_to_cart"))
        }
        try await rig.take(log)
        try await rig.take(.advance(to: time + day))
        var expected: [Int64] = []
        var plain: [String: [(day: Int64, isPush: Bool)]] = [:]
        for event in log {
            let (today, isPush) = (event.time / day, event.name == "view_item")
            let list = plain[event.user] ?? []
            let week = list.filter { $0.day > today - 7 }
            let isFree =
                list.count { $0.day == today } < 3 && week.count < 7
                && (!isPush
                    || list.count { $0.day == today && $0.isPush } < 2 && week.count { $0.isPush } < 4)
            if isFree {
                plain[event.user, default: []].append((today, isPush))
                expected.append(event.time)
            }
        }
        #expect(rig.triggers.map { $0.due.microseconds } == expected)
        #expect(expected.count < log.count / 2)
    }

    @Test func `what is due in quiet hours waits for their end in the user's zone`() async throws {
        var rig = try rig([.made("seen", .event("view_item"))], zone: .berlin, alone: true) { arbitration in
            arbitration.quiet = .init(from: 22 * hour, to: 8 * hour)
            arbitration.regions = [.init(region: "chile", zone: .santiago)]
        }
        var far = PlainEvent("far", midnight, "view_item")
        far.dimensions[.region] = "chile"
        try await rig.take([PlainEvent("near", midnight, "view_item"), far])
        try await rig.take(.advance(to: midnight + day))
        // 00:00 UTC is 01:00 in Berlin, where 8:00 is 06:00 UTC on the day of summer time, and 21:00 in Chile.
        #expect(
            rig.triggers.filter { $0.userName == "near" }.map { $0.due.microseconds } == [midnight + 6 * hour]
        )
        #expect(rig.triggers.filter { $0.userName == "far" }.map { $0.due.microseconds } == [midnight])
        #expect(await decisions(rig, "near") == ["seen held", "seen sent"])
    }

    @Test func `what was held and no longer holds is not sent`() async throws {
        var rig = try rig([]) { $0.quiet = .init(from: 22 * hour, to: 8 * hour) }
        try await rig.take([
            PlainEvent("stays", midnight, "add_to_cart"), PlainEvent("buys", midnight, "add_to_cart"),
        ])
        try await rig.take([PlainEvent("buys", midnight + 2 * hour, "purchase")])
        try await rig.take(.advance(to: midnight + 10 * hour))
        let carts = rig.triggers.filter { $0.rule == "cart_abandoned" }
        #expect(carts.map(\.userName) == ["stays"])
        #expect(carts.map { $0.due.microseconds } == [midnight + 8 * hour])
        #expect(await decisions(rig, "buys") == ["cart_abandoned held", "cart_abandoned lapsed"])
        // A late purchase withdraws it under the time it was sent for.
        let late = try await rig.take([PlainEvent("stays", midnight + hour / 2, "purchase")])
        #expect(late.first?.retracts?.id(of: Array("stays".utf8)) == carts.first?.id)
    }

    @Test func `quiet hours may drop instead`() async throws {
        var rig = try rig([.made("seen", .event("view_item"))]) { arbitration in
            arbitration.quiet = .init(from: 22 * hour, to: 8 * hour)
            arbitration.quiet?.holds = false
        }
        try await rig.take([PlainEvent("a", midnight, "view_item")])
        try await rig.take(.advance(to: midnight + 12 * hour))
        #expect(rig.triggers.isEmpty)
        #expect(await decisions(rig, "a") == ["seen quiet"])
    }

    @Test func `of a set the greater priority is sent, and the others wait`() async throws {
        var rig = try rig([
            .made("aaa", .event("view_item")) { $0.exclusive = "one" },
            .made("zzz", .event("view_item")) {
                $0.exclusive = "one"
                $0.priority = 5
            },
        ]) { $0.exclusive = [.init(name: "one", within: 2 * day)] }
        for days in [0, 1, 2] {
            try await rig.take([PlainEvent("a", midnight + Int64(days) * day, "view_item")])
        }
        try await rig.take(.advance(to: midnight + 2 * day))
        #expect(told(rig, "zzz") == [midnight, midnight + 2 * day])
        #expect(told(rig, "aaa").isEmpty)
        #expect(await decisions(rig, "a").contains("aaa outranked"))
    }

    @Test func `who has refused is told nothing until they agree`() async throws {
        var rig = try rig([.made("seen", .event("view_item"))]) { _ in }
        var profile = ContactProfile()
        profile.granted = false
        let mark = Rig.storeKey.erasureMark(of: Array("a".utf8))
        try await rig.take(.contact(ContactEntry(mark: mark, profile: profile)))
        try await rig.take([
            PlainEvent("a", midnight, "view_item"), PlainEvent("b", midnight, "view_item"),
            PlainEvent("a", midnight, "sign_up"),
        ])
        try await rig.take(.advance(to: midnight + hour))
        #expect(rig.triggers.map(\.userName) == ["b"])
        #expect(await decisions(rig, "a") == ["seen no_consent", "welcome no_consent"])
        profile.granted = true
        try await rig.take(.contact(ContactEntry(mark: mark, profile: profile)))
        try await rig.take([PlainEvent("a", midnight + 2 * hour, "view_item")])
        try await rig.take(.advance(to: midnight + 3 * hour))
        #expect(told(rig, "seen") == [midnight, midnight + 2 * hour])
    }

    @Test func `consent may have to be given first`() async throws {
        var rig = try rig([]) { $0.needsConsent = true }
        try await rig.take([PlainEvent("a", midnight, "sign_up")])
        try await rig.take(.advance(to: midnight))
        #expect(rig.triggers.isEmpty)
    }

    @Test func `who is held out is recorded at the instant and stays held out`() async throws {
        var rig = try rig([.made("seen", .event("view_item")) { $0.holdout = 0.3 }]) { $0.controlGroup = 0.2 }
        let log = (0..<2).flatMap { round in
            (0..<400).map { PlainEvent("u\($0)", midnight + Int64(round) * day + Int64($0), "view_item") }
        }
        try await rig.take(log)
        try await rig.take(.advance(to: midnight + 2 * day - 1))
        for trigger in rig.triggers where trigger.rule == "seen" {
            let isOut =
                HoldoutSplit.isControl(trigger.user, share: 0.2)
                || HoldoutSplit.isHeldOut(trigger.user, rule: "seen", share: 0.3)
            #expect((trigger.group == .holdout) == isOut)
        }
        #expect(rig.triggers.count { $0.rule == "seen" } == 800)
        let control = rig.triggers.first { HoldoutSplit.isControl($0.user, share: 0.2) }
        #expect(await decisions(rig, control?.userName ?? "") == ["seen control", "seen control"])
    }

    @Test(arguments: [0, 1, 63, 64, 1000])
    func `all users together are sent no more than the budget of the day`(budget: Int) async throws {
        var rig = try rig([.made("seen", .event("view_item"))], alone: true) { $0.budget = budget }
        for round in 0..<2 {
            try await rig.take(
                (0..<3000).map {
                    PlainEvent("u\($0)", midnight + Int64(round) * day + Int64($0), "view_item")
                })
        }
        try await rig.take(.advance(to: midnight + 2 * day))
        for round in 0..<2 {
            let sent = rig.triggers.count { $0.due.microseconds / day == midnight / day + Int64(round) }
            // Users are so many that no partition leaves any of its share.
            #expect(sent == budget)
        }
    }

    @Test func `too many within an hour stop the rest of the day`() async throws {
        var rig = try rig([.made("seen", .event("view_item"))], alone: true) { $0.breaker = 64 }
        let log = (0..<48).flatMap { hours in
            (0..<2).map { PlainEvent("a", midnight + Int64(hours) * hour + Int64($0), "view_item") }
        }
        try await rig.take(log)
        try await rig.take(.advance(to: midnight + 2 * day))
        #expect(rig.triggers.map { $0.due.microseconds } == [midnight, midnight + day])
        #expect(await decisions(rig, "a").prefix(3) == ["seen sent", "seen breaker", "seen breaker"])
    }

    @Test func `a dry run decides everything and sends nothing`() async throws {
        var rig = try rig([.made("seen", .event("view_item"))]) { arbitration in
            arbitration.dryRun = true
            arbitration.dayCap = 1
        }
        try await rig.take([
            PlainEvent("a", midnight, "view_item"), PlainEvent("a", midnight + 1, "view_item"),
        ])
        try await rig.take(.advance(to: midnight + 2))
        #expect(rig.triggers.isEmpty)
        #expect(await decisions(rig, "a") == ["seen dry_run", "seen capped"])
    }

    @Test func `a declaration laid over a built-in rule gives it words, a coupon and a condition`()
        async throws
    {
        var overlay = RuleDeclaration(name: "cart_abandoned")
        overlay.when = "profile.gender == \"F\""
        overlay.action = "remind"
        overlay.channel = "push"
        overlay.coupons = [.init()]
        overlay.coupons[0].discount = 15
        overlay.template = [
            .init(language: "ko", text: "{name}고객님, {discount}% 할인 중"),
            .init(language: "", text: "Dear {name|you}"),
        ]
        var rig = try rig([overlay]) { _ in }
        var profile = ContactProfile()
        profile.name = "김민지"
        profile.language = "ko"
        let mark = Rig.storeKey.erasureMark(of: Array("a".utf8))
        try await rig.take(.contact(ContactEntry(mark: mark, profile: profile)))
        var log = ["a", "b", "c"].map { PlainEvent($0, midnight, "add_to_cart") }
        for (index, gender) in ["F", "F", "M"].enumerated() { log[index].dimensions[.gender] = gender }
        try await rig.take(log)
        try await rig.take(.advance(to: midnight + 2 * hour))
        #expect(rig.triggers.map(\.message) == ["김민지고객님, 15% 할인 중", "Dear you"])
        #expect(rig.triggers.map(\.coupon?.discount) == [15, 15])
        #expect(rig.triggers.map(\.action) == ["remind", "remind"])
        try await rig.take(.erase([mark]))
        try await rig.take([PlainEvent("a", midnight + 3 * hour, "add_to_cart")])
        var again = PlainEvent("a", midnight + 3 * hour, "login")
        again.dimensions[.gender] = "F"
        try await rig.take([again])
        try await rig.take(.advance(to: midnight + 5 * hour))
        #expect(rig.triggers.last?.message == "Dear you")
    }
}

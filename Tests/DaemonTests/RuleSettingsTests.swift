import Core
import Testing

@testable import roost

/// A rule of the configuration that is taken for another, or refused without saying where and why.
struct RuleSettingsTests {
    private static let folder = String(SettingsFileTests.shippedPath.dropLast("roost.json5".count))

    private func read(_ text: String) throws -> Settings {
        try SettingsFile.read(text, beside: Self.folder) { $0 == "Asia/Seoul" ? .utc : nil }
    }

    private func problems(_ text: String) -> [SettingsProblem] {
        do throws(SettingsFailure) {
            _ = try SettingsFile.read(text, beside: Self.folder)
            return []
        } catch { return error.problems }
    }

    @Test func `rules are declared and laid over the built-in ones by name`() throws {
        let settings = try read(
            """
            {triggers: {
              cart_abandoned: {delay: "2h", holdout: 0.1, template: {ko: "{name}고객님", en: "Hello"}},
              welcome: {enabled: false},
              second_visit: {
                on: {absence: "purchase", after: "view_item", within: "3h"},
                when: 'sessions.short.count >= 2', cooldown: "7d", priority: 3, channel: "push",
                coupon: [{when: "converted", discount: 5}, {discount: 10, code: "TEN"}],
              },
              caps: {day: 1, channels: {push: {day: 1, week: 2}}},
              quiet_hours: {from: "22h", to: "8h", action: "drop"},
            }}
            """)
        let triggers = settings.triggers
        #expect(triggers.cartAbandoned.delay == 2 * Microseconds.hour)
        #expect(!triggers.welcome.enabled)
        #expect(triggers.declared.map(\.name) == ["cart_abandoned", "second_visit"])
        #expect(triggers.declared[0].holdout == 0.1)
        #expect(triggers.declared[0].template.map(\.language) == ["ko", "en"])
        let own = triggers.declared[1]
        #expect(own.occasion == .absence(of: "purchase", after: "view_item"))
        #expect(own.delay == 3 * Microseconds.hour)
        #expect(own.coupons.map(\.discount) == [5, 10])
        #expect(triggers.arbitration.dayCap == 1)
        #expect(triggers.arbitration.channelCaps == [.init(channel: "push", day: 1, week: 2)])
        #expect(triggers.arbitration.quiet?.holds == false)
    }

    @Test(arguments: [
        (
            "{triggers: {x: {on: {event: \"a\"}, when: \"purchase.cuont > 1\"}}}", "triggers.x.when",
            "at character 1: there is no purchase.cuont"
        ),
        (
            "{triggers: {x: {on: {event: \"a\"}, template: {ko: \"{nmae}\"}}}}", "triggers.x.template.ko",
            "at character 2: there is no {nmae}"
        ),
        ("{triggers: {cart_abandond: {delay: \"1h\"}}}", "triggers.cart_abandond", "has no on"),
        ("{triggers: {x: {on: {absence: \"a\", after: \"b\"}}}}", "triggers.x.on", "needs within"),
        ("{triggers: {x: {on: {absence: \"a\"}}}}", "triggers.x.on.absence", "needs after"),
        ("{triggers: {x: {on: {event: \"a\", within: \"1h\"}}}}", "triggers.x.on.within", "say delay"),
        ("{triggers: {x: {on: {crosses: \"grade\", above: 1}}}}", "triggers.x.on.crosses", "not a number"),
        (
            "{triggers: {x: {on: {crosses: \"event_total\", above: 1, clear: 2}}}}", "triggers.x.on.clear",
            "wrong side"
        ),
        ("{triggers: {x: {on: {event: \"a\"}, holdout: 2}}}", "triggers.x.holdout", "must be 0.0 to 1.0"),
        ("{triggers: {x: {on: {event: \"a\"}, exclusive: \"y\"}}}", "triggers.x.exclusive", "no set \"y\""),
        ("{triggers: {welcome: {on: {event: \"a\"}}}}", "triggers.welcome.on", "unknown key"),
        (
            "{triggers: {x: {on: {event: \"a\"}, coupon: {discount: 101}}}}", "triggers.x.coupon.discount",
            "must be 0.0 to 100.0"
        ),
        (
            "{triggers: {x: {on: {event: \"a\"}, when: \"item.stock > 1\"}}}", "triggers.x.when",
            "only a coupon's when"
        ),
        (
            "{triggers: {x: {on: {event: \"a\"}, coupon: [{when: \"item.stok > 1\", discount: 1}]}}}",
            "triggers.x.coupon.0.when", "there are item.category"
        ),
        ("{triggers: {quiet_hours: {from: \"8h\"}}}", "triggers.quiet_hours", "needs from and to"),
        ("{triggers: {playbook: \"nothing.json5\"}}", "triggers.playbook", "nothing.json5"),
        ("{triggers: {X: {on: {event: \"a\"}}}}", "triggers.X", "a rule's name"),
        (
            "{triggers: {x: {on: {event: \"a\"}, when: \"converted and segments.loyalty.name == 'vip'\"}}}",
            "triggers.x.when", "at character 15: there is no segmentation loyalty"
        ),
        (
            "{triggers: {x: {on: {event: \"a\"}, template: {ko: \"{segments.loyalty.name}\"}}}}",
            "triggers.x.template.ko", "at character 2: there is no segmentation loyalty"
        ),
        (
            "{models: {segmentations: {loyalty: {features: [\"frequency\"]}}}, "
                + "triggers: {x: {on: {event: \"a\"}, coupon: [{discount: 1, when: \"segments.loyalty.name == 'a'\"}, "
                + "{discount: 2, when: \"has(segments.other.name)\"}]}}}",
            "triggers.x.coupon.1.when", "at character 5: there is no segmentation other"
        ),
    ])
    func `what is wrong is told with path, line and reason`(text: String, path: String, reason: String) {
        let problems = problems(text)
        #expect(
            problems.contains { $0.path == path && $0.reason.contains(reason) && $0.line == 1 }, "\(problems)"
        )
    }

    @Test func `conditions and words may name a segmentation that is configured below`() throws {
        let settings = try read(
            """
            {triggers: {x: {
               on: {event: "a"}, when: "segments.loyalty.name == 'vip' and segments.value.name != 'a'",
               template: "{segments.loyalty.name}"}},
             models: {segmentations: {loyalty: {features: ["frequency"]}}}}
            """)
        #expect(settings.triggers.declared.map(\.name) == ["x"])
    }

    @Test func `the playbook loads, and a rule of the configuration comes over one of it`() throws {
        let settings = try read("{triggers: {playbook: \"playbook.json5\", visits_vip: {enabled: false}}}")
        let rules = settings.triggers.declared
        #expect(rules.count == 16)
        let vip = try #require(rules.first { $0.name == "visits_vip" })
        #expect(!vip.enabled)
        #expect(vip.action == "loyalty_programme")
        for rule in rules { #expect(!rule.action.isEmpty && !rule.template.isEmpty && rule.occasion != nil) }
    }

    @Test func `a playbook that is wrong says where in which file`() {
        let problems = problems("{triggers: {playbook: \"roost.json5\"}}")
        #expect(problems.contains { $0.path == "triggers.playbook" && $0.reason.contains("roost.json5") })
    }
}

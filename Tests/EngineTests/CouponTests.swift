import Core
import Engine
import Testing

@testable import EngineSupport

/// A coupon for the wrong item, season or stock, and a message that calls an item by what nobody knows it as.
struct CouponTests {
    /// 2024-03-31T00:00:00Z
    private let midnight: Int64 = 1_711_843_200_000_000
    private let day = Microseconds.day

    private func told(_ coupons: [(when: String, discount: Double)], catalogue: [CatalogueItem]) async throws
        -> Trigger?
    {
        var settings = Settings.event { settings in
            settings.clock.allowedLateness = 0
            settings.triggers.replenishDue.enabled = true
            settings.models.recommendations.catalogue = catalogue
        }
        var overlay = RuleDeclaration(name: "replenish_due")
        overlay.coupons = coupons.map { when, discount in
            var coupon = RuleDeclaration.Coupon()
            (coupon.when, coupon.discount) = (when, discount)
            return coupon
        }
        overlay.template = [
            .init(
                language: "",
                text: "{items.0.name} ({items.0.id}), {item.category|?}, {discount|0}%, {item.stock}")
        ]
        settings.triggers.declared = [overlay]
        var rig = try Rig(settings)
        for index in 0..<3 {
            var event = PlainEvent("u", midnight + Int64(index * 10) * day, "purchase")
            event.items = [PlainItem(id: "PD1", price: 1_000_000)]
            try await rig.take([event])
        }
        // Through a snapshot, so that what is saved is what decides.
        rig = try await Rig(
            settings, shards: 1, key: rig.key, ledger: rig.ledger.snapshot(), partitions: rig.snapshots())
        try await rig.take(.advance(to: midnight + 31 * day))
        return rig.triggers.first { $0.rule == "replenish_due" }
    }

    private var tent: CatalogueItem {
        var item = CatalogueItem(id: "PD1")
        (item.name, item.category, item.stock) = ("Tent", "Outdoor", 12)
        return item
    }

    @Test func `the item, the season and the stock decide`() async throws {
        // Due on 2024-04-30.
        let cases: [(String, Bool)] = [
            ("month == 4", true), ("month in [6, 7, 8]", false), ("item.stock > 10", true),
            ("item.stock > 12", false),
            ("item.category == \"Outdoor\"", true), ("item.category in [\"Indoor\"]", false),
            ("item.id == \"PD1\"", true), ("item.id != \"PD1\"", false), ("has(item.demand)", false),
            ("buys_anyway < 0.5", false), ("not has(buys_anyway)", true),
            ("month == 4 and item.stock >= 12 and item.category == \"Outdoor\"", true),
        ]
        for (when, holds) in cases {
            let trigger = try await told([(when, 20), ("", 5)], catalogue: [tent, CatalogueItem(id: "A")])
            #expect(trigger?.coupon?.discount == (holds ? 20 : 5), "\(when)")
        }
    }

    @Test func `an item is called by its name, else by its id`() async throws {
        #expect(try await told([("", 5)], catalogue: [tent])?.message == "Tent (PD1), Outdoor, 5%, 12")
        #expect(try await told([], catalogue: [])?.message == "PD1 (PD1), ?, 0%, ")
        var other = tent
        other.name = "Big tent"
        #expect(try await told([], catalogue: [tent, other])?.message == "Big tent (PD1), Outdoor, 0%, 12")
    }

    @Test func `what is not said of an item gives no coupon`() async throws {
        let trigger = try await told([("item.stock < 5", 20), ("item.category != \"x\"", 10)], catalogue: [])
        #expect(trigger != nil)
        #expect(trigger?.coupon == nil)
    }
}

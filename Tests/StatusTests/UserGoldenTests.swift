import Core
import Testing

@testable import Status

/// The user of the contract's example, as far as this version knows one, byte for byte.
@Suite struct UserGoldenTests {
    static func time(_ day: Int32, _ hour: Int64 = 0) -> EventTime {
        EventTime(microseconds: Int64(day) * Microseconds.day + hour * Microseconds.hour)
    }

    static var example: UserView {
        let first = CalendarDate(year: 2024, month: 7, day: 1).dayNumber
        var user = UserView()
        user.user = Array("18.172369".utf8)
        user.firstSeen = time(first, 8)
        user.lastSeen = time(first + 180, 21)
        user.eventTotal = 133
        user.events = [
            Named("session_start", 93), Named("begin_checkout", 21), Named("purchase", 17),
            Named("first_visit", 1), Named("login", 1),
        ]
        user.main = [Named("media", "advertiser_apppush"), Named("device", "mobile")]
        user.converted = true
        user.shortSessions = SessionsView(count: 60, totalMicroseconds: 81_234_500_000)
        user.longSessions = SessionsView(count: 20, totalMicroseconds: 2_066_662_000_000)
        var purchases = UserView.Purchases()
        purchases.count = 17
        purchases.days = 15
        purchases.revenue = 812_300_000_000
        purchases.first = time(first, 9)
        purchases.last = time(first + 143, 10)
        purchases.intervalMeanDays = 10.2
        purchases.intervalDeviationDays = 4.1
        user.purchases = purchases
        user.refunds = UserView.Refunds(count: 1, value: 12_000_000_000)
        var rfm = UserView.RFM()
        rfm.frequency = 14
        rfm.recencyDays = 143
        rfm.ageDays = 180
        rfm.monetaryValue = 51020
        rfm.daysSinceLast = 37
        user.rfm = rfm
        user.rfmCell = "R3F2M2"
        user.rolling = [
            RollingView(days: 1, events: 0, sessions: 0, purchases: 0, revenue: 0),
            RollingView(days: 7, events: 3, sessions: 2, purchases: 1, revenue: 29_330_000),
        ]
        user.coupons = UserView.Coupons(used: 3, notUsed: 1, clicked: 9)
        user.amountBy = [
            Named("category", [Named("Apparel", 120_500_000)]),
            Named("payment_method", [Named("lpay", 30_000_000_000)]), Named("channel", []),
        ]
        user.profile = [Named("gender", "F"), Named("age_band", "40s"), Named("region", "Z17")]
        user.segment = UserView.Segment(id: 3, name: "loyal")
        user.tier = UserView.Tier(name: "Gold", score: 3.1)
        user.grade = "VIP"
        user.tierBest = "VIP"
        user.segmentAtLastPurchase = "newcomer"
        user.churn = UserView.Probability(
            0.81, why: [Trigger.Reason(feature: "days_since_last", value: 24, contribution: 0.41)])
        user.cartConversion = UserView.Probability(0.4, why: [])
        let due = CalendarDate(year: 2024, month: 12, day: 9).dayNumber
        user.repurchase = UserView.Repurchase(date: due, p10: due - 3, p90: due + 6)
        user.lifetimeValue = UserView.LifetimeValue(
            probabilityAlive: 0.7,
            main: UserView.LifetimeValue.Horizon(
                days: 90, value: 31_200, expectedPurchases: 0.625, scaled: 0.25),
            further: [
                UserView.LifetimeValue.Horizon(days: 7, value: 2_600.5, expectedPurchases: 0.05, scaled: nil)
            ])
        user.lifetimeValue?.why = [
            Trigger.Reason(feature: "recency_d", value: 143, contribution: -1_200.5)
        ]
        user.recentPurchases = [
            PurchaseView(
                at: time(first + 143, 10), value: 41_110_000_000,
                items: [
                    PurchaseItemView(
                        itemID: "PD0045", category: "Apparel", quantity: 2_000_000, price: 20_555_000_000),
                    PurchaseItemView(itemID: "PD\"1", category: nil, quantity: 500_000, price: nil),
                ]), PurchaseView(at: time(first, 9), value: 5, items: []),
        ]
        return user
    }

    static let golden = """
        {"user":"18.172369","first_seen":"2024-07-01T08:00:00Z","last_seen":"2024-12-28T21:00:00Z",\
        "event_total":133,\
        "events":{"session_start":93,"begin_checkout":21,"purchase":17,"first_visit":1,"login":1},\
        "main":{"media":"advertiser_apppush","device":"mobile"},"converted":true,\
        "sessions":{"short":{"count":60,"total_s":81234.5,"mean_s":1353.9083333333333},\
        "long":{"count":20,"total_s":2066662,"mean_s":103333.1}},\
        "purchase":{"count":17,"days":15,"revenue":812300,"mean_value":47782.35294117647,\
        "first":"2024-07-01T09:00:00Z","last":"2024-11-21T10:00:00Z","interval_mean_d":10.2,"interval_sd_d":4.1,\
        "refunds":{"count":1,"value":12000}},\
        "rfm":{"frequency":14,"recency_d":143,"T_d":180,"monetary_value":51020,"days_since_last":37},"rfm_cell":"R3F2M2",\
        "rolling":{"1d":{"events":0,"sessions":0,"purchases":0,"revenue":0},\
        "7d":{"events":3,"sessions":2,"purchases":1,"revenue":29.33}},\
        "coupon":{"used":3,"not_used":1,"clicked":9,"used_ratio":0.23076923076923078},\
        "amount_by":{"category":{"Apparel":120.5},"payment_method":{"lpay":30000}},\
        "profile":{"gender":"F","age_band":"40s","region":"Z17"},"segment":{"id":3,"name":"loyal"},\
        "tier":{"name":"Gold","score":3.1},"grade":"VIP","tier_best":"VIP","segment_at_last_purchase":"newcomer",\
        "predictions":{"churn":{"p":0.81,\
        "why":[{"feature":"days_since_last","value":24,"contribution":0.41}],\
        "why_text":"raising it: no purchase for 24 days, 2.4 times the usual gap of 10"},"cart_conversion":{"p":0.4},\
        "clv":{"horizon_d":90,"value":31200,"expected_purchases":0.625,"scaled":0.25,\
        "p_alive":0.7,"horizons":[{"horizon_d":7,"value":2600.5,"expected_purchases":0.05}],\
        "why":[{"feature":"recency_d","value":143,"contribution":-1200.5}]},\
        "repurchase":{"date":"2024-12-09","p10":"2024-12-06","p90":"2024-12-15"}},\
        "recent_purchases":[{"at":"2024-11-21T10:00:00Z","value":41110,"items":[\
        {"item_id":"PD0045","item_category":"Apparel","quantity":2,"price":20555},\
        {"item_id":"PD\\"1","quantity":0.5}]},{"at":"2024-07-01T09:00:00Z","value":0.000005,"items":[]}]}
        """

    private func encoded(_ user: UserView) -> String {
        var json = JSONWriter()
        UserEncoder().encode(user, into: &json)
        return json.text
    }

    @Test func `the contract's user reads as the contract has it`() async throws {
        let daemon = try Daemon(FakeSource { $0.users[Array("18.172369".utf8)] = Self.example })
        let answer = try await daemon.get("/v1/users/18.172369")
        #expect(answer.status == 200)
        #expect(answer.text == Self.golden + "\n")
    }

    @Test func `a user who did one thing has no empty objects`() {
        var user = UserView()
        user.user = Array("a\"\u{1}é".utf8)
        user.eventTotal = 1
        user.events = [Named("login", 1)]
        user.shortSessions = SessionsView(count: 1, totalMicroseconds: 0)
        user.longSessions = SessionsView(count: 1, totalMicroseconds: 0)
        #expect(
            encoded(user) == """
                {"user":"a\\"\\u0001é","first_seen":"1970-01-01T00:00:00Z","last_seen":"1970-01-01T00:00:00Z",\
                "event_total":1,"events":{"login":1},"converted":false,\
                "sessions":{"short":{"count":1,"total_s":0,"mean_s":0},"long":{"count":1,"total_s":0,"mean_s":0}}}
                """)
    }

    @Test func `groups of other segmentations stand beside the first, with where they should come to`() {
        var user = UserView()
        var payments = UserView.Membership(
            segmentation: "payments", segment: UserView.Segment(id: 1, name: "supporter"))
        payments.target = UserView.Segment(id: 0, name: "star")
        payments.distance = 1.25
        user.memberships = [
            UserView.Membership(segmentation: "value", segment: UserView.Segment(id: 3, name: "vip")),
            payments,
        ]
        #expect(
            encoded(user).contains(
                #""segments":{"value":{"id":3,"name":"vip"},"payments":{"id":1,"name":"supporter","#
                    + #""target":{"id":0,"name":"star","distance":1.25}}}"#))
    }

    @Test func `refunds without a purchase stand alone`() {
        var user = UserView()
        user.refunds = UserView.Refunds(count: 2, value: 1_500_000)
        #expect(encoded(user).contains(#""purchase":{"refunds":{"count":2,"value":1.5}}"#))
    }

    @Test func `one purchase day has no interval, and no coupon no ratio`() {
        var user = UserView()
        user.purchases = UserView.Purchases()
        user.purchases?.count = 1
        user.coupons = UserView.Coupons(used: 0, notUsed: 0, clicked: 0)
        #expect(!encoded(user).contains("interval"))
        #expect(encoded(user).contains(#""used_ratio":null"#))
    }

    @Test func `means are the correctly rounded quotients of exact sums`() {
        // 0.1 + 0.2 in millionths over three; a third of one; the largest money there is over one.
        #expect(perMillion(300_000, over: 3) == 0.1)
        #expect(perMillion(1_000_000, over: 3) == 1.0 / 3.0)
        #expect(perMillion(29_330_000, over: 1) == 29.33)
        #expect(perMillion(0, over: 0) == 0)
    }
}

// One user as the status port shows them: plain values, taken at one journal position.

/// A named amount, in the order shown.
package struct Named<Value: Sendable>: Sendable {
    package var name: String
    package var value: Value
    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}

/// Sessions of one kind: how many, and the sum of their lengths in microseconds.
package struct SessionsView: Sendable {
    package var count: Int64
    package var totalMicroseconds: Int64
    package init(count: Int64, totalMicroseconds: Int64) {
        self.count = count
        self.totalMicroseconds = totalMicroseconds
    }
}

package struct RollingView: Sendable {
    /// Days in the window.
    package var days: Int
    package var events: Int64
    package var sessions: Int64
    package var purchases: Int64
    /// Millionths.
    package var revenue: Int64
    package init(days: Int, events: Int64, sessions: Int64, purchases: Int64, revenue: Int64) {
        self.days = days
        self.events = events
        self.sessions = sessions
        self.purchases = purchases
        self.revenue = revenue
    }
}

package struct PurchaseItemView: Sendable {
    package var itemID: String
    /// As the catalogue calls it, or else events do.
    package var name: String?
    package var category: String?
    /// Millionths.
    package var quantity: Int64
    package var price: Int64?
    package init(itemID: String, name: String? = nil, category: String?, quantity: Int64, price: Int64?) {
        self.itemID = itemID
        self.name = name
        self.category = category
        self.quantity = quantity
        self.price = price
    }
}

package struct PurchaseView: Sendable {
    package var at: EventTime
    package var value: Int64
    package var items: [PurchaseItemView]
    package init(at: EventTime, value: Int64, items: [PurchaseItemView]) {
        self.at = at
        self.value = value
        self.items = items
    }
}

/// One user, as `GET /v1/users/ID` tells. Money in millionths. Empty parts are left out of the answer.
package struct UserView: Sendable {
    package struct Purchases: Sendable {
        package var count: Int64 = 0
        package var days: Int64 = 0
        package var revenue: Int64 = 0
        package var first = EventTime(microseconds: 0)
        package var last = EventTime(microseconds: 0)
        /// Days between purchase days; nil below two purchase days (mean) or three (deviation).
        package var intervalMeanDays: Double?
        package var intervalDeviationDays: Double?
        package init() {}
    }

    package struct Refunds: Sendable {
        package var count: Int64
        package var value: Int64
        package init(count: Int64, value: Int64) {
            self.count = count
            self.value = value
        }
    }

    package struct RFM: Sendable {
        package var frequency: Int64 = 0
        package var recencyDays: Int64 = 0
        package var ageDays: Int64 = 0
        package var monetaryValue: Double = 0
        package var daysSinceLast: Int64 = 0
        package init() {}
    }

    package struct Repurchase: Sendable {
        package var date: Int32
        package var p10: Int32
        package var p90: Int32
        /// What moved the date most; only where one user is asked for.
        package var why: [Trigger.Reason] = []
        package init(date: Int32, p10: Int32, p90: Int32) {
            self.date = date
            self.p10 = p10
            self.p90 = p90
        }
    }

    /// What a buyer is worth in the days to come.
    package struct LifetimeValue: Sendable {
        package struct Horizon: Sendable {
            package var days: Int
            /// Money.
            package var value: Double
            package var expectedPurchases: Double
            /// 0 to 1 among the buyers of the fit; nil where they are not known.
            package var scaled: Double?
            package init(days: Int, value: Double, expectedPurchases: Double, scaled: Double?) {
                self.days = days
                self.value = value
                self.expectedPurchases = expectedPurchases
                self.scaled = scaled
            }
        }

        package var probabilityAlive: Double
        package var main: Horizon
        /// At other horizons, ascending.
        package var further: [Horizon]
        /// What moved the main value, the strongest first, in money against a buyer of the means; only where
        /// one user is asked for.
        package var why: [Trigger.Reason] = []
        package init(probabilityAlive: Double, main: Horizon, further: [Horizon]) {
            self.probabilityAlive = probabilityAlive
            self.main = main
            self.further = further
        }
    }

    /// What a model gives an outcome.
    package struct Probability: Sendable, Equatable {
        package var p: Double
        /// What moved it most, the strongest first; empty where it was not asked for.
        package var why: [Trigger.Reason]
        package init(_ p: Double, why: [Trigger.Reason]) {
            self.p = p
            self.why = why
        }
    }

    package struct Coupons: Sendable {
        package var used: Int64
        package var notUsed: Int64
        package var clicked: Int64
        package init(used: Int64, notUsed: Int64, clicked: Int64) {
            self.used = used
            self.notUsed = notUsed
            self.clicked = clicked
        }
    }

    /// A buyer's tier, and the score it was decided by.
    package struct Tier: Sendable {
        package var name: String
        package var score: Double
        package init(name: String, score: Double) {
            self.name = name
            self.score = score
        }
    }

    package struct Segment: Sendable {
        package var id: Int
        package var name: String
        package init(id: Int, name: String) {
            self.id = id
            self.name = name
        }
    }

    /// A group in a segmentation beside the first.
    package struct Membership: Sendable {
        package var segmentation: String
        package var segment: Segment
        /// Where members of the group should come to, and how far that is for this user, in the
        /// segmentation's transformed units; nil where there is no such aim.
        package var target: Segment?
        package var distance: Double?
        package init(segmentation: String, segment: Segment) {
            self.segmentation = segmentation
            self.segment = segment
        }
    }

    package var user: [UInt8] = []
    package var firstSeen = EventTime(microseconds: 0)
    package var lastSeen = EventTime(microseconds: 0)
    package var eventTotal: Int64 = 0
    package var events: [Named<Int64>] = []
    package var main: [Named<String>] = []
    package var converted = false
    package var shortSessions = SessionsView(count: 0, totalMicroseconds: 0)
    package var longSessions = SessionsView(count: 0, totalMicroseconds: 0)
    /// Nil without a purchase.
    package var purchases: Purchases?
    /// In which reasons are put into words; empty: English.
    package var language = ""
    /// Nil without a refund.
    package var refunds: Refunds?
    package var rfm: RFM?
    /// `R3F2M2`; nil without a purchase or before boundaries were adopted.
    package var rfmCell: String?
    package var rolling: [RollingView] = []
    package var coupons: Coupons?
    /// Dimension, then value and amount in millionths.
    package var amountBy: [Named<[Named<Int64>]>] = []
    package var profile: [Named<String>] = []
    package var segment: Segment?
    package var tier: Tier?
    /// The best the buyer ever was in.
    package var tierBest: String?
    package var grade: String?
    /// The segment's name when the last purchase was decided.
    package var segmentAtLastPurchase: String?
    /// In the segmentations beside the first.
    package var memberships: [Membership] = []
    /// That no purchase comes within `models.churn.horizon`; nil for who never bought.
    package var churn: Probability?
    /// That what is in the cart is bought within `models.high_intent.window`; nil without a pending cart.
    package var cartConversion: Probability?
    package var repurchase: Repurchase?
    /// Nil without a purchase or before a model was adopted.
    package var lifetimeValue: LifetimeValue?
    /// The best first; on the page of one user only.
    package var recommendations: [Trigger.Item] = []
    package var recommendedCategories: [RecommendedCategory] = []
    package var recentPurchases: [PurchaseView] = []

    package init() {}
}

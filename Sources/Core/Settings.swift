/// Everything that can be configured, with its default. `SettingsKeys` names every key once with type,
/// unit, bounds and a sentence; times are microseconds.
package struct Settings: Sendable, Equatable {
    package var dataDirectory = "data"
    package var listen = Listen()
    package var clock = Clock()
    package var schema = Schema()
    package var sessions = Sessions()
    package var dedupe = Dedupe()
    package var journal = JournalSettings()
    package var snapshot = SnapshotSettings()
    package var limits = Limits()
    package var retention = Retention()
    package var models = ModelSettings()
    package var triggers = TriggerSettings()
    package var sinks: [Sink] = []
    package var analytics = Analytics()

    package init() {}

    package struct Endpoint: Sendable, Equatable {
        /// `host:port`; port 0 asks for a free one.
        package var address: String
        /// Accept an address other than loopback without TLS or token.
        package var insecure = false
        /// Path of a file with the token clients must give; empty: none.
        package var tokenFile = ""
        /// Nil: connections are plain.
        package var tls: Certificate?
        package init(address: String) { self.address = address }
    }

    /// Files in PEM of what a port shows to its clients.
    package struct Certificate: Sendable, Equatable {
        /// May hold the whole chain.
        package var certificate: String
        package var key: String
        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package struct Listen: Sendable, Equatable {
        package var ingest = Endpoint(address: "127.0.0.1:7001")
        package var triggers = Endpoint(address: "127.0.0.1:7002")
        package var status = Endpoint(address: "127.0.0.1:7003")
        package var sources: [Source] = []
    }

    /// A host that is connected to and read.
    package struct Source: Sendable, Equatable {
        /// `host:port`; the host may be a name.
        package var address: String
        package init(address: String) { self.address = address }
    }

    package enum ClockMode: String, CaseIterable, Sendable {
        case wall
        case event
    }

    package struct Clock: Sendable, Equatable {
        package var mode = ClockMode.wall
        package var allowedLateness: Int64 = 60 * Microseconds.second
        /// Wall clock: an event further ahead of now is refused.
        package var maxFutureSkew: Int64 = 5 * Microseconds.minute
        /// Event clock: an event further ahead of now is refused; nil: none is.
        package var maxJump: Int64?
        package var zone = Zone.utc
    }

    package struct Schema: Sendable, Equatable {
        /// Field of the contract → source keys, the first that is not null wins.
        /// Fields: `user time name id value device media type channel payment_method gender age_band
        /// region promo_code partner store search_term discount discount_unit coupon items item_id
        /// item_category item_name quantity price consent user_name language timezone`.
        package var fields: [String: [String]] = Schema.defaultFields
        /// Value of the name field → event name.
        package var eventNames: [String: String] = [:]

        package static let defaultFields: [String: [String]] = [
            "user": ["user_id", "user_pseudo_id"],
            "time": ["event_timestamp", "timestamp", "time", "ts"],
            "name": ["event_name", "event"],
            "id": ["event_id", "insert_id"],
            "value": ["purchase_value", "value", "revenue"],
            "device": ["device"], "media": ["media"], "type": ["type"], "channel": ["channel"],
            "payment_method": ["payment_method"], "gender": ["gender"], "age_band": ["age_band"],
            "region": ["region"], "promo_code": ["promo_code"], "partner": ["partner"],
            "store": ["store"], "search_term": ["search_term"],
            "discount": ["discount"], "discount_unit": ["discount_unit"], "coupon": ["coupon"],
            "items": ["items"], "item_id": ["item_id"], "item_category": ["item_category"],
            "item_name": ["item_name"], "quantity": ["quantity"], "price": ["price"],
            "consent": ["consent"], "user_name": ["user_name"], "language": ["language"],
            "timezone": ["timezone"],
        ]
    }

    package struct Sessions: Sendable, Equatable {
        package var shortGap: Int64 = 30 * Microseconds.minute
        package var longGap: Int64 = 24 * Microseconds.hour
        /// Late events join sessions of this stretch before now; nil: twice the long gap.
        package var keep: Int64?
        package var keepMicroseconds: Int64 { keep ?? 2 * longGap }
    }

    package struct Dedupe: Sendable, Equatable {
        package var window: Int64 = 24 * Microseconds.hour
    }

    package struct JournalSettings: Sendable, Equatable {
        /// A segment file is closed when it has grown to this.
        package var segmentBytes: Int64 = 64 << 20
        /// Longest wait of a line for others to share its fsync.
        package var commitInterval: Int64 = 2_000
        /// Directory that receives segments instead of their being removed; empty: none.
        package var archive = ""
        /// Tick records of the wall clock at least this often while idle.
        package var tickInterval: Int64 = Microseconds.second
    }

    package struct SnapshotSettings: Sendable, Equatable {
        /// Every partition at least this often, one after the other, where there is something new.
        package var interval: Int64 = 5 * Microseconds.minute
        /// Or each time the journal has grown by so many bytes, or by a sixteenth of the state where that is more.
        package var journalBytes: Int64 = 64 << 20
    }

    package struct Retention: Sendable, Equatable {
        /// Wall age since insertion.
        package var outboxAge: Int64 = 30 * Microseconds.day
        package var outboxCount: Int64 = 20_000_000
        package var deadLettersAge: Int64 = 30 * Microseconds.day
        package var deadLettersCount: Int64 = 100_000
        package var eraseWithin: Int64 = Microseconds.hour
    }

    /// When a model is refitted.
    package struct Schedule: Sendable, Equatable {
        /// Distance between refits; nil: only on request.
        package var every: Int64?
        /// Offset from midnight in `clock.timezone` of the first instant.
        package var at: Int64 = 3 * Microseconds.hour
        package init(every: Int64? = nil, at: Int64 = 3 * Microseconds.hour) {
            self.every = every
            self.at = at
        }
    }

    package struct SegmentsModel: Sendable, Equatable {
        /// Number of named groups, the outliers' included where there are any; 0: chosen.
        package var k = 6
        package var features = SegmentsModel.defaultFeatures
        /// Name of a transform of `Models`.
        package var transform = "standard"
        package var restarts = 20
        package var iterations = 300
        /// Robust distance beyond which a user is set apart; 0: nobody is.
        package var outlierDistance = 60.0
        package var minimumUsers = 50
        /// Method of payment that features of payment ask about.
        package var method = ""

        package static let value: SegmentsModel = {
            var value = SegmentsModel()
            value.k = 4
            value.features = ["days_since_last", "frequency", "monetary_value", "T_d", "clv"]
            value.transform = "log-standard"
            value.outlierDistance = 0
            return value
        }()

        /// One under a name of its own, before it is configured: its features are to be named.
        package static let own: SegmentsModel = {
            var own = SegmentsModel()
            own.k = 0
            own.features = []
            own.transform = "log-standard"
            own.outlierDistance = 0
            return own
        }()

        package static let payments: SegmentsModel = {
            var payments = SegmentsModel()
            payments.k = 3
            payments.features = [
                "purchase_span_d", "item_lines", "method_line_mean", "other_line_mean", "method_count",
                "gender", "age",
            ]
            payments.transform = "log-standard"
            payments.outlierDistance = 0
            return payments
        }()

        /// The features as a model names them: those of a method of payment with the method after a colon.
        package var featureNames: [String] {
            features.map { SettingsKeys.methodFeatures.contains($0) ? "\($0):\(method)" : $0 }
        }

        package static let defaultFeatures = [
            "add_to_cart", "begin_checkout", "first_visit", "login", "purchase", "session_start", "sign_up",
            "long_total_s",
        ]
    }

    package struct RepurchaseModel: Sendable, Equatable {
        /// Fewest observed intervals for a fit.
        package var minimumIntervals = 30
    }

    package struct TiersModel: Sendable, Equatable {
        /// Fewest buyers for a fit.
        package var minimumBuyers = 30
        /// Of the quartile levels of days since the last purchase, frequency, monetary value, T and lifetime
        /// value; only their proportions count.
        package var weights = [0.278, 0.108, 0.187, 0.286, 0.142]
        /// Four scores, ascending, above which the next tier begins; empty: quintiles of the scores.
        package var cuts: [Double] = []
        /// Weights by how much each decides the segmentation `value`, where that is in use.
        package var learnsWeights = false
        /// Which purchases count for the grade; nil: all.
        package var gradeCondition: GradeCondition?
    }

    /// What a purchase must say to count: one of these of a dimension.
    package struct GradeCondition: Sendable, Equatable {
        package var dimension: Dimension
        /// Not empty, no two alike.
        package var values: [String]

        package init(dimension: Dimension, values: [String]) {
            self.dimension = dimension
            self.values = values
        }

        /// `channel: online or app`.
        package var text: String { "\(dimension.text): \(values.joined(separator: " or "))" }
    }

    package struct LifetimeValueModel: Sendable, Equatable {
        /// How far ahead the value shown reaches; whole days.
        package var horizon = 90 * Microseconds.day
        /// Shown beside it; whole days.
        package var horizons = [7 * Microseconds.day, 90 * Microseconds.day]
        /// For a month of 30 days.
        package var discountMonthly = 0.01
        /// Share of buyers below the bounds beyond which one is left out of the fit.
        package var trim = 0.995
        /// Share of revenue that is gain.
        package var margin = 1.0
        package var acquisitionCost = 0.0
        package var penalty = 0.0
        /// Fewest buyers for a fit.
        package var minimumBuyers = 100
    }

    package struct ModelSettings: Sendable, Equatable {
        package var enabled = SettingsKeys.knownModels.filter { !SettingsKeys.segmentations.contains($0) }
        /// Nil: daily at 03:00 under the wall clock, never under the event clock.
        package var schedule: Schedule?
        package var seed: UInt64 = 42
        package var fitDeadline: Int64 = 10 * Microseconds.minute
        package var fitMemoryBytes: Int64 = 8 << 30
        /// Versions of each model kept in the registry.
        package var keepVersions = 50
        /// Wall clock: between two looks at how far inputs have moved; nil: none.
        package var driftCheck: Int64? = Microseconds.hour
        package var clv = LifetimeValueModel()
        package var segments = SegmentsModel()
        package var value = SegmentsModel.value
        package var payments = SegmentsModel.payments
        /// Segmentations under names of their own.
        package var ownSegmentations: [String: SegmentsModel] = [:]
        package var repurchase = RepurchaseModel()
        package var tiers = TiersModel()
        package var churn = ChurnModel()
        package var highIntent = HighIntentModel()
        package var recommendations = RecommendationsModel()

        /// Of a segmentation beside the first; nil where there is none of that name.
        package func segmentation(_ name: String) -> SegmentsModel? {
            switch name {
            case "value": value
            case "payments": payments
            default: ownSegmentations[name]
            }
        }

        /// Models that are fitted and used, in the order of fitting; those named in `ownSegmentations` after the
        /// built-in segmentations, by name.
        package var fitted: [String] {
            let known = SettingsKeys.knownModels
            let place = known.lastIndex { SettingsKeys.segmentations.contains($0) } ?? 0
            let names = known[...place] + ownSegmentations.keys.sorted() + known[(place + 1)...]
            return names.filter { enabled.contains($0) || ownSegmentations[$0] != nil }
        }

        /// Whether users are grouped under this name.
        package func isSegmentation(_ name: String) -> Bool {
            name == "segments" || SettingsKeys.segmentations.contains(name) || ownSegmentations[name] != nil
        }
    }

    /// One of the built-in rules.
    package struct Rule: Sendable, Equatable {
        package var enabled = true
        /// From the event (or the predicted date) to the trigger.
        package var delay: Int64
        package init(delay: Int64, enabled: Bool = true) {
            self.delay = delay
            self.enabled = enabled
        }
    }

    /// What counts as a structural drop of sales, which concerns no user.
    package struct SalesDecline: Sendable, Equatable {
        /// A trigger without a user is for who expects one.
        package var enabled = false
        /// Share by which both months must lie below the two before them.
        package var drop = 0.2
        /// Fewest purchases in the two months before.
        package var leastPurchases = 100

        package init() {}
    }

    package struct TriggerSettings: Sendable, Equatable {
        /// Wall clock: what was due longer ago is recorded as stale and not sent.
        package var maxAge: Int64 = 6 * Microseconds.hour
        /// How long after a trigger its outcome is looked for; nil: it is not.
        package var outcomeWindow: Int64? = 7 * Microseconds.day
        package var browseAbandoned = Rule(delay: 24 * Microseconds.hour)
        package var cartAbandoned = Rule(delay: Microseconds.hour)
        package var checkoutAbandoned = Rule(delay: 30 * Microseconds.minute)
        package var churned = Rule(delay: 25 * Microseconds.day)
        package var winBack = Rule(delay: 60 * Microseconds.day)
        package var dormant = Rule(delay: 14 * Microseconds.day)
        package var onboardingStalled = Rule(delay: 3 * Microseconds.day)
        package var welcome = Rule(delay: 0)
        /// `delay` is the lead: how long before the predicted date.
        package var repurchaseDue = Rule(delay: 0)
        package var segmentMoved = Rule(delay: 0)
        package var botSuspected = Rule(delay: 0)
        package var tierChanged = Rule(delay: 0)
        package var churnRisk = Rule(delay: 0)
        /// Probability of churn from which on it is told, and below which it may be told again.
        package var churnRiskThreshold = 0.7
        package var churnRiskClear = 0.6
        package var highIntent = Rule(delay: 0)
        package var highIntentThreshold = 0.5
        package var replenishDue = Rule(delay: 0)
        /// What says when an item falls due again: its own mean `interval`, or the peak of the quantity `forecast`.
        package var replenishFrom = "interval"
        /// How far ahead the peak is looked for.
        package var replenishHorizon: Int64 = 12 * Microseconds.day
        package var salesDecline = SalesDecline()
        /// Rules of the configuration's own, and what is laid over the built-in ones.
        package var declared: [RuleDeclaration] = []
        package var arbitration = ArbitrationSettings()
        /// Another file of rules, beside the configuration; empty: none.
        package var playbook = ""
        /// Language of who has not said one.
        package var language = ""
        /// Decisions kept, of all users together.
        package var decisions = 1 << 16
    }
}

/// Every bound of the process in one place. Times are microseconds.
package struct Limits: Sendable, Equatable {
    package var lineBytes = 1 << 20
    package var nesting = 32
    package var ingestConnections = 1024
    package var ingestConnectionsPerPeer = 100
    /// For a line to become whole once its first byte has come.
    package var lineTimeout: Int64 = 30 * Microseconds.second
    package var idleTimeout: Int64 = 5 * Microseconds.minute
    /// A plain connection whose first so many lines are all unusable is closed.
    package var unusableLines = 100
    /// Hosts of `listen.sources`.
    package var sources = 16
    /// Wait after the first failure of a source; it doubles.
    package var sourceRetryLeast: Int64 = Microseconds.second / 2
    package var sourceRetryMost: Int64 = 30 * Microseconds.second
    /// For a connection to a source to be made.
    package var sourceConnectTimeout: Int64 = 10 * Microseconds.second
    /// Entries of `sinks`.
    package var sinks = 16
    /// Wait after the first failure of a sink; it doubles.
    package var sinkRetryLeast: Int64 = Microseconds.second / 2
    package var sinkRetryMost: Int64 = 5 * Microseconds.minute
    package var triggerConnections = 256
    package var statusConnections = 64
    /// Simultaneous lists of users.
    package var userLists = 4
    /// Bytes read from a socket at once, and so the largest batch (a longer line grows it).
    package var readBytes = 4 << 20
    /// Batches of one connection between reading and commit.
    package var batchesInFlight = 4
    /// Bytes waiting in the journal's queue, over all connections, before reading pauses.
    package var journalQueueBytes = 64 << 20
    /// Records the shards may lag behind the journal before reading pauses.
    package var recordsInFlight = 16
    /// Items of one event.
    package var itemsPerEvent = 1000
    /// Body of `POST /v1/events`, unpacked.
    package var httpBodyBytes = 64 << 20
    /// A dead letter keeps so much of its line.
    package var deadLetterBytes = 64 << 10
    /// Triggers a subscriber may have unsent before reading for it pauses, in bytes.
    package var subscriberBufferBytes = 1 << 20
    /// Event ids remembered in all; the oldest by arrival are forgotten beyond.
    package var dedupeIDs = 8_000_000
    /// Distinct event names beyond the known ones; later ones count as `other`.
    package var customNames = 256
    /// Distinct values of one dimension kept for one user; later ones are not counted for `main`.
    package var valuesPerDimension = 64
    /// Purchases kept with their items for each user.
    package var recentPurchases = 10
    package var producers = 10_000
    /// Triggers whose outcome is waited for; later ones are not followed.
    package var outcomes = 1 << 20

    package init() {}

    /// Small bounds, so that queues fill and windows close within a test.
    package static var tiny: Limits {
        var limits = Limits()
        limits.lineBytes = 4096
        limits.ingestConnections = 8
        limits.ingestConnectionsPerPeer = 4
        limits.readBytes = 1024
        limits.batchesInFlight = 2
        limits.journalQueueBytes = 64 << 10
        limits.subscriberBufferBytes = 4096
        limits.dedupeIDs = 1280
        limits.customNames = 4
        limits.sourceRetryLeast = 1_000
        limits.sourceRetryMost = 8_000
        return limits
    }
}

/// One key of the configuration: where it stands, what it takes, and which property it sets.
package struct SettingsKey: Sendable {
    /// From the root of the file, with dots: `clock.allowed_lateness`.
    package let path: String
    package let kind: Kind
    /// One sentence for the shipped file and for a person who reads an error.
    package let sentence: String

    package typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    /// Type, bounds and property in one: a key cannot take what its property does not hold.
    package enum Kind: Sendable {
        case text(Path<String>)
        /// `host:port`.
        case address(Path<String>)
        case flag(Path<Bool>)
        case count(Path<Int>, ClosedRange<Int>)
        case bigCount(Path<Int64>, ClosedRange<Int64>)
        case bytes(Path<Int>, ClosedRange<Int>)
        case bigBytes(Path<Int64>, ClosedRange<Int64>)
        case seed(Path<UInt64>)
        case real(Path<Double>, ClosedRange<Double>)
        /// A list of one of these lengths.
        case reals(Path<[Double]>, ClosedRange<Double>, lengths: [Int])
        /// Text with a unit; microseconds within.
        case duration(Path<Int64>, ClosedRange<Int64>)
        /// A duration, or "auto", which is nil.
        case durationOrAuto(Path<Int64?>, ClosedRange<Int64>)
        /// A duration or null; null means what the sentence says.
        case optionalDuration(Path<Int64?>, ClosedRange<Int64>)
        /// A list of durations.
        case durations(Path<[Int64]>, ClosedRange<Int64>)
        case clockMode(Path<Settings.ClockMode>)
        /// One of these.
        case choice(Path<String>, of: [String])
        case zone(Path<Zone>)
        /// A list of distinct names out of those known.
        case names(Path<[String]>, known: [String], atLeast: Int)
        /// Field of the contract → source keys; entries replace the default of their field.
        case fields(Path<[String: [String]]>)
        /// Value → name, free on both sides.
        case mapping(Path<[String: String]>)
        case schedule(Path<Settings.Schedule?>)
        /// A list of `{address: "host:port"}`.
        case sources(Path<[Settings.Source]>)
        /// `{certificate, key}`, or null.
        case certificate(Path<Settings.Certificate?>)
        /// A list of objects with a `type`.
        case sinks(Path<[Settings.Sink]>)
        case optionalCount(Path<Int?>, ClosedRange<Int>)
        /// An object with a shape of its own.
        case shaped(
            read: @Sendable (JSONValue, inout Settings, (String) -> Zone?) throws(SettingRefusal) -> Void,
            write: @Sendable (Settings) -> JSONValue)
        /// Named by the contract, with one value only so far; nothing is stored.
        case fixed(JSONValue, otherwise: String)
    }

    package init(_ path: String, _ kind: Kind, _ sentence: String) {
        self.path = path
        self.kind = kind
        self.sentence = sentence
    }
}

/// Every key of the configuration, once, in the order of the shipped file.
package enum SettingsKeys {
    package static let all: [SettingsKey] =
        [
            SettingsKey(
                "data_dir", .text(\.dataDirectory), "Directory of everything that must survive a restart.")
        ]
        + listen + clock + schema + sessions + journal + retention + models + segmentationKeys
        + [ownSegmentations] + outcomes + recommendations + triggers + analytics + limits

    /// Models that `models.enabled` may name, in the order of fitting.
    package static let knownModels =
        ["segments", "repurchase", "clv"] + segmentations + [
            "tiers", "churn", "high_intent", "drivers", "recommendations",
        ]

    /// Segmentations beside the first.
    package static let segmentations = ["value", "payments"]

    /// Features that a segmentation may use: counts of the known events, and sessions of both gaps.
    package static let knownFeatures = [
        "session_start", "first_visit", "view_item", "add_to_cart", "begin_checkout", "purchase",
        "refund", "login", "sign_up", "long_total_s", "short_total_s", "long_sessions", "short_sessions",
    ]

    /// Features of how purchases are paid, which ask about `method`.
    package static let methodFeatures = [
        "method_line_mean", "other_line_mean", "method_lines", "method_count", "method_amount",
    ]

    /// Features that the segmentations beside the first may use.
    package static let segmentationFeatures =
        knownFeatures + [
            "days_since_last_event", "days_since_first_event", "days_since_last", "frequency", "recency_d",
            "purchase_span_d", "T_d", "monetary_value", "clv", "revenue",
            "purchase_days", "day_mean", "item_lines",
            "line_mean", "coupons_used", "gender", "age",
        ] + methodFeatures

    static let transforms = ["raw", "standard", "log", "log-standard"]

    private static let day = Microseconds.day
    private static let year = 366 * Microseconds.day
    /// Far more than any machine has, far less than what overflows a sum.
    static let many = 1 << 40

    private static let listen: [SettingsKey] =
        endpoint(
            "ingest", "Where events come in.", address: \.listen.ingest.address,
            tls: \.listen.ingest.tls, token: \.listen.ingest.tokenFile, insecure: \.listen.ingest.insecure)
        + endpoint(
            "triggers", "Where triggers go out.", address: \.listen.triggers.address,
            tls: \.listen.triggers.tls, token: \.listen.triggers.tokenFile,
            insecure: \.listen.triggers.insecure)
        + endpoint(
            "status", "Where questions are answered (HTTP).", address: \.listen.status.address,
            tls: \.listen.status.tls, token: \.listen.status.tokenFile, insecure: \.listen.status.insecure)
        + [
            SettingsKey(
                "listen.sources", .sources(\.listen.sources),
                "Hosts that are connected to and read, lines as on a plain connection, again after each end: "
                    + "[{address: \"shop.example:9000\"}]. Only whole lines count; nothing is written to them."
            )
        ]

    private static func endpoint(
        _ name: String, _ sentence: String, address: SettingsKey.Path<String>,
        tls: SettingsKey.Path<Settings.Certificate?>, token: SettingsKey.Path<String>,
        insecure: SettingsKey.Path<Bool>
    ) -> [SettingsKey] {
        [
            SettingsKey(
                "listen.\(name).address", .address(address),
                "\(sentence) host:port; port 0 asks for a free one."),
            SettingsKey(
                "listen.\(name).tls", .certificate(tls),
                "Files in PEM for TLS: {certificate: \"chain.pem\", key: \"key.pem\"}; null: plain."),
            SettingsKey(
                "listen.\(name).token_file", .text(token),
                "File with the token that clients must give; empty: none."),
            SettingsKey(
                "listen.\(name).insecure", .flag(insecure),
                "Accept an address other than loopback without TLS or without a token."),
        ]
    }

    private static let clock = [
        SettingsKey(
            "clock.mode", .clockMode(\.clock.mode),
            "wall: now is the wall clock; event: now is the greatest event time accepted, or the last $advance."
        ),
        SettingsKey(
            "clock.allowed_lateness", .duration(\.clock.allowedLateness, 0...30 * day),
            "How long decisions wait for events that are out of order: the watermark is now less this."),
        SettingsKey(
            "clock.max_future_skew", .duration(\.clock.maxFutureSkew, 0...year),
            "Wall clock: an event further ahead of now is refused as future_timestamp."),
        SettingsKey(
            "clock.max_jump", .optionalDuration(\.clock.maxJump, Microseconds.second...100 * year),
            "Event clock: an event further ahead of now is refused as future_timestamp; null: none is."),
        SettingsKey(
            "clock.timezone", .zone(\.clock.zone),
            "IANA zone of calendar days, of times given without an offset, and of schedules."),
    ]

    private static let schema = [
        SettingsKey(
            "schema.preset",
            .fixed(.string("default"), otherwise: "the only preset so far is \"default\""),
            "Set of source keys to start from."),
        SettingsKey(
            "schema.fields", .fields(\.schema.fields),
            "Field → source keys, the first that is not null wins; a field named here replaces its default."),
        SettingsKey(
            "schema.event_names", .mapping(\.schema.eventNames),
            "Value of the name field → event name, such as {\"회원가입완료\": \"sign_up\"}."),
    ]

    private static let sessions = [
        SettingsKey(
            "sessions.short_gap", .duration(\.sessions.shortGap, Microseconds.second...year),
            "Events of a user further apart than this are of two short sessions."),
        SettingsKey(
            "sessions.long_gap", .duration(\.sessions.longGap, Microseconds.second...year),
            "Events of a user further apart than this are of two long sessions."),
        SettingsKey(
            "sessions.keep", .optionalDuration(\.sessions.keep, Microseconds.second...2 * year),
            "Late events join sessions of this stretch before now; null: twice long_gap."),
        SettingsKey(
            "dedupe.window", .duration(\.dedupe.window, 0...year),
            "Two events of a user with the same id at most this far apart count once."),
    ]

    private static let journal = [
        SettingsKey(
            "journal.segment_bytes", .bigBytes(\.journal.segmentBytes, 1 << 16...1 << 32),
            "A segment file is closed when it has grown to this."),
        SettingsKey(
            "journal.commit_interval", .duration(\.journal.commitInterval, 0...Microseconds.second),
            "Longest wait of a line for others to share its fdatasync."),
        SettingsKey(
            "journal.archive", .text(\.journal.archive),
            "Directory that receives segments no longer needed instead of their being removed; empty: none."),
        SettingsKey(
            "journal.tick_interval",
            .duration(\.journal.tickInterval, 10_000...Microseconds.hour),
            "Wall clock: the clock is journaled at least this often while nothing arrives."),
        SettingsKey(
            "snapshot.interval", .duration(\.snapshot.interval, Microseconds.second...30 * day),
            "All partitions are written anew at least this often, one by one, where there is something new."),
        SettingsKey(
            "snapshot.journal_bytes", .bigBytes(\.snapshot.journalBytes, 1 << 16...1 << 44),
            "Or each time the journal has grown by so much, or by a sixteenth of the state where that is more."
        ),
        SettingsKey(
            "sinks", .sinks(\.sinks),
            "Where triggers are delivered besides the trigger port, each with its own cursor: "
                + "{type: \"tcp\", address: \"crm.example:9100\", ack: false, timeout: \"30s\"}, "
                + "{type: \"webhook\", url: \"https://crm.example/triggers\", batch: 1, secret: \"\", "
                + "timeout: \"10s\", dead_letter_after: \"24h\", ca_file: \"\"} or "
                + "{type: \"file\", path: \"triggers.ndjson\", rotate_bytes: 67108864, keep: 10}; each may say "
                + "name, types: [\"cart_abandoned\"], include_holdout: false and from: \"now\" or \"oldest\"."
        ),
    ]

    private static let retention = [
        SettingsKey(
            "retention.outbox.age", .duration(\.retention.outboxAge, Microseconds.minute...100 * year),
            "A trigger is kept so long, by the wall clock since it was recorded."),
        SettingsKey(
            "retention.outbox.count", .bigCount(\.retention.outboxCount, 1...Int64(many)),
            "And at most so many of them."),
        SettingsKey(
            "retention.dead_letters.age",
            .duration(\.retention.deadLettersAge, Microseconds.minute...100 * year),
            "A line that could not be used is kept so long."),
        SettingsKey(
            "retention.dead_letters.count", .bigCount(\.retention.deadLettersCount, 0...Int64(many)),
            "And at most so many of them."),
        SettingsKey(
            "retention.erase_within", .duration(\.retention.eraseWithin, Microseconds.minute...30 * day),
            "An erased user is gone from every file within this."),
    ]

    private static let models: [SettingsKey] = [
        SettingsKey(
            "models.enabled", .names(\.models.enabled, known: knownModels, atLeast: 0),
            "Models that are fitted and used."),
        SettingsKey(
            "models.schedule", .schedule(\.models.schedule),
            "null: daily at 3h under the wall clock, never under the event clock; \"off\": only on request; "
                + "or {every: \"24h\", at: \"3h\"}, at counted from midnight in clock.timezone."),
        SettingsKey("models.seed", .seed(\.models.seed), "Seed of every fit."),
        SettingsKey(
            "models.fit_deadline", .duration(\.models.fitDeadline, Microseconds.second...day),
            "A fit that takes longer is killed."),
        SettingsKey(
            "models.fit_memory_bytes", .bigBytes(\.models.fitMemoryBytes, 64 << 20...1 << 44),
            "Memory a fit may use."),
        SettingsKey(
            "models.keep_versions", .count(\.models.keepVersions, 1...100_000),
            "Versions of each model kept in the registry."),
        SettingsKey(
            "models.drift_check", .optionalDuration(\.models.driftCheck, Microseconds.second...year),
            "Wall clock: how often the inputs of the models in use are held against those they were fitted on; "
                + "one that has moved brings the next refit forward. null: never."),
        SettingsKey(
            "models.clv.horizon", .duration(\.models.clv.horizon, day...100 * year),
            "How far ahead the value of a buyer reaches, in whole days; a history as long is needed."),
        SettingsKey(
            "models.clv.horizons", .durations(\.models.clv.horizons, day...100 * year),
            "Horizons that are shown beside it."),
        SettingsKey(
            "models.clv.discount_monthly", .real(\.models.clv.discountMonthly, 0...10),
            "What is earned 30 days later is worth less by this share."),
        SettingsKey(
            "models.clv.trim", .real(\.models.clv.trim, 0.5...1),
            "Buyers above this quantile of frequency or amount are scored but not fitted on; 1: none are."),
        SettingsKey(
            "models.clv.margin", .real(\.models.clv.margin, 0...1000),
            "Share of revenue that is gain."),
        SettingsKey(
            "models.clv.acquisition_cost", .real(\.models.clv.acquisitionCost, 0...1e12),
            "Taken off the value of each buyer."),
        SettingsKey(
            "models.clv.penalty", .real(\.models.clv.penalty, 0...1e6),
            "Draws the parameters towards 0 where data are few: weight of the sum of their squares beside the "
                + "mean log-likelihood, time in units of the oldest buyer's age, money in median amounts."),
        SettingsKey(
            "models.clv.minimum_buyers", .count(\.models.clv.minimumBuyers, 1...many),
            "Fewest buyers for a fit; a tenth of them, and ten at least, must have bought again."),
        SettingsKey(
            "models.segments.k", .count(\.models.segments.k, 0...20),
            "Named groups, the outliers' included where there are any; 0: chosen by the data."),
        SettingsKey(
            "models.segments.features",
            .names(\.models.segments.features, known: knownFeatures, atLeast: 1),
            "What users are grouped by."),
        transformKey("segments", \.models.segments.transform),
        SettingsKey(
            "models.segments.restarts", .count(\.models.segments.restarts, 1...1000),
            "Starts of k-means, the best of which is kept."),
        SettingsKey(
            "models.segments.iterations", .count(\.models.segments.iterations, 1...100_000),
            "Most iterations of one start."),
        SettingsKey(
            "models.segments.outlier_distance", .real(\.models.segments.outlierDistance, 0...1e12),
            "Robust distance beyond which a user is set apart; 0: nobody is."),
        SettingsKey(
            "models.segments.minimum_users", .count(\.models.segments.minimumUsers, 2...many),
            "Fewest users for a fit."),
        SettingsKey(
            "models.repurchase.minimum_intervals",
            .count(\.models.repurchase.minimumIntervals, 1...many),
            "Fewest observed intervals between purchases for a fit."),
        SettingsKey(
            "models.tiers.minimum_buyers", .count(\.models.tiers.minimumBuyers, 1...many),
            "Fewest buyers for a fit."),
        SettingsKey(
            "models.tiers.weights", .reals(\.models.tiers.weights, 0...1e6, lengths: [5]),
            "Weights of the quartile levels of days since the last purchase, frequency, monetary value, T "
                + "and lifetime value in the score; the weight of what is not known is the others'."),
        SettingsKey(
            "models.tiers.learn_weights", .flag(\.models.tiers.learnsWeights),
            "Take for weights how much each decides the segmentation value, where that is in use."),
        SettingsKey(
            "models.tiers.cuts", .reals(\.models.tiers.cuts, 0...10, lengths: [0, 4]),
            "Scores above which Bronze, Silver, Gold and VIP begin, ascending; []: quintiles of the scores."),
        gradeCondition,
    ]

    private static let triggers =
        [
            SettingsKey(
                "triggers.max_age", .duration(\.triggers.maxAge, Microseconds.second...year),
                "Wall clock: a trigger due longer ago than this is recorded as stale and not sent."),
            SettingsKey(
                "triggers.outcome_window",
                .optionalDuration(\.triggers.outcomeWindow, Microseconds.minute...year),
                "How long after a trigger purchase, revenue and return are looked for, for /v1/analytics/uplift; "
                    + "null: they are not."),
        ]
        + rule(
            "browse_abandoned", "A product seen and not put into the cart.",
            enabled: \.triggers.browseAbandoned.enabled,
            delay: \.triggers.browseAbandoned.delay)
        + rule(
            "cart_abandoned", "A cart left.", enabled: \.triggers.cartAbandoned.enabled,
            delay: \.triggers.cartAbandoned.delay)
        + rule(
            "checkout_abandoned", "A checkout left.", enabled: \.triggers.checkoutAbandoned.enabled,
            delay: \.triggers.checkoutAbandoned.delay)
        + rule(
            "churned", "No further purchase since the last.", enabled: \.triggers.churned.enabled,
            delay: \.triggers.churned.delay)
        + rule(
            "win_back", "No further purchase for long.", enabled: \.triggers.winBack.enabled,
            delay: \.triggers.winBack.delay)
        + rule(
            "dormant", "No event of any kind from one who never bought.", enabled: \.triggers.dormant.enabled,
            delay: \.triggers.dormant.delay)
        + rule(
            "onboarding_stalled", "Signed up and bought nothing.",
            enabled: \.triggers.onboardingStalled.enabled,
            delay: \.triggers.onboardingStalled.delay)
        + rule(
            "welcome", "Signed up.", enabled: \.triggers.welcome.enabled,
            delay: \.triggers.welcome.delay)
        + rule(
            "repurchase_due", "The predicted purchase date has come.",
            enabled: \.triggers.repurchaseDue.enabled,
            delay: \.triggers.repurchaseDue.delay, lead: true)
        + [
            SettingsKey(
                "triggers.segment_moved.enabled", .flag(\.triggers.segmentMoved.enabled),
                "A user has changed segment."),
            SettingsKey(
                "triggers.bot_suspected.enabled", .flag(\.triggers.botSuspected.enabled),
                "A user has passed the bound of the outliers."),
            SettingsKey(
                "triggers.tier_changed.enabled", .flag(\.triggers.tierChanged.enabled),
                "A buyer has changed tier."),
            SettingsKey(
                "triggers.churn_risk.enabled", .flag(\.triggers.churnRisk.enabled),
                "A buyer will most likely not buy again within the horizon."),
            SettingsKey(
                "triggers.churn_risk.threshold", .real(\.triggers.churnRiskThreshold, 0...1),
                "Told from this probability on."),
            SettingsKey(
                "triggers.churn_risk.clear", .real(\.triggers.churnRiskClear, 0...1),
                "Once told, not again before it fell below this."),
            SettingsKey(
                "triggers.high_intent.enabled", .flag(\.triggers.highIntent.enabled),
                "A cart or checkout that will most likely become a purchase."),
            SettingsKey(
                "triggers.high_intent.threshold", .real(\.triggers.highIntentThreshold, 0...1),
                "Told from this probability on."),
            SettingsKey(
                "triggers.replenish_due.enabled", .flag(\.triggers.replenishDue.enabled),
                "An item bought on three days or more is due again after its own mean interval."),
            SettingsKey(
                "triggers.replenish_due.from",
                .choice(\.triggers.replenishFrom, of: ["interval", "forecast"]),
                "What says when: that interval, or the day of the greatest quantity that a forecast out of the kept "
                    + "purchases (limits.recent_purchases) expects; the interval still where it expects none."
            ),
            SettingsKey(
                "triggers.replenish_due.horizon",
                .duration(\.triggers.replenishHorizon, Microseconds.day...90 * Microseconds.day),
                "How far ahead the forecast looks: whole days."),
            SettingsKey(
                "triggers.sales_decline.enabled", .flag(\.triggers.salesDecline.enabled),
                "Sales have dropped over two months: once a drop, at the end of the second; concerns no user."
            ),
            SettingsKey(
                "triggers.sales_decline.drop", .real(\.triggers.salesDecline.drop, 0.01...0.99),
                "Share by which either month's revenue a day lies below that of the two months before, and "
                    + "below what the same months of the year before let expect."),
            SettingsKey(
                "triggers.sales_decline.least_purchases",
                .count(\.triggers.salesDecline.leastPurchases, 1...many),
                "Fewest purchases in the two months before."),
        ] + arbitration

    private static func rule(
        _ name: String, _ sentence: String, enabled: SettingsKey.Path<Bool>,
        delay: SettingsKey.Path<Int64>, lead: Bool = false
    ) -> [SettingsKey] {
        [
            SettingsKey("triggers.\(name).enabled", .flag(enabled), sentence),
            SettingsKey(
                "triggers.\(name).\(lead ? "lead" : "delay")", .duration(delay, 0...10 * year),
                lead ? "How long before the predicted date." : "From the event to the trigger."),
        ]
    }
}

// What the status port shows: plain values, taken at one journal position.

package struct SegmentView: Sendable {
    package var id: Int
    package var name: String
    package var users: Int64
    package var converted: Int64
    /// Mean of each feature over the members, in the feature's own units.
    package var centroid: [Named<Double>]
    package init(id: Int, name: String, users: Int64, converted: Int64, centroid: [Named<Double>]) {
        self.id = id
        self.name = name
        self.users = users
        self.converted = converted
        self.centroid = centroid
    }
}

/// One tier or grade.
package struct TierView: Sendable {
    package var name: String
    package var users: Int64
    /// Of all who are in one, of their number and of their revenue; 0 where there are none.
    package var share: Double
    package var revenueShare: Double
    package init(name: String, users: Int64, share: Double, revenueShare: Double) {
        self.name = name
        self.users = users
        self.share = share
        self.revenueShare = revenueShare
    }
}

/// Which users a list holds: those of whom all that is named is true.
package struct UserFilter: Sendable, Equatable {
    package var segment: String?
    /// Whose segment; nil: the first segmentation's.
    package var segmentation: String?
    package var tier: String?
    package var grade: String?
    package init(
        segment: String? = nil, segmentation: String? = nil, tier: String? = nil, grade: String? = nil
    ) {
        self.segment = segment
        self.segmentation = segmentation
        self.tier = tier
        self.grade = grade
    }

    package var isEmpty: Bool { self == UserFilter() }
}

package struct SegmentsView: Sendable {
    package var asOf: EventTime
    /// `segments@3`; nil before the first is adopted.
    package var model: String?
    package var segments: [SegmentView]
    /// The best first; empty before the first are adopted.
    package var tiers: [TierView]
    package var grades: [TierView]
    package init(
        asOf: EventTime, model: String?, segments: [SegmentView], tiers: [TierView] = [],
        grades: [TierView] = []
    ) {
        self.asOf = asOf
        self.model = model
        self.segments = segments
        self.tiers = tiers
        self.grades = grades
    }
}

package struct ModelSummary: Sendable {
    package var name: String
    package var version: Int
    package var fittedAt: EventTime?
    package var adopted: Bool
    package init(name: String, version: Int, fittedAt: EventTime?, adopted: Bool) {
        self.name = name
        self.version = version
        self.fittedAt = fittedAt
        self.adopted = adopted
    }
}

/// One candidate of a model: what it was fitted on, how it did, and why it was adopted or refused.
package struct ModelView: Sendable {
    package var name: String
    package var version: Int
    package var adopted: Bool
    package var reason: String
    package var fittedAt: EventTime
    package var seconds: Double
    package var dataUsers: Int64
    package var dataFrom: EventTime?
    package var dataTo: EventTime?
    package var parameters: JSONValue
    package var metrics: JSONValue
    package var baseline: JSONValue
    /// What was found when drift was last looked for; nil before, and of versions that are not in use.
    package var drift: JSONValue?
    package init(
        name: String, version: Int, adopted: Bool, reason: String, fittedAt: EventTime, seconds: Double,
        dataUsers: Int64, dataFrom: EventTime?, dataTo: EventTime?, parameters: JSONValue,
        metrics: JSONValue, baseline: JSONValue
    ) {
        self.name = name
        self.version = version
        self.adopted = adopted
        self.reason = reason
        self.fittedAt = fittedAt
        self.seconds = seconds
        self.dataUsers = dataUsers
        self.dataFrom = dataFrom
        self.dataTo = dataTo
        self.parameters = parameters
        self.metrics = metrics
        self.baseline = baseline
    }
}

package struct RefitAnswer: Sendable {
    package var name: String
    package var version: Int
    package var adopted: Bool
    package var reason: String
    package init(name: String, version: Int, adopted: Bool, reason: String) {
        self.name = name
        self.version = version
        self.adopted = adopted
        self.reason = reason
    }
}

package struct DeadLetterView: Sendable {
    package var seq: Int64
    package var code: String
    package var detail: String
    package var line: [UInt8]
    package var receivedAt: EventTime
    package init(seq: Int64, code: String, detail: String, line: [UInt8], receivedAt: EventTime) {
        self.seq = seq
        self.code = code
        self.detail = detail
        self.line = line
        self.receivedAt = receivedAt
    }
}

/// `GET /v1/status`.
package struct StatusView: Sendable {
    package var version = ""
    package var store = ""
    package var uptimeSeconds: Double = 0
    package var clockMode = ""
    package var now: EventTime?
    package var watermark: EventTime?
    /// `connections lines events rejected late duplicates bytes`, in this order.
    package var ingest: [Named<Int64>] = []
    /// Rejections by code, zeros too.
    package var rejectedBy: [Named<Int64>] = []
    package var users: Int64 = 0
    package var shards: Int = 0
    package var partitions: Int = 0
    package var journal: [Named<Int64>] = []
    package var outboxLastSeq: Int64 = 0
    package var outboxOldest: Int64 = 1
    package var subscribers: Int64 = 0
    /// `pending overdue done`, in this order.
    package var erasures: [Named<Int64>] = []
    package var sinks: [SinkView] = []
    package var models: [ModelSummary] = []
    package var memoryBytes: Int64 = 0
    package var stateBytes: Int64 = 0
    /// Decisions about triggers by what became of them, zeros too.
    package var decisions: [Named<Int64>] = []
    package init() {}
}

/// What `POST /v1/events` became.
package struct IngestAnswer: Sendable {
    package var accepted: Int
    package var rejected: [Rejection]
    package init(accepted: Int, rejected: [Rejection]) {
        self.accepted = accepted
        self.rejected = rejected
    }
}

/// Why a request was not answered; becomes `{"error":{"code","detail"}}` with the HTTP status.
package struct StatusFailure: Error, Sendable {
    package var httpStatus: Int
    package var code: String
    package var detail: String
    package init(httpStatus: Int, code: String, detail: String) {
        self.httpStatus = httpStatus
        self.code = code
        self.detail = detail
    }
}

/// A consistent list of users, pulled piece by piece: every user as it was when the list was opened,
/// while ingest goes on.
package protocol UserList: Sendable {
    var asOf: EventTime { get }
    var lastSeq: Int64 { get }
    /// The next users, empty at the end.
    func next() async -> [UserView]
    /// Gives back what the list holds; also when it was not read to its end.
    func close()
}

/// What the status port asks of the daemon.
package protocol StatusSource: Sendable {
    func status() async -> StatusView
    /// Counters and gauges for `/metrics`.
    var counters: Counters { get }
    /// Nil when all is well, else why not.
    func health() async -> String?
    func readiness() async -> String?
    /// - Parameter segmentation: by name; nil: the first. Throws where there is none of that name.
    func segments(by segmentation: String?) async throws(StatusFailure) -> SegmentsView
    /// `GET /v1/analytics/NAME`. Throws where there is no such analysis or a parameter is not one of its own.
    func analysis(_ name: String, _ query: [Named<String>]) async throws(StatusFailure) -> JSONValue
    /// `GET /v1/live`. Throws where too many listen.
    func live() async throws(StatusFailure) -> any LiveFeed
    func user(_ id: [UInt8]) async -> UserView?
    /// Some users, or all. Throws where a name is unknown or too many lists are open.
    func users(_ filter: UserFilter) async throws(StatusFailure) -> any UserList
    /// `GET /v1/analytics/forecast`. Throws where user or category are unknown.
    func forecast(_ asked: ForecastQuestion) async throws(StatusFailure) -> JSONValue
    func models() async -> [ModelView]
    /// The one in use (or the last refused where none is), and all candidates, newest first.
    func model(_ name: String) async -> (current: ModelView, history: [ModelView])?
    func refit(_ name: String) async throws(StatusFailure) -> RefitAnswer
    /// Puts a version back that once was adopted; answers when it is in force.
    func use(_ name: String, version: Int) async throws(StatusFailure) -> RefitAnswer
    /// NDJSON lines of the outbox with their numbers.
    func triggers(after: Int64, limit: Int, filter: TriggerFilter) async -> TriggerPage
    func deadLetters(after: Int64, limit: Int) async -> [DeadLetterView]
    /// What messages changed, by rule.
    ///
    /// - Parameter rule: that one only; nil: all.
    func uplift(of rule: String?) async -> JSONValue
    /// Triggers that a sink could not deliver; nil where there is no sink of that name.
    func undelivered(by sink: String, after: Int64, limit: Int) async -> [DeadLetterView]?
    /// Forgets a user; answers when nothing shows them any more.
    func erase(_ user: [UInt8]) async throws(StatusFailure) -> ErasureView
    /// What became of an erasure; nil for an unknown receipt.
    func erasure(_ receipt: String) async throws(StatusFailure) -> ErasureView?
    /// Copies the data directory into another; answers when the copy is whole and on disk.
    func backup(to directory: String) async throws(StatusFailure) -> BackupView
    /// What was decided about a user's triggers, the oldest kept first.
    func decisions(of user: [UInt8]) async -> [DecisionView]
    /// Rules that have too little data about a user now, by name.
    func abstaining(of user: [UInt8]) async -> [String]
    /// Decisions ever taken, by what became of the trigger.
    func decisionCounts() async -> [Named<Int64>]
    /// What is planned to be sent within a stretch of time if nothing more comes.
    /// - Parameter limit: sends told one by one.
    func schedule(from: EventTime, to: EventTime, limit: Int) async -> ScheduleView
    /// Whether a user is held out of a rule, or of everything. Throws where there is no such rule.
    func holdout(_ user: [UInt8], rule: String?) async throws(StatusFailure) -> HoldoutView
    /// Lines of `POST /v1/events`; answers after the commit.
    func ingest(_ body: [UInt8], gzip: Bool) async throws(StatusFailure) -> IngestAnswer
}

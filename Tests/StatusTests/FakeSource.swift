import Core
import Synchronization

@testable import Status

/// Something that happens once and can be awaited.
final class Signal: Sendable {
    private struct State {
        var isSet = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    func set() {
        let waiters = state.withLock { state in
            state.isSet = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    var isSet: Bool { state.withLock { $0.isSet } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isSet = state.withLock { state in
                if !state.isSet { state.waiters.append(continuation) }
                return state.isSet
            }
            if isSet { continuation.resume() }
        }
    }
}

final class FakeList: UserList {
    let asOf = EventTime(microseconds: 1_733_702_400_000_000)
    let lastSeq: Int64 = 1042
    let closed = Signal()
    /// Calls of `close`.
    var closings: Int { closingCount.load(ordering: .relaxed) }
    /// Users given out.
    var produced: Int { producedCount.load(ordering: .relaxed) }
    private let closingCount = Atomic<Int>(0)
    private let producedCount = Atomic<Int>(0)
    /// `next` waits for it where there is one.
    let gate: Signal?
    private let total: Int
    private let pieceSize: Int
    private let template: UserView

    init(total: Int, pieceSize: Int = 100, template: UserView = UserView(), gate: Signal? = nil) {
        self.total = total
        self.pieceSize = pieceSize
        self.template = template
        self.gate = gate
    }

    func next() async -> [UserView] {
        await gate?.wait()
        let from = produced
        let to = min(total, from + pieceSize)
        producedCount.store(to, ordering: .relaxed)
        return (from..<to).map { number in
            var user = template
            user.user = Array("user-\(number)".utf8)
            return user
        }
    }

    func close() {
        closingCount.add(1, ordering: .relaxed)
        closed.set()
    }
}

/// Beats that a test lets go, one after the other.
final class FakeFeed: LiveFeed {
    let closed = Signal()
    private let beats: Mutex<[[LiveEvent]]>

    init(_ beats: [[LiveEvent]]) { self.beats = Mutex(beats) }

    func next() async -> [LiveEvent]? { beats.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    func close() { closed.set() }
}

/// A daemon made of constants.
final class FakeSource: StatusSource {
    struct Script: Sendable {
        var health: String?
        var readiness: String?
        var users: [[UInt8]: UserView] = [:]
        var list = FakeList(total: 0)
        var live: FakeFeed?
        var triggers: [String] = []
        var deadLetters: [DeadLetterView] = []
        /// By sink.
        var undelivered: [String: [DeadLetterView]] = [:]
        var ingest = IngestAnswer(accepted: 0, rejected: [])
        var erasures: [ErasureView] = []
        var refitGate: Signal?
        var ingestGate: Signal?
        var status = FakeSource.sampleStatus
    }

    struct Seen: Sendable {
        var bodies: [[UInt8]] = []
        var gzips: [Bool] = []
        var ids: [[UInt8]] = []
        var lists: [UserFilter] = []
        var filters: [TriggerFilter] = []
        var triggerLimits: [Int] = []
        var forecasts: [ForecastQuestion] = []
    }

    let counters = Counters()
    let script: Script
    var seen: Seen { log.withLock { $0 } }
    private let log = Mutex(Seen())
    let refitBegan = Signal()

    init(_ change: (inout Script) -> Void = { _ in }) {
        var script = Script()
        change(&script)
        self.script = script
    }

    func status() async -> StatusView { script.status }
    func health() async -> String? { script.health }
    func readiness() async -> String? { script.readiness }

    func segments(by segmentation: String?) async throws(StatusFailure) -> SegmentsView {
        if let segmentation, segmentation != "value" {
            throw StatusFailure(
                httpStatus: 404, code: "unknown_segmentation", detail: "no segmentation \(segmentation)")
        }
        return SegmentsView(
            asOf: EventTime(microseconds: 1_733_702_400_000_000), model: "\(segmentation ?? "segments")@3",
            segments: [
                SegmentView(
                    id: 0, name: "loyal", users: 30, converted: 15, centroid: [Named("purchase", 2.5)]),
                SegmentView(id: 1, name: "outlier", users: 10, converted: 0, centroid: []),
                SegmentView(id: 2, name: #"odd "one""#, users: 0, converted: 0, centroid: []),
            ],
            tiers: [
                TierView(name: "VIP", users: 3, share: 0.75, revenueShare: 0.9),
                TierView(name: "At Risk", users: 1, share: 0.25, revenueShare: 0.1),
            ], grades: [TierView(name: "G1", users: 0, share: 0, revenueShare: 0)])
    }

    func live() async throws(StatusFailure) -> any LiveFeed {
        guard let feed = script.live else {
            throw StatusFailure(httpStatus: 503, code: "over_limit", detail: "nobody may listen")
        }
        return feed
    }

    /// Knows `overview`, and says back what it was asked.
    func analysis(_ name: String, _ query: [Named<String>]) async throws(StatusFailure) -> JSONValue {
        guard name == "overview" else {
            throw StatusFailure(httpStatus: 404, code: "unknown_analysis", detail: "there is overview")
        }
        return .object(query.map { .init($0.name, .string($0.value)) })
    }

    func user(_ id: [UInt8]) async -> UserView? {
        log.withLock { $0.ids.append(id) }
        return script.users[id]
    }

    func users(_ filter: UserFilter) async throws(StatusFailure) -> any UserList {
        log.withLock { $0.lists.append(filter) }
        if filter.segment == "nowhere" {
            throw StatusFailure(httpStatus: 404, code: "unknown_segment", detail: "no segment nowhere")
        }
        return script.list
    }

    func forecast(_ asked: ForecastQuestion) async throws(StatusFailure) -> JSONValue {
        log.withLock { $0.forecasts.append(asked) }
        if asked.category == "nothing" {
            throw StatusFailure(httpStatus: 404, code: "unknown_category", detail: "no category nothing")
        }
        return .object([.init("name", .string("forecast"))])
    }

    func models() async -> [ModelView] { [FakeSource.model(version: 3, adopted: true)] }

    func model(_ name: String) async -> (current: ModelView, history: [ModelView])? {
        guard name == "segments" else { return nil }
        return (
            FakeSource.model(version: 3, adopted: true),
            [FakeSource.model(version: 4, adopted: false), FakeSource.model(version: 3, adopted: true)]
        )
    }

    func use(_ name: String, version: Int) async throws(StatusFailure) -> RefitAnswer {
        guard name == "segments", version == 3 else {
            throw StatusFailure(httpStatus: 404, code: "unknown_version", detail: "no \(name)@\(version)")
        }
        return RefitAnswer(name: name, version: version, adopted: true, reason: "put back on request")
    }

    func refit(_ name: String) async throws(StatusFailure) -> RefitAnswer {
        refitBegan.set()
        await script.refitGate?.wait()
        guard name == "segments" else {
            throw StatusFailure(httpStatus: 404, code: "unknown_model", detail: "no model \(name)")
        }
        return RefitAnswer(name: name, version: 5, adopted: true, reason: "better by 0.1")
    }

    /// Looks at no more than ten, as an outbox looks at a bounded stretch.
    func triggers(after: Int64, limit: Int, filter: TriggerFilter) async -> TriggerPage {
        log.withLock { seen in
            seen.filters.append(filter)
            seen.triggerLimits.append(limit)
        }
        let last = Int64(script.triggers.count)
        var page = TriggerPage(lines: [], count: 0, through: after, oldest: 1, last: last)
        while page.through < min(last, after + 10), page.count < limit {
            let line = script.triggers[Int(page.through)]
            page.through += 1
            if let type = filter.types?.first, !line.contains("\"\(type)\"") { continue }
            page.lines += Array((line + "\n").utf8)
            page.count += 1
        }
        return page
    }

    func deadLetters(after: Int64, limit: Int) async -> [DeadLetterView] {
        Array(script.deadLetters.filter { $0.seq > after }.prefix(limit))
    }

    func uplift(of rule: String?) async -> JSONValue {
        .object([.init("rule", rule.map { .string($0) } ?? .null)])
    }

    func undelivered(by sink: String, after: Int64, limit: Int) async -> [DeadLetterView]? {
        script.undelivered[sink].map { Array($0.filter { $0.seq > after }.prefix(limit)) }
    }

    func erase(_ user: [UInt8]) async throws(StatusFailure) -> ErasureView {
        log.withLock { $0.ids.append(user) }
        guard let erasure = script.erasures.first else {
            throw StatusFailure(httpStatus: 503, code: "erasure_not_kept", detail: "no room")
        }
        return erasure
    }

    func erasure(_ receipt: String) async throws(StatusFailure) -> ErasureView? {
        script.erasures.first { $0.receipt == receipt }
    }

    func decisions(of user: [UInt8]) async -> [DecisionView] {
        guard user == Array("18.172369".utf8) else { return [] }
        let time = EventTime(microseconds: 1_733_702_400_000_000)
        return [DecisionView(at: time, due: time, rule: "win_back", decision: "capped")]
    }

    func abstaining(of user: [UInt8]) async -> [String] {
        user == Array("18.172369".utf8) ? ["churn_risk"] : []
    }

    func decisionCounts() async -> [Named<Int64>] { [Named("sent", 4), Named("capped", 0)] }

    func schedule(from: EventTime, to: EventTime, limit: Int) async -> ScheduleView {
        var trigger = Trigger(
            type: "win_back", rule: "win_back", user: Array("a".utf8), at: from, due: from + 5)
        trigger.message = "back?"
        var churned = ScheduleView.Rule(name: "churned", sent: 2, heldOut: 1)
        churned.purchases = .init(value: 0.5, low: -0.25, high: 1)
        churned.revenue = .init(value: 20, low: 0, high: 40.5)
        churned.valueAtRisk = 12.5
        var winBack = ScheduleView.Rule(name: "win_back", sent: 1, heldOut: 0)
        winBack.reason = "nobody"
        return ScheduleView(
            asOf: from, days: [.init(date: 20_066, rules: [("churned", 2, 1), ("win_back", 1, 0)])],
            rules: [churned, winBack], valueAtRisk: nil,
            sends: limit == 0 ? [] : [trigger])
    }

    func holdout(_ user: [UInt8], rule: String?) async throws(StatusFailure) -> HoldoutView {
        guard rule ?? "welcome" == "welcome" else {
            throw StatusFailure(httpStatus: 404, code: "unknown_rule", detail: "no such rule")
        }
        return HoldoutView(user: user, rule: rule, group: "holdout", isControl: false)
    }

    func backup(to directory: String) async throws(StatusFailure) -> BackupView {
        guard directory == "/backups/one" else {
            throw StatusFailure(httpStatus: 500, code: "backup_failed", detail: "\(directory) is not empty")
        }
        return BackupView(directory: directory, record: 9, files: 70, bytes: 1000, seconds: 0.5)
    }

    func ingest(_ body: [UInt8], gzip: Bool) async throws(StatusFailure) -> IngestAnswer {
        log.withLock { seen in
            seen.bodies.append(body)
            seen.gzips.append(gzip)
        }
        await script.ingestGate?.wait()
        if body == Array("bad".utf8) {
            throw StatusFailure(httpStatus: 400, code: "bad_gzip", detail: "the body is no gzip stream")
        }
        return script.ingest
    }

    static func model(version: Int, adopted: Bool) -> ModelView {
        ModelView(
            name: "segments", version: version, adopted: adopted, reason: adopted ? "first" : "no better",
            fittedAt: EventTime(microseconds: 1_733_702_400_000_000), seconds: 1.5, dataUsers: 1234,
            dataFrom: EventTime(microseconds: 1_719_792_000_000_000), dataTo: nil,
            parameters: .object([.init("k", .integer(6))]),
            metrics: .object([.init("inertia", .number(2.5))]),
            baseline: .object([.init("inertia", .number(3))]))
    }

    static var sampleStatus: StatusView {
        var view = StatusView()
        view.version = "0.1.0"
        view.store = "7d1f"
        view.uptimeSeconds = 12.5
        view.clockMode = "event"
        view.now = EventTime(microseconds: 1_733_702_400_500_000)
        view.watermark = EventTime(microseconds: 1_733_702_340_500_000)
        let names = ["connections", "lines", "events", "rejected", "late", "duplicates", "bytes"]
        view.ingest = names.map { Named($0, 7) }
        view.decisions = [Named("sent", 4), Named("capped", 0)]
        view.rejectedBy = [Named("bad_json", 2), Named("not_object", 0)]
        view.users = 40
        view.shards = 2
        view.partitions = 64
        view.journal = [Named("records", 9), Named("bytes", 900)]
        view.outboxLastSeq = 1042
        view.subscribers = 1
        view.models = [
            ModelSummary(
                name: "segments", version: 3, fittedAt: EventTime(microseconds: 1_733_702_400_000_000),
                adopted: true)
        ]
        view.memoryBytes = 1 << 20
        view.stateBytes = 1 << 10
        return view
    }
}

/// A server on a free port of the loopback, and its source.
struct Daemon {
    let source: FakeSource
    let server: StatusServer
    var address: String { server.boundAddress }

    init(
        _ source: FakeSource = FakeSource(), token: String? = nil, limits: Limits = Limits(),
        address: String = "127.0.0.1:0", requestSeconds: Int = 30
    ) throws {
        self.source = source
        server = try StatusServer(
            endpoint: Settings.Endpoint(address: address), token: token, limits: limits, source: source,
            requestSeconds: requestSeconds, log: { _ in })
    }

    /// One request on a connection of its own.
    func ask(
        _ method: String, _ target: String, headers: [String] = [], body: [UInt8]? = nil
    ) async throws -> Answer {
        let address = address
        return try await onThread {
            try HTTPClient(address).ask(method, target, headers: headers, body: body)
        }
    }

    func get(_ target: String) async throws -> Answer { try await ask("GET", target) }
}

import Core
import Dispatch
import Engine
import Models
import Store
import Synchronization
import Wire

/// What the status port shows, asked of the parts of the daemon.
struct DaemonStatus: StatusSource {
    let sequencer: Sequencer
    let shards: [Shard]
    let keeper: OutboxKeeper
    let writer: JournalWriter
    let trainer: Trainer
    let registry: RegistryKeeper
    let eraser: Eraser
    let sinks: Sinks
    let backups: BackupTaker
    let settings: Settings
    let store: String
    let startedAt: Int64
    let time: any TimeSource
    let counters: Counters
    let key: HashKey
    let lists: ListRegistry
    let failure: Guarded<String?>
    let livePlaces: LivePlaces
    let forecasts = ForecastDesk()
    let slowAnswers: SlowAnswers<JSONValue>

    func status() async -> StatusView {
        let ledger = await sequencer.ledger
        let totals = keeper.totals()
        var view = StatusView()
        view.version = roostVersion
        view.store = store
        view.uptimeSeconds = Double(time.monotonic() - startedAt) / 1e6
        view.clockMode = settings.clock.mode.rawValue
        if ledger.clock.now > EventTime.distantPast.microseconds {
            view.now = EventTime(microseconds: ledger.clock.now)
            view.watermark = EventTime(microseconds: ledger.clock.watermark)
        }
        view.ingest = [
            Named("connections", counters.value(.ingestConnections)), Named("lines", ledger.lines),
            Named("events", totals.events), Named("rejected", ledger.rejectedTotal),
            Named("late", totals.late), Named("duplicates", totals.duplicates),
            Named("bytes", ledger.bytes), Named("sources", counters.value(.sourceConnections)),
        ]
        view.rejectedBy = RejectionCode.allCases.map { Named($0.text, ledger.rejected[Int($0.rawValue)]) }
        view.users = totals.users
        view.shards = shards.count
        view.partitions = Partitioning.count
        view.journal = await writer.figures() + [Named("last_record", Int64(ledger.position))]
        view.outboxLastSeq = keeper.lastSeq
        view.outboxOldest = await keeper.oldest()
        view.subscribers = counters.value(.triggerSubscribers)
        view.erasures = [
            Named("pending", counters.value(.erasuresPending)),
            Named("overdue", counters.value(.erasuresOverdue)), Named("done", eraser.doneCount),
        ]
        view.sinks = sinks.views
        view.models = await summaries(ledger)
        view.memoryBytes = residentBytes()
        for shard in shards { view.stateBytes += await shard.stateBytes() }
        view.decisions = await decisionCounts()
        mirror(ledger, totals, view)
        return view
    }

    /// The counters that are functions of the journal, for `/metrics`.
    private func mirror(_ ledger: Ledger, _ totals: ShardTotals, _ view: StatusView) {
        counters.set(.ingestLines, ledger.lines)
        counters.set(.ingestEvents, totals.events)
        counters.set(.ingestRejected, ledger.rejectedTotal)
        counters.set(.ingestLate, totals.late)
        counters.set(.ingestDuplicates, totals.duplicates)
        counters.set(.ingestBytes, ledger.bytes)
        counters.set(.dedupeForgotten, totals.forgotten)
        counters.set(.users, totals.users)
        counters.set(.stateBytes, view.stateBytes)
    }

    private func summaries(_ ledger: Ledger) async -> [ModelSummary] {
        var result: [ModelSummary] = []
        for name in trainer.modelNames {
            let state = ledger.models[name] ?? Ledger.ModelState()
            let inUse = await registry.history(of: name).first { $0.version == state.adopted }
            result.append(
                ModelSummary(
                    name: name, version: state.adopted, fittedAt: inUse?.fittedAt, adopted: state.adopted > 0)
            )
        }
        return result
    }

    func health() async -> String? { failure.value }

    func readiness() async -> String? { failure.value }

    func segments(by segmentation: String?) async throws(StatusFailure) -> SegmentsView {
        guard let segmentation, segmentation != SegmentsModel.name else { return await segments() }
        try requireSegmentation(segmentation)
        let asOf = EventTime(microseconds: await sequencer.ledger.clock.now)
        var totals = SegmentationTotals()
        for shard in shards { totals.add(await shard.segmentTotals(by: segmentation)) }
        let features = totals.features
        return SegmentsView(
            asOf: asOf, model: totals.version == 0 ? nil : "\(segmentation)@\(totals.version)",
            segments: totals.groups.filter {
                $0.id != Int(SegmentsModel.outlierID) || $0.users > 0
            }.map { group in
                SegmentView(
                    id: group.id, name: group.name, users: group.users, converted: group.converted,
                    centroid: zip(features, group.sums).map {
                        Named($0, group.summed == 0 ? 0 : Double($1) / 1e6 / Double(group.summed))
                    })
            })
    }

    func analysis(_ name: String, _ query: [Named<String>]) async throws(StatusFailure) -> JSONValue {
        if name == RulesAnalysis.name {
            let analysis = try RulesAnalysis(query)
            let question = query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
            return try await slowAnswers.answer(question) {
                do throws(StatusFailure) {
                    return .success(
                        try await analysis.answer(
                            shards, asOf: EventTime(microseconds: await sequencer.ledger.clock.now),
                            model: await model(RecommendationsModel.name)?.current))
                } catch {
                    return .failure(error)
                }
            }
        }
        return try await Analyses.answer(
            name, query,
            AnalysisSource(sequencer: sequencer, shards: shards, settings: settings))
    }

    func live() async throws(StatusFailure) -> any LiveFeed {
        guard let place = livePlaces.take() else {
            throw StatusFailure(
                httpStatus: 503, code: "over_limit",
                detail: "\(livePlaces.limit) listen already (analytics.live_listeners)")
        }
        return LiveListener(self, place)
    }

    private func requireSegmentation(_ name: String) throws(StatusFailure) {
        let known = trainer.segmentationNames
        guard known.contains(name) else {
            throw StatusFailure(
                httpStatus: 404, code: "unknown_segmentation",
                detail: "there is no segmentation \(name); there are \(known.joined(separator: ", "))")
        }
    }

    private func segments() async -> SegmentsView {
        let asOf = EventTime(microseconds: await sequencer.ledger.clock.now)
        var merged: [SegmentTotals] = []
        var version = 0
        var features: [String] = []
        for shard in shards {
            let part = await shard.segmentTotals()
            version = max(version, part.version)
            if features.isEmpty { features = await shard.segmentFeatureNames() }
            for segment in part.segments {
                if let place = merged.firstIndex(where: { $0.id == segment.id }) {
                    merged[place].users += segment.users
                    merged[place].converted += segment.converted
                    for index in segment.sums.indices { merged[place].sums[index] += segment.sums[index] }
                } else {
                    merged.append(segment)
                }
            }
        }
        let outliers = merged.filter { $0.id == 255 && $0.users == 0 }.map(\.id)
        return SegmentsView(
            asOf: asOf, model: version == 0 ? nil : "segments@\(version)",
            segments: merged.filter { !outliers.contains($0.id) }.map { segment in
                SegmentView(
                    id: segment.id, name: segment.name, users: segment.users, converted: segment.converted,
                    centroid: zip(features, segment.sums).map {
                        Named($0, segment.users == 0 ? 0 : $1 / Double(segment.users))
                    })
            }, tiers: await tiers().tiers, grades: await tiers().grades)
    }

    /// The best first; none before the first boundaries are adopted.
    private func tiers() async -> (tiers: [TierView], grades: [TierView]) {
        var tiers: [TierMembers] = []
        var grades: [TierMembers] = []
        for shard in shards {
            guard await shard.tiersLabel() != nil else { return ([], []) }
            let part = await shard.tierMembers()
            tiers = TierMembers.sum(tiers, part.tiers)
            grades = TierMembers.sum(grades, part.grades)
        }
        return (
            TierMembers.views(TierRule.names, tiers), TierMembers.views(GradeRule.names, grades)
        )
    }

    func user(_ id: [UInt8]) async -> UserView? {
        guard !id.isEmpty, id.count <= 256 else { return nil }
        let names = await sequencer.ledger.names
        let number = id.withUnsafeBytes { Partitioning.partition(of: $0) }
        return await shards[number % shards.count].user(id, names: names)
    }

    /// Names that a segmentation may give out: one that is empty now is an empty list.
    private static let segmentNames = ["vip", "loyal", "newcomer", "at_risk", "dormant", "outlier"]

    func users(_ asked: UserFilter) async throws(StatusFailure) -> any UserList {
        if let segmentation = asked.segmentation, asked.segment == nil {
            throw StatusFailure(
                httpStatus: 400, code: "bad_parameter",
                detail: "by=\(segmentation) says whose segment, and no segment is given")
        }
        var filter = asked
        if filter.segmentation == SegmentsModel.name { filter.segmentation = nil }
        if let segment = filter.segment {
            let known = try await segments(by: asked.segmentation).segments.map(\.name)
            if filter.segmentation != nil || !Self.segmentNames.contains(segment) {
                try Self.require("segment", segment, among: known)
            }
        }
        if let tier = filter.tier { try Self.require("tier", tier, among: TierRule.names) }
        if let grade = filter.grade { try Self.require("grade", grade, among: GradeRule.names) }
        guard let id = lists.open() else {
            throw StatusFailure(
                httpStatus: 503, code: "over_limit",
                detail: "\(settings.limits.userLists) lists of users are open already (limits.user_lists)")
        }
        let lastSeq = keeper.lastSeq
        let shards = shards
        let asOf = await sequencer.atOnePosition { [filter] ledger in
            for shard in shards {
                let names = ledger.names
                shard.ask({ $0.openList(id, names: names, filter: filter) }) {}
            }
            return EventTime(microseconds: ledger.clock.now)
        }
        return ShardedUserList(id: id, asOf: asOf, lastSeq: lastSeq, shards: shards, lists: lists)
    }

    private static func require(
        _ kind: String, _ name: String, among known: [String]
    ) throws(StatusFailure) {
        if known.contains(name) { return }
        throw StatusFailure(
            httpStatus: 404, code: "unknown_\(kind)",
            detail: known.isEmpty
                ? "no segmentation has been adopted yet"
                : "there is no \(kind) \(name); there are \(known.joined(separator: ", "))")
    }

    func models() async -> [ModelView] {
        var result: [ModelView] = []
        for name in trainer.modelNames {
            if let (current, _) = await model(name) { result.append(current) }
        }
        return result
    }

    func model(_ name: String) async -> (current: ModelView, history: [ModelView])? {
        guard trainer.modelNames.contains(name) else { return nil }
        let adopted = await sequencer.ledger.models[name]?.adopted ?? 0
        let history = await registry.history(of: name)
        guard var current = history.first(where: { $0.version == adopted }) ?? history.first else {
            return nil
        }
        current.drift = trainer.observedDrift(name, version: current.version)
        return (current, history)
    }

    private func require(_ name: String) throws(StatusFailure) {
        guard trainer.modelNames.contains(name) else {
            throw StatusFailure(
                httpStatus: 404, code: "unknown_model",
                detail: "there is no model \(name); there are \(trainer.modelNames.joined(separator: ", "))")
        }
    }

    func use(_ name: String, version: Int) async throws(StatusFailure) -> RefitAnswer {
        try require(name)
        guard let bytes = await registry.bytes(of: name, version: version) else {
            throw StatusFailure(
                httpStatus: 404, code: "unknown_version",
                detail: "\(name)@\(version) was not adopted or is not kept (models.keep_versions)")
        }
        let sequencer = sequencer
        let isDone = await withCheckedContinuation { continuation in
            sequencer.enqueue { $0.use(name, version, bytes) { continuation.resume(returning: $0) } }
        }
        guard isDone else {
            throw StatusFailure(httpStatus: 503, code: "closing", detail: "the daemon is stopping")
        }
        return RefitAnswer(name: name, version: version, adopted: true, reason: "put back on request")
    }

    func refit(_ name: String) async throws(StatusFailure) -> RefitAnswer {
        try require(name)
        let sequencer = sequencer
        let candidate = await withCheckedContinuation { continuation in
            sequencer.enqueue { $0.refit(name) { continuation.resume(returning: $0) } }
        }
        guard let candidate else {
            throw StatusFailure(httpStatus: 503, code: "closing", detail: "the daemon is stopping")
        }
        return RefitAnswer(
            name: name, version: candidate.view.version, adopted: candidate.view.adopted,
            reason: candidate.view.reason)
    }

    func triggers(after: Int64, limit: Int, filter: TriggerFilter) async -> TriggerPage {
        await keeper.page(after: after, limit, filter)
    }

    func deadLetters(after: Int64, limit: Int) async -> [DeadLetterView] {
        await keeper.letters(after: after, limit: limit)
    }

    func uplift(of rule: String?) async -> JSONValue {
        let now = await sequencer.ledger.clock.now
        return await uplift().tree(of: rule, asOf: EventTime(microseconds: now))
    }

    func uplift() async -> Uplift {
        var reports: [(partition: Int, report: FollowUpReport)] = []
        for shard in shards { reports += await shard.followUps() }
        let ledger = await sequencer.ledger
        let known = await segments().segments
        let names = Dictionary(known.map { ($0.id + 1, $0.name) }, uniquingKeysWith: { first, _ in first })
        return Uplift(
            reports.sorted { $0.partition < $1.partition }.map(\.report),
            window: ledger.settings.outcomes.followUp, segmentNames: names)
    }

    func undelivered(by sink: String, after: Int64, limit: Int) async -> [DeadLetterView]? {
        guard settings.sinks.contains(where: { $0.name == sink }) else { return nil }
        return await keeper.undelivered(by: SinkRunner.consumer(sink), after: after, limit: limit)
    }

    func erase(_ user: [UInt8]) async throws(StatusFailure) -> ErasureView {
        guard user.count <= 256 else {
            throw StatusFailure(
                httpStatus: 400, code: "bad_parameter", detail: "ID: an id has at most 256 bytes")
        }
        return try await eraser.erase(user)
    }

    func erasure(_ receipt: String) async throws(StatusFailure) -> ErasureView? {
        do throws(ErasureRegisterError) { return try await eraser.find(receipt) } catch {
            throw StatusFailure(httpStatus: 503, code: "erasures_unreadable", detail: "\(error)")
        }
    }

    func backup(to directory: String) async throws(StatusFailure) -> BackupView {
        try await backups.take(to: directory)
    }

    func ingest(_ body: [UInt8], gzip: Bool) async throws(StatusFailure) -> IngestAnswer {
        try await BodyIntake(settings: settings, key: key, intake: sequencer).take(
            body, gzip: gzip)
    }
}

/// Bounds how many lists of users are open at once.
final class ListRegistry: Sendable {
    private let state: Guarded<(next: UInt64, open: Set<UInt64>)>
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
        state = Guarded((1, []))
    }

    func open() -> UInt64? {
        let given = Guarded<UInt64?>(nil)
        let limit = limit
        state.update { state in
            guard state.open.count < limit else { return }
            let id = state.next
            state.open.insert(id)
            state.next += 1
            given.update { $0 = id }
        }
        return given.value
    }

    func close(_ id: UInt64) { state.update { $0.open.remove(id) } }
}

/// A list over all shards, opened at one journal position.
struct ShardedUserList: UserList {
    let id: UInt64
    let asOf: EventTime
    let lastSeq: Int64
    let shards: [Shard]
    let lists: ListRegistry
    private let at = Guarded(0)

    init(id: UInt64, asOf: EventTime, lastSeq: Int64, shards: [Shard], lists: ListRegistry) {
        self.id = id
        self.asOf = asOf
        self.lastSeq = lastSeq
        self.shards = shards
        self.lists = lists
    }

    func next() async -> [UserView] {
        while at.value < shards.count {
            let users = await shards[at.value].readList(id, 256)
            if !users.isEmpty { return users }
            at.update { $0 += 1 }
        }
        return []
    }

    func close() {
        let id = id
        for shard in shards { shard.ask({ $0.closeList(id) }) {} }
        lists.close(id)
    }
}

extension Sequencer {
    /// Runs a question between two records.
    nonisolated func atOnePosition<Answer: Sendable>(
        _ question: @escaping @Sendable (Ledger) -> Answer
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            enqueue { continuation.resume(returning: question($0.ledger)) }
        }
    }
}

extension TierMembers {
    fileprivate static func sum(_ a: [TierMembers], _ b: [TierMembers]) -> [TierMembers] {
        if a.isEmpty { return b }
        return zip(a, b).map { one, other in
            var sum = one
            sum.users += other.users
            sum.revenue += other.revenue
            return sum
        }
    }

    fileprivate static func views(_ names: [String], _ members: [TierMembers]) -> [TierView] {
        let users = members.reduce(0) { $0 + $1.users }
        let revenue = members.reduce(0) { $0 + $1.revenue }
        return zip(names, members).reversed().map { name, member in
            TierView(
                name: name, users: member.users,
                share: users == 0 ? 0 : Double(member.users) / Double(users),
                revenueShare: revenue == 0 ? 0 : Double(member.revenue) / Double(revenue))
        }
    }
}

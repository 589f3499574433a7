import Core
import Dispatch
import Engine
import Models

/// What is to be fitted.
struct FitOrder: Sendable {
    var name: String
    var version: Int
    /// The scheduled instant, or now when it was asked for.
    var instant: Int64
    /// Scheduled refits see only what is decided.
    var scheduled: Bool
    /// The model in use: its bytes, empty where there is none, and its version.
    var previous: [UInt8]
    var previousVersion: Int
}

/// What came of it, judged.
struct FittedCandidate: Sendable {
    var order: FitOrder
    var view: ModelView
    /// Empty where refused.
    var bytes: [UInt8]
}

/// Gathers columns from the shards, has the child fit them, and asks the gate. On a queue of its own,
/// which it blocks.
actor Trainer {
    private nonisolated let executor = QueueExecutor(label: "roost.trainer", qos: .utility)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let shards: [Shard]
    private nonisolated let settings: Guarded<Settings.ModelSettings>
    private let zone: Zone
    private let registry: RegistryKeeper
    private let time: any TimeSource
    private let log: Log

    init(shards: [Shard], settings: Settings, registry: RegistryKeeper, time: any TimeSource, log: Log) {
        self.shards = shards
        self.settings = Guarded(settings.models)
        zone = settings.clock.zone
        self.registry = registry
        self.time = time
        self.log = log
    }

    /// Models that are kept fitted, in the order of fitting.
    nonisolated var modelNames: [String] {
        let enabled = settings.value.enabled
        return SettingsKeys.knownModels.filter { enabled.contains($0) }
    }

    /// Takes changed settings for the fits to come; one that has begun keeps those it began with.
    nonisolated func take(_ changed: Settings.ModelSettings) { settings.update { $0 = changed } }

    /// Fits on what the shards hold when their turn comes; always completes with a verdict.
    nonisolated func fit(_ order: FitOrder, completion: @escaping @Sendable (FittedCandidate) -> Void) {
        ask(order) { trainer, run, question in trainer.carryOut(run, question, completion) }
    }

    /// How far the inputs have moved since the model in use was fitted, as the shards hold them when their
    /// turn comes.
    nonisolated func shifts(
        _ order: FitOrder, completion: @escaping @Sendable ([InputProfile.Shift]) -> Void
    ) {
        ask(order) { _, _, question in completion(question.shifts) }
    }

    private nonisolated func ask(
        _ order: FitOrder,
        _ completion: @escaping @Sendable (isolated Trainer, FitRun, FitRun.Question) -> Void
    ) {
        let run = FitRun(order: order, settings: settings.value, zone: zone)
        let scheduled = order.scheduled
        switch order.name {
        case SegmentsModel.name:
            let features = run.settings.segments.features.compactMap { SegmentFeature($0) }
            fit(
                run, into: SegmentColumns(features: features.count),
                { $0.segmentColumns(features, decidedOnly: scheduled) }, run.segments, completion)
        case LifetimeValueModel.name:
            fit(
                run, into: SpendingColumns(), { $0.spendingColumns(decidedOnly: scheduled) },
                run.lifetimeValue, completion)
        case RepurchaseModel.name:
            fit(
                run, into: PurchaseDayColumns(), { $0.repurchaseColumns(decidedOnly: scheduled) },
                run.repurchase, completion)
        case TiersModel.name:
            fit(
                run, into: TierColumns(), { $0.tierColumns(decidedOnly: scheduled) }, run.tiers, completion)
        case let name where run.settings.segmentation(name) != nil:
            let features = run.settings.segmentation(name)?.featureNames.compactMap { UserFeature($0) } ?? []
            fit(
                run, into: SegmentColumns(features: features.count),
                { $0.segmentationColumns(features, decidedOnly: scheduled) }, run.segmentation, completion)
        case ChurnModel.name:
            fit(
                run, into: OutcomeRows(names: ChurnFeature.names), { $0.churnRows() }, run.churn, completion)
        case HighIntentModel.name:
            fit(
                run, into: OutcomeRows(names: IntentFeature.names), { $0.intentRows() }, run.highIntent,
                completion)
        case DriversModel.name:
            fit(run, into: DriverColumns(), { $0.driverColumns() }, run.drivers, completion)
        case RecommendationsModel.name:
            fit(
                run, into: RecommendationColumns(), { $0.recommendationColumns() }, run.recommendations,
                completion)
        default: preconditionFailure("there is no model \(order.name)")
        }
    }

    /// - Parameters:
    ///   - question: what the partitions of a shard hand over.
    ///   - request: what is asked of the child, given all columns.
    private nonisolated func fit<Columns: FitColumns>(
        _ run: FitRun, into columns: Columns,
        _ question: @escaping @Sendable (isolated Shard) -> [(partition: Int, columns: Columns)],
        _ request: @escaping @Sendable (Columns) -> FitRequest,
        _ completion: @escaping @Sendable (isolated Trainer, FitRun, FitRun.Question) -> Void
    ) {
        let order = run.order
        gather(question) { trainer, parts in
            let question = run.question(parts, into: columns, request: request)
            trainer.registry.profile(of: order.name, version: order.previousVersion) { profile in
                self.executor.queue.async {
                    self.assumeIsolated {
                        var question = question
                        question.profile = profile
                        completion($0, run, question)
                    }
                }
            }
        }
    }

    /// Has the shards answer, whose columns stand at this place in the order of records, and goes on with them
    /// in the order of partitions.
    private nonisolated func gather<Columns: Sendable>(
        _ question: @escaping @Sendable (isolated Shard) -> [(partition: Int, columns: Columns)],
        then next: @escaping @Sendable (isolated Trainer, [Columns]) -> Void
    ) {
        let answered = DispatchGroup()
        let parts = Guarded<[(partition: Int, columns: Columns)]>([])
        for shard in shards {
            answered.enter()
            shard.ask(question) { answer in
                parts.update { $0.append(contentsOf: answer) }
                answered.leave()
            }
        }
        answered.notify(queue: executor.queue) {
            self.assumeIsolated {
                next($0, parts.value.sorted { $0.partition < $1.partition }.map(\.columns))
            }
        }
    }

    private func carryOut(
        _ run: FitRun, _ question: FitRun.Question,
        _ completion: @escaping @Sendable (FittedCandidate) -> Void
    ) {
        let order = run.order
        let start = time.monotonic()
        var view = ModelView(
            name: order.name, version: order.version, adopted: false, reason: "",
            fittedAt: EventTime(microseconds: order.instant), seconds: 0, dataUsers: Int64(question.rows),
            dataFrom: question.rows > 0 ? EventTime(microseconds: question.from) : nil,
            dataTo: question.rows > 0 ? EventTime(microseconds: question.to) : nil, parameters: .object([]),
            metrics: .object([]), baseline: .object([]))
        var bytes: [UInt8] = []
        do throws(FitFailure) {
            let result = try run.fit(question.request)
            let verdict = result.verdict
            view.adopted = verdict.adopted
            view.reason = verdict.reason
            if case .fitted(let candidate) = result {
                view.parameters = JSONValue(
                    candidate.parameters + [.init("inputs", InputProfile(of: question.request).tree)])
                view.metrics = JSONValue(candidate.metrics + question.drift)
                view.baseline = JSONValue(candidate.baseline)
                if verdict.adopted { bytes = candidate.model }
            }
        } catch {
            view.reason = "\(error)"
            log.warning("models: \(order.name)@\(order.version) was not fitted: \(error)")
        }
        view.seconds = Double(time.monotonic() - start) / 1e6
        let candidate = FittedCandidate(order: order, view: view, bytes: bytes)
        registry.keep(candidate, versions: run.settings.keepVersions) { completion(candidate) }
    }
}

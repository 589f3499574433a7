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
    /// In force: rows are captured with it. Microseconds.
    var churnHorizon: Int64
}

/// What a look at the model in use found.
private struct ObservedDrift: Sendable {
    var version: Int
    /// Of the daemon's clock, microseconds.
    var at: Int64
    var drift: ModelDrift
}

/// What came of it, judged.
struct FittedCandidate: Sendable {
    var order: FitOrder
    var view: ModelView
    /// Empty where refused.
    var bytes: [UInt8]
    /// Where the data choose the horizon of churn, what they say; microseconds.
    var churnHorizon: Int64?
}

/// Gathers columns from the shards, has the child fit them, and asks the gate. On a queue of its own,
/// which it blocks.
actor Trainer {
    private nonisolated let executor = QueueExecutor(label: "roost.trainer", qos: .utility)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let shards: [Shard]
    private nonisolated let settings: Guarded<Settings.ModelSettings>
    /// What was found when drift was last looked for, by model.
    private nonisolated let latestDrift = Guarded<[String: ObservedDrift]>([:])
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
        settings.value.fitted
    }

    /// Those of them that group users.
    nonisolated var segmentationNames: [String] {
        let settings = settings.value
        return settings.fitted.filter(settings.isSegmentation)
    }

    /// Takes changed settings for the fits to come; one that has begun keeps those it began with.
    nonisolated func take(_ changed: Settings.ModelSettings) { settings.update { $0 = changed } }

    /// Fits on what the shards hold when their turn comes; always completes with a verdict.
    nonisolated func fit(_ order: FitOrder, completion: @escaping @Sendable (FittedCandidate) -> Void) {
        ask(order, choosingHorizon: settings.value.churn.isHorizonChosen) { trainer, run, question in
            trainer.carryOut(run, question, completion)
        }
    }

    /// What the data of a kept candidate said of the horizon of churn.
    nonisolated func keptHorizon(version: Int, completion: @escaping @Sendable (Int64?) -> Void) {
        registry.parameter(FitRun.horizonParameter, of: ChurnModel.name, version: version) { value in
            guard case .integer(let days)? = value else { return completion(nil) }
            completion(days * Microseconds.day)
        }
    }

    /// How far inputs and outputs have moved since the model in use was fitted, as the shards hold them when
    /// their turn comes.
    nonisolated func drift(_ order: FitOrder, completion: @escaping @Sendable (ModelDrift) -> Void) {
        ask(order, choosingHorizon: false) { trainer, _, question in
            let drift = question.drift
            trainer.latestDrift.update {
                $0[order.name] = ObservedDrift(
                    version: order.previousVersion, at: order.instant, drift: drift)
            }
            completion(drift)
        }
    }

    /// For the page of a version in use: when it was last looked at, and what was found.
    nonisolated func observedDrift(_ name: String, version: Int) -> JSONValue? {
        guard let observed = latestDrift.value[name], observed.version == version else { return nil }
        return JSONValue(
            [.init("checked_at", .string(EventTime(microseconds: observed.at).description))]
                + observed.drift.members)
    }

    private nonisolated func ask(
        _ order: FitOrder, choosingHorizon: Bool,
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
                run.lifetimeValue, judging: run.lifetimeValueCalibration, completion)
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
            choosing(run, choosingHorizon) { run in
                self.fit(
                    run, into: OutcomeRows(names: ChurnFeature.names), { $0.churnRows() }, run.churn,
                    judging: run.churnCalibration, completion)
            }
        case HighIntentModel.name:
            fit(
                run, into: OutcomeRows(names: IntentFeature.names), { $0.intentRows() }, run.highIntent,
                judging: run.highIntentCalibration, completion)
        case DriversModel.name:
            fit(run, into: DriverColumns(), { $0.driverColumns() }, run.drivers, completion)
        case RecommendationsModel.name:
            fit(
                run, into: RecommendationColumns(), { $0.recommendationColumns() }, run.recommendations,
                completion)
        default: preconditionFailure("there is no model \(order.name)")
        }
    }

    /// Goes on with a run that knows what the intervals between purchases say of the horizon of churn.
    private nonisolated func choosing(
        _ run: FitRun, _ isChosen: Bool, then next: @escaping @Sendable (FitRun) -> Void
    ) {
        guard isChosen else { return next(run) }
        let scheduled = run.order.scheduled
        gather {
            $0.repurchaseColumns(decidedOnly: scheduled)
        } then: { _, parts in
            var chosen = run
            chosen.chooseHorizon(parts)
            next(chosen)
        }
    }

    /// - Parameters:
    ///   - question: what the partitions of a shard hand over.
    ///   - request: what is asked of the child, given all columns.
    ///   - calibration: of the model in use, given them.
    private nonisolated func fit<Columns: FitColumns>(
        _ run: FitRun, into columns: Columns,
        _ question: @escaping @Sendable (isolated Shard) -> [(partition: Int, columns: Columns)],
        _ request: @escaping @Sendable (Columns) -> FitRequest,
        judging calibration: (@Sendable (Columns, FormerFit) -> OutputCalibration?)? = nil,
        _ completion: @escaping @Sendable (isolated Trainer, FitRun, FitRun.Question) -> Void
    ) {
        let order = run.order
        gather(question) { trainer, parts in
            let question = run.question(
                parts, into: columns, request: request, calibration: calibration)
            trainer.registry.former(of: order.name, version: order.previousVersion) { former in
                self.executor.queue.async {
                    self.assumeIsolated {
                        var question = question
                        question.former = former
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
            dataTo: question.rows > 0 ? EventTime(microseconds: question.to) : nil,
            parameters: JSONValue(run.chosen),
            metrics: .object([]), baseline: .object([]))
        var bytes: [UInt8] = []
        do throws(FitFailure) {
            let result = try run.fit(question.request)
            let verdict = result.verdict
            view.adopted = verdict.adopted
            view.reason = verdict.reason
            if case .fitted(let candidate) = result {
                view.parameters = JSONValue(
                    candidate.parameters + run.chosen
                        + [.init("inputs", InputProfile(of: question.request).tree)])
                view.metrics = JSONValue(candidate.metrics + question.drift.members)
                view.baseline = JSONValue(candidate.baseline)
                if verdict.adopted { bytes = candidate.model }
            }
        } catch {
            view.reason = "\(error)"
            log.warning("models: \(order.name)@\(order.version) was not fitted: \(error)")
        }
        view.seconds = Double(time.monotonic() - start) / 1e6
        let candidate = FittedCandidate(
            order: order, view: view, bytes: bytes, churnHorizon: run.churnHorizon)
        registry.keep(candidate, versions: run.settings.keepVersions) { completion(candidate) }
    }
}

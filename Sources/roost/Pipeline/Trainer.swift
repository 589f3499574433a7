import Core
import Dispatch
import Engine
import Models
import Store

/// What is to be fitted.
struct FitOrder: Sendable {
    var name: String
    var version: Int
    /// The scheduled instant, or now when it was asked for.
    var instant: Int64
    /// Scheduled refits see only what is decided.
    var scheduled: Bool
    /// Bytes of the model in use; empty: none.
    var previous: [UInt8]
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
    private let registry: ModelRegistry
    private let time: any TimeSource
    private let log: Log

    init(
        shards: [Shard], settings: Settings, registry: consuming ModelRegistry, time: any TimeSource, log: Log
    ) {
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
        // The shards are asked now, so that their columns stand at this place in the order of records.
        let gather = DispatchGroup()
        let segments = Gathered<SegmentColumns>()
        let repurchase = Gathered<PurchaseDayColumns>()
        let settings = settings.value
        let features = settings.segments.features.compactMap { SegmentFeature($0) }
        for shard in shards {
            gather.enter()
            if order.name == "segments" {
                shard.ask({ $0.segmentColumns(features, decidedOnly: order.scheduled) }) {
                    segments.add($0.map { ($0.partition, $0.columns) })
                    gather.leave()
                }
            } else {
                shard.ask({ $0.repurchaseColumns(decidedOnly: order.scheduled) }) {
                    repurchase.add($0.map { ($0.partition, $0.columns) })
                    gather.leave()
                }
            }
        }
        gather.notify(queue: executor.queue) {
            self.assumeIsolated { trainer in
                completion(trainer.run(order, settings, segments.inOrder(), repurchase.inOrder()))
            }
        }
    }

    private func run(
        _ order: FitOrder, _ settings: Settings.ModelSettings, _ segments: [SegmentColumns],
        _ repurchase: [PurchaseDayColumns]
    ) -> FittedCandidate {
        let start = time.monotonic()
        var view = ModelView(
            name: order.name, version: order.version, adopted: false, reason: "",
            fittedAt: EventTime(microseconds: order.instant), seconds: 0, dataUsers: 0, dataFrom: nil,
            dataTo: nil, parameters: .object([]), metrics: .object([]), baseline: .object([]))
        var bytes: [UInt8] = []
        do throws(FitFailure) {
            let result =
                order.name == "segments"
                ? try fitSegments(order, settings, segments, &view)
                : try fitRepurchase(order, settings, repurchase, &view)
            let verdict = result.verdict
            view.adopted = verdict.adopted
            view.reason = verdict.reason
            if case .fitted(let candidate) = result {
                view.parameters = Self.json(candidate.parameters)
                view.metrics = Self.json(candidate.metrics)
                view.baseline = Self.json(candidate.baseline)
                if verdict.adopted { bytes = candidate.model }
            }
        } catch {
            view.reason = "\(error)"
            log.warning("models: \(order.name)@\(order.version) was not fitted: \(error)")
        }
        view.seconds = Double(time.monotonic() - start) / 1e6
        let candidate = FittedCandidate(order: order, view: view, bytes: bytes)
        register(candidate, keep: settings.keepVersions)
        return candidate
    }

    private func fitSegments(
        _ order: FitOrder, _ settings: Settings.ModelSettings, _ parts: [SegmentColumns],
        _ view: inout ModelView
    ) throws(FitFailure) -> FitResult {
        let chosen = settings.segments
        var config = SegmentsConfig(
            features: chosen.features.map {
                SegmentsConfig.Feature($0, counted: SegmentFeature($0)?.isCount ?? false)
            })
        config.k = chosen.k
        config.restarts = chosen.restarts
        config.iterations = chosen.iterations
        config.outlierDistance = chosen.outlierDistance
        config.minimumUsers = chosen.minimumUsers
        var columns = SegmentColumns(features: chosen.features.count)
        for part in parts { columns.append(part) }
        let users = columns.heldOut.count
        describe(&view, users: users, columns.from, columns.to)
        let layout = SegmentsLayout(
            users: users, config: config, seed: settings.seed,
            previous: Self.previous(order) { bytes throws(CodingFailure) in try SegmentsModel(bytes: bytes) })
        let memory = try FitRequestMemory(byteCount: layout.byteCount)
        memory.put(layout.head, at: 0)
        for (column, offset) in zip(columns.features, layout.features) { memory.put(column, at: offset) }
        memory.put(columns.daysSinceLastEvent, at: layout.daysSinceLastEvent)
        memory.put(columns.daysSinceLastPurchase, at: layout.daysSinceLastPurchase)
        memory.put(columns.revenue, at: layout.revenue)
        memory.put(columns.daysSinceFirstEvent, at: layout.daysSinceFirstEvent)
        memory.put(columns.heldOut, at: layout.heldOut)
        return try run(memory, settings)
    }

    private func fitRepurchase(
        _ order: FitOrder, _ settings: Settings.ModelSettings, _ parts: [PurchaseDayColumns],
        _ view: inout ModelView
    ) throws(FitFailure) -> FitResult {
        var columns = PurchaseDayColumns()
        for part in parts { columns.append(part) }
        let buyers = columns.heldOut.count
        describe(&view, users: buyers, columns.from, columns.to)
        var config = RepurchaseConfig()
        config.minimumIntervals = settings.repurchase.minimumIntervals
        let layout = RepurchaseLayout(
            buyers: buyers, days: columns.days.count,
            asOfDay: zone.day(of: EventTime(microseconds: order.instant)), config: config,
            previous: Self.previous(order) { bytes throws(CodingFailure) in try RepurchaseModel(bytes: bytes)
            })
        let memory = try FitRequestMemory(byteCount: layout.byteCount)
        memory.put(layout.head, at: 0)
        memory.put(columns.days, at: layout.days)
        memory.put(columns.offsets, at: layout.offsets)
        memory.put(columns.heldOut, at: layout.heldOut)
        return try run(memory, settings)
    }

    private func run(
        _ memory: borrowing FitRequestMemory, _ settings: Settings.ModelSettings
    ) throws(FitFailure) -> FitResult {
        let bytes = try FitChild.run(
            memory, deadlineMicroseconds: settings.fitDeadline,
            memoryBytes: settings.fitMemoryBytes)
        do throws(CodingFailure) { return try FitResult(bytes: bytes) } catch {
            return .refused("the fit's answer does not read back: \(error)")
        }
    }

    private func describe(_ view: inout ModelView, users: Int, _ from: Int64, _ to: Int64) {
        view.dataUsers = Int64(users)
        if users > 0 {
            view.dataFrom = EventTime(microseconds: from)
            view.dataTo = EventTime(microseconds: to)
        }
    }

    private static func previous<Model>(
        _ order: FitOrder, _ read: ([UInt8]) throws(CodingFailure) -> Model
    ) -> Model? {
        if order.previous.isEmpty { return nil }
        // A model that no longer reads back is as none: the candidate is held against the baseline alone.
        do throws(CodingFailure) { return try read(order.previous) } catch { return nil }
    }

    private static func json(_ members: [Tree.Member]) -> JSONValue {
        .object(members.map { JSONValue.Member($0.key, json($0.value)) })
    }

    private static func json(_ tree: Tree) -> JSONValue {
        switch tree {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .int(let number): .integer(number)
        case .number(let number): .number(number)
        case .string(let text): .string(text)
        case .array(let values): .array(values.map(json))
        case .object(let members): json(members)
        }
    }

    // MARK: Registry

    /// Keeps a candidate, before its verdict is journaled: what a crash leaves without a record is fitted
    /// again under the same version.
    private func register(_ candidate: FittedCandidate, keep: Int) {
        do throws(DatabaseError) {
            try registry.store(
                candidate.view, bytes: candidate.bytes, record: 0, keep: keep)
        } catch {
            log.error(
                "models: \(candidate.view.name)@\(candidate.view.version) was not registered: \(error)")
        }
    }

    func history(of name: String) -> [ModelView] {
        do throws(DatabaseError) { return try registry.history(of: name) } catch {
            log.error("models: the registry could not be read: \(error)")
            return []
        }
    }
}

/// Answers of the shards, by partition.
private final class Gathered<Columns: Sendable>: Sendable {
    private let parts = Guarded<[(Int, Columns)]>([])

    func add(_ more: [(Int, Columns)]) { parts.update { $0.append(contentsOf: more) } }

    /// In the order of partitions.
    func inOrder() -> [Columns] { parts.value.sorted { $0.0 < $1.0 }.map(\.1) }
}

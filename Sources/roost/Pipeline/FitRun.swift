import Core
import Engine
import Models

/// One fit: columns of the partitions into the child's request, and its answer back.
struct FitRun: Sendable {
    let order: FitOrder
    let settings: Settings.ModelSettings
    let zone: Zone

    /// Has the child fit what the partitions hold.
    ///
    /// - Parameters:
    ///   - parts: in the order of partitions.
    ///   - columns: empty; the parts are added to it.
    ///   - request: what is asked, given all columns.
    func fit<Columns: FitColumns>(
        _ parts: [Columns], into columns: Columns, _ view: inout ModelView,
        request: (Columns) -> FitRequest
    ) throws(FitFailure) -> FitResult {
        var columns = columns
        for part in parts { columns.append(part) }
        view.dataUsers = Int64(columns.rows)
        if columns.rows > 0 {
            view.dataFrom = EventTime(microseconds: columns.from)
            view.dataTo = EventTime(microseconds: columns.to)
        }
        let request = request(columns)
        let memory = try FitRequestMemory(byteCount: request.byteCount)
        request.fill(memory.bytes)
        let bytes = try FitChild.run(
            memory, deadlineMicroseconds: settings.fitDeadline,
            memoryBytes: settings.fitMemoryBytes)
        do throws(CodingFailure) { return try FitResult(bytes: bytes) } catch {
            return .refused("the fit's answer does not read back: \(error.reason)")
        }
    }

    func segments(_ columns: SegmentColumns) -> FitRequest {
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
        return .segments(
            features: columns.features, daysSinceLastEvent: columns.daysSinceLastEvent,
            daysSinceLastPurchase: columns.daysSinceLastPurchase, revenue: columns.revenue,
            daysSinceFirstEvent: columns.daysSinceFirstEvent, heldOut: columns.heldOut, config: config,
            seed: settings.seed, previous: previous())
    }

    func repurchase(_ columns: PurchaseDayColumns) -> FitRequest {
        var config = RepurchaseConfig()
        config.minimumIntervals = settings.repurchase.minimumIntervals
        return .repurchase(
            days: columns.days, offsets: columns.offsets, heldOut: columns.heldOut,
            asOfDay: zone.day(of: EventTime(microseconds: order.instant)), config: config,
            previous: previous())
    }

    func tiers(_ columns: TierColumns) -> FitRequest {
        var config = TiersConfig()
        config.minimumBuyers = settings.tiers.minimumBuyers
        return .tiers(
            daysSinceLast: columns.daysSinceLast, frequency: columns.frequency,
            monetaryValue: columns.monetaryValue, heldOut: columns.heldOut, config: config,
            previous: previous())
    }

    func churn(_ rows: OutcomeRows) -> FitRequest {
        let config = settings.churn.search.applied(to: ChurnModel.config(horizon: settings.churn.horizon))
        return outcome(ChurnModel.self, rows, config)
    }

    func highIntent(_ rows: OutcomeRows) -> FitRequest {
        let config = settings.highIntent.search.applied(
            to: HighIntentModel.config(window: settings.highIntent.window))
        return outcome(HighIntentModel.self, rows, config)
    }

    func drivers(_ columns: DriverColumns) -> FitRequest {
        .drivers(
            predictors: columns.predictors, converted: columns.converted, heldOut: columns.heldOut,
            config: DriversConfig(), previous: previous())
    }

    private func outcome<Model: OutcomeModel>(
        _ model: Model.Type, _ rows: OutcomeRows, _ config: OutcomeConfig
    ) -> FitRequest {
        .outcome(
            model, names: rows.names, features: rows.features, lead: rows.lead, anchor: rows.anchor,
            label: rows.label, heldOut: rows.heldOut, config: config, seed: settings.seed,
            previous: previous())
    }

    private func previous<Model: StoredModel>() -> Model? {
        if order.previous.isEmpty { return nil }
        // A model that no longer reads back is as none: the candidate is held against the baseline alone.
        do throws(CodingFailure) { return try Model(bytes: order.previous) } catch { return nil }
    }
}

extension Settings.OutcomeSearch {
    /// A model's own terms with what is configured; names were checked when they were read.
    fileprivate func applied(to config: OutcomeConfig) -> OutcomeConfig {
        var config = config
        config.learners = learners.compactMap { OutcomeConfig.Learner(name: $0) }
        config.resamplings = resamplings.compactMap { Resampling(name: $0) }
        config.strategy = SearchStrategy.allCases.first { $0.name == strategy } ?? .tpe
        config.trials = trials
        config.minimumRows = minimumRows
        return config
    }
}

extension JSONValue {
    init(_ members: [Tree.Member]) {
        self = .object(members.map { JSONValue.Member($0.key, JSONValue($0.value)) })
    }

    init(_ tree: Tree) {
        switch tree {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .int(let number): self = .integer(number)
        case .number(let number): self = .number(number)
        case .string(let text): self = .string(text)
        case .array(let values): self = .array(values.map { JSONValue($0) })
        case .object(let members): self = JSONValue(members)
        }
    }
}

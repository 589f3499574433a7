import Core
import Engine
import Models

/// One fit: columns of the partitions into the child's request, and its answer back.
struct FitRun: Sendable {
    let order: FitOrder
    let settings: Settings.ModelSettings
    let zone: Zone
    /// Where the data choose the horizon of churn, what they say; microseconds, whole days.
    var churnHorizon: Int64?

    init(order: FitOrder, settings: Settings.ModelSettings, zone: Zone) {
        self.order = order
        self.settings = settings
        self.zone = zone
    }

    /// What the child is to be asked, and on what it rests.
    struct Question: Sendable {
        var request: FitRequest
        /// Users or buyers.
        var rows: Int
        /// Times of the first and the last event.
        var from: Int64
        var to: Int64
        /// Holds what the model of a former fit foretold against what came since.
        var calibration: @Sendable (FormerFit) -> OutputCalibration? = { _ in nil }
        /// The fit of the model in use; nil where it is not known.
        var former: FormerFit?

        /// How far inputs and outputs have moved since.
        var drift: ModelDrift {
            ModelDrift(
                inputs: former?.profile?.shifts(in: request) ?? [], outputs: former.flatMap(calibration))
        }
    }

    /// - Parameters:
    ///   - parts: in the order of partitions.
    ///   - columns: empty; the parts are added to it.
    ///   - request: what is asked, given all columns.
    ///   - calibration: of the model in use, given them; nil: what it foretells cannot be counted.
    func question<Columns: FitColumns>(
        _ parts: [Columns], into columns: Columns, request: (Columns) -> FitRequest,
        calibration: (@Sendable (Columns, FormerFit) -> OutputCalibration?)?
    ) -> Question {
        var gathered = columns
        for part in parts { gathered.append(part) }
        let all = gathered
        var question = Question(
            request: request(all), rows: all.rows, from: all.from, to: all.to)
        if let calibration { question.calibration = { calibration(all, $0) } }
        return question
    }

    /// Has the child answer.
    func fit(_ request: FitRequest) throws(FitFailure) -> FitResult {
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
        segments(columns, settings.segments, naming: .activity)
    }

    /// A segmentation beside the first. The lifetime value is left out while no model of it is in use.
    func segmentation(_ columns: SegmentColumns) -> FitRequest {
        var chosen = settings.segmentation(order.name) ?? settings.segments
        var columns = columns
        for index in columns.features.indices.reversed()
        where UserFeature(chosen.features[index]) == .lifetimeValue
            && columns.features[index].contains(where: \.isNaN)
        {
            chosen.features.remove(at: index)
            columns.features.remove(at: index)
        }
        let isOfBuyers = chosen.featureNames.contains { UserFeature($0)?.needsPurchase ?? false }
        return segments(
            columns, chosen, naming: order.name == "payments" ? .payments : isOfBuyers ? .value : .activity)
    }

    private func segments(
        _ columns: SegmentColumns, _ chosen: Settings.SegmentsModel, naming: SegmentsConfig.Naming
    ) -> FitRequest {
        var config = SegmentsConfig(
            features: chosen.featureNames.map {
                SegmentsConfig.Feature($0, counted: SegmentFeature($0)?.isCount ?? false)
            })
        config.transform = SegmentTransform(chosen.transform) ?? .standard
        config.naming = naming
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
        config.seed = settings.seed
        return .repurchase(
            days: columns.days, purchases: columns.purchases, revenue: columns.revenue,
            offsets: columns.offsets, heldOut: columns.heldOut,
            asOfDay: zone.day(of: EventTime(microseconds: order.instant)), config: config,
            previous: previous())
    }

    func tiers(_ columns: TierColumns) -> FitRequest {
        var config = TiersConfig()
        config.minimumBuyers = settings.tiers.minimumBuyers
        config.weights = settings.tiers.weights
        config.cuts = settings.tiers.cuts
        config.learnsWeights = settings.tiers.learnsWeights
        config.gradeCondition = settings.tiers.gradeCondition?.text ?? ""
        return .tiers(
            daysSinceLast: columns.daysSinceLast, frequency: columns.frequency,
            monetaryValue: columns.monetaryValue, age: columns.age, lifetimeValue: columns.lifetimeValue,
            yearSpend: columns.yearSpend, boughtInYear: columns.boughtInYear, group: columns.group,
            heldOut: columns.heldOut, config: config, seed: settings.seed,
            previous: previous())
    }

    func lifetimeValue(_ columns: SpendingColumns) -> FitRequest {
        let chosen = settings.clv
        func days(_ length: Int64) -> Int { Int(length / Microseconds.day) }
        var config = LifetimeValueConfig()
        config.horizon = days(chosen.horizon)
        config.horizons = chosen.horizons.map(days)
        config.discountMonthly = chosen.discountMonthly
        config.trim = chosen.trim
        config.margin = chosen.margin
        config.acquisitionCost = chosen.acquisitionCost
        config.penalty = chosen.penalty
        config.minimumBuyers = chosen.minimumBuyers
        return .lifetimeValue(
            days: columns.days, revenue: columns.revenue, offsets: columns.offsets,
            asOfDay: columns.asOfDay, config: config, previous: previous())
    }

    func churn(_ rows: OutcomeRows) -> FitRequest {
        let config = settings.churn.search.applied(to: ChurnModel.config(horizon: order.churnHorizon))
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

    func recommendations(_ columns: RecommendationColumns) -> FitRequest {
        let chosen = settings.recommendations
        var config = RecommendationsConfig()
        config.implicit.factors = chosen.factors
        config.implicit.regularization = chosen.regularization
        config.implicit.alpha = chosen.alpha
        config.implicit.iterations = chosen.iterations
        config.implicit.solver = chosen.solver == "exact" ? .exact : .conjugateGradient
        config.amounts.factors = chosen.categoryFactors
        config.amounts.regularization = chosen.categoryRegularization
        config.amounts.learningRate = chosen.categoryLearningRate
        config.amounts.epochs = chosen.categoryEpochs
        config.sparsest = chosen.sparsest
        config.minimumSupport = chosen.minimumSupport
        config.minimumBaskets = chosen.minimumBaskets
        config.minimumConfidence = chosen.minimumConfidence
        config.minimumHistory = chosen.minimumHistory
        config.recentDays = Int(chosen.recent / Microseconds.day)
        config.minimumUsers = chosen.minimumUsers
        config.mostItems = chosen.items
        return .recommendations(columns.input, config: config, seed: settings.seed)
    }

    // MARK: Outputs of the model in use

    func churnCalibration(_ rows: OutcomeRows, _ former: FormerFit) -> OutputCalibration? {
        calibration(ChurnModel.self, rows, former, horizon: order.churnHorizon)
    }

    func highIntentCalibration(_ rows: OutcomeRows, _ former: FormerFit) -> OutputCalibration? {
        calibration(HighIntentModel.self, rows, former, horizon: settings.highIntent.window)
    }

    /// Rows of a fit end a horizon before its data do: later ones it has not seen.
    private func calibration<Model: OutcomeModel>(
        _ type: Model.Type, _ rows: OutcomeRows, _ former: FormerFit, horizon: Int64
    ) -> OutputCalibration? {
        guard let end = former.dataTo, let model: Model = former.decoded() else { return nil }
        return model.calibration(
            names: rows.names, features: rows.features, anchor: rows.anchor, label: rows.label,
            after: end - horizon)
    }

    func lifetimeValueCalibration(
        _ columns: SpendingColumns, _ former: FormerFit
    ) -> OutputCalibration? {
        guard let model: LifetimeValueModel = former.decoded() else { return nil }
        // The last day may not be over.
        return model.calibration(
            days: columns.days, revenue: columns.revenue, offsets: columns.offsets,
            asOfDay: columns.asOfDay - 1, after: zone.day(of: EventTime(microseconds: former.fittedAt)))
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

extension Tree {
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .int(number)
        case .number(let number): self = .number(number)
        case .string(let text): self = .string(text)
        case .array(let values): self = .array(values.map { Tree($0) })
        case .object(let members): self = .object(members.map { Tree.Member($0.key, Tree($0.value)) })
        }
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
        config.searchMicroseconds = time
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

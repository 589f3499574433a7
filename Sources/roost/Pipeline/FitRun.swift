import Core
import Engine
import Models

/// One fit: columns of the partitions into the child's request, and its answer back.
struct FitRun: Sendable {
    let order: FitOrder
    let settings: Settings.ModelSettings
    let zone: Zone

    /// What the child is to be asked, and on what it rests.
    struct Question: Sendable {
        var request: FitRequest
        /// Users or buyers.
        var rows: Int
        /// Times of the first and the last event.
        var from: Int64
        var to: Int64
        /// How the inputs were distributed when the model in use was fitted; nil where that is not known.
        var profile: InputProfile?

        /// How far the inputs have moved since.
        var shifts: [InputProfile.Shift] { profile?.shifts(in: request) ?? [] }

        /// The same for the model's page: the population stability index of each input.
        var drift: [Tree.Member] {
            let shifts = shifts
            if shifts.isEmpty { return [] }
            return [.init("input_drift", .object(shifts.map { .init($0.name, .finite($0.index)) }))]
        }
    }

    /// - Parameters:
    ///   - parts: in the order of partitions.
    ///   - columns: empty; the parts are added to it.
    ///   - request: what is asked, given all columns.
    func question<Columns: FitColumns>(
        _ parts: [Columns], into columns: Columns, request: (Columns) -> FitRequest
    ) -> Question {
        var columns = columns
        for part in parts { columns.append(part) }
        return Question(
            request: request(columns), rows: columns.rows, from: columns.from, to: columns.to)
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
        config.weights = settings.tiers.weights
        config.cuts = settings.tiers.cuts
        return .tiers(
            daysSinceLast: columns.daysSinceLast, frequency: columns.frequency,
            monetaryValue: columns.monetaryValue, age: columns.age, yearSpend: columns.yearSpend,
            boughtInYear: columns.boughtInYear, heldOut: columns.heldOut, config: config,
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

import Core
import Engine
import Models

/// One fit: columns of the partitions into the child's request, and its answer back.
struct FitRun: Sendable {
    let order: FitOrder
    let settings: Settings.ModelSettings
    let zone: Zone

    func segments(_ parts: [SegmentColumns], _ view: inout ModelView) throws(FitFailure) -> FitResult {
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
            previous: previous { bytes throws(CodingFailure) in try SegmentsModel(bytes: bytes) })
        let memory = try FitRequestMemory(byteCount: layout.byteCount)
        memory.put(layout.head, at: 0)
        for (column, offset) in zip(columns.features, layout.features) { memory.put(column, at: offset) }
        memory.put(columns.daysSinceLastEvent, at: layout.daysSinceLastEvent)
        memory.put(columns.daysSinceLastPurchase, at: layout.daysSinceLastPurchase)
        memory.put(columns.revenue, at: layout.revenue)
        memory.put(columns.daysSinceFirstEvent, at: layout.daysSinceFirstEvent)
        memory.put(columns.heldOut, at: layout.heldOut)
        return try ask(memory)
    }

    func repurchase(_ parts: [PurchaseDayColumns], _ view: inout ModelView) throws(FitFailure) -> FitResult {
        var columns = PurchaseDayColumns()
        for part in parts { columns.append(part) }
        let buyers = columns.heldOut.count
        describe(&view, users: buyers, columns.from, columns.to)
        var config = RepurchaseConfig()
        config.minimumIntervals = settings.repurchase.minimumIntervals
        let layout = RepurchaseLayout(
            buyers: buyers, days: columns.days.count,
            asOfDay: zone.day(of: EventTime(microseconds: order.instant)), config: config,
            previous: previous { bytes throws(CodingFailure) in try RepurchaseModel(bytes: bytes) })
        let memory = try FitRequestMemory(byteCount: layout.byteCount)
        memory.put(layout.head, at: 0)
        memory.put(columns.days, at: layout.days)
        memory.put(columns.offsets, at: layout.offsets)
        memory.put(columns.heldOut, at: layout.heldOut)
        return try ask(memory)
    }

    func tiers(_ parts: [TierColumns], _ view: inout ModelView) throws(FitFailure) -> FitResult {
        var columns = TierColumns()
        for part in parts { columns.append(part) }
        let buyers = columns.heldOut.count
        describe(&view, users: buyers, columns.from, columns.to)
        var config = TiersConfig()
        config.minimumBuyers = settings.tiers.minimumBuyers
        let layout = TiersLayout(
            buyers: buyers, config: config,
            previous: previous { bytes throws(CodingFailure) in try TiersModel(bytes: bytes) })
        let memory = try FitRequestMemory(byteCount: layout.byteCount)
        memory.put(layout.head, at: 0)
        memory.put(columns.daysSinceLast, at: layout.daysSinceLast)
        memory.put(columns.frequency, at: layout.frequency)
        memory.put(columns.monetaryValue, at: layout.monetaryValue)
        memory.put(columns.heldOut, at: layout.heldOut)
        return try ask(memory)
    }

    private func ask(_ memory: borrowing FitRequestMemory) throws(FitFailure) -> FitResult {
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

    private func previous<Model>(_ read: ([UInt8]) throws(CodingFailure) -> Model) -> Model? {
        if order.previous.isEmpty { return nil }
        // A model that no longer reads back is as none: the candidate is held against the baseline alone.
        do throws(CodingFailure) { return try read(order.previous) } catch { return nil }
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

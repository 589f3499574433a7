import Core

/// What a partition hands to a fit of segments: one array per feature, a row per user in order of first
/// appearance.
package struct SegmentColumns: FitColumns {
    /// Shape [features][users].
    package var features: [[Double]]
    package var daysSinceLastEvent: [Double] = []
    /// NaN for who never bought.
    package var daysSinceLastPurchase: [Double] = []
    package var revenue: [Double] = []
    package var daysSinceFirstEvent: [Double] = []
    /// 1 for users kept for judging: by a hash of the id.
    package var heldOut: [UInt8] = []
    package var from: Int64 = .max
    package var to: Int64 = .min

    package var rows: Int { heldOut.count }

    package init(features: Int) { self.features = Array(repeating: [], count: features) }

    package mutating func append(_ other: SegmentColumns) {
        for index in features.indices { features[index].append(contentsOf: other.features[index]) }
        daysSinceLastEvent.append(contentsOf: other.daysSinceLastEvent)
        daysSinceLastPurchase.append(contentsOf: other.daysSinceLastPurchase)
        revenue.append(contentsOf: other.revenue)
        daysSinceFirstEvent.append(contentsOf: other.daysSinceFirstEvent)
        heldOut.append(contentsOf: other.heldOut)
        from = min(from, other.from)
        to = max(to, other.to)
    }
}

/// Purchase days of the buyers and what was bought on them: those of buyer `i` are `days[offsets[i]..<offsets[i + 1]]`.
package struct PurchaseDayColumns: FitColumns {
    package var days: [Int32] = []
    package var purchases: [UInt32] = []
    package var revenue: [Double] = []
    package var offsets: [UInt32] = [0]
    package var heldOut: [UInt8] = []
    package var from: Int64 = .max
    package var to: Int64 = .min

    package var rows: Int { heldOut.count }

    package init() {}

    package mutating func append(_ other: PurchaseDayColumns) {
        let base = offsets[offsets.count - 1]
        days.append(contentsOf: other.days)
        purchases.append(contentsOf: other.purchases)
        revenue.append(contentsOf: other.revenue)
        offsets.append(contentsOf: other.offsets.dropFirst().map { $0 + base })
        heldOut.append(contentsOf: other.heldOut)
        from = min(from, other.from)
        to = max(to, other.to)
    }
}

extension Shard {
    package func segmentColumns(
        _ features: [SegmentFeature], decidedOnly: Bool
    ) -> [(partition: Int, columns: SegmentColumns)] {
        columns { $0.segmentColumns(features, decidedOnly: decidedOnly) }
    }

    package func repurchaseColumns(decidedOnly: Bool) -> [(partition: Int, columns: PurchaseDayColumns)] {
        columns { $0.repurchaseColumns(decidedOnly: decidedOnly) }
    }
}

extension Partition {
    /// Share of users kept for judging a fit: one in five, by the id alone.
    func isHeldOut(_ slot: Int) -> UInt8 { StableHash.hash128(users.id(slot)).1 % 5 == 0 ? 1 : 0 }

    /// - Parameter decidedOnly: only what has been decided upon, so that the order of arrival does not
    ///   show; else everything that has arrived.
    func segmentColumns(_ features: [SegmentFeature], decidedOnly: Bool) -> SegmentColumns {
        var columns = SegmentColumns(features: features.count)
        let instant = decidedOnly ? frontier : now
        var measured = [Int64](repeating: 0, count: SegmentFeature.measureCount)
        beginSweep()
        defer { endSweep() }
        for slot in 0..<users.count {
            let user = users[slot]
            if user.pointee.nameCount == 0 { continue }
            if decidedOnly, user.pointee.lastDecided == .min { continue }
            measures(slot, into: &measured)
            if decidedOnly { subtractUndecided(slot, from: &measured) }
            for (index, feature) in features.enumerated() {
                columns.features[index].append(Double(measured[feature.measure]) / feature.unit)
            }
            let last = decidedOnly ? user.pointee.lastDecided : user.pointee.lastSeen
            columns.daysSinceLastEvent.append(Double(max(0, instant - last)) / Double(Microseconds.day))
            columns.daysSinceFirstEvent.append(
                Double(max(0, instant - user.pointee.firstSeen)) / Double(Microseconds.day))
            let account = account(slot)
            let purchase = account.map {
                decidedOnly ? $0.pointee.lastPurchaseDecided : $0.pointee.lastPurchase
            }
            if let purchase, purchase != .min {
                columns.daysSinceLastPurchase.append(
                    Double(max(0, instant - purchase)) / Double(Microseconds.day))
            } else {
                columns.daysSinceLastPurchase.append(.nan)
            }
            let revenue = account.map { decidedOnly ? closedRevenue($0) : $0.pointee.revenue }
            columns.revenue.append(Double(revenue ?? 0) / 1e6)
            columns.heldOut.append(isHeldOut(slot))
            columns.from = min(columns.from, user.pointee.firstSeen)
            columns.to = max(columns.to, last)
        }
        return columns
    }

    /// - Parameter decidedOnly: only days with a purchase that has been decided upon. What was bought on the
    ///   last of them may not have been, and is not looked at by the fit.
    func repurchaseColumns(decidedOnly: Bool) -> PurchaseDayColumns {
        var columns = PurchaseDayColumns()
        for slot in 0..<users.count {
            guard let account = account(slot), account.pointee.dayCount > 0 else { continue }
            let days = pool.address(account.pointee.days).assumingMemoryBound(to: PurchaseDay.self)
            var undecided: [Int32: UInt32] = [:]
            if decidedOnly, users[slot].pointee.lastSeen > users[slot].pointee.lastDecided {
                for entry in pending.entries
                where Int(entry.slot) == slot && entry.code == EventNames.purchase {
                    undecided[settings.zone.day(of: EventTime(microseconds: entry.time)), default: 0] += 1
                }
            }
            var taken = 0
            for index in 0..<Int(account.pointee.dayCount)
            where days[index].count > undecided[days[index].day] ?? 0 {
                columns.days.append(days[index].day)
                columns.purchases.append(days[index].count)
                columns.revenue.append(Double(days[index].revenue) / 1e6)
                taken += 1
            }
            if taken == 0 { continue }
            columns.offsets.append(UInt32(columns.days.count))
            columns.heldOut.append(isHeldOut(slot))
            columns.from = min(columns.from, account.pointee.firstPurchase)
            columns.to = max(columns.to, account.pointee.lastPurchase)
        }
        return columns
    }
}

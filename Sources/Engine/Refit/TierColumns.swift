import Core
import Models

/// What a partition hands to a fit of tiers: a row per buyer, in order of first appearance.
package struct TierColumns: FitColumns {
    package var daysSinceLast: [Double] = []
    package var frequency: [Double] = []
    package var monetaryValue: [Double] = []
    package var age: [Double] = []
    /// Nil where no model of it is in use.
    package var lifetimeValue: [Double]?
    /// 0 without a purchase in the year up to the as-of day; under a condition of the grades, what of it counts.
    package var yearSpend: [Double] = []
    /// 1 with one.
    package var boughtInYear: [UInt8] = []
    /// Segment + 1 under the segmentation by value, 0 for who has none; nil where none is in use.
    package var group: [UInt8]?
    /// 1 for buyers kept for judging: by a hash of the id.
    package var heldOut: [UInt8] = []
    package var from: Int64 = .max
    package var to: Int64 = .min

    package var rows: Int { heldOut.count }

    package init() {}

    package mutating func append(_ other: TierColumns) {
        if other.rows == 0 { return }
        if rows == 0 {
            self = other
            return
        }
        if let known = lifetimeValue, let more = other.lifetimeValue {
            lifetimeValue = known + more
        } else {
            lifetimeValue = nil
        }
        if let known = group, let more = other.group { group = known + more } else { group = nil }
        daysSinceLast.append(contentsOf: other.daysSinceLast)
        frequency.append(contentsOf: other.frequency)
        monetaryValue.append(contentsOf: other.monetaryValue)
        age.append(contentsOf: other.age)
        yearSpend.append(contentsOf: other.yearSpend)
        boughtInYear.append(contentsOf: other.boughtInYear)
        heldOut.append(contentsOf: other.heldOut)
        from = min(from, other.from)
        to = max(to, other.to)
    }

    fileprivate mutating func add(_ values: TierValues) {
        daysSinceLast.append(values.daysSinceLast)
        frequency.append(values.frequency)
        monetaryValue.append(values.monetaryValue)
        age.append(values.age)
        if let value = values.lifetimeValue { lifetimeValue?.append(value) }
        yearSpend.append(values.yearSpend ?? 0)
        boughtInYear.append(values.yearSpend == nil ? 0 : 1)
    }
}

extension Shard {
    package func tierColumns(decidedOnly: Bool) -> [(partition: Int, columns: TierColumns)] {
        columns { $0.tierColumns(decidedOnly: decidedOnly) }
    }
}

extension Partition {
    /// - Parameter decidedOnly: only purchase days that are over at the frontier: all of them is decided, so
    ///   that the order of arrival does not show, money included; else everything that has arrived.
    func tierColumns(decidedOnly: Bool) -> TierColumns {
        var columns = TierColumns()
        if lifetimeValue.isFitted { columns.lifetimeValue = [] }
        let byValue = segmentations.first { $0.name == "value" && $0.model != nil }
        if byValue != nil { columns.group = [] }
        let asOf = decidedOnly ? settings.zone.day(of: EventTime(microseconds: frontier)) : today
        for slot in 0..<users.count {
            guard let account = account(slot), account.pointee.dayCount > 0 else { continue }
            let days = purchaseDays(account)
            let taken = decidedOnly ? days.prefix { $0.day < asOf } : days[...]
            let spent = gradedSpend(account)
            var sums = PurchaseSums(isConditional: settings.gradeCondition != nil)
            for (index, day) in taken.enumerated() {
                sums.add(day, graded: spent.isEmpty ? 0 : spent[index], asOf: asOf)
            }
            guard let values = tierValues(sums, asOf: asOf) else { continue }
            columns.add(values)
            if let segment = byValue?.segment(of: slot) {
                let isMember = segment >= 0 && segment != SegmentState.outlierID
                columns.group?.append(isMember ? UInt8(segment + 1) : 0)
            }
            columns.heldOut.append(isHeldOut(slot))
            columns.from = min(columns.from, account.pointee.firstPurchase)
            columns.to = max(
                columns.to,
                taken.count == days.count
                    ? account.pointee.lastPurchase : settings.zone.start(of: asOf).microseconds)
        }
        return columns
    }

    /// Revenue of the purchase days that are over at the frontier, and so decided. Millionths.
    func closedRevenue(_ account: UnsafeMutablePointer<AccountRecord>) -> Int64 {
        if account.pointee.dayCount == 0 { return 0 }
        let asOf = settings.zone.day(of: EventTime(microseconds: frontier))
        return purchaseDays(account).prefix { $0.day < asOf }.reduce(0) { saturatingSum($0, $1.revenue) }
    }

    /// Mean revenue per repeat purchase day; 0 without one. Money in millionths in, units out.
    static func monetaryValue(revenue: Int64, first: Int64, intervals: Int) -> Double {
        intervals == 0 ? 0 : Double(saturatingDifference(revenue, first)) / 1e6 / Double(intervals)
    }
}

import Core

/// What a partition hands to a fit of the lifetime value: the purchase days of each buyer with what was spent
/// on them, those of buyer `i` at `offsets[i]..<offsets[i + 1]`, in order of first appearance.
package struct SpendingColumns: FitColumns {
    package var days: [Int32] = []
    /// Gross, millionths.
    package var revenue: [Int64] = []
    package var offsets: [UInt32] = [0]
    /// The last day that is told of, the same in every partition.
    package var asOfDay: Int32 = .min
    package var from: Int64 = .max
    package var to: Int64 = .min

    package var rows: Int { offsets.count - 1 }

    package init() {}

    package mutating func append(_ other: SpendingColumns) {
        let base = offsets[offsets.count - 1]
        days.append(contentsOf: other.days)
        revenue.append(contentsOf: other.revenue)
        offsets.append(contentsOf: other.offsets.dropFirst().map { $0 + base })
        asOfDay = max(asOfDay, other.asOfDay)
        from = min(from, other.from)
        to = max(to, other.to)
    }
}

extension Shard {
    package func spendingColumns(decidedOnly: Bool) -> [(partition: Int, columns: SpendingColumns)] {
        columns { $0.spendingColumns(decidedOnly: decidedOnly) }
    }
}

extension Partition {
    /// - Parameter decidedOnly: only days that are over at the frontier: all of them is decided, so that the
    ///   order of arrival does not show; else everything that has arrived, up to the day of now.
    func spendingColumns(decidedOnly: Bool) -> SpendingColumns {
        var columns = SpendingColumns()
        let end = decidedOnly ? settings.zone.day(of: EventTime(microseconds: frontier)) : today + 1
        columns.asOfDay = end - 1
        for slot in 0..<users.count {
            guard let account = account(slot), account.pointee.dayCount > 0 else { continue }
            let days = purchaseDays(account)
            let taken = days.prefix { $0.day < end }
            if taken.isEmpty { continue }
            for day in taken {
                columns.days.append(day.day)
                columns.revenue.append(day.revenue)
            }
            columns.offsets.append(UInt32(columns.days.count))
            columns.from = min(columns.from, account.pointee.firstPurchase)
            columns.to = max(
                columns.to,
                taken.count == days.count
                    ? account.pointee.lastPurchase : settings.zone.start(of: end).microseconds)
        }
        return columns
    }
}

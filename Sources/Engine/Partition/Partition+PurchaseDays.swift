import Core

/// The purchase days of a buyer. Under a condition of the grades, what was spent under it stands behind them, a
/// number a day: only of those who have spent anything under one.
extension Partition {
    /// Ascending.
    func purchaseDays(_ account: UnsafeMutablePointer<AccountRecord>) -> UnsafeBufferPointer<PurchaseDay> {
        UnsafeBufferPointer(
            start: pool.address(account.pointee.days).assumingMemoryBound(to: PurchaseDay.self),
            count: Int(account.pointee.dayCount))
    }

    /// Spent on each purchase day under the grades' condition, millionths; empty where nothing ever was.
    func gradedSpend(_ account: UnsafeMutablePointer<AccountRecord>) -> UnsafeBufferPointer<Int64> {
        guard account.pointee.keepsGraded, account.pointee.dayCount > 0 else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return UnsafeBufferPointer(graded(account, days: Int(account.pointee.dayCount)))
    }

    /// Where that stands behind so many days.
    private func graded(
        _ account: UnsafeMutablePointer<AccountRecord>, days: Int
    ) -> UnsafeMutableBufferPointer<Int64> {
        let start = pool.address(account.pointee.days) + days * MemoryLayout<PurchaseDay>.stride
        return UnsafeMutableBufferPointer(start: start.assumingMemoryBound(to: Int64.self), count: days)
    }

    /// Whether a purchase counts for the grade.
    func isMet(
        _ condition: Settings.GradeCondition, _ row: UnsafePointer<EventRow>, _ batch: borrowing BatchView
    ) -> Bool {
        let value = withUnsafeBytes(of: row.pointee.dimensions) {
            $0.load(fromByteOffset: 2 * condition.dimension.rawValue, as: UInt16.self)
        }
        if value == EventRow.absent { return false }
        let text = batch.entry(value)
        return condition.values.contains { $0.utf8.elementsEqual(text) }
    }

    /// Adds a purchase to its day.
    ///
    /// - Parameter isGraded: whether it counts for the grade.
    func countPurchaseDay(
        _ account: UnsafeMutablePointer<AccountRecord>, _ day: Int32, _ value: Int64, isGraded: Bool
    ) {
        if isGraded, !account.pointee.keepsGraded { keepGraded(account) }
        let count = Int(account.pointee.dayCount)
        var place = count
        if count > 0 {
            let days = pool.address(account.pointee.days).assumingMemoryBound(to: PurchaseDay.self)
            while place > 0, days[place - 1].day > day { place -= 1 }
            if place > 0, days[place - 1].day == day {
                days[place - 1].count += 1
                days[place - 1].revenue = saturatingSum(days[place - 1].revenue, value)
                if isGraded {
                    let spent = graded(account, days: count)
                    spent[place - 1] = saturatingSum(spent[place - 1], value)
                }
                return
            }
        }
        growDays(account, to: account.pointee.dayBytes + account.pointee.bytesPerDay)
        if account.pointee.keepsGraded { openGraded(account, at: place, isGraded ? value : 0) }
        let days = pool.address(account.pointee.days).assumingMemoryBound(to: PurchaseDay.self)
        var index = count
        while index > place {
            days[index] = days[index - 1]
            index -= 1
        }
        days[place] = PurchaseDay(day: day, count: 1, revenue: value)
        account.pointee.dayCount += 1
    }

    private func growDays(_ account: UnsafeMutablePointer<AccountRecord>, to bytes: Int) {
        guard bytes > pool.capacity(class: account.pointee.daysClass, reference: account.pointee.days) else {
            return
        }
        (account.pointee.days, account.pointee.daysClass) = pool.grow(
            account.pointee.days, sizeClass: account.pointee.daysClass, used: account.pointee.dayBytes,
            to: bytes)
    }

    /// Nothing was spent under the condition until now.
    private func keepGraded(_ account: UnsafeMutablePointer<AccountRecord>) {
        let count = Int(account.pointee.dayCount)
        growDays(account, to: account.pointee.dayBytes + count * MemoryLayout<Int64>.stride)
        account.pointee.flags |= AccountRecord.keepsGraded
        if count > 0 { graded(account, days: count).update(repeating: 0) }
    }

    /// Moves the amounts behind one day more and puts one in its place; there is room for both.
    private func openGraded(_ account: UnsafeMutablePointer<AccountRecord>, at place: Int, _ amount: Int64) {
        let count = Int(account.pointee.dayCount)
        let target = graded(account, days: count + 1)
        if count > 0 {
            // Each lands behind where it stood, and behind those before it.
            let source = graded(account, days: count)
            var index = count
            while index > 0 {
                index -= 1
                target[index < place ? index : index + 1] = source[index]
            }
        }
        target[place] = amount
    }
}

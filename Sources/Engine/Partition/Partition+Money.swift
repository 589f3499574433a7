import Core

/// Dimensions under which money is summed.
enum AmountDimension {
    static let category: UInt32 = 0
    static let paymentMethod: UInt32 = 1
    static let channel: UInt32 = 2
}

extension Partition {
    /// Purchases, refunds and coupons.
    func countMoney(
        _ slot: Int, _ row: UnsafePointer<EventRow>, _ code: UInt16, _ time: Int64,
        _ batch: borrowing BatchView
    ) {
        let account = makeAccount(slot)
        switch (row.pointee.flags & EventFlags.couponMask) >> EventFlags.couponShift {
        case 1: account.pointee.couponUsed += 1
        case 2: account.pointee.couponNotUsed += 1
        case 3: account.pointee.couponClicked += 1
        default: break
        }
        let value = row.pointee.flags & EventFlags.hasValue != 0 ? row.pointee.value : 0
        if code == EventNames.refund {
            account.pointee.refundCount += 1
            account.pointee.refundValue = saturatingSum(account.pointee.refundValue, value)
            noteRefund(value)
        } else if code == EventNames.purchase {
            countPurchase(slot, account, row, value, time, batch)
        }
    }

    private func countPurchase(
        _ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>,
        _ value: Int64, _ time: Int64, _ batch: borrowing BatchView
    ) {
        let user = users[slot]
        let known = noteBefore(slot, account)
        gatherItems(row, batch)
        if !user.pointee.has(UserRecord.converted) {
            user.pointee.flags |= UserRecord.converted
            if user.pointee.segment != 0 { segments.convertedOne(user) }
            convertedInSegmentations(slot)
        }
        let lines = max(1, UInt32(row.pointee.itemsCount))
        account.pointee.itemLines = account.pointee.itemLines &+ lines
        account.pointee.purchaseCount += 1
        let before = account.pointee.revenue
        account.pointee.revenue = saturatingSum(before, value)
        tierTotals.earned(account.pointee, from: before)
        account.pointee.firstPurchase = min(account.pointee.firstPurchase, time)
        account.pointee.lastPurchase = max(account.pointee.lastPurchase, time)
        countsForGrade = false
        if let condition = settings.gradeCondition { countsForGrade = isMet(condition, row, batch) }
        countPurchaseDay(account, day(of: time), value, isGraded: countsForGrade)
        let values = row.pointee.dimensions
        if values.4 != EventRow.absent {
            addAmount(
                account, AmountDimension.paymentMethod, intern(values.4, batch), value, lines: lines)
        }
        if values.3 != EventRow.absent {
            addAmount(account, AmountDimension.channel, intern(values.3, batch), value)
        }
        for index in 0..<Int(row.pointee.itemsCount) {
            let item = batch.items[Int(row.pointee.itemsStart) + index]
            if item.category == EventRow.absent || item.price == ItemRow.noPrice { continue }
            addAmount(
                account, AmountDimension.category, intern(item.category, batch), Self.lineAmount(item))
        }
        rememberPurchase(account, row, value, time, batch)
        notePurchase(slot, account, row, value, known, batch)
        countQuantities(row, time, batch)
    }

    /// Quantity × price in millionths, rounded to the nearest, clamped to the range of money.
    static func lineAmount(_ item: ItemRow) -> Int64 {
        let product = item.quantity.multipliedFullWidth(by: item.price)
        // Half the divisor: beyond it the quotient is no Int64.
        let bound: Int64 = 500_000
        if product.high >= bound || product.high <= -bound { return item.quantity < 0 ? .min / 4 : .max / 4 }
        let (quotient, remainder) = Int64(1_000_000).dividingFullWidth(product)
        if remainder >= 500_000 { return quotient + 1 }
        if remainder <= -500_000 { return quotient - 1 }
        return quotient
    }

    /// Partition's number of a dictionary entry.
    func intern(_ index: UInt16, _ batch: borrowing BatchView) -> UInt32 {
        let known = scratchStrings[Int(index)]
        if known != .max { return known }
        let number = strings.intern(batch.entry(index), hash: batch.hashes[Int(index)])
        scratchStrings[Int(index)] = number
        return number
    }

    /// Most values of all dimensions under which one user's money is summed.
    private static let amountsKept = 4096

    private func addAmount(
        _ account: UnsafeMutablePointer<AccountRecord>, _ dimension: UInt32, _ value: UInt32, _ amount: Int64,
        lines: UInt32 = 0
    ) {
        let count = Int(account.pointee.amountCount)
        let size = MemoryLayout<AmountEntry>.stride
        if count > 0 {
            let entries = pool.address(account.pointee.amounts).assumingMemoryBound(to: AmountEntry.self)
            for index in 0..<count
            where entries[index].dimension == dimension && entries[index].value == value {
                entries[index].amount = saturatingSum(entries[index].amount, amount)
                entries[index].add(lines: lines)
                return
            }
        }
        if count >= Self.amountsKept { return }
        if (count + 1) * size
            > pool.capacity(class: account.pointee.amountsClass, reference: account.pointee.amounts)
        {
            (account.pointee.amounts, account.pointee.amountsClass) = pool.grow(
                account.pointee.amounts, sizeClass: account.pointee.amountsClass, used: count * size,
                to: (count + 1) * size)
        }
        let entries = pool.address(account.pointee.amounts).assumingMemoryBound(to: AmountEntry.self)
        entries[count] = AmountEntry(dimension: dimension, value: value, amount: amount, lines: lines)
        account.pointee.amountCount += 1
    }
}

/// Sums of money stay within the range of 64 bits.
@inline(__always)
func saturatingSum(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? (b > 0 ? .max : .min) : sum
}

@inline(__always)
func saturatingDifference(_ a: Int64, _ b: Int64) -> Int64 {
    let (difference, overflow) = a.subtractingReportingOverflow(b)
    return overflow ? (b < 0 ? .max : .min) : difference
}

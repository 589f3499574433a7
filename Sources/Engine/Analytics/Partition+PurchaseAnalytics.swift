import Core

/// A buyer's account before a purchase.
struct BuyerBefore {
    var revenue: Int64
    /// `Int64.max`: none.
    var firstPurchase: Int64
}

extension Partition {
    @inline(__always)
    func noteBefore(_ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>) -> BuyerBefore {
        BuyerBefore(revenue: account.pointee.revenue, firstPurchase: account.pointee.firstPurchase)
    }

    /// A purchase that the account has taken in.
    func notePurchase(
        _ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>,
        _ value: Int64, _ before: BuyerBefore, _ batch: borrowing BatchView
    ) {
        if row.pointee.flags & EventFlags.hasValue != 0 { analytics.sketch.add(value) }
        analytics.hours.earn(value, in: analytics.hour.hourOfWeek)
        noteMember(slot, account, before)
        let isFirstOfMonth = noteDays(account, row, value, before)
        noteFacts(slot, account, row, value, isFirstOfMonth: isFirstOfMonth, batch)
    }

    /// Users of each main value, and of pairs of them.
    private func noteMember(
        _ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>, _ before: BuyerBefore
    ) {
        let user = users[slot]
        var more = MemberTotals()
        more.converted = before.firstPurchase == .max ? 1 : 0
        more.purchases = 1
        more.revenue = Int128(account.pointee.revenue) - Int128(before.revenue)
        analytics.buyers += more.converted
        let mains = mains(user)
        mains.forEach { dimension, main in analytics.values.add(dimension, main, more, sign: 1) }
        analytics.mediaByDevice.add(mains, more, sign: 1)
        analytics.ageByGender.add(mains, more, sign: 1)
    }

    // MARK: Days and cohorts

    /// - Returns: whether it is the user's first purchase known in its month.
    private func noteDays(
        _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>, _ value: Int64,
        _ before: BuyerBefore
    ) -> Bool {
        let day = analytics.hour.day
        let days = purchaseDays(account)
        guard let place = days.lastIndex(where: { $0.day == day }) else { return false }
        let isNewDay = days[place].count == 1
        let isNewBuyer = before.firstPurchase == .max
        let oldFirst = isNewBuyer ? nil : isNewDay && place == 0 ? days[1].day : days[0].day
        let sums = analytics.days.sums(of: day, today: today)
        sums.pointee.revenue += Int128(value)
        if row.pointee.flags & EventFlags.hasValue != 0 { sums.pointee.valued += 1 }
        if isNewDay { sums.pointee.buyers += 1 }
        if oldFirst == nil || day <= oldFirst ?? day { sums.pointee.firstRevenue += Int128(value) }
        if isNewDay, place == 0 {
            sums.pointee.firstBuyers += 1
            if let oldFirst {
                let old = analytics.days.sums(of: oldFirst, today: today)
                old.pointee.firstBuyers -= 1
                old.pointee.firstRevenue -= Int128(days[1].revenue)
            }
        }
        return noteCohorts(days, place, value, oldFirst: oldFirst)
    }

    private func noteCohorts(
        _ days: UnsafeBufferPointer<PurchaseDay>, _ place: Int, _ value: Int64, oldFirst: Int32?
    ) -> Bool {
        let month = analytics.months.number(of: days[place].day)
        let isFirst =
            days[place].count == 1
            && !(place > 0 && analytics.months.number(of: days[place - 1].day) == month)
            && !(place + 1 < days.count && analytics.months.number(of: days[place + 1].day) == month)
        let cohort = analytics.months.number(of: days[0].day)
        if let oldFirst, analytics.months.number(of: oldFirst) != cohort {
            // An earlier first purchase has become known: the buyer is of another cohort.
            noteCohort(analytics.months.number(of: oldFirst), days[1...], sign: -1)
            noteCohort(cohort, days[...], sign: 1)
            return isFirst
        }
        var cell = CohortCell()
        cell.buyers = isFirst ? 1 : 0
        cell.purchases = 1
        cell.revenue = Int128(value)
        analytics.cohorts.add(cohort: cohort, month: month, cell, sign: 1, now: thisMonth)
        return isFirst
    }

    /// What a buyer's days add to a cohort.
    func noteCohort(_ cohort: Int, _ days: Slice<UnsafeBufferPointer<PurchaseDay>>, sign: Int64) {
        var last: Int?
        for day in days {
            let month = analytics.months.number(of: day.day)
            var cell = CohortCell()
            cell.buyers = month == last ? 0 : 1
            cell.purchases = Int64(day.count)
            cell.revenue = Int128(day.revenue)
            analytics.cohorts.add(cohort: cohort, month: month, cell, sign: sign, now: thisMonth)
            last = month
        }
    }

    // MARK: The table of purchases

    private func noteFacts(
        _ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>,
        _ value: Int64, isFirstOfMonth: Bool, _ batch: borrowing BatchView
    ) {
        let user = users[slot]
        var key = FactKey(.segment)
        key.month = analytics.months.number(of: analytics.hour.day)
        key.segment = Int(user.pointee.segment)
        var cell = FactCell(count: 1)
        cell.revenue = value
        let now = thisMonth
        var bought = cell
        bought.buyers = isFirstOfMonth ? 1 : 0
        analytics.facts.add(key, bought, now: now)
        noteRhythm(.segmentRhythm, 0, segment: key.segment, cell, now)
        let values = row.pointee.dimensions
        for (kind, dimension) in [(FactKind.segmentDevice, values.0), (.segmentMedia, values.1)]
        where dimension != EventRow.absent {
            var way = FactKey(kind, value: intern(dimension, batch))
            way.segment = key.segment
            analytics.facts.add(way, cell, now: now)
        }
        if values.3 != EventRow.absent {
            var channel = key
            channel.kind = .channel
            channel.value = intern(values.3, batch)
            analytics.facts.add(channel, cell, now: now)
            noteRhythm(.channelRhythm, channel.value, segment: 0, cell, now)
        }
        if values.4 != EventRow.absent {
            notePayment(account, intern(values.4, batch), month: key.month, cell, now)
        }
        let people = people(user)
        if values.8 != EventRow.absent {
            notePromotion(account, row, key, people, freeText(values.8, batch), cell, now)
        }
        noteCategories(account, row, key, people, batch, now)
    }

    private func notePayment(
        _ account: UnsafeMutablePointer<AccountRecord>, _ method: UInt32, month: Int, _ cell: FactCell,
        _ now: Int
    ) {
        let day = analytics.hour.day
        var key = FactKey(.paymentDay, value: method)
        key.month = month
        key.segment = Int(day - MonthNumber.firstDay(of: month)) + 1
        var paid = cell
        paid.buyers = purchaseDays(account).last { $0.day == day }?.count == 1 ? 1 : 0
        analytics.facts.add(key, paid, now: now)
    }

    private func noteRhythm(
        _ kind: FactKind, _ value: UInt32, segment: Int, _ cell: FactCell, _ now: Int
    ) {
        var key = FactKey(kind, value: value)
        key.segment = segment
        key.month = analytics.hour.hourOfWeek / 24
        analytics.facts.add(key, cell, now: now)
        key.month = FactKey.hours + analytics.hour.hourOfWeek % 24
        analytics.facts.add(key, cell, now: now)
    }

    private func notePromotion(
        _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>, _ key: FactKey,
        _ people: ProfileCode, _ promotion: UInt32, _ cell: FactCell, _ now: Int
    ) {
        var use = cell
        use.buyers = account.pointee.purchaseCount > 1 ? 1 : 0
        if row.pointee.flags & EventFlags.hasDiscount != 0 {
            let isPercent = row.pointee.flags & EventFlags.discountIsPercent != 0
            var line = ItemRow()
            line.quantity = cell.revenue
            line.price = row.pointee.discount / 100
            use.discount = isPercent ? Self.lineAmount(line) : row.pointee.discount
        }
        var own = key
        own.kind = .promotion
        own.value = promotion
        analytics.facts.add(own, use, now: now)
        var who = FactKey(.promotionPeople, value: promotion)
        who.people = people.bits
        analytics.facts.add(who, use, now: now)
    }

    private func noteCategories(
        _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>, _ key: FactKey,
        _ people: ProfileCode, _ batch: borrowing BatchView, _ now: Int
    ) {
        for index in 0..<Int(row.pointee.itemsCount) {
            let item = batch.items[Int(row.pointee.itemsStart) + index]
            if item.category == EventRow.absent { continue }
            var line = FactCell(count: 1)
            line.quantity = item.quantity
            line.revenue = item.price == ItemRow.noPrice ? 0 : Self.lineAmount(item)
            var own = key
            own.kind = .category
            own.value = intern(item.category, batch)
            analytics.facts.add(own, line, now: now)
            var graded = FactKey(.categoryGrade, value: own.value)
            graded.grade = Int(account.pointee.grade)
            analytics.facts.add(graded, line, now: now)
            var who = FactKey(.categoryPeople, value: own.value)
            who.people = people.bits
            analytics.facts.add(who, line, now: now)
            noteRhythm(.categoryRhythm, own.value, segment: 0, line, now)
        }
    }

    /// Gender and age by the user's latest values.
    private func people(_ user: UnsafeMutablePointer<UserRecord>) -> ProfileCode {
        var code = ProfileCode()
        let mains = mains(user)
        if let gender = mains[.gender] {
            strings.bytes(gender).withUnsafeBytes { code.take(gender: $0) }
        }
        if let age = mains[.ageBand] {
            strings.bytes(age).withUnsafeBytes { code.take(ageBand: $0) }
        }
        return code
    }
}

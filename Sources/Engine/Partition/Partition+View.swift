import Core

extension Partition {
    /// Slot of a user by id, or nil.
    func slot(of id: [UInt8]) -> Int? {
        guard !id.isEmpty, id.count <= 256 else { return nil }
        let slot = id.withUnsafeBytes { users.find($0, hash: key.hash($0)) }
        guard slot >= 0, users[slot].pointee.nameCount > 0 else { return nil }
        return slot
    }

    /// Everything about one user, as of now.
    /// - Parameter explained: with what moved the predictions.
    func view(_ slot: Int, names: EventNames, explained: Bool) -> UserView {
        view(slot, names: names, now: now, explained: explained)
    }

    /// Everything about one user, as of an instant.
    func view(_ slot: Int, names: EventNames, now: Int64, explained: Bool = false) -> UserView {
        let today = day(of: now)
        let user = users[slot]
        var view = UserView()
        view.user = Array(users.id(slot))
        view.firstSeen = EventTime(microseconds: user.pointee.firstSeen)
        view.lastSeen = EventTime(microseconds: user.pointee.lastSeen)
        view.events = eventCounts(user, names)
        view.eventTotal = view.events.reduce(0) { $0 + $1.value }
        view.converted = user.pointee.has(UserRecord.converted)
        view.shortSessions = SessionsView(
            count: Int64(user.pointee.shortCount), totalMicroseconds: user.pointee.shortTotal)
        view.longSessions = SessionsView(
            count: Int64(user.pointee.longCount), totalMicroseconds: user.pointee.longTotal)
        view.main = mainValues(user)
        view.profile = profile(user)
        view.rolling = rolling(user, today)
        if user.pointee.segment != 0 {
            let id = Int(user.pointee.segment) - 1
            view.segment = UserView.Segment(id: id, name: segments.name(id))
        }
        view.memberships = memberships(slot, at: now)
        if let account = account(slot) { describe(account, today, &view) }
        view.churn = churnPrediction(slot, at: now, explained: explained)
        view.cartConversion = cartPrediction(slot, explained: explained)
        if explained { describeRecommendations(slot, &view) }
        return view
    }

    private func describe(
        _ account: UnsafeMutablePointer<AccountRecord>, _ today: Int32, _ view: inout UserView
    ) {
        let record = account.pointee
        if record.couponUsed + record.couponNotUsed + record.couponClicked > 0 {
            view.coupons = UserView.Coupons(
                used: Int64(record.couponUsed), notUsed: Int64(record.couponNotUsed),
                clicked: Int64(record.couponClicked))
        }
        if record.refundCount > 0 {
            view.refunds = UserView.Refunds(count: Int64(record.refundCount), value: record.refundValue)
        }
        guard record.purchaseCount > 0 else { return }
        describePurchases(account, today, &view)
        view.rfmCell = view.rfm.flatMap(cell)
        view.lifetimeValue = view.rfm.flatMap(lifetimeValue)
        describeTier(account, &view)
        view.amountBy = amounts(account)
        view.recentPurchases = recentPurchases(account).reversed().map { purchase in
            PurchaseView(
                at: EventTime(microseconds: purchase.time), value: purchase.value,
                items: purchase.items.map { item in
                    let id = strings.string(item.id)
                    return PurchaseItemView(
                        itemID: id, name: currentName(ofItem: id),
                        category: item.category.map { strings.string($0) },
                        quantity: item.quantity, price: item.price)
                })
        }
        if let predicted = predictedRepurchase(account, today: today) {
            view.repurchase = UserView.Repurchase(
                date: predicted.date, p10: predicted.p10, p90: predicted.p90)
        }
    }

    private func describePurchases(
        _ account: UnsafeMutablePointer<AccountRecord>, _ today: Int32, _ view: inout UserView
    ) {
        let days = UnsafeBufferPointer(
            start: pool.address(account.pointee.days).assumingMemoryBound(to: PurchaseDay.self),
            count: Int(account.pointee.dayCount))
        var purchases = UserView.Purchases()
        purchases.count = Int64(account.pointee.purchaseCount)
        purchases.days = Int64(days.count)
        purchases.revenue = account.pointee.revenue
        purchases.first = EventTime(microseconds: account.pointee.firstPurchase)
        purchases.last = EventTime(microseconds: account.pointee.lastPurchase)
        let first = days[0].day
        let last = days[days.count - 1].day
        let intervals = days.count - 1
        if intervals >= 1 {
            let mean = Double(last - first) / Double(intervals)
            purchases.intervalMeanDays = mean
            if intervals >= 2 {
                var squares = 0.0
                for index in 1..<days.count {
                    let deviation = Double(days[index].day - days[index - 1].day) - mean
                    squares += deviation * deviation
                }
                purchases.intervalDeviationDays = (squares / Double(intervals - 1)).squareRoot()
            }
        }
        view.purchases = purchases
        var rfm = UserView.RFM()
        rfm.frequency = Int64(intervals)
        rfm.recencyDays = Int64(last - first)
        rfm.ageDays = Int64(today - first)
        rfm.daysSinceLast = Int64(today - last)
        if intervals > 0 {
            rfm.monetaryValue = Self.monetaryValue(
                revenue: account.pointee.revenue, first: days[0].revenue, intervals: intervals)
        }
        view.rfm = rfm
        for index in view.rolling.indices {
            let window = view.rolling[index].days
            for day in days where day.day > today - Int32(window) && day.day <= today {
                view.rolling[index].purchases += Int64(day.count)
                view.rolling[index].revenue = saturatingSum(view.rolling[index].revenue, day.revenue)
            }
        }
    }

    private func amounts(_ account: UnsafeMutablePointer<AccountRecord>) -> [Named<[Named<Int64>]>] {
        let count = Int(account.pointee.amountCount)
        if count == 0 { return [] }
        let entries = UnsafeBufferPointer(
            start: pool.address(account.pointee.amounts).assumingMemoryBound(to: AmountEntry.self),
            count: count)
        var result: [Named<[Named<Int64>]>] = []
        for (dimension, name) in [
            (AmountDimension.category, "category"), (AmountDimension.paymentMethod, "payment_method"),
            (AmountDimension.channel, "channel"),
        ] {
            let values = entries.filter { $0.dimension == dimension }.map {
                Named(strings.string($0.value), $0.amount)
            }
            if !values.isEmpty { result.append(Named(name, values)) }
        }
        return result
    }

    private func eventCounts(_ user: UnsafeMutablePointer<UserRecord>, _ names: EventNames) -> [Named<Int64>]
    {
        guard user.pointee.nameCount > 0 else { return [] }
        let entries = pool.tail(user).names
        var counts: [(code: UInt16, count: Int64)] = []
        for index in 0..<Int(user.pointee.nameCount) {
            let entry = entries[index]
            if let place = counts.firstIndex(where: { $0.code == entry.code }) {
                counts[place].count += Int64(entry.count)
            } else {
                counts.append((entry.code, Int64(entry.count)))
            }
        }
        return counts.sorted { $0.count != $1.count ? $0.count > $1.count : $0.code < $1.code }
            .map { Named(names.text($0.code), $0.count) }
    }

    /// The most frequent value of a dimension, ties to the one seen first.
    private func mainValues(_ user: UnsafeMutablePointer<UserRecord>) -> [Named<String>] {
        guard user.pointee.dimensionCount > 0 else { return [] }
        let entries = UnsafeBufferPointer(
            start: pool.tail(user).dimensions, count: Int(user.pointee.dimensionCount))
        var result: [Named<String>] = []
        for dimension in [Dimension.media, .device, .type, .channel, .paymentMethod] {
            var best: (value: UInt32, count: Int64)?
            for (index, entry) in entries.enumerated() where entry.dimension == dimension.rawValue {
                if entries[..<index].contains(where: { $0.key == entry.key }) { continue }
                var count: Int64 = 0
                for other in entries where other.key == entry.key { count += Int64(other.count) }
                if best.map({ count > $0.count }) ?? true { best = (entry.value, count) }
            }
            if let best { result.append(Named(dimension.text, strings.string(best.value))) }
        }
        return result
    }

    private func profile(_ user: UnsafeMutablePointer<UserRecord>) -> [Named<String>] {
        guard user.pointee.dimensionCount > 0 else { return [] }
        let entries = UnsafeBufferPointer(
            start: pool.tail(user).dimensions, count: Int(user.pointee.dimensionCount))
        return [Dimension.gender, .ageBand, .region].compactMap { dimension in
            entries.first { $0.dimension == dimension.rawValue }.map {
                Named(dimension.text, strings.string($0.value))
            }
        }
    }

    /// Events and short sessions begun; purchases are added from the purchase days.
    private func rolling(_ user: UnsafeMutablePointer<UserRecord>, _ today: Int32) -> [RollingView] {
        var windows = [1, 7, 30, 90].map {
            RollingView(days: $0, events: 0, sessions: 0, purchases: 0, revenue: 0)
        }
        guard user.pointee.dayCount > 0 else { return windows }
        let days = pool.tail(user).days
        let today16 = UInt16(truncatingIfNeeded: today)
        for index in 0..<Int(user.pointee.dayCount) {
            let age = Int(Int16(bitPattern: today16 &- days[index].day16))
            guard age >= 0 else { continue }
            for window in windows.indices where age < windows[window].days {
                windows[window].events += Int64(days[index].events)
                windows[window].sessions += Int64(days[index].sessions)
            }
        }
        return windows
    }
}

import Core
import Models

/// Judges conditions on the user page as of the instant that is decided: counts, sums, days and sessions are
/// of the events up to and including it, days are counted as of when it is due. Words and amounts by field, and
/// what the models say, are as they have arrived.
extension Partition {
    /// Whether a condition holds of a user. No string and no dictionary is touched.
    func holds(_ condition: PreparedCondition, _ slot: Int, at instant: Int64) -> Bool {
        if condition.isEmpty { return true }
        lookAhead(slot)
        var truth = true
        var index = 0
        let steps = condition.steps
        while index < steps.count {
            let step = steps[index]
            index += 1
            switch step.code {
            case .invert: truth.toggle()
            case .jumpIfFalse: if !truth { index = Int(step.first) }
            case .jumpIfTrue: if truth { index = Int(step.first) }
            default: truth = holds(step, condition, slot, at: instant)
            }
        }
        return truth
    }

    /// Whether one test of a condition holds. `lookAhead` comes before.
    @inline(__always)
    func holds(
        _ step: ConditionProgram.Step, _ condition: PreparedCondition, _ slot: Int, at instant: Int64
    ) -> Bool {
        switch step.code {
        case .compare: step.comparison.holds(value(step.a, condition, slot, instant), step.number)
        case .compareFields:
            step.comparison.holds(
                value(step.a, condition, slot, instant), value(step.b, condition, slot, instant))
        case .isOneOf: isOneOf(step, condition, slot, instant)
        case .isAmong: isAmong(step, condition, value(step.a, condition, slot, instant))
        case .has: has(step.a, condition, slot, instant)
        case .flag: hasConverted(slot)
        case .constant: step.number != 0
        case .invert, .jumpIfFalse, .jumpIfTrue: preconditionFailure("no test")
        }
    }

    private func hasConverted(_ slot: Int) -> Bool {
        guard users[slot].pointee.has(UserRecord.converted) else { return false }
        let arrived = Int(account(slot)?.pointee.purchaseCount ?? 0)
        return ahead.isEmpty || arrived > ahead.purchases.count
    }

    private func isOneOf(
        _ step: ConditionProgram.Step, _ condition: PreparedCondition, _ slot: Int, _ instant: Int64
    ) -> Bool {
        let symbol = symbol(step.a, condition, slot, instant)
        if symbol == 0 { return false }
        for place in Int(step.first)..<Int(step.first + step.count) where condition.texts[place] == symbol {
            return true
        }
        return false
    }

    private func isAmong(
        _ step: ConditionProgram.Step, _ condition: PreparedCondition, _ value: Double
    ) -> Bool {
        for place in Int(step.first)..<Int(step.first + step.count) where condition.numbers[place] == value {
            return true
        }
        return false
    }

    /// Whether the page shows it: a count or a sum that is 0 is not shown.
    private func has(
        _ operand: ConditionProgram.Operand, _ condition: PreparedCondition, _ slot: Int, _ instant: Int64
    ) -> Bool {
        switch operand.field.kind {
        case .flag: true
        case .text: symbol(operand, condition, slot, instant) != 0
        case .number:
            switch operand.field {
            case .event, .purchaseCount, .purchaseDays, .revenue, .refundCount, .refundValue, .couponUsed,
                .couponNotUsed, .couponClicked, .amountByCategory, .amountByPayment, .amountByChannel:
                value(operand, condition, slot, instant) != 0
            default: !value(operand, condition, slot, instant).isNaN
            }
        }
    }

    // MARK: Numbers

    /// A number of the user's; not a number where there is none. `lookAhead` comes before.
    func value(
        _ operand: ConditionProgram.Operand, _ condition: PreparedCondition, _ slot: Int, _ instant: Int64
    ) -> Double {
        let user = users[slot]
        switch operand.field {
        case .eventTotal: return Double(count(user) { _ in true } - Int64(ahead.events.count))
        case .event:
            let code = condition.names[Int(operand.argument)]
            return Double(count(user) { UInt32($0) == code } - ahead.count(code))
        case .shortCount, .shortTotal, .shortMean, .longCount, .longTotal, .longMean:
            return sessions(operand.field, slot)
        case .daysSinceLastEvent:
            return daysSince(
                ahead.isEmpty ? user.pointee.lastSeen : user.pointee.lastDecided, instant)
        case .daysSinceFirstEvent: return daysSince(user.pointee.firstSeen, instant)
        case .rollingEvents, .rollingSessions: return rolling(operand, slot, instant)
        case .segmentID: return user.pointee.segment == 0 ? .nan : Double(user.pointee.segment) - 1
        case .churn: return churnPrediction(slot, at: instant, explained: false)?.p ?? .nan
        case .cartConversion: return cartPrediction(slot, explained: false)?.p ?? .nan
        case .buysAnyway: return buysAnyway(slot, at: instant)
        case .month: return Double(CalendarDate(dayNumber: day(of: instant)).month)
        case .itemDemand, .itemStock: return offered(operand.field)
        default: return purchaseValue(operand, condition, account(slot), instant)
        }
    }

    /// What is in the cart is bought, or, with nothing in it, a buyer buys within the horizon of churn.
    private func buysAnyway(_ slot: Int, at instant: Int64) -> Double {
        if let cart = cartPrediction(slot, explained: false)?.p { return cart }
        return churnPrediction(slot, at: instant, explained: false).map { 1 - $0.p } ?? .nan
    }

    private func offered(_ field: ConditionField) -> Double {
        guard let id = offeredItem else { return .nan }
        if field == .itemStock { return settings.items.facts(of: id)?.stock ?? .nan }
        guard let model = recommendations.model,
            let number = Array(id.utf8).withUnsafeBytes({ model.items.find($0) })
        else { return .nan }
        return Double(model.demand[number])
    }

    private func sessions(_ field: ConditionField, _ slot: Int) -> Double {
        let user = users[slot].pointee
        var short = (count: Int64(user.shortCount), total: user.shortTotal)
        var long = (count: Int64(user.longCount), total: user.longTotal)
        if !ahead.isEmpty {
            let decided = decidedSessions(slot)
            short = (decided.shortCount, decided.shortTotal)
            long = (decided.longCount, decided.longTotal)
        }
        switch field {
        case .shortCount: return Double(short.count)
        case .shortTotal: return Double(short.total) / 1e6
        case .shortMean: return Double(short.total) / 1e6 / Double(short.count)
        case .longCount: return Double(long.count)
        case .longTotal: return Double(long.total) / 1e6
        default: return Double(long.total) / 1e6 / Double(long.count)
        }
    }

    private func daysSince(_ time: Int64, _ instant: Int64) -> Double {
        Double(max(0, instant - time)) / Double(Microseconds.day)
    }

    private func count(_ user: UnsafeMutablePointer<UserRecord>, _ isMeant: (UInt16) -> Bool) -> Int64 {
        guard user.pointee.nameCount > 0 else { return 0 }
        let entries = pool.tail(user).names
        var count: Int64 = 0
        for index in 0..<Int(user.pointee.nameCount) where isMeant(entries[index].code) {
            count += Int64(entries[index].count)
        }
        return count
    }

    private func rolling(
        _ operand: ConditionProgram.Operand, _ slot: Int, _ instant: Int64
    ) -> Double {
        let user = users[slot]
        guard user.pointee.dayCount > 0 else { return 0 }
        let days = pool.tail(user).days
        let today = day(of: instant)
        let today16 = UInt16(truncatingIfNeeded: today)
        var sum: Int64 = 0
        if !ahead.isEmpty {
            sum -=
                operand.field == .rollingSessions
                ? sessionsAhead(slot, today: today)
                : Int64(ahead.events.count { day(of: $0.time) <= today })
        }
        for index in 0..<Int(user.pointee.dayCount) {
            let age = Int(Int16(bitPattern: today16 &- days[index].day16))
            guard age >= 0, age < Int(operand.argument) else { continue }
            sum += Int64(operand.field == .rollingEvents ? days[index].events : days[index].sessions)
        }
        return Double(sum)
    }

    /// What only who bought, refunded or used a coupon has.
    private func purchaseValue(
        _ operand: ConditionProgram.Operand, _ condition: PreparedCondition,
        _ account: UnsafeMutablePointer<AccountRecord>?, _ instant: Int64
    ) -> Double {
        guard let account else { return operand.field.isSum ? 0 : .nan }
        let record = account.pointee
        switch operand.field {
        case .purchaseCount: return Double(purchaseCount(record))
        case .revenue: return Double(revenue(record)) / 1e6
        case .purchaseMean:
            let count = purchaseCount(record)
            return count <= 0 ? .nan : Double(revenue(record)) / 1e6 / Double(count)
        case .refundCount:
            return Double(Int64(record.refundCount) - ahead.count(UInt32(EventNames.refund)))
        case .refundValue: return Double(record.refundValue) / 1e6
        case .couponUsed, .couponNotUsed, .couponClicked, .couponRatio:
            return coupons(operand.field, record)
        case .tierScore:
            guard record.tier != 0, let rule = tiers.model?.rule else { return .nan }
            return rule.score(TierLevels(bits: record.tierLevels))
        case .amountByCategory: return amount(record, AmountDimension.category, condition, operand)
        case .amountByPayment: return amount(record, AmountDimension.paymentMethod, condition, operand)
        case .amountByChannel: return amount(record, AmountDimension.channel, condition, operand)
        default:
            guard record.dayCount > 0 else { return operand.field.isSum ? 0 : .nan }
            let days = purchaseDays(account)
            if ahead.days.isEmpty { return dayValue(operand, account, days, instant) }
            let kept = days.map(ahead.days.decided).filter { $0.count > 0 }
            if kept.isEmpty { return operand.field.isSum ? 0 : .nan }
            return kept.withUnsafeBufferPointer { dayValue(operand, account, $0, instant) }
        }
    }

    private func purchaseCount(_ record: AccountRecord) -> Int64 {
        Int64(record.purchaseCount) - Int64(ahead.purchases.count)
    }

    private func revenue(_ record: AccountRecord) -> Int64 {
        ahead.purchases.isEmpty ? record.revenue : saturatingDifference(record.revenue, ahead.revenue)
    }

    private func coupons(_ field: ConditionField, _ record: AccountRecord) -> Double {
        let used = Int64(record.couponUsed) - ahead.count(coupon: 1)
        let notUsed = Int64(record.couponNotUsed) - ahead.count(coupon: 2)
        let clicked = Int64(record.couponClicked) - ahead.count(coupon: 3)
        switch field {
        case .couponUsed: return Double(used)
        case .couponNotUsed: return Double(notUsed)
        case .couponClicked: return Double(clicked)
        default:
            let total = used + notUsed + clicked
            return total <= 0 ? .nan : Double(used) / Double(total)
        }
    }

    private func amount(
        _ record: AccountRecord, _ dimension: UInt32, _ condition: PreparedCondition,
        _ operand: ConditionProgram.Operand
    ) -> Double {
        guard record.amountCount > 0 else { return 0 }
        let wanted = condition.names[Int(operand.argument)]
        let entries = pool.address(record.amounts).assumingMemoryBound(to: AmountEntry.self)
        for index in 0..<Int(record.amountCount)
        where entries[index].dimension == dimension && entries[index].value == wanted {
            return Double(entries[index].amount) / 1e6
        }
        return 0
    }

    /// What rests on purchase days, of which there is one at least.
    private func dayValue(
        _ operand: ConditionProgram.Operand, _ account: UnsafeMutablePointer<AccountRecord>,
        _ days: UnsafeBufferPointer<PurchaseDay>, _ instant: Int64
    ) -> Double {
        let (first, last) = (days[0].day, days[days.count - 1].day)
        let today = day(of: instant)
        switch operand.field {
        case .purchaseDays: return Double(days.count)
        case .frequency: return Double(days.count - 1)
        case .recency: return Double(last - first)
        case .age: return Double(today - first)
        case .daysSinceLast: return Double(today - last)
        case .monetaryValue:
            return Self.monetaryValue(
                revenue: revenue(account.pointee), first: days[0].revenue, intervals: days.count - 1)
        case .intervalMean, .intervalDeviation: return interval(operand.field, days)
        case .rollingPurchases, .rollingRevenue:
            var (count, revenue): (Int64, Int64) = (0, 0)
            for day in days where day.day > today - Int32(operand.argument) && day.day <= today {
                count += Int64(day.count)
                revenue = saturatingSum(revenue, day.revenue)
            }
            return operand.field == .rollingPurchases ? Double(count) : Double(revenue) / 1e6
        case .lifetimeValue, .expectedPurchases, .probabilityAlive:
            return worth(operand.field, account, days, today)
        case .daysToRepurchase:
            return predictedRepurchase(account, today: today).map { Double($0.date - today) } ?? .nan
        default: return .nan
        }
    }

    /// Mean interval between a buyer's purchase days, of those that are decided; not a number below two.
    func usualGap(_ slot: Int) -> Double {
        guard let account = account(slot), account.pointee.dayCount > 1 else { return .nan }
        lookAhead(slot)
        let days = purchaseDays(account)
        if ahead.days.isEmpty { return interval(.intervalMean, days) }
        let kept = days.map(ahead.days.decided).filter { $0.count > 0 }
        return kept.withUnsafeBufferPointer { interval(.intervalMean, $0) }
    }

    private func interval(_ field: ConditionField, _ days: UnsafeBufferPointer<PurchaseDay>) -> Double {
        let intervals = days.count - 1
        guard intervals >= 1 else { return .nan }
        let mean = Double(days[intervals].day - days[0].day) / Double(intervals)
        if field == .intervalMean { return mean }
        guard intervals >= 2 else { return .nan }
        var squares = 0.0
        for index in 1..<days.count {
            let deviation = Double(days[index].day - days[index - 1].day) - mean
            squares += deviation * deviation
        }
        return (squares / Double(intervals - 1)).squareRoot()
    }

    private func worth(
        _ field: ConditionField, _ account: UnsafeMutablePointer<AccountRecord>,
        _ days: UnsafeBufferPointer<PurchaseDay>, _ today: Int32
    ) -> Double {
        guard let model = lifetimeValue.model else { return .nan }
        let frequency = Double(days.count - 1)
        let recency = Double(days[days.count - 1].day - days[0].day)
        let age = max(Double(today - days[0].day), recency)
        if field == .probabilityAlive {
            return model.purchases.probabilityAlive(frequency: frequency, recency: recency, age: age)
        }
        let monetary = Self.monetaryValue(
            revenue: revenue(account.pointee), first: days[0].revenue, intervals: days.count - 1)
        let one = model.predict(
            frequency: frequency, recency: recency, age: age, monetaryValue: monetary,
            horizonDays: Double(model.horizon))
        return field == .lifetimeValue ? one.value : one.expectedPurchases
    }

    // MARK: Texts

    /// Number of a text of the user's, as `PreparedCondition.texts` has it; 0 where there is none.
    func symbol(
        _ operand: ConditionProgram.Operand, _ condition: PreparedCondition, _ slot: Int, _ instant: Int64
    ) -> UInt32 {
        if operand.field.isOfItem { return offeredSymbol(operand.field) }
        if operand.field == .rfmCell { return cellSymbol(slot, at: instant) }
        guard operand.field == .membership else { return symbol(operand.field, slot) }
        let asked = Int(condition.names[Int(operand.argument)])
        let place = asked < rules.memberPlaces.count ? rules.memberPlaces[asked] : -1
        guard place >= 0 else { return 0 }
        let id = segmentations[place].segment(of: slot)
        return id < 0 ? 0 : rules.memberSymbols[place][id]
    }

    /// A text that no condition names has a number of its own that is nobody's.
    private func offeredSymbol(_ field: ConditionField) -> UInt32 {
        guard let id = offeredItem else { return 0 }
        let text = field == .itemID ? id : settings.items.facts(of: id)?.category ?? ""
        if text.isEmpty { return 0 }
        return strings.find(Array(text.utf8)).map { $0 + 1 } ?? .max - 1
    }

    /// The same of a field that has no name and does not change with time; 0 of any other.
    func symbol(_ field: ConditionField, _ slot: Int) -> UInt32 {
        let user = users[slot]
        switch field {
        case .mainMedia: return mainValue(user, .media)
        case .mainDevice: return mainValue(user, .device)
        case .mainType: return mainValue(user, .type)
        case .mainChannel: return mainValue(user, .channel)
        case .mainPayment: return mainValue(user, .paymentMethod)
        case .gender: return profileValue(user, .gender)
        case .ageBand: return profileValue(user, .ageBand)
        case .region: return profileValue(user, .region)
        case .segment: return segmentSymbol(user.pointee.segment)
        default: break
        }
        guard let account = account(slot)?.pointee else { return 0 }
        switch field {
        case .segmentAtLastPurchase: return segmentSymbol(account.segmentAtLastPurchase)
        case .tier: return UInt32(account.tier)
        case .tierBest: return UInt32(account.tierBest)
        case .grade: return UInt32(account.grade)
        default: return 0
        }
    }

    /// A segment that no condition names has a number of its own that is nobody's.
    private func segmentSymbol(_ segment: UInt16) -> UInt32 {
        guard segment != 0, segments.isFitted else { return 0 }
        let place = Int(segment) - 1
        return place < rules.segmentSymbols.count ? rules.segmentSymbols[place] : .max - 1
    }

    private func profileValue(_ user: UnsafeMutablePointer<UserRecord>, _ dimension: Dimension) -> UInt32 {
        guard user.pointee.dimensionCount > 0 else { return 0 }
        let entries = pool.tail(user).dimensions
        for index in 0..<Int(user.pointee.dimensionCount)
        where entries[index].dimension == dimension.rawValue {
            return entries[index].value + 1
        }
        return 0
    }

    /// The most frequent value, ties to the one seen first.
    private func mainValue(_ user: UnsafeMutablePointer<UserRecord>, _ dimension: Dimension) -> UInt32 {
        guard user.pointee.dimensionCount > 0 else { return 0 }
        let total = Int(user.pointee.dimensionCount)
        let entries = pool.tail(user).dimensions
        var best: (value: UInt32, count: Int64) = (0, 0)
        for index in 0..<total where entries[index].dimension == dimension.rawValue {
            var count: Int64 = 0
            for other in index..<total where entries[other].key == entries[index].key {
                count += Int64(entries[other].count)
            }
            // A later entry of the same value has less.
            if count > best.count { best = (entries[index].value + 1, count) }
        }
        return best.value
    }

    /// As of the instant: now is that of whichever row comes next, and depends on where records are cut.
    private func cellSymbol(_ slot: Int, at instant: Int64) -> UInt32 {
        guard let model = tiers.model, let account = account(slot), account.pointee.dayCount > 0 else {
            return 0
        }
        let days = purchaseDays(account)
        let cell = model.cell(
            daysSinceLast: Double(day(of: instant) - days[days.count - 1].day),
            frequency: Double(days.count - 1),
            monetaryValue: Self.monetaryValue(
                revenue: account.pointee.revenue, first: days[0].revenue, intervals: days.count - 1))
        return UInt32(cell.recency * 100 + cell.frequency * 10 + cell.monetary)
    }
}

extension ConditionField {
    /// Whether it is 0, and not absent, where nothing is known.
    fileprivate var isSum: Bool {
        switch self {
        case .purchaseCount, .purchaseDays, .revenue, .refundCount, .refundValue, .couponUsed,
            .couponNotUsed, .couponClicked, .amountByCategory, .amountByPayment, .amountByChannel,
            .rollingPurchases, .rollingRevenue:
            true
        default: false
        }
    }
}

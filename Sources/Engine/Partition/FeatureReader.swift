import Core
import Models

/// Reads the features of users one after the other.
struct FeatureReader {
    let features: [UserFeature]
    /// Only what is decided, and purchase days that are over; else everything that has arrived.
    let decidedOnly: Bool
    /// As of when.
    let instant: Int64
    let asOf: Int32
    /// Of the user read last, in the order of the features.
    fileprivate(set) var values: [Double]
    /// Purchase days of the user read last, and the revenue on them.
    fileprivate(set) var days = 0
    fileprivate(set) var firstDay: Int32 = 0
    fileprivate(set) var lastDay: Int32 = 0
    fileprivate(set) var revenue: Int64 = 0

    fileprivate let needsPurchase: Bool
    fileprivate let needsVisits: Bool
    /// Partition's numbers of the methods of payment; nil where nobody used it.
    fileprivate let methods: [UInt32?]
    fileprivate var measured = [Int64](repeating: 0, count: SegmentFeature.measureCount)

    fileprivate init(
        _ features: [UserFeature], decidedOnly: Bool, instant: Int64, asOf: Int32, methods: [UInt32?]
    ) {
        self.features = features
        self.decidedOnly = decidedOnly
        self.instant = instant
        self.asOf = asOf
        self.methods = methods
        needsPurchase = features.contains(where: \.needsPurchase)
        needsVisits = features.contains {
            if case .visits = $0 { true } else { false }
        }
        values = [Double](repeating: 0, count: features.count)
    }
}

extension Partition {
    func reader(_ features: [UserFeature], decidedOnly: Bool, instant: Int64) -> FeatureReader {
        FeatureReader(
            features, decidedOnly: decidedOnly, instant: instant, asOf: day(of: instant),
            methods: features.map { $0.method.flatMap { strings.find(Array($0.utf8)) } })
    }

    /// Reads a user's features.
    ///
    /// - Returns: false for who is not scored: unseen so far, or without a purchase where the features need
    ///   one.
    func read(_ slot: Int, _ reader: inout FeatureReader) -> Bool {
        let user = users[slot]
        if user.pointee.nameCount == 0 { return false }
        if reader.decidedOnly, user.pointee.lastDecided == .min { return false }
        let account = account(slot)
        readDays(account, &reader)
        if reader.needsPurchase, reader.days == 0 { return false }
        if reader.needsVisits {
            measures(slot, into: &reader.measured)
            if reader.decidedOnly { subtractUndecided(slot, from: &reader.measured) }
        }
        for index in reader.features.indices {
            reader.values[index] = value(reader.features[index], slot, account, reader.methods[index], reader)
        }
        return true
    }

    private func readDays(
        _ account: UnsafeMutablePointer<AccountRecord>?, _ reader: inout FeatureReader
    ) {
        (reader.days, reader.revenue) = (0, 0)
        guard let account, account.pointee.dayCount > 0 else { return }
        let days = purchaseDays(account)
        var count = days.count
        if reader.decidedOnly {
            while count > 0, days[count - 1].day >= reader.asOf { count -= 1 }
        }
        guard count > 0 else { return }
        reader.days = count
        reader.firstDay = days[0].day
        reader.lastDay = days[count - 1].day
        reader.revenue =
            count == days.count
            ? account.pointee.revenue : days[..<count].reduce(0) { saturatingSum($0, $1.revenue) }
    }

    private func value(
        _ feature: UserFeature, _ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>?,
        _ method: UInt32?, _ reader: borrowing FeatureReader
    ) -> Double {
        let user = users[slot]
        func daysBefore(_ time: Int64) -> Double {
            Double(max(0, reader.instant - time)) / Double(Microseconds.day)
        }
        switch feature {
        case .visits(let feature): return Double(reader.measured[feature.measure]) / feature.unit
        case .daysSinceLastEvent:
            return daysBefore(reader.decidedOnly ? user.pointee.lastDecided : user.pointee.lastSeen)
        case .daysSinceFirstEvent: return daysBefore(user.pointee.firstSeen)
        case .daysSinceLast: return Double(max(0, reader.asOf - reader.lastDay))
        case .frequency: return Double(reader.days - 1)
        case .recencyDays: return Double(reader.lastDay - reader.firstDay)
        case .ageDays: return Double(max(0, reader.asOf - reader.firstDay))
        case .monetaryValue: return monetaryValue(account, reader)
        case .lifetimeValue: return lifetimeValue(account, reader)
        case .revenue: return Double(reader.revenue) / 1e6
        case .purchaseDays: return Double(reader.days)
        case .dayMean: return Double(reader.revenue) / 1e6 / Double(reader.days)
        case .couponsUsed: return Double(account?.pointee.couponUsed ?? 0)
        case .gender: return demographic(user, .gender).map(Demographics.gender) ?? Demographics.unknownGender
        case .age: return demographic(user, .ageBand).map(Demographics.age) ?? Demographics.unknownAge
        case .methodCount: return method.map { Double(eventCount(user, method: $0)) } ?? 0
        case .itemLines, .lineMean, .methodLineMean, .otherLineMean, .methodLines, .methodAmount:
            return account.map { lineValue(feature, $0, method) } ?? 0
        }
    }

    private func monetaryValue(
        _ account: UnsafeMutablePointer<AccountRecord>?, _ reader: borrowing FeatureReader
    ) -> Double {
        guard let account, reader.days > 0 else { return 0 }
        return Self.monetaryValue(
            revenue: reader.revenue, first: purchaseDays(account)[0].revenue, intervals: reader.days - 1)
    }

    private func lifetimeValue(
        _ account: UnsafeMutablePointer<AccountRecord>?, _ reader: borrowing FeatureReader
    ) -> Double {
        guard let model = lifetimeValue.model else { return .nan }
        let recency = reader.lastDay - reader.firstDay
        let value = model.predict(
            frequency: Double(reader.days - 1), recency: Double(recency),
            age: Double(max(reader.asOf - reader.firstDay, recency)),
            monetaryValue: monetaryValue(account, reader), horizonDays: Double(model.horizon)
        ).value
        return value.isFinite ? value : 0
    }

    /// What rests on lines: they have no day, so that all that have arrived count.
    private func lineValue(
        _ feature: UserFeature, _ account: UnsafeMutablePointer<AccountRecord>, _ method: UInt32?
    ) -> Double {
        let lines = Double(account.pointee.itemLines)
        let paid = method.map { self.paid(account, with: $0) } ?? (amount: 0, lines: 0)
        func mean(_ amount: Int64, _ lines: Double) -> Double {
            lines > 0 ? Double(amount) / 1e6 / lines : 0
        }
        switch feature {
        case .itemLines: return lines
        case .lineMean: return mean(account.pointee.revenue, lines)
        case .methodLineMean: return mean(paid.amount, Double(paid.lines))
        case .otherLineMean:
            return mean(
                saturatingDifference(account.pointee.revenue, paid.amount), lines - Double(paid.lines))
        case .methodLines: return Double(paid.lines)
        default: return Double(paid.amount) / 1e6
        }
    }

    private func paid(
        _ account: UnsafeMutablePointer<AccountRecord>, with method: UInt32
    ) -> (amount: Int64, lines: Int) {
        guard account.pointee.amountCount > 0 else { return (0, 0) }
        let entries = pool.address(account.pointee.amounts).assumingMemoryBound(to: AmountEntry.self)
        for index in 0..<Int(account.pointee.amountCount)
        where entries[index].dimension == AmountDimension.paymentMethod && entries[index].value == method {
            return (entries[index].amount, Int(entries[index].lines))
        }
        return (0, 0)
    }

    private func eventCount(_ user: UnsafeMutablePointer<UserRecord>, method: UInt32) -> Int {
        guard user.pointee.dimensionCount > 0 else { return 0 }
        let entries = pool.tail(user).dimensions
        var count = 0
        for index in 0..<Int(user.pointee.dimensionCount)
        where entries[index].dimension == Dimension.paymentMethod.rawValue && entries[index].value == method {
            count += Int(entries[index].count)
        }
        return count
    }

    private func demographic(_ user: UnsafeMutablePointer<UserRecord>, _ dimension: Dimension) -> String? {
        guard user.pointee.dimensionCount > 0 else { return nil }
        let entries = pool.tail(user).dimensions
        for index in 0..<Int(user.pointee.dimensionCount)
        where entries[index].dimension == dimension.rawValue {
            return strings.string(entries[index].value)
        }
        return nil
    }
}

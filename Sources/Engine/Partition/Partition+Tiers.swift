import Core
import Models

/// Tiers and grades stand with the buyer from one decision to the next: the close of a session, and the sweep
/// after boundaries were adopted. The RFM cell follows the days.
extension Partition {
    /// A buyer's RFM cell; nil while no boundaries are in use.
    func cell(_ rfm: UserView.RFM) -> String? {
        tiers.model?.cell(
            daysSinceLast: Double(rfm.daysSinceLast), frequency: Double(rfm.frequency),
            monetaryValue: rfm.monetaryValue
        ).text
    }

    /// What of a buyer's purchases is decided, as of a day; nil where nothing is.
    func tierValues(
        _ account: UnsafeMutablePointer<AccountRecord>, asOf: Int32, without undecided: UndecidedDays
    ) -> TierValues? {
        guard account.pointee.dayCount > 0 else { return nil }
        let spent = gradedSpend(account)
        var sums = PurchaseSums(isConditional: settings.gradeCondition != nil)
        for (index, day) in purchaseDays(account).enumerated() {
            let graded = spent.isEmpty ? 0 : spent[index]
            if undecided.isEmpty {
                sums.add(day, graded: graded, asOf: asOf)
            } else {
                sums.add(
                    undecided.decided(day), graded: undecided.decided(graded: graded, on: day.day), asOf: asOf
                )
            }
        }
        return tierValues(sums, asOf: asOf)
    }

    /// With the lifetime value where a model of it is in use.
    func tierValues(_ sums: PurchaseSums, asOf: Int32) -> TierValues? {
        guard var values = sums.values(asOf: asOf), let model = lifetimeValue.model else {
            return sums.values(asOf: asOf)
        }
        let value = model.predict(
            frequency: values.frequency, recency: max(0, values.age - values.daysSinceLast),
            age: max(values.age, values.age - values.daysSinceLast),
            monetaryValue: values.monetaryValue, horizonDays: Double(model.horizon)
        ).value
        values.lifetimeValue = value.isFinite ? value : 0
        return values
    }

    // MARK: Decisions

    /// A short session has closed: a buyer's tier and grade are decided anew.
    func closeTier(_ slot: Int, due: Int64) {
        guard tiers.isFitted, let account = account(slot) else { return }
        let undecided = pendingPurchases.isEmpty ? UndecidedDays.none : undecidedDays(slot)
        place(
            slot, account, tierValues(account, asOf: day(of: due), without: undecided),
            from: Int(account.pointee.tier), due: due, occurrence: 0)
    }

    /// Takes boundaries into use and decides every buyer's tier and grade; moves are decided at `instant`.
    func adoptTiers(_ bytes: [UInt8], version: Int, decidedOnly: Bool, instant: Int64) throws(StateError) {
        preserveAll { $0.pointee.has(UserRecord.converted) }
        try tiers.adopt(bytes, version: version)
        let undecided = decidedOnly ? undecidedDays() : [:]
        let asOf = decidedOnly ? day(of: instant) : today
        for slot in 0..<users.count {
            guard let account = account(slot), account.pointee.dayCount > 0 else { continue }
            let values = tierValues(
                account, asOf: asOf, without: undecided[UInt32(truncatingIfNeeded: slot)] ?? .none)
            place(
                slot, account, values, from: Int(account.pointee.tier), due: instant,
                occurrence: tiers.occurrence)
            if users[slot].pointee.lastDecided != .min,
                users[slot].pointee.lastDecided + terms.shortGap >= decidedThrough
            {
                armSessionClose(slot)
            }
        }
    }

    /// Gives a buyer tier and grade by the boundaries in use, and says so where the tier is another.
    private func place(
        _ slot: Int, _ account: UnsafeMutablePointer<AccountRecord>, _ values: TierValues?, from old: Int,
        due: Int64, occurrence: Int
    ) {
        tierTotals.remove(account.pointee)
        defer { tierTotals.add(account.pointee) }
        account.pointee.tier = 0
        account.pointee.grade = 0
        guard let model = tiers.model, let values else { return }
        if let grades = model.grades, let spend = values.yearSpend {
            account.pointee.grade = UInt8(grades.grade(spend))
        }
        guard let rule = model.rule else { return }
        let levels = rule.levels(values)
        let tier = rule.tier(levels)
        account.pointee.tierLevels = levels.bits
        account.pointee.tier = UInt8(tier)
        account.pointee.tierBest = max(account.pointee.tierBest, UInt8(tier))
        if old == 0 || old == tier { return }
        let label = tiers.label
        fire(.tierChanged, slot, due: due) { trigger in
            trigger.occurrence = UInt32(truncatingIfNeeded: occurrence)
            trigger.tier = TierRule.names[tier - 1]
            trigger.score = rule.score(levels)
            trigger.from = TierRule.names[old - 1]
            trigger.to = TierRule.names[tier - 1]
            trigger.model = label
        }
        if !rules.movers.isEmpty {
            moved(
                slot, isTier: true, from: TierRule.names[old - 1], to: TierRule.names[tier - 1], due: due,
                occurrence: occurrence)
        }
    }

    // MARK: Shown

    func describeTier(_ account: UnsafeMutablePointer<AccountRecord>, _ view: inout UserView) {
        let record = account.pointee
        if record.tier != 0, let rule = tiers.model?.rule {
            view.tier = UserView.Tier(
                name: TierRule.names[Int(record.tier) - 1],
                score: rule.score(TierLevels(bits: record.tierLevels)))
        }
        if record.tierBest != 0 { view.tierBest = TierRule.names[Int(record.tierBest) - 1] }
        if record.grade != 0 { view.grade = GradeRule.names[Int(record.grade) - 1] }
        if record.segmentAtLastPurchase != 0, segments.isFitted {
            let name = segments.name(Int(record.segmentAtLastPurchase) - 1)
            if !name.isEmpty { view.segmentAtLastPurchase = name }
        }
    }
}

/// Purchase days added up, in ascending order.
struct PurchaseSums {
    /// Whether the year's spend is what counts under the grades' condition: more than 0, or none.
    private let isConditional: Bool
    private var gradedSpend: Int64 = 0
    private var first: PurchaseDay?
    private var last: Int32 = 0
    private var days = 0
    /// Millionths.
    private var revenue: Int64 = 0
    private var yearSpend: Int64?

    init(isConditional: Bool = false) { self.isConditional = isConditional }

    /// - Parameter graded: what of the day's revenue counts under the grades' condition, millionths.
    mutating func add(_ day: PurchaseDay, graded: Int64 = 0, asOf: Int32) {
        if day.count == 0 { return }
        if first == nil { first = day }
        last = day.day
        days += 1
        revenue = saturatingSum(revenue, day.revenue)
        if day.day > asOf - GradeRule.days, day.day <= asOf {
            yearSpend = saturatingSum(yearSpend ?? 0, day.revenue)
            gradedSpend = saturatingSum(gradedSpend, graded)
        }
    }

    func values(asOf: Int32) -> TierValues? {
        guard let first else { return nil }
        let spend = isConditional ? (gradedSpend > 0 ? gradedSpend : nil) : yearSpend
        return TierValues(
            daysSinceLast: Double(asOf - last), frequency: Double(days - 1),
            monetaryValue: Partition.monetaryValue(
                revenue: revenue, first: first.revenue, intervals: days - 1),
            age: Double(asOf - first.day), yearSpend: spend.map { Double($0) / 1e6 })
    }
}

extension Shard {
    /// Members of each tier and of each grade, in the order of `TierRule.names` and `GradeRule.names`.
    package func tierMembers() -> (tiers: [TierMembers], grades: [TierMembers]) {
        var tiers = [TierMembers](repeating: TierMembers(), count: TierRule.names.count)
        var grades = [TierMembers](repeating: TierMembers(), count: GradeRule.names.count)
        forEachPartition { partition in
            let totals = partition.tierTotals
            for index in tiers.indices {
                tiers[index].users += totals.tierUsers[index + 1]
                tiers[index].revenue += totals.tierRevenue[index + 1]
            }
            for index in grades.indices {
                grades[index].users += totals.gradeUsers[index + 1]
                grades[index].revenue += totals.gradeRevenue[index + 1]
            }
        }
        return (tiers, grades)
    }

    /// `tiers@3`; nil before the first is adopted.
    package func tiersLabel() -> String? {
        var label: String?
        forEachPartition { if $0.tiers.isFitted { label = $0.tiers.label } }
        return label
    }
}

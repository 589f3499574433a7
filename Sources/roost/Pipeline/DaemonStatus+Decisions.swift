import Core
import Engine

extension DaemonStatus {
    func decisions(of user: [UInt8]) async -> [DecisionView] {
        guard !user.isEmpty, user.count <= 256 else { return [] }
        let number = user.withUnsafeBytes { Partitioning.partition(of: $0) }
        return await shards[number % shards.count].decisions(of: user)
    }

    func abstaining(of user: [UInt8]) async -> [String] {
        guard !user.isEmpty, user.count <= 256 else { return [] }
        let number = user.withUnsafeBytes { Partitioning.partition(of: $0) }
        return await shards[number % shards.count].abstaining(of: user)
    }

    func schedule(from: EventTime, to: EventTime, limit: Int) async -> ScheduleView {
        var planned = PlannedSends(limit: limit)
        for shard in shards { planned.add(await shard.planned(from: from, to: to, limit: limit)) }
        let days = planned.totals.sorted { $0.key < $1.key }.map { day, rules in
            ScheduleView.Day(
                date: day,
                rules: rules.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sent, $0.value.heldOut) })
        }
        let now = await sequencer.ledger.clock.now
        return ScheduleView(
            asOf: EventTime(microseconds: now), days: days, rules: Self.expected(planned, await uplift()),
            valueAtRisk: planned.knowsRisk ? Double(planned.allAtRisk) / 1e6 : nil, sends: planned.sends)
    }

    /// By rule, what its planned sends are expected to bring.
    private static func expected(_ planned: PlannedSends, _ uplift: Uplift) -> [ScheduleView.Rule] {
        var rules: [String: ScheduleView.Rule] = [:]
        for day in planned.totals.values {
            for (name, count) in day {
                var rule = rules[name] ?? ScheduleView.Rule(name: name, sent: 0, heldOut: 0)
                rule.sent += count.sent
                rule.heldOut += count.heldOut
                rules[name] = rule
            }
        }
        return rules.values.sorted { $0.name < $1.name }.map { known in
            var rule = known
            let one = uplift.aMessage(of: rule.name)
            let count = Double(rule.sent)
            func times(_ estimate: ScheduleView.Estimate) -> ScheduleView.Estimate {
                .init(value: estimate.value * count, low: estimate.low * count, high: estimate.high * count)
            }
            rule.purchases = one.purchases.map(times)
            rule.revenue = one.revenue.map(times)
            rule.reason = one.reason
            rule.valueAtRisk = planned.knowsRisk ? Double(planned.atRisk[rule.name] ?? 0) / 1e6 : nil
            return rule
        }
    }

    func decisionCounts() async -> [Named<Int64>] {
        var sums: [Named<Int64>] = []
        for shard in shards {
            let counts = await shard.decisionCounts()
            sums = sums.isEmpty ? counts : zip(sums, counts).map { Named($0.name, $0.value + $1.value) }
        }
        return sums
    }

    func holdout(_ user: [UInt8], rule: String?) async throws(StatusFailure) -> HoldoutView {
        let triggers = await sequencer.ledger.settings.declared
        let isControl = HoldoutSplit.isControl(user, share: triggers.arbitration.controlGroup)
        guard let rule else {
            return HoldoutView(
                user: user, rule: nil, group: isControl ? "holdout" : "treated", isControl: isControl)
        }
        let declared = triggers.declared.first { $0.name == rule }
        guard declared != nil || BuiltInRule.allCases.contains(where: { $0.text == rule }) else {
            throw StatusFailure(
                httpStatus: 404, code: "unknown_rule", detail: "no rule \(rule.prefix(100)) is declared")
        }
        let isOut =
            isControl || HoldoutSplit.isHeldOut(user, rule: rule, share: declared?.holdout ?? 0)
        return HoldoutView(
            user: user, rule: rule, group: isOut ? "holdout" : "treated", isControl: isControl)
    }
}

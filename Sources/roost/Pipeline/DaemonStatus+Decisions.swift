import Core
import Engine

extension DaemonStatus {
    func decisions(of user: [UInt8]) async -> [DecisionView] {
        guard !user.isEmpty, user.count <= 256 else { return [] }
        let number = user.withUnsafeBytes { Partitioning.partition(of: $0) }
        return await shards[number % shards.count].decisions(of: user)
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
        return ScheduleView(asOf: EventTime(microseconds: now), days: days, sends: planned.sends)
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

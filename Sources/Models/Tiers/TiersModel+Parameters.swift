extension TiersModel {
    /// What the model's page shows: every boundary, and how many of the buyers are in each level.
    func parameters(
        _ buyers: TierBuyers, _ config: TiersConfig, _ learnt: LearntTierWeights?
    ) -> [Tree.Member] {
        var members: [Tree.Member] = [
            .init(
                "rfm_cell",
                .object(
                    zip(TierRule.variables, zip(cell, buyers.sorted)).compactMap { name, known in
                        known.1.map { .init(name, Self.cut(known.0, $0)) }
                    }))
        ]
        if let rule { members.append(.init("tier", Self.tier(rule, buyers, config, learnt))) }
        members.append(.init("grade", grade(buyers, config)))
        return members
    }

    private static func cut(_ edges: QuantileEdges, _ sorted: [Double]) -> Tree {
        var users = [Int64](repeating: 0, count: edges.levels)
        for value in sorted { users[edges.level(of: value) - 1] += 1 }
        return .object([
            .init("edges", .numbers(edges.values)), .init("least", .finite(sorted[0])),
            .init("greatest", .finite(sorted[sorted.count - 1])),
            .init("users", .array(users.map { .int($0) })),
        ])
    }

    private static func tier(
        _ rule: TierRule, _ buyers: TierBuyers, _ config: TiersConfig, _ learnt: LearntTierWeights?
    ) -> Tree {
        var weights: [Tree.Member] = []
        var quartiles: [Tree.Member] = []
        var leftOut: [Tree] = []
        for (variable, name) in TierRule.variables.enumerated() {
            guard let edges = rule.quartiles[variable], let sorted = buyers.sorted[variable] else {
                leftOut.append(.string(name))
                continue
            }
            weights.append(.init(name, .number(rule.weights[variable])))
            quartiles.append(.init(name, cut(edges, sorted)))
        }
        var users = [Int64](repeating: 0, count: TierRule.names.count)
        for score in buyers.scores(rule) { users[rule.cuts.level(of: score) - 1] += 1 }
        var members: [Tree.Member] = [
            .init("weights", .object(weights)),
            .init("weights_from", .string(learnt == nil ? "configuration" : "classifier")),
            .init("quartiles", .object(quartiles)), .init("cuts", .numbers(rule.cuts.values)),
            .init("cuts_from", .string(config.cuts.isEmpty ? "quintiles" : "configuration")),
            .init("users", .object(zip(TierRule.names, users).reversed().map { .init($0, .int($1)) })),
        ]
        if let learnt { members.append(.init("classifier", learnt.shown)) }
        if !leftOut.isEmpty {
            // No model of it is in use; the others share its weight.
            members.append(.init("left_out", .array(leftOut)))
        }
        return .object(members)
    }

    private func grade(_ buyers: TierBuyers, _ config: TiersConfig) -> Tree {
        guard let grades, !buyers.yearSpend.isEmpty else { return .null }
        var users = [Int64](repeating: 0, count: GradeRule.names.count)
        for spend in buyers.yearSpend { users[grades.grade(spend) - 1] += 1 }
        return .object([
            .init("edges", .numbers(grades.edges.values)), .init("days", .int(Int64(GradeRule.days))),
            .init(
                "condition",
                .string(config.gradeCondition.isEmpty ? "every purchase" : config.gradeCondition)),
            .init("users", .object(zip(GradeRule.names, users).reversed().map { .init($0, .int($1)) })),
        ])
    }
}

/// What the model's page says.
struct RecommendationReport {
    let data: RecommendationData
    let model: RecommendationsModel
    let judgement: RecommendationJudgement
    let config: RecommendationsConfig

    /// Rules and items shown.
    private static let shown = 100
    private static let shownItems = 20
    /// Users of whom recommendations are counted.
    private static let counted = 50_000

    var metrics: [Tree.Member] {
        let error = judgement.error { model.methods[Int($0.rawValue)] }
        return [
            .init("missed_at_10", .finite(error)),
            .init("judged_users", .int(Int64(judgement.users(1)))),
            .init("chosen_on_users", .int(Int64(judgement.users(0)))),
            .init("sparsity", .finite(data.counts.sparsity)),
            .init("als_abstains", .bool(data.counts.sparsity > config.sparsest)),
            .init(
                "methods",
                .object(
                    RecommendationMethod.allCases.filter(judgement.isUsable).map {
                        .init($0.name, figures(judgement.total($0)))
                    })),
            .init("judged", .object(HistoryKind.allCases.map { .init($0.name, judged($0)) })),
        ]
    }

    var baseline: [Tree.Member] {
        [.init("popularity_missed_at_10", .finite(judgement.error { _ in .popular }))]
    }

    private func figures(_ figures: RecommendationJudgement.Figures) -> Tree {
        .object([
            .init("users", .int(Int64(figures.users))), .init("mean_auc", .finite(figures.meanArea)),
            .init("precision_at_10", .finite(figures.precision)),
            .init("recall_at_10", .finite(figures.meanRecall)),
            .init(
                "coverage", .finite(Double(figures.recommended.count) / Double(max(1, data.items.count)))),
        ])
    }

    /// The second half: the method used for a kind, and the losers.
    private func judged(_ kind: HistoryKind) -> Tree {
        let own = judgement.figures[1][Int(kind.rawValue)]
        return .object(
            kind.methods.filter(judgement.isUsable).map {
                .init($0.name, figures(own[Int($0.rawValue)]))
            })
    }

    var parameters: [Tree.Member] {
        let recommender = model.recommender
        return [
            .init(
                "methods",
                .object(
                    HistoryKind.allCases.map {
                        .init($0.name, .string(model.methods[Int($0.rawValue)].name))
                    })),
            .init("minimum_history", .int(Int64(model.minimumHistory))),
            .init("items", .int(Int64(data.items.count))),
            .init("categories", .int(Int64(data.categories.count))),
            .init("baskets", .int(Int64(recommender.baskets))),
            .init("rules", .int(Int64(recommender.rules.count))),
            .init("factors", .int(Int64(recommender.factors?.factors ?? 0))),
            .init("top_rules", .array(topRules)), .init("recommended", recommended),
        ]
    }

    // MARK: Rules

    /// The greatest lifts of pairs, over all baskets and over those of each segment that has enough of them.
    private var topRules: [Tree] {
        let (baskets, owners) = data.baskets(withMasked: true)
        let rules = model.recommender.rules.map { $0.measured(baskets: model.recommender.baskets) }
            .sorted(by: RecommendationLearning.precedes).prefix(Self.shown)
        let segments = SegmentBaskets(baskets, owners.map { data.segments[Int($0)] }, rules: Array(rules))
        return rules.map { rule in
            var members = measures(rule)
            let own = (1...max(1, data.segmentNames.count)).compactMap { segment -> Tree.Member? in
                guard segment <= data.segmentNames.count, !data.segmentNames[segment - 1].isEmpty,
                    let measured = segments.measured(rule, segment: segment, least: config.minimumBaskets)
                else { return nil }
                return .init(data.segmentNames[segment - 1], .object(Array(measures(measured).dropFirst(2))))
            }
            if !own.isEmpty { members.append(.init("by_segment", .object(own))) }
            return .object(members)
        }
    }

    private func measures(_ rule: AssociationRule) -> [Tree.Member] {
        [
            .init("if", .array(rule.antecedent.map { .string(data.items.string(Int($0))) })),
            .init("then", .array(rule.consequent.map { .string(data.items.string(Int($0))) })),
            .init("baskets", .int(Int64(rule.count))), .init("support", .finite(rule.support)),
            .init("confidence", .finite(rule.confidence)), .init("lift", .finite(rule.lift)),
            .init("leverage", .finite(rule.leverage)), .init("conviction", .finite(rule.conviction)),
        ]
    }

    // MARK: How often each item is recommended

    private var recommended: Tree {
        let users = min(data.users, Self.counted)
        var all = [Int](repeating: 0, count: data.items.count)
        var bySegment = Array(repeating: (users: 0, items: all), count: data.segmentNames.count + 1)
        var byGrade = Array(repeating: (users: 0, items: all), count: GradeRule.names.count + 1)
        for user in 0..<users {
            let bought = data.counts.row(user).map {
                (Int(data.counts.columns[$0]), data.counts.values[$0])
            }
            let (segment, grade) = (Int(data.segments[user]), Int(data.grades[user]))
            bySegment[segment].users += 1
            byGrade[grade].users += 1
            for one in model.recommend(bought, segment: data.segments[user], isAllowed: { _ in true }) {
                all[one.item] += 1
                bySegment[segment].items[one.item] += 1
                byGrade[grade].items[one.item] += 1
            }
        }
        return .object([
            .init("overall", frequency(users, all)),
            .init("by_segment", .object(named(data.segmentNames, bySegment))),
            .init("by_grade", .object(named(GradeRule.names, byGrade))),
        ])
    }

    private func named(_ names: [String], _ counted: [(users: Int, items: [Int])]) -> [Tree.Member] {
        names.indices.filter { counted[$0 + 1].users > 0 && !names[$0].isEmpty }.map {
            .init(names[$0], frequency(counted[$0 + 1].users, counted[$0 + 1].items))
        }
    }

    /// The items most and, of those that are at all, least often told.
    private func frequency(_ users: Int, _ counts: [Int]) -> Tree {
        let told = counts.indices.filter { counts[$0] > 0 }.sorted {
            counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1
        }
        func list(_ items: some Sequence<Int>) -> Tree {
            .array(
                items.map {
                    .object([
                        .init("item_id", .string(data.items.string($0))),
                        .init("users", .int(Int64(counts[$0]))),
                    ])
                })
        }
        return .object([
            .init("users", .int(Int64(users))), .init("items", .int(Int64(told.count))),
            .init("never", .int(Int64(counts.count - told.count))),
            .init("most", list(told.prefix(Self.shownItems))),
            .init("hardly_ever", list(told.suffix(Self.shownItems).reversed())),
        ])
    }
}

/// Counts the sets that some rules are made of among the baskets of each segment.
struct SegmentBaskets {
    private var baskets: [Int: Int] = [:]
    private var counts: [Int: [[Int32]: Int]] = [:]

    init(_ all: Baskets, _ segments: [UInt8], rules: [AssociationRule]) {
        var wanted = Set<[Int32]>()
        for rule in rules {
            wanted.formUnion([rule.antecedent, rule.consequent, (rule.antecedent + rule.consequent).sorted()])
        }
        var sets: [Int32: [[Int32]]] = [:]
        for set in wanted { sets[set[0], default: []].append(set) }
        for basket in 0..<all.count {
            let segment = Int(segments[basket])
            baskets[segment, default: 0] += 1
            let items = Set(all[basket])
            for item in items {
                for set in sets[item] ?? [] where set.allSatisfy(items.contains) {
                    counts[segment, default: [:]][set, default: 0] += 1
                }
            }
        }
    }

    /// A rule's measures within a segment; nil where fewer baskets than `least` support it there.
    func measured(_ rule: AssociationRule, segment: Int, least: Int) -> AssociationRule? {
        let counts = counts[segment] ?? [:]
        let both = counts[(rule.antecedent + rule.consequent).sorted()] ?? 0
        guard both >= max(1, least) else { return nil }
        return AssociationRule(
            antecedent: rule.antecedent, consequent: rule.consequent, both: both,
            antecedentCount: counts[rule.antecedent] ?? 0, consequentCount: counts[rule.consequent] ?? 0,
            baskets: baskets[segment] ?? 0)
    }
}

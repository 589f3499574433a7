/// How good forecasts made at the end of a day are for what came after it.
///
/// A forecast is a mean, so errors are squared: the absolute error of counts that are mostly 0 would favour
/// forecasting 0 for everybody. For the gate they are bounded (see `RobustError`).
struct LifetimeValueJudgement {
    let evidence: Evidence
    let metrics: [Tree.Member]
    let baseline: [Tree.Member]

    init(
        _ columns: LifetimeValueColumns, end: Int32, candidate: LifetimeValueModel,
        final: LifetimeValueModel, previous: LifetimeValueModel?, converged: Bool
    ) {
        let days = Double(columns.asOfDay - end)
        let cases = LifetimeValueJudgement.cases(columns, end: end)
        let actual = cases.map { Double($0.days) }
        func foretold(_ model: LifetimeValueModel) -> [Double] {
            LifetimeValueJudgement.purchases(model, cases, in: days)
        }
        let own = foretold(candidate)
        let bought = cases.reduce(0) { $0 + Double($1.known.frequency) }
        let watched = cases.reduce(0) { $0 + Double($1.known.age) }
        let population = cases.map { _ in bought / max(1, watched) * days }
        let personal = cases.map { Double($0.known.frequency) / max(1, Double($0.known.age)) * days }
        let errors = ForecastErrors(actual: actual, trivial: population)
        evidence = errors.robust.evidence(
            own: errors.squared(own), final: errors.squared(foretold(final)),
            trivial: min(errors.bounded(population), errors.bounded(personal)),
            inUse: previous.map { errors.squared(foretold($0)) }, count: Double(cases.count),
            finite: own.allSatisfy(\.isFinite), converged: converged)
        metrics =
            errors.tree(own) + [
                .init("holdout_d", .int(Int64(days))), .init("buyers", .int(Int64(cases.count))),
                .init("mean_actual", .finite(mean(actual))), .init("mean_expected", .finite(mean(own))),
                .init("by_frequency", LifetimeValueJudgement.table(cases, own)),
                .init("revenue", LifetimeValueJudgement.revenue(candidate, cases, own, personal)),
            ]
        var baseline: [Tree.Member] = [
            .init("population_rate", .object(errors.tree(population))),
            .init("own_rate", .object(errors.tree(personal))),
            .init("no_purchase", .object(errors.tree(cases.map { _ in 0 }))),
        ]
        if let previous { baseline.append(.init("in_use", .object(errors.tree(foretold(previous))))) }
        self.baseline = baseline
    }

    /// A buyer as known at the end of the day, and what they did after it.
    private struct Case {
        var known: PurchaseSummary
        var days: Int
        var revenue: Double
    }

    private static func cases(_ columns: LifetimeValueColumns, end: Int32) -> [Case] {
        let cases = (0..<columns.buyers).compactMap { buyer -> Case? in
            guard let known = columns.summary(of: buyer, through: end) else { return nil }
            let (days, revenue) = columns.bought(by: buyer, after: end)
            return Case(known: known, days: days, revenue: revenue)
        }
        // Sums must not show the order of the buyers.
        return cases.sorted {
            ($0.known.key, $0.days, $0.known.monetaryValue, $0.revenue)
                < ($1.known.key, $1.days, $1.known.monetaryValue, $1.revenue)
        }
    }

    /// Equal triplets are neighbours and asked once.
    private static func purchases(
        _ model: LifetimeValueModel, _ cases: [Case], in days: Double
    ) -> [Double] {
        var last: (key: UInt64, value: Double)?
        return cases.map { one in
            if let last, last.key == one.known.key { return last.value }
            let value = model.purchases.expectedPurchases(
                in: days, frequency: Double(one.known.frequency), recency: Double(one.known.recency),
                age: Double(one.known.age))
            last = (one.known.key, value)
            return value
        }
    }

    /// Mean actual and expected purchases by frequency before; those of 7 and more together.
    private static func table(_ cases: [Case], _ expected: [Double]) -> Tree {
        var rows = [(buyers: Double, actual: Double, expected: Double)](repeating: (0, 0, 0), count: 8)
        for (one, value) in zip(cases, expected) {
            let row = min(7, Int(one.known.frequency))
            rows[row].buyers += 1
            rows[row].actual += Double(one.days)
            rows[row].expected += value
        }
        return .array(
            rows.enumerated().filter { $0.element.buyers > 0 }.map { frequency, row in
                .object([
                    .init("frequency", frequency < 7 ? .int(Int64(frequency)) : .string("7+")),
                    .init("buyers", .int(Int64(row.buyers))),
                    .init("actual", .finite(row.actual / row.buyers)),
                    .init("expected", .finite(row.expected / row.buyers)),
                ])
            })
    }

    /// The same for money, beside what everybody's own rate and own mean amount would bring.
    private static func revenue(
        _ model: LifetimeValueModel, _ cases: [Case], _ purchases: [Double], _ personal: [Double]
    ) -> Tree {
        let actual = cases.map(\.revenue)
        let expected = zip(cases, purchases).map { one, count in
            count
                * model.spend.expectedProfit(
                    frequency: Double(one.known.frequency), monetaryValue: max(0, one.known.monetaryValue))
        }
        let naive = zip(cases, personal).map { $0.known.monetaryValue * $1 }
        func errors(_ values: [Double]) -> (Double, Double) {
            let differences = zip(values, actual).map { $0 - $1 }
            return (mean(differences.map { abs($0) }), mean(differences.map { $0 * $0 }).squareRoot())
        }
        let (own, trivial) = (errors(expected), errors(naive))
        return .object([
            .init("mae", .finite(own.0)), .init("rmse", .finite(own.1)),
            .init("own_rate_mae", .finite(trivial.0)), .init("own_rate_rmse", .finite(trivial.1)),
            .init("mean_actual", .finite(mean(actual))), .init("mean_expected", .finite(mean(expected))),
        ])
    }
}

/// Forecasts of counts against what came.
private struct ForecastErrors {
    let robust: RobustError
    private let actual: [Double]

    init(actual: [Double], trivial: [Double]) {
        self.actual = actual
        robust = RobustError(
            trivial: zip(trivial, actual).map { ($0 - $1) * ($0 - $1) },
            weights: actual.map { _ in 1 })
    }

    func squared(_ values: [Double]) -> [Double] { zip(values, actual).map { ($0 - $1) * ($0 - $1) } }

    func bounded(_ values: [Double]) -> Double { robust.mean(squared(values)) }

    func tree(_ values: [Double]) -> [Tree.Member] {
        [
            .init("mae", .finite(mean(zip(values, actual).map { abs($0 - $1) }))),
            .init("rmse", .finite(mean(squared(values)).squareRoot())),
            .init("bounded_squared_error", .finite(bounded(values))),
        ]
    }
}

private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

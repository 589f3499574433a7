extension LifetimeValueModel {
    /// Fits the model on the whole history; judged by a fit on its beginning against its end.
    ///
    /// The end is as long as the horizon, and at most half of the history. The result does not depend on the
    /// order of the buyers, and no chance is involved.
    /// - Complexity: O(purchases + buyers · log buyers + triplets · steps of the search).
    package static func fit(
        _ columns: LifetimeValueColumns, config: LifetimeValueConfig, previous: LifetimeValueModel?
    ) throws(FitRefusal) -> LifetimeValueFit {
        try columns.check()
        let history = columns.history
        let longest = config.allHorizons[config.allHorizons.count - 1]
        guard columns.buyers >= config.minimumBuyers, columns.buyers > 0 else {
            throw .tooFewUsers(have: columns.buyers, need: max(1, config.minimumBuyers))
        }
        guard longest <= history else { throw .horizonBeyondHistory(horizon: longest, history: history) }
        let holdout = min(config.horizon, (history + 1) / 2)
        let end = columns.asOfDay - Int32(holdout)
        let final = try LifetimeValueFitting(columns, through: columns.asOfDay, config: config)
        let candidate = try LifetimeValueFitting(columns, through: end, config: config)
        let judgement = LifetimeValueJudgement(
            columns, end: end, candidate: candidate.model, final: final.model, previous: previous,
            converged: final.converged && candidate.converged)
        return LifetimeValueFit(
            model: final.model, evidence: judgement.evidence,
            metrics: judgement.metrics + [
                .init("training_buyers", .int(Int64(candidate.kept))),
                .init("training_log_likelihood", .finite(candidate.purchases.logLikelihood)),
                .init("training_gradient", .finite(candidate.gradient)),
            ], baseline: judgement.baseline, parameters: final.parameters)
    }
}

/// Both models fitted on what was known at the end of some day.
struct LifetimeValueFitting {
    let model: LifetimeValueModel
    let purchases: BetaGeometricFit
    let spend: GammaGammaFit
    /// Buyers of the fit, those set apart left out.
    let kept: Int
    private let trim: PurchaseTrim
    private let repeatBuyers: Int
    private let triplets: Int
    private let correlation: Double

    var converged: Bool { purchases.converged && spend.converged }
    var gradient: Double { max(purchases.gradient, spend.gradient) }

    init(
        _ columns: LifetimeValueColumns, through day: Int32, config: LifetimeValueConfig
    ) throws(FitRefusal) {
        let known = (0..<columns.buyers).compactMap { columns.summary(of: $0, through: day) }
        trim = PurchaseTrim(known, share: config.trim)
        let buyers = trim.kept(known)
        kept = buyers.count
        let triplets = PurchaseTriplets(buyers)
        self.triplets = triplets.count
        let spenders = buyers.filter { $0.frequency > 0 && $0.monetaryValue > 0 }
        let amounts = GammaGammaLikelihood(
            spenders, penalty: config.penalty, floor: 1, unit: LifetimeValueFitting.unit(spenders))
        repeatBuyers = buyers.count { $0.frequency > 0 }
        let need = config.minimumRepeatBuyers
        guard repeatBuyers >= need else { throw .tooFewRepeatBuyers(have: repeatBuyers, need: need) }
        guard spenders.count >= need else { throw .tooFewAmounts(have: spenders.count, need: need) }
        guard triplets.count > 1 else { throw .noVariation("frequency, recency and age") }
        guard !amounts.isConstant else { throw .noVariation("the mean amount") }
        purchases = BetaGeometricFit(triplets, penalty: config.penalty)
        spend = GammaGammaFit(amounts)
        guard spend.model.q > 1 + LifetimeValueFitting.leastExcess else { throw .noMeanAmount }
        correlation = LifetimeValueFitting.correlation(spenders)
        model = LifetimeValueModel(
            purchases: purchases.model, spend: spend.model, discountMonthly: config.discountMonthly,
            margin: config.margin, acquisitionCost: config.acquisitionCost, horizon: config.horizon,
            horizons: config.allHorizons.map { .init(days: $0, least: 0, greatest: 0) },
            meanBuyer: LifetimeValueFitting.mean(buyers, spenders)
        ).scaled(over: buyers)
    }

    /// The median amount: so that a penalty means the same in every currency.
    private static func unit(_ spenders: [PurchaseSummary]) -> Double {
        spenders.isEmpty ? 1 : spenders.map(\.monetaryValue).sorted()[spenders.count / 2]
    }

    /// The amounts are sorted, for the order of the buyers must not show.
    private static func mean(
        _ buyers: [PurchaseSummary], _ spenders: [PurchaseSummary]
    ) -> LifetimeValueModel.MeanBuyer {
        func mean(_ days: (PurchaseSummary) -> Int32) -> Double {
            Double(buyers.reduce(0) { $0 + Int64(days($1)) }) / Double(buyers.count)
        }
        let spent = spenders.map(\.monetaryValue).sorted().reduce(0, +)
        return .init(
            frequency: mean(\.frequency), recency: mean(\.recency), age: mean(\.age),
            monetaryValue: spent / Double(spenders.count))
    }

    /// A fit that ends this close to q = 1 wants to cross it, to where no mean amount exists.
    private static let leastExcess = 1e-3

    /// Pearson's, of frequency and mean amount. The order of the buyers must not show, so they are sorted.
    private static func correlation(_ spenders: [PurchaseSummary]) -> Double {
        let sorted = spenders.sorted {
            ($0.frequency, $0.monetaryValue) < ($1.frequency, $1.monetaryValue)
        }
        let count = Double(sorted.count)
        let meanX = sorted.reduce(0) { $0 + Double($1.frequency) } / count
        let meanY = sorted.reduce(0) { $0 + $1.monetaryValue } / count
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        for buyer in sorted {
            let x = Double(buyer.frequency) - meanX
            let y = buyer.monetaryValue - meanY
            xx += x * x
            xy += x * y
            yy += y * y
        }
        return xy / (xx * yy).squareRoot()
    }

    var parameters: [Tree.Member] {
        let (bgnbd, money) = (purchases.model, spend.model)
        return [
            .init(
                "bgnbd",
                .object(
                    [
                        .init("r", .finite(bgnbd.r)), .init("alpha", .finite(bgnbd.alpha)),
                        .init("a", .finite(bgnbd.a)), .init("b", .finite(bgnbd.b)),
                        .init("log_likelihood", .finite(purchases.logLikelihood)),
                        .init("gradient", .finite(purchases.gradient)),
                    ] + errors(purchases.standardErrors, ["r", "alpha", "a", "b"]))),
            .init(
                "gamma_gamma",
                .object(
                    [
                        .init("p", .finite(money.p)), .init("q", .finite(money.q)),
                        .init("v", .finite(money.v)), .init("log_likelihood", .finite(spend.logLikelihood)),
                        .init("gradient", .finite(spend.gradient)),
                        .init("mean_amount", .finite(money.populationMean)),
                    ] + errors(spend.standardErrors, ["p", "q", "v"]))),
            .init("frequency_amount_correlation", .finite(correlation)),
            .init("buyers", .int(Int64(kept))), .init("repeat_buyers", .int(Int64(repeatBuyers))),
            .init("triplets", .int(Int64(triplets))), .init("set_apart", trim.tree),
            .init("discount_monthly", .finite(model.discountMonthly)),
            .init("margin", .finite(model.margin)),
            .init("acquisition_cost", .finite(model.acquisitionCost)),
            .init("horizon_d", .int(Int64(model.horizon))),
            .init("mean_buyer", meanBuyer),
            .init(
                "horizons",
                .array(
                    model.horizons.map {
                        .object([
                            .init("horizon_d", .int(Int64($0.days))), .init("least", .finite($0.least)),
                            .init("greatest", .finite($0.greatest)),
                        ])
                    })),
        ]
    }

    private var meanBuyer: Tree {
        .object(
            zip(LifetimeValueModel.features, model.meanBuyer?.values ?? []).map { .init($0, .finite($1)) })
    }

    private func errors(_ values: [Double]?, _ names: [String]) -> [Tree.Member] {
        guard let values else { return [] }
        return [
            .init(
                "standard_errors", .object(zip(names, values).map { Tree.Member($0, .finite($1)) }))
        ]
    }
}

extension LifetimeValueModel {
    /// The same with the least and the greatest value of these buyers at each horizon.
    ///
    /// Purchases depend on the triplet alone and the value rises with the mean amount, so that the extremes of
    /// the amounts of each triplet suffice.
    fileprivate func scaled(over buyers: [PurchaseSummary]) -> LifetimeValueModel {
        var horizons = horizons.map { Horizon(days: $0.days, least: .infinity, greatest: -.infinity) }
        for group in PurchaseGroups(buyers) {
            let x = Double(group.frequency)
            let outlook = Outlook(
                self, frequency: x, recency: Double(group.recency), age: Double(group.age))
            for index in horizons.indices {
                let discounted = outlook.discounted(Double(horizons[index].days))
                for amount in [group.leastAmount, group.greatestAmount] {
                    let value = worth(discounted: discounted, frequency: x, monetaryValue: amount)
                    horizons[index].least = min(horizons[index].least, value)
                    horizons[index].greatest = max(horizons[index].greatest, value)
                }
            }
        }
        return LifetimeValueModel(
            purchases: purchases, spend: spend, discountMonthly: discountMonthly, margin: margin,
            acquisitionCost: acquisitionCost, horizon: horizon, horizons: horizons, meanBuyer: meanBuyer)
    }
}

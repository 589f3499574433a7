import Glibc

/// What the drivers are fitted on: a row per user who ever put something into a cart.
///
/// The arrays belong to the caller and are only read; they must outlive the call.
package struct DriversColumns {
    /// In the order of `DriversModel.predictors`, shape [8][n].
    package var predictors: [UnsafeBufferPointer<Double>]
    /// 1 for who ever bought.
    package var converted: UnsafeBufferPointer<UInt8>
    /// Not 0 for users kept for judging: by a hash of the user.
    package var heldOut: UnsafeBufferPointer<UInt8>

    package init(
        predictors: [UnsafeBufferPointer<Double>], converted: UnsafeBufferPointer<UInt8>,
        heldOut: UnsafeBufferPointer<UInt8>
    ) {
        self.predictors = predictors
        self.converted = converted
        self.heldOut = heldOut
    }

    package var users: Int { converted.count }

    func check() throws(FitRefusal) {
        guard predictors.count == DriversModel.predictors.count, heldOut.count == users,
            predictors.allSatisfy({ $0.count == users })
        else { throw .unevenColumns }
        for (column, name) in zip(predictors, DriversModel.predictors) {
            if let row = column.firstIndex(where: { !(abs($0) <= DriversColumns.greatest) }) {
                throw .notFinite(column: name, row: row)
            }
        }
        if let row = converted.firstIndex(where: { $0 > 1 }) { throw .impossibleLabel(row: row) }
    }

    /// Greatest magnitude taken as a number: sums of its squares are still finite.
    private static let greatest = 1e100
}

/// How the drivers are fitted.
package struct DriversConfig: Sendable, Equatable {
    /// Fewest users who put something into a cart.
    package var minimumUsers = 100
    /// Fewest of those who bought, and who did not.
    package var minimumOutcomes = 10
    package init() {}
}

extension DriversModel {
    /// Fits the drivers; judged by a fit without the held-out users, then fitted on everybody.
    ///
    /// The result does not depend on the order of the users, and no chance is involved.
    package static func fit(
        _ columns: DriversColumns, config: DriversConfig, previous: DriversModel?
    ) throws(FitRefusal) -> Fitted<DriversModel> {
        try columns.check()
        let need = max(2, config.minimumUsers)
        guard columns.users >= need else { throw .tooFewUsers(have: columns.users, need: need) }
        let least = max(1, config.minimumOutcomes)
        let positives = columns.converted.reduce(0) { $0 + Int($1) }
        for (label, have) in [(UInt8(1), positives), (0, columns.users - positives)] where have < least {
            throw .tooFewOutcomes(label: label, have: have, need: least)
        }
        let order = order(columns)
        let training = DriversRows(columns, order.filter { columns.heldOut[$0] == 0 })
        let held = DriversRows(columns, order.filter { columns.heldOut[$0] != 0 })
        guard !training.labels.isEmpty else { throw .nothingToLearnFrom }
        guard !held.labels.isEmpty else { throw .nothingHeldOut }
        let everybody = DriversRows(columns, order)
        let judged = LogisticRegression(training.table, labels: training.labels)
        let final = LogisticRegression(everybody.table, labels: everybody.labels)
        let model = DriversModel(coefficients: final.coefficients, intercept: final.intercept)
        let rate = (Double(training.positives) + 0.5) / (Double(training.labels.count) + 1)
        let own = held.probabilities(judged)
        let trivial = logLoss(labels: held.labels, probabilities: held.labels.map { _ in rate })
        return Fitted(
            model: model,
            evidence: Evidence(
                finite: own.allSatisfy(\.isFinite), converged: judged.converged && final.converged,
                heldOut: logLoss(labels: held.labels, probabilities: own), baseline: trivial,
                // A description of who there is now: an older one is not held against it.
                previous: nil, tolerance: 0),
            metrics: held.scores(own) + [
                .init("held_out_users", .int(Int64(held.labels.count))),
                .init("training_users", .int(Int64(training.labels.count))),
            ],
            baseline: [.init("base_rate", .finite(rate)), .init("base_rate_log_loss", .finite(trivial))],
            parameters: parameters(final, everybody))
    }

    /// Users by a hash of all that is known of them.
    private static func order(_ columns: DriversColumns) -> [Int] {
        let hashes = (0..<columns.users).map { row -> UInt64 in
            let flags = UInt64(columns.converted[row]) << 1 | (columns.heldOut[row] == 0 ? 0 : 1)
            return columns.predictors.reduce(flags) { RowHash.mixed($0, ($1[row] + 0).bitPattern) }
        }
        return (0..<columns.users).sorted { hashes[$0] < hashes[$1] }
    }

    private static func parameters(_ fit: LogisticRegression, _ rows: DriversRows) -> [Tree.Member] {
        let drivers = predictors.indices.map { index -> Tree.Member in
            var members: [Tree.Member] = [
                .init("coefficient", .finite(fit.coefficients[index])),
                .init("odds_ratio", .finite(exp(fit.coefficients[index]))),
            ]
            if let error = fit.standardErrors?[index] {
                let (low, high) = (
                    fit.coefficients[index] - 1.96 * error, fit.coefficients[index] + 1.96 * error
                )
                members += [
                    .init("standard_error", .finite(error)),
                    .init("z", .finite(error > 0 ? fit.coefficients[index] / error : .nan)),
                    .init("odds_ratio_95", .numbers([exp(low), exp(high)])),
                ]
            }
            return .init(predictors[index], .object(members))
        }
        return [
            .init("C", .number(1)), .init("users", .int(Int64(rows.labels.count))),
            .init("converted", .int(Int64(rows.positives))),
            .init("intercept", .finite(fit.intercept)),
            .init("intercept_standard_error", fit.standardErrors.map { .finite($0[$0.count - 1]) } ?? .null),
            .init("drivers", .object(drivers)), .init("fit", .object(rows.scores(rows.probabilities(fit)))),
        ]
    }
}

private struct DriversRows {
    let table: FeatureTable
    let labels: [UInt8]

    init(_ columns: DriversColumns, _ rows: [Int]) {
        table = FeatureTable(rows: rows.count, width: columns.predictors.count) {
            columns.predictors[$1][rows[$0]]
        }
        labels = rows.map { columns.converted[$0] }
    }

    var positives: Int { labels.reduce(0) { $0 + Int($1) } }

    func probabilities(_ fit: LogisticRegression) -> [Double] {
        (0..<table.rows).map { fit.probability(table.row($0)) }
    }

    /// At a threshold of a half.
    func scores(_ probabilities: [Double]) -> [Tree.Member] {
        let ranking = ScoreRanking(labels: labels, scores: probabilities)
        let confusion = Confusion(labels: labels, scores: probabilities, threshold: 0.5)
        return [
            .init("log_loss", .finite(logLoss(labels: labels, probabilities: probabilities))),
            .init("brier", .finite(brierScore(labels: labels, probabilities: probabilities))),
            .init("roc_auc", ranking.areaUnderROC.map { .finite($0) } ?? .null),
            .init("average_precision", .finite(ranking.averagePrecision)),
            .init("confusion", confusion.matrix), .init("report", confusion.report),
            .init(
                "reliability", ReliabilityTable(labels: labels, probabilities: probabilities).tree),
        ] + ranking.curves
    }
}

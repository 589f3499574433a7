/// Whether what a model foretold is what came, told from rows that came after its fit.
///
/// Rows are cut into groups of about equal size by what was foretold, as Hosmer and Lemeshow (1980) do; rows of
/// equal forecasts stay together. Nothing depends on the order of the rows.
package struct OutputCalibration: Sendable, Equatable {
    /// Probabilities further off than this on the average are no longer those of the outcome.
    static let worryingProbability = 0.05
    /// The same for counts, as a share of the mean forecast.
    static let worryingShare = 0.25
    private static let groups = 10

    /// Rows that were looked at.
    package var rows: Int
    /// Mean forecast.
    package var expected: Double
    /// Mean of what came.
    package var actual: Double
    /// Mean absolute difference of the two over the groups, by their rows: the expected calibration error
    /// (Naeini and others 2015); of counts as a share of the mean forecast.
    package var error: Double
    /// Greater than what is worrying, and than chance would have it once in a thousand times.
    package var isDrift: Bool

    /// - Parameter probabilities: foretold, in [0, 1]; shape [n], n > 0.
    /// - Parameter came: whether the outcome came; shape [n].
    package init(probabilities: [Double], came: [Bool]) {
        self.init(
            zip(probabilities, came).map { Row(expected: $0, actual: $1 ? 1 : 0) }, unit: 1,
            worrying: OutputCalibration.worryingProbability
        ) { $0.expected * (1 - $0.expected) }
    }

    /// - Parameter counts: foretold, ≥ 0; shape [n], n > 0.
    /// - Parameter came: how many came; shape [n]. Their spread is that of the differences seen, for counts of
    ///   a model are seldom as a Poisson's.
    package init(counts: [Double], came: [Int]) {
        let mean = counts.sorted().reduce(0, +) / Double(max(1, counts.count))
        self.init(
            zip(counts, came).map { Row(expected: $0, actual: Double($1)) },
            unit: max(mean, .leastNormalMagnitude), worrying: OutputCalibration.worryingShare
        ) { ($0.actual - $0.expected) * ($0.actual - $0.expected) }
    }

    private struct Row {
        var expected: Double
        var actual: Double
    }

    private init(_ rows: [Row], unit: Double, worrying: Double, variance: (Row) -> Double) {
        let sorted = rows.sorted { ($0.expected, $0.actual) < ($1.expected, $1.actual) }
        let count = Double(max(1, sorted.count))
        let least = (sorted.count + OutputCalibration.groups - 1) / OutputCalibration.groups
        var (difference, spread, statistic, groups, size) = (0.0, 0.0, 0.0, 0, 0)
        error = 0
        for (index, row) in sorted.enumerated() {
            difference += row.actual - row.expected
            spread += variance(row)
            size += 1
            let isLast = index + 1 == sorted.count
            guard isLast || (size >= least && sorted[index + 1].expected != row.expected) else { continue }
            error += abs(difference) / unit / count
            // A forecast of certainty has no spread of its own; half a row is the least that can be told.
            statistic += difference * difference / max(spread, 0.25)
            (difference, spread, size) = (0, 0, 0)
            groups += 1
        }
        self.rows = sorted.count
        expected = sorted.reduce(0) { $0 + $1.expected } / count
        actual = sorted.reduce(0) { $0 + $1.actual } / count
        isDrift = error > worrying && groups > 0 && statistic > InputProfile.chiSquared(groups)
    }

    /// For the model's page.
    package var tree: Tree {
        .object([
            .init("rows", .int(Int64(rows))), .init("mean_expected", .finite(expected)),
            .init("mean_actual", .finite(actual)), .init("calibration_error", .finite(error)),
            .init("has_drifted", .bool(isDrift)),
        ])
    }
}

extension OutcomeModel {
    /// Holds the probabilities of rows captured after an instant against what came; nil where there are none, or
    /// not of this model's features.
    ///
    /// - Parameters:
    ///   - names: of the features.
    ///   - features: shape [d][n], finite.
    ///   - anchor: when the rows were captured, microseconds; shape [n].
    ///   - label: 1 where the outcome came; shape [n].
    package func calibration(
        names: [String], features: [[Float]], anchor: [Int64], label: [UInt8], after instant: Int64
    ) -> OutputCalibration? {
        guard let places = scorer.places(in: names) else { return nil }
        let rows = anchor.indices.filter { anchor[$0] > instant }
        if rows.isEmpty { return nil }
        return OutputCalibration(
            probabilities: rows.map { row in scorer.score(places.map { features[$0][row] }) },
            came: rows.map { label[$0] == 1 })
    }
}

extension LifetimeValueModel {
    /// Holds the purchases expected of who had bought by the end of a day against those that came after it; nil
    /// where no whole day has passed.
    package func calibration(
        days: [Int32], revenue: [Int64], offsets: [UInt32], asOfDay: Int32, after day: Int32
    ) -> OutputCalibration? {
        guard asOfDay > day else { return nil }
        return days.withUnsafeBufferPointer { days in
            revenue.withUnsafeBufferPointer { revenue in
                offsets.withUnsafeBufferPointer { offsets in
                    calibration(
                        LifetimeValueColumns(
                            days: days, revenue: revenue, offsets: offsets, asOfDay: asOfDay), after: day)
                }
            }
        }
    }

    private func calibration(_ columns: LifetimeValueColumns, after day: Int32) -> OutputCalibration? {
        var (expected, came): ([Double], [Int]) = ([], [])
        for buyer in 0..<columns.buyers {
            guard let known = columns.summary(of: buyer, through: day) else { continue }
            expected.append(
                purchases.expectedPurchases(
                    in: Double(columns.asOfDay - day), frequency: Double(known.frequency),
                    recency: Double(known.recency), age: Double(known.age)))
            came.append(columns.bought(by: buyer, after: day).days)
        }
        return expected.isEmpty ? nil : OutputCalibration(counts: expected, came: came)
    }
}

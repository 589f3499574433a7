import Glibc

/// When a buyer buys again by accelerated failure time: trees give the scale of the wait from what was known
/// when it began, and tables how waits are spread around it.
///
/// The tables are ratios of real waits to what trees had said that never saw the buyer (conformal calibration
/// with inverse censoring weights, after Candès, Lei and Ren 2023), so that four in five waits of others fall
/// between the first and the last decile whatever their distribution is.
struct RepurchaseTrees: Sendable, Equatable {
    /// A margin is the logarithm of days.
    let forest: Forest
    /// Ratio of a wait to its scale, one table per class of `RepurchaseModel.classes`.
    let ratios: [QuantileTable]

    /// A class with fewer ended intervals than this shares the table of all.
    static let enoughForOwnTable = 100
    /// Fewest ended intervals to learn from, whatever is configured.
    static let least = 50

    /// Scale of the wait that begins at the end of a trail, days.
    func scale(_ trail: PurchaseTrail) -> Double {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: PurchaseTrail.features.count) { row in
            let row = row.baseAddress.unsafelyUnwrapped
            trail.write(into: row)
            var margin: Float = 0
            forest.margins(of: row, into: &margin)
            return RepurchaseTrees.scale(margin)
        }
    }

    /// Quantiles of a wait of this scale, days, given that `elapsed` of them have passed.
    /// - Parameter count: of intervals before it.
    func forecast(_ scale: Double, count: Int, elapsed: Double = 0) -> RepurchaseModel.Forecast {
        ratios[RepurchaseModel.classOf(count)].forecast(scale: scale, elapsed: elapsed)
    }

    /// Within a second and ten thousand years: no sum of leaves makes a date that is none.
    static func scale(_ margin: Float) -> Double { min(max(exp(Double(margin)), 1e-5), 3e6) }
}

/// The fits it takes: without each part in turn, without the held-out buyers, on everybody.
struct RepurchaseTreesFit {
    /// Without the held-out buyers; by this they are judged.
    let judged: RepurchaseTrees
    /// Its scale of each row that was held out, in the order of the rows.
    let heldScales: [Double]
    /// On everybody.
    let final: RepurchaseTrees
    /// Trained on, with those that are running.
    let rows: Int

    init(_ table: IntervalTable, seed: UInt64) throws(FitRefusal) {
        let learning = table.rows { table.part[$0] != IntervalTable.held }
        let held = table.rows { table.part[$0] == IntervalTable.held }
        let weights = CensoringWeights(learning.map { table.intervals[$0] })
        let all = CensoringWeights(table.intervals)
        var scales = [Double](repeating: .nan, count: table.intervals.count)
        for part in 0..<IntervalTable.parts {
            let others = learning.filter { table.part[$0] != part }
            let own = learning.filter { table.part[$0] == part }
            guard !own.isEmpty else { continue }
            try RepurchaseTreesFit.train(table, others, weights, seed).fill(&scales, own, table)
        }
        let forest = try RepurchaseTreesFit.train(table, learning, weights, seed)
        judged = RepurchaseTrees(
            forest: forest, ratios: RepurchaseTreesFit.tables(table, learning, scales, weights))
        forest.fill(&scales, held, table)
        heldScales = held.map { scales[$0] }
        final = RepurchaseTrees(
            forest: try RepurchaseTreesFit.train(table, Array(table.intervals.indices), all, seed),
            ratios: RepurchaseTreesFit.tables(table, Array(table.intervals.indices), scales, all))
        rows = table.intervals.count
    }

    /// What a wait that still runs counts beside one that has ended: most of them belong to buyers who will
    /// not come back, of whom the question when they do is not asked (see `SurvivalCurve.quantiles`).
    static let runningWeight: Float = 0.15

    private static func train(
        _ table: IntervalTable, _ rows: [Int], _ weights: CensoringWeights, _ seed: UInt64
    ) throws(FitRefusal) -> Forest {
        var config = BoostingConfig(.survival(.extreme, scale: 1))
        config.rounds = 60
        config.learningRate = 0.08
        config.depth = 3
        config.leafWeight = 10
        config.rowShare = 0.8
        config.nodeFeatureShare = 0.6
        config.seed = seed
        var lower: [Float] = []
        var upper: [Float] = []
        var counts: [Float] = []
        for row in rows {
            let interval = table.intervals[row]
            lower.append(Float(interval.length))
            upper.append(interval.ended ? Float(interval.length) : .infinity)
            counts.append(interval.ended ? Float(weights.weight(interval.length)) : runningWeight)
        }
        return try BoostedTrees.train(
            features: table.features.selecting(rows), labels: .intervals(lower: lower, upper: upper),
            weights: counts, config: config)
    }

    /// Spread of the ended waits around their scales.
    private static func tables(
        _ table: IntervalTable, _ rows: [Int], _ scales: [Double], _ weights: CensoringWeights
    ) -> [QuantileTable] {
        let ended = rows.filter { table.intervals[$0].ended && !scales[$0].isNaN }
        func quantiles(_ rows: [Int]) -> QuantileTable {
            let ratios = rows.map { (table.intervals[$0].length / scales[$0], table.intervals[$0].length) }
            return QuantileTable(
                WeightedQuantiles(ratios.map { ($0.0, weights.weight($0.1)) }).values(QuantileTable.levels))
        }
        let pooled = quantiles(ended)
        return RepurchaseModel.classes.indices.map { index in
            let own = ended.filter { RepurchaseModel.classOf(table.intervals[$0].count) == index }
            return own.count >= RepurchaseTrees.enoughForOwnTable ? quantiles(own) : pooled
        }
    }
}

extension Forest {
    /// Scales of some rows of a table.
    fileprivate func fill(_ scales: inout [Double], _ rows: [Int], _ table: IntervalTable) {
        for (row, margin) in zip(rows, margins(of: table.features.selecting(rows))) {
            scales[row] = RepurchaseTrees.scale(margin)
        }
    }
}

/// Quantiles of values that do not count alike.
struct WeightedQuantiles {
    /// Ascending, each with the weight up to and with it.
    private var points: [(value: Double, weight: Double)]

    init(_ values: [(value: Double, weight: Double)]) {
        points = values.sorted { ($0.value, $0.weight) < ($1.value, $1.weight) }
        var sum = 0.0
        for index in points.indices {
            sum += points[index].weight
            points[index].weight = sum
        }
    }

    /// The least value up to which the share `level` of the weight lies.
    /// - Parameter levels: ascending, in (0, 1).
    func values(_ levels: [Double]) -> [Double] {
        let total = points.last?.weight ?? 0
        var index = 0
        return levels.map { level in
            while index + 1 < points.count, points[index].weight < level * total { index += 1 }
            return points.isEmpty ? 0 : points[index].value
        }
    }
}

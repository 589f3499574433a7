/// The regressor of the literature on these logs, for comparison: squared-error boosting of a buyer's mean
/// interval from how recently, how often and for how much they bought and since when, with and without their
/// purchases per month.
///
/// It is never used: the mean of intervals past is not when the next purchase comes, purchases per month
/// nearly are that mean, and even without them it is age less days since the last purchase over frequency.
struct PublishedRegressor {
    let metrics: [Tree.Member]

    static let enough = 50

    init(_ columns: RepurchaseColumns) throws(FitRefusal) {
        var learning = Buyers()
        var held = Buyers()
        for buyer in columns.ordered() where columns.range(buyer).count > 1 {
            if columns.heldOut[buyer] == 0 { learning.add(columns, buyer) } else { held.add(columns, buyer) }
        }
        guard learning.means.count >= PublishedRegressor.enough, !held.means.isEmpty else {
            metrics = []
            return
        }
        let without = try PublishedRegressor.score(learning, held, width: 4)
        let with = try PublishedRegressor.score(learning, held, width: 5)
        metrics = [
            .init(
                "mean_interval_regressor",
                .object([
                    .init("without_purchases_per_month", without.tree),
                    .init("with_purchases_per_month", with.tree),
                    .init("held_out_buyers", .int(Int64(held.means.count))),
                ]))
        ]
    }

    private static func score(
        _ learning: Buyers, _ held: Buyers, width: Int
    ) throws(FitRefusal) -> RepurchaseScore {
        var config = BoostingConfig(.squaredError)
        config.depth = 3
        let forest = try BoostedTrees.train(
            features: FeatureMatrix(columns: Array(learning.features[..<width])),
            labels: .values(learning.means.map { Float($0) }), config: config)
        let told = forest.predictions(of: try FeatureMatrix(columns: Array(held.features[..<width])))
        let errors = zip(told, held.means).map { abs(Double($0) - $1) }
        return RepurchaseScore(errors, [Double](repeating: 1, count: errors.count))
    }

    /// Days since the last purchase, frequency, monetary value, T; purchase days a month.
    private struct Buyers {
        var features = [[Float]](repeating: [], count: 5)
        /// Mean interval, days.
        var means: [Double] = []

        mutating func add(_ columns: RepurchaseColumns, _ buyer: Int) {
            let range = columns.range(buyer)
            let frequency = Double(range.count - 1)
            let first = Double(columns.days[range.lowerBound])
            let last = Double(columns.days[range.upperBound - 1])
            let age = Double(columns.asOfDay) - first
            var money = 0.0
            // The last day may still go on.
            for index in range.dropFirst().dropLast() { money += columns.revenue[index] }
            let row = [
                Double(columns.asOfDay) - last, frequency, frequency > 1 ? money / (frequency - 1) : 0, age,
                Double(range.count) / max(1, age) * 30.4375,
            ]
            for (index, value) in row.enumerated() { features[index].append(Float(value)) }
            means.append((last - first) / frequency)
        }
    }
}

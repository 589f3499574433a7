import Glibc

/// When a buyer buys again.
///
/// Where there is enough to learn from, by trees (see `RepurchaseTrees`). Below that, and where trees are no
/// better on held-out buyers, by the buyer's own mean interval, shrunk towards everybody's by how many they
/// have, times how real intervals compare with such a forecast; who bought once gets everybody's.
///
/// The ratios are learnt from intervals forecast from the buyer's intervals *before* them, never from
/// themselves, apart for buyers with none, one, two or three, and more intervals, for a forecast from many is
/// better than one from few. The interval running on the as-of day enters as lasting at least so long
/// (Kaplan–Meier), so that a short log does not make buyers look faster than they are. All quantiles are
/// about when they buy if they do: see `SurvivalCurve.quantiles`.
package struct RepurchaseModel: StoredModel {
    package static let name = "repurchase"

    /// Days from the last purchase.
    package struct Forecast: Sendable, Equatable {
        package var p10: Double
        package var p50: Double
        package var p90: Double
    }

    /// Classes of buyers by intervals before: from each of these numbers on.
    static let classes = [0, 1, 2, 4]

    let credibility: Credibility
    /// Ratio of interval to forecast mean, one table per class.
    let ratios: [QuantileTable]
    /// What answers instead of the shrunk mean, if it has been found to be better.
    var trees: RepurchaseTrees?

    init(credibility: Credibility, ratios: [QuantileTable], trees: RepurchaseTrees? = nil) {
        self.credibility = credibility
        self.ratios = ratios
        self.trees = trees
    }

    /// Whether trees answer.
    package var isBoosted: Bool { trees != nil }

    /// κ, intervals.
    package var priorWeight: Double { credibility.weight }
    /// μ, days.
    package var populationMean: Double { credibility.mean }

    static func classOf(_ count: Int) -> Int {
        (classes.lastIndex { $0 <= count }) ?? 0
    }

    /// Quantiles of the time from the last purchase day to the next, given that `elapsed` days have passed
    /// without a purchase; every quantile is then beyond it.
    package func predict(_ trail: PurchaseTrail, conditionedOn elapsed: Double = 0) -> Forecast {
        guard let trees else {
            return predict(
                intervalSum: Double(trail.sum), intervalCount: trail.count, conditionedOn: elapsed)
        }
        return trees.forecast(trees.scale(trail), count: trail.count, elapsed: elapsed)
    }

    func shrunkForecast(_ interval: RepurchaseInterval) -> Forecast {
        predict(intervalSum: Double(interval.sum), intervalCount: interval.count)
    }

    /// By the shrunk mean: quantiles of the time from the last purchase to the next.
    ///
    /// - Parameter intervalSum: the sum of the buyer's intervals between purchase days: last day − first, days.
    /// - Parameter intervalCount: how many: purchase days − 1; 0 for who bought once.
    package func predict(intervalSum: Double, intervalCount: Int) -> Forecast {
        predict(intervalSum: intervalSum, intervalCount: intervalCount, conditionedOn: 0)
    }

    /// The same, given that `elapsed` days have passed without a purchase; every quantile is then beyond it.
    package func predict(
        intervalSum: Double, intervalCount: Int, conditionedOn elapsed: Double
    ) -> Forecast {
        ratios[RepurchaseModel.classOf(intervalCount)].forecast(
            scale: credibility.shrunk(sum: intervalSum, count: intervalCount), elapsed: elapsed)
    }

    /// Why a date is what it is.
    package struct Reason: Sendable, Equatable {
        package var feature: String
        package var value: Double
        /// What it adds to the logarithm of the wait: 0.1 makes it about a tenth longer.
        package var contribution: Double
    }

    /// The features that moved the wait most, the strongest first; those that a short history lacks are left
    /// out.
    ///
    /// Of trees the exact contributions; of the shrunk mean how far it is from everybody's.
    package func reasons(_ trail: PurchaseTrail, most: Int) -> [Reason] {
        guard let trees else {
            if trail.count == 0 { return [] }
            let own = credibility.shrunk(sum: Double(trail.sum), count: trail.count)
            return [
                Reason(
                    feature: "interval_mean_d", value: trail.mean,
                    contribution: log(own / credibility.mean))
            ]
        }
        let row = trail.row
        let parts = trees.forest.contributions(row)
        let order = row.indices.sorted { (-abs(parts[$0]), $0) < (-abs(parts[$1]), $1) }
        return order.filter { parts[$0] != 0 && !row[$0].isNaN }.prefix(most).map {
            Reason(feature: PurchaseTrail.features[$0], value: Double(row[$0]), contribution: parts[$0])
        }
    }
}

extension RepurchaseModel {
    private static let magic: UInt32 = 0x5045_5252  // RREP
    private static let version: UInt32 = 2
    /// The one before trees.
    private static let shrunkVersion: UInt32 = 1

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(RepurchaseModel.magic)
        writer.put(RepurchaseModel.version)
        writer.put(credibility.weight)
        writer.put(credibility.mean)
        writer.put(UInt32(ratios.count))
        for table in ratios { writer.put(table.values) }
        writer.put(trees != nil)
        if let trees {
            writer.put(trees.forest.bytes)
            for table in trees.ratios { writer.put(table.values) }
        }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try RepurchaseModel(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == RepurchaseModel.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == RepurchaseModel.version || version == RepurchaseModel.shrunkVersion else {
            throw .badVersion(version)
        }
        let at = reader.position
        let credibility = Credibility(weight: try reader.double(), mean: try reader.double())
        guard try reader.uint32() == UInt32(RepurchaseModel.classes.count) else { throw .badValue(at: at) }
        guard credibility.weight.isFinite, credibility.weight > 0, credibility.mean.isFinite,
            credibility.mean > 0
        else { throw .badValue(at: at) }
        let ratios = try RepurchaseModel.tables(from: &reader)
        var trees: RepurchaseTrees?
        if version == RepurchaseModel.version, try reader.flag() {
            let forest = try Forest(bytes: Array(try reader.blob()))
            guard forest.features == PurchaseTrail.features.count, forest.outputs == 1 else {
                throw .badValue(at: at)
            }
            trees = RepurchaseTrees(forest: forest, ratios: try RepurchaseModel.tables(from: &reader))
        }
        try reader.finish()
        self.init(credibility: credibility, ratios: ratios, trees: trees)
    }

    /// One table per class.
    private static func tables(from reader: inout ByteReader) throws(CodingFailure) -> [QuantileTable] {
        var tables: [QuantileTable] = []
        for _ in classes {
            let at = reader.position
            let values = try reader.doubles()
            let sound =
                values.count == 99 && values.allSatisfy { $0.isFinite && $0 >= 0 }
                && zip(values, values.dropFirst()).allSatisfy { $0 <= $1 } && values[98] > 0
            guard sound else { throw .badValue(at: at) }
            tables.append(QuantileTable(values))
        }
        return tables
    }
}

/// When a buyer buys again: their own mean interval, shrunk towards everybody's by how many they have, times
/// how real intervals compare with such a forecast.
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

    init(credibility: Credibility, ratios: [QuantileTable]) {
        self.credibility = credibility
        self.ratios = ratios
    }

    /// κ, intervals.
    package var priorWeight: Double { credibility.weight }
    /// μ, days.
    package var populationMean: Double { credibility.mean }

    static func classOf(_ count: Int) -> Int {
        (classes.lastIndex { $0 <= count }) ?? 0
    }

    /// Quantiles of the time from the last purchase to the next.
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
        let mean = credibility.shrunk(sum: intervalSum, count: intervalCount)
        let table = ratios[RepurchaseModel.classOf(intervalCount)]
        func at(_ p: Double) -> Double { mean * table.quantile(p, exceeding: elapsed / mean) }
        return Forecast(p10: at(0.1), p50: at(0.5), p90: at(0.9))
    }
}

extension RepurchaseModel {
    private static let magic: UInt32 = 0x5045_5252  // RREP
    private static let version: UInt32 = 1

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(RepurchaseModel.magic)
        writer.put(RepurchaseModel.version)
        writer.put(credibility.weight)
        writer.put(credibility.mean)
        writer.put(UInt32(ratios.count))
        for table in ratios { writer.put(table.values) }
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
        guard version == RepurchaseModel.version else { throw .badVersion(version) }
        let at = reader.position
        let credibility = Credibility(weight: try reader.double(), mean: try reader.double())
        guard try reader.uint32() == UInt32(RepurchaseModel.classes.count) else { throw .badValue(at: at) }
        var ratios: [QuantileTable] = []
        for _ in RepurchaseModel.classes { ratios.append(QuantileTable(try reader.doubles())) }
        try reader.finish()
        let sound = ratios.allSatisfy { table in
            table.values.count == 99 && table.values.allSatisfy { $0.isFinite && $0 >= 0 }
                && zip(table.values, table.values.dropFirst()).allSatisfy { $0 <= $1 }
                && table.values[98] > 0
        }
        guard sound, credibility.weight.isFinite, credibility.weight > 0, credibility.mean.isFinite,
            credibility.mean > 0
        else { throw .badValue(at: at) }
        self.init(credibility: credibility, ratios: ratios)
    }
}

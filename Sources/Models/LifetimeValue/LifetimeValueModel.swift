import Glibc

/// What a buyer is worth in the days to come: repeat purchases by BG/NBD, spend by Gamma-Gamma, month by month
/// with a discount.
package struct LifetimeValueModel: StoredModel {
    package static let name = "clv"

    /// Days ahead that values are asked for, with the least and the greatest value the buyers of the fit had.
    package struct Horizon: Sendable, Equatable {
        package var days: Int
        package var least: Double
        package var greatest: Double

        package init(days: Int, least: Double, greatest: Double) {
            self.days = days
            self.least = least
            self.greatest = greatest
        }
    }

    /// What is foretold of a buyer.
    package struct Prediction: Sendable, Equatable {
        /// Purchase days to come within the horizon.
        package var expectedPurchases: Double
        /// That they have not left for good.
        package var probabilityAlive: Double
        /// Margin on the discounted revenue to come, less the cost of acquisition; money.
        package var value: Double
        /// Where the value lies between the least, 0, and the greatest, 1, of the buyers of the fit; nil for a
        /// horizon the model was not fitted for.
        package var scaled: Double?
    }

    /// Days, as lifetimes counts a month.
    package static let month = 30.0

    package let purchases: BetaGeometric
    package let spend: GammaGamma
    package let discountMonthly: Double
    package let margin: Double
    package let acquisitionCost: Double
    /// Days ahead of the value that is shown first.
    package let horizon: Int
    /// All of them, ascending by days.
    package let horizons: [Horizon]
    /// What values are explained against; nil in a model kept from before they were.
    package let meanBuyer: MeanBuyer?

    package init(
        purchases: BetaGeometric, spend: GammaGamma, discountMonthly: Double, margin: Double,
        acquisitionCost: Double, horizon: Int, horizons: [Horizon], meanBuyer: MeanBuyer? = nil
    ) {
        self.purchases = purchases
        self.spend = spend
        self.discountMonthly = discountMonthly
        self.margin = margin
        self.acquisitionCost = acquisitionCost
        self.horizon = horizon
        self.horizons = horizons
        self.meanBuyer = meanBuyer
    }

    /// - Parameter frequency: purchase days − 1.
    /// - Parameter recency: days from the first to the last purchase day.
    /// - Parameter age: days from the first purchase day to the as-of day.
    /// - Parameter monetaryValue: mean revenue per repeat purchase day; of no effect without one.
    /// - Parameter horizonDays: ≥ 0.
    package func predict(
        frequency: Double, recency: Double, age: Double, monetaryValue: Double, horizonDays: Double
    ) -> Prediction {
        let buyer = Outlook(self, frequency: frequency, recency: recency, age: age)
        let value = worth(
            discounted: buyer.discounted(horizonDays), frequency: frequency, monetaryValue: monetaryValue)
        return Prediction(
            expectedPurchases: buyer.purchases(horizonDays), probabilityAlive: buyer.alive, value: value,
            scaled: scaled(value, horizonDays))
    }

    /// Value of so many discounted purchases of a buyer.
    func worth(discounted: Double, frequency: Double, monetaryValue: Double) -> Double {
        let amount = spend.expectedProfit(frequency: frequency, monetaryValue: max(0, monetaryValue))
        return margin * amount * discounted - acquisitionCost
    }

    private func scaled(_ value: Double, _ horizonDays: Double) -> Double? {
        guard let horizon = horizons.first(where: { Double($0.days) == horizonDays }) else { return nil }
        guard horizon.greatest > horizon.least else { return 0 }
        return min(1, max(0, (value - horizon.least) / (horizon.greatest - horizon.least)))
    }

    /// A buyer's purchases to come.
    struct Outlook {
        let alive: Double
        private let ahead: ExpectedPurchases
        private let discount: Double

        init(_ model: LifetimeValueModel, frequency: Double, recency: Double, age: Double) {
            let purchases = model.purchases
            alive = purchases.probabilityAlive(frequency: frequency, recency: recency, age: age)
            ahead = ExpectedPurchases(
                shape: purchases.r + frequency, rate: purchases.alpha + age, a: purchases.a,
                b: purchases.b + frequency)
            discount = model.discountMonthly
        }

        func purchases(_ days: Double) -> Double { alive * ahead.value(until: days) }

        /// Each month's purchases at the discount of its end; a month begun is at the discount of the horizon.
        func discounted(_ days: Double) -> Double {
            guard discount > 0 else { return purchases(days) }
            var sum = 0.0
            var before = 0.0
            var end = 0.0
            while end < days {
                end = min(end + LifetimeValueModel.month, days)
                let until = ahead.value(until: end)
                sum += (until - before) * exp(-log1p(discount) * end / LifetimeValueModel.month)
                before = until
            }
            return alive * sum
        }
    }
}

extension LifetimeValueModel {
    private static let magic: UInt32 = 0x564C_4352  // RCLV
    private static let version: UInt32 = 2
    /// The one before values were explained.
    private static let unexplainedVersion: UInt32 = 1

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(LifetimeValueModel.magic)
        writer.put(LifetimeValueModel.version)
        for value in positive + [discountMonthly, margin, acquisitionCost] { writer.put(value) }
        writer.put(UInt64(horizon))
        writer.put(UInt32(horizons.count))
        for horizon in horizons {
            writer.put(UInt64(horizon.days))
            writer.put(horizon.least)
            writer.put(horizon.greatest)
        }
        writer.put(meanBuyer != nil)
        for value in meanBuyer?.values ?? [] { writer.put(value) }
        return writer.bytes
    }

    private var positive: [Double] {
        [purchases.r, purchases.alpha, purchases.a, purchases.b, spend.p, spend.q, spend.v]
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try LifetimeValueModel(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == LifetimeValueModel.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == LifetimeValueModel.version || version == LifetimeValueModel.unexplainedVersion
        else { throw .badVersion(version) }
        let at = reader.position
        var values: [Double] = []
        for _ in 0..<10 { values.append(try reader.double()) }
        let horizon = try reader.size()
        var horizons: [Horizon] = []
        for _ in 0..<(try reader.count(ofAtLeast: 24)) {
            horizons.append(
                Horizon(
                    days: try reader.size(), least: try reader.double(), greatest: try reader.double()))
        }
        var meanBuyer: MeanBuyer?
        if version == LifetimeValueModel.version, try reader.flag() {
            meanBuyer = try MeanBuyer(from: &reader)
        }
        try reader.finish()
        guard values.allSatisfy(\.isFinite), values[..<7].allSatisfy({ $0 > 0 }), values[5] > 1,
            values[7] >= 0, LifetimeValueConfig.horizonRange.contains(horizon),
            horizons.allSatisfy({
                LifetimeValueConfig.horizonRange.contains($0.days) && $0.least.isFinite
                    && $0.greatest.isFinite
            }),
            zip(horizons, horizons.dropFirst()).allSatisfy({ $0.days < $1.days })
        else { throw .badValue(at: at) }
        self.init(
            purchases: BetaGeometric(r: values[0], alpha: values[1], a: values[2], b: values[3]),
            spend: GammaGamma(p: values[4], q: values[5], v: values[6]), discountMonthly: values[7],
            margin: values[8], acquisitionCost: values[9], horizon: horizon, horizons: horizons,
            meanBuyer: meanBuyer)
    }
}

extension LifetimeValueModel.MeanBuyer {
    fileprivate init(from reader: inout ByteReader) throws(CodingFailure) {
        let at = reader.position
        var values: [Double] = []
        for _ in 0..<4 { values.append(try reader.double()) }
        guard values.allSatisfy({ $0.isFinite && $0 >= 0 }) else { throw .badValue(at: at) }
        self.init(frequency: values[0], recency: values[1], age: values[2], monetaryValue: values[3])
    }
}

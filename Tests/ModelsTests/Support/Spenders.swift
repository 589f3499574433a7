import Foundation
import Models

/// Purchase days with revenue, that own their storage.
struct Spenders: Equatable {
    struct Purchase: Equatable {
        var day: Int32
        /// Millionths.
        var revenue: Int64
    }

    /// Ascending days per buyer.
    var purchases: [[Purchase]]
    var asOfDay: Int32

    init(_ purchases: [[Purchase]], asOfDay: Int32) {
        self.purchases = purchases
        self.asOfDay = asOfDay
    }

    /// Buyers as BG/NBD and Gamma-Gamma have them, in whole days.
    init(
        _ model: BetaGeometric, _ spend: GammaGamma, buyers: Int, cohort: Int = 100, asOfDay: Int32 = 500,
        seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        self.asOfDay = asOfDay
        purchases = (0..<buyers).map { _ in
            let rate = generator.gamma(model.r) / model.alpha
            let stays = generator.gamma(model.a)
            let leaves = stays / (stays + generator.gamma(model.b))
            let scale = generator.gamma(spend.q) / spend.v
            let first = Int32(generator.below(cohort))
            var time = Double(first)
            var own = [Purchase(day: first, revenue: 0)]
            while true {
                time += generator.exponential(mean: 1 / rate)
                guard time <= Double(asOfDay) else { break }
                let day = Int32(time)
                if day > own[own.count - 1].day {
                    own.append(Purchase(day: day, revenue: 0))
                    if generator.uniform() < leaves { break }
                }
            }
            for index in own.indices {
                own[index].revenue = Int64((generator.gamma(spend.p) / scale * 1e6).rounded())
            }
            return own
        }
    }

    private var offsets: [UInt32] {
        var offsets: [UInt32] = [0]
        for own in purchases { offsets.append(offsets[offsets.count - 1] + UInt32(own.count)) }
        return offsets
    }

    func withColumns<Result>(_ body: (LifetimeValueColumns) throws -> Result) rethrows -> Result {
        let flat = purchases.flatMap { $0 }
        return try flat.map(\.day).withUnsafeBufferPointer { days in
            try flat.map(\.revenue).withUnsafeBufferPointer { revenue in
                try offsets.withUnsafeBufferPointer { offsets in
                    try body(
                        LifetimeValueColumns(
                            days: days, revenue: revenue, offsets: offsets, asOfDay: asOfDay))
                }
            }
        }
    }

    func fit(
        _ config: LifetimeValueConfig = LifetimeValueConfig(), previous: LifetimeValueModel? = nil
    ) throws -> LifetimeValueFit {
        try withColumns { try LifetimeValueModel.fit($0, config: config, previous: previous) }
    }

    func request(_ config: LifetimeValueConfig = LifetimeValueConfig()) -> [UInt8] {
        let flat = purchases.flatMap { $0 }
        return FitRequest.lifetimeValue(
            days: flat.map(\.day), revenue: flat.map(\.revenue), offsets: offsets, asOfDay: asOfDay,
            config: config, previous: nil
        ).bytes
    }

    func reordered(_ order: [Int]) -> Spenders {
        Spenders(order.map { purchases[$0] }, asOfDay: asOfDay)
    }

    /// A buyer in the terms of the model.
    func summary(_ buyer: Int) -> (frequency: Double, recency: Double, age: Double, monetaryValue: Double) {
        let own = purchases[buyer]
        let repeats = Double(own.count - 1)
        let spent = own.dropFirst().reduce(0.0) { $0 + Double($1.revenue) / 1e6 }
        return (
            repeats, Double(own[own.count - 1].day - own[0].day), Double(asOfDay - own[0].day),
            repeats > 0 ? spent / repeats : 0
        )
    }
}

extension SeededGenerator {
    /// Gamma with rate 1 (Marsaglia and Tsang 2000).
    mutating func gamma(_ shape: Double) -> Double {
        if shape < 1 {
            return gamma(shape + 1) * pow(1 - uniform(), 1 / shape)
        }
        let d = shape - 1 / 3.0
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = gaussian()
            let v = pow(1 + c * x, 3)
            if v > 0, log(1 - uniform()) < x * x / 2 + d - d * v + d * log(v) { return d * v }
        }
    }

    /// Box and Muller.
    mutating func gaussian() -> Double {
        (-2 * log(1 - uniform())).squareRoot() * cos(2 * Double.pi * uniform())
    }
}

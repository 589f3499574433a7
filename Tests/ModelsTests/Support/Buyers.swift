import Models

/// Columns of the tiers that own their storage.
struct Buyers {
    var daysSinceLast: [Double] = []
    var frequency: [Double] = []
    var monetaryValue: [Double] = []
    /// Not 0 for every fifth.
    var heldOut: [UInt8] = []

    typealias Row = (daysSinceLast: Double, frequency: Double, monetaryValue: Double)

    /// - Parameter row: of each buyer, by number.
    init(_ count: Int, row: (Double) -> Row) { self.init((0..<count).map { row(Double($0)) }) }

    init(_ rows: [Row]) {
        daysSinceLast = rows.map(\.daysSinceLast)
        frequency = rows.map(\.frequency)
        monetaryValue = rows.map(\.monetaryValue)
        heldOut = rows.indices.map { $0 % 5 == 0 ? 1 : 0 }
    }

    /// Most have bought once; the others often and for much.
    init(random count: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.init(
            (0..<count).map { _ in
                let frequency = max(0, generator.exponential(mean: 3) - 2).rounded(.up)
                return (
                    Double(generator.below(300)), frequency,
                    frequency > 0 ? (generator.exponential(mean: 50_000) * 100).rounded() / 100 : 0
                )
            })
    }

    func withColumns<Result>(_ body: (TiersColumns) throws -> Result) rethrows -> Result {
        try daysSinceLast.withUnsafeBufferPointer { recency in
            try frequency.withUnsafeBufferPointer { frequency in
                try monetaryValue.withUnsafeBufferPointer { money in
                    try heldOut.withUnsafeBufferPointer { held in
                        try body(
                            TiersColumns(
                                daysSinceLast: recency, frequency: frequency, monetaryValue: money,
                                heldOut: held))
                    }
                }
            }
        }
    }

    func fit(minimum: Int = 30, previous: TiersModel? = nil) throws -> TiersFit {
        var config = TiersConfig()
        config.minimumBuyers = minimum
        return try withColumns { try TiersModel.fit($0, config: config, previous: previous) }
    }

    func request() -> [UInt8] {
        FitRequest.tiers(
            daysSinceLast: daysSinceLast, frequency: frequency, monetaryValue: monetaryValue,
            heldOut: heldOut, config: TiersConfig(), previous: nil
        ).bytes
    }

    func reordered(_ order: [Int]) -> Buyers {
        var buyers = self
        buyers.daysSinceLast = order.map { daysSinceLast[$0] }
        buyers.frequency = order.map { frequency[$0] }
        buyers.monetaryValue = order.map { monetaryValue[$0] }
        buyers.heldOut = order.map { heldOut[$0] }
        return buyers
    }
}

import Models

/// Columns of the tiers that own their storage.
struct Buyers {
    var daysSinceLast: [Double] = []
    var frequency: [Double] = []
    var monetaryValue: [Double] = []
    var age: [Double] = []
    var lifetimeValue: [Double]?
    /// Nil: bought nothing within the year.
    var yearSpend: [Double?] = []
    /// Not 0 for every fifth.
    var heldOut: [UInt8] = []

    typealias Row = (daysSinceLast: Double, frequency: Double, monetaryValue: Double)

    /// - Parameter row: of each buyer, by number.
    init(_ count: Int, row: (Double) -> Row) { self.init((0..<count).map { row(Double($0)) }) }

    init(_ rows: [Row]) {
        daysSinceLast = rows.map(\.daysSinceLast)
        frequency = rows.map(\.frequency)
        monetaryValue = rows.map(\.monetaryValue)
        age = rows.map { $0.daysSinceLast + 20 * $0.frequency }
        yearSpend = rows.map { $0.daysSinceLast < 365 ? ($0.frequency + 1) * $0.monetaryValue : nil }
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
        var columns = [daysSinceLast, frequency, monetaryValue, age, yearSpend.map { $0 ?? 0 }]
        if let lifetimeValue { columns.append(lifetimeValue) }
        let bytes = yearSpend.map { UInt8($0 == nil ? 0 : 1) }
        return try withBuffers(columns[...], []) { doubles in
            try bytes.withUnsafeBufferPointer { bought in
                try heldOut.withUnsafeBufferPointer { held in
                    try body(
                        TiersColumns(
                            daysSinceLast: doubles[0], frequency: doubles[1], monetaryValue: doubles[2],
                            age: doubles[3], lifetimeValue: doubles.count > 5 ? doubles[5] : nil,
                            yearSpend: doubles[4], boughtInYear: bought, heldOut: held))
                }
            }
        }
    }

    private func withBuffers<Result>(
        _ columns: ArraySlice<[Double]>, _ buffers: [UnsafeBufferPointer<Double>],
        _ body: ([UnsafeBufferPointer<Double>]) throws -> Result
    ) rethrows -> Result {
        guard let column = columns.first else { return try body(buffers) }
        return try column.withUnsafeBufferPointer {
            try withBuffers(columns.dropFirst(), buffers + [$0], body)
        }
    }

    func fit(
        minimum: Int = 30, previous: TiersModel? = nil, _ change: (inout TiersConfig) -> Void = { _ in }
    ) throws -> TiersFit {
        var config = TiersConfig()
        config.minimumBuyers = minimum
        change(&config)
        return try withColumns { try TiersModel.fit($0, config: config, previous: previous) }
    }

    func request() -> [UInt8] {
        FitRequest.tiers(
            daysSinceLast: daysSinceLast, frequency: frequency, monetaryValue: monetaryValue, age: age,
            lifetimeValue: lifetimeValue, yearSpend: yearSpend.map { $0 ?? 0 },
            boughtInYear: yearSpend.map { $0 == nil ? 0 : 1 }, heldOut: heldOut, config: TiersConfig(),
            previous: nil
        ).bytes
    }

    func reordered(_ order: [Int]) -> Buyers {
        var buyers = self
        buyers.daysSinceLast = order.map { daysSinceLast[$0] }
        buyers.frequency = order.map { frequency[$0] }
        buyers.monetaryValue = order.map { monetaryValue[$0] }
        buyers.age = order.map { age[$0] }
        buyers.lifetimeValue = lifetimeValue.map { value in order.map { value[$0] } }
        buyers.yearSpend = order.map { yearSpend[$0] }
        buyers.heldOut = order.map { heldOut[$0] }
        return buyers
    }
}

import Models

/// Columns that own their storage.
struct Table: Equatable {
    var names: [String]
    /// Shape [d][n].
    var features: [[Double]]
    var daysSinceLastEvent: [Double]
    var daysSinceLastPurchase: [Double]
    var revenue: [Double]
    var daysSinceFirstEvent: [Double]
    var heldOut: [UInt8]

    var users: Int { heldOut.count }

    /// Features alone; the other columns are plain, every fifth user is held out.
    init(_ features: [[Double]], names: [String]? = nil) {
        let users = features.first?.count ?? 0
        self.names = names ?? features.indices.map { "f\($0)" }
        self.features = features
        daysSinceLastEvent = (0..<users).map { Double($0 % 30) }
        daysSinceLastPurchase = (0..<users).map { $0 % 3 == 0 ? Double($0 % 60) : .nan }
        revenue = (0..<users).map { $0 % 3 == 0 ? Double($0 % 97) : 0 }
        daysSinceFirstEvent = (0..<users).map { Double(30 + $0 % 100) }
        heldOut = (0..<users).map { $0 % 5 == 0 ? 1 : 0 }
    }

    var config: SegmentsConfig {
        var config = SegmentsConfig(features: names.map { .init($0, counted: true) })
        config.k = 3
        config.restarts = 4
        config.curve = 0
        config.minimumUsers = 2
        return config
    }

    func withColumns<Result>(_ body: (SegmentsColumns) throws -> Result) rethrows -> Result {
        let sides = [daysSinceLastEvent, daysSinceLastPurchase, revenue, daysSinceFirstEvent]
        let stores = (features + sides).map { values in
            let store = UnsafeMutableBufferPointer<Double>.allocate(capacity: values.count)
            _ = store.initialize(from: values)
            return store
        }
        defer { for store in stores { store.deallocate() } }
        let columns = stores.map { UnsafeBufferPointer($0) }
        let width = features.count
        return try heldOut.withUnsafeBufferPointer { held in
            try body(
                SegmentsColumns(
                    features: Array(columns[..<width]), daysSinceLastEvent: columns[width],
                    daysSinceLastPurchase: columns[width + 1], revenue: columns[width + 2],
                    daysSinceFirstEvent: columns[width + 3], heldOut: held))
        }
    }

    func fit(
        _ config: SegmentsConfig? = nil, seed: UInt64 = 42, previous: SegmentsModel? = nil
    ) throws -> SegmentsFit {
        try withColumns {
            try SegmentsModel.fit($0, config: config ?? self.config, seed: seed, previous: previous)
        }
    }

    func request(_ config: SegmentsConfig? = nil, seed: UInt64 = 42, previous: SegmentsModel? = nil)
        -> [UInt8]
    {
        FitRequest.segments(
            features: features, daysSinceLastEvent: daysSinceLastEvent,
            daysSinceLastPurchase: daysSinceLastPurchase, revenue: revenue,
            daysSinceFirstEvent: daysSinceFirstEvent, heldOut: heldOut, config: config ?? self.config,
            seed: seed, previous: previous
        ).bytes
    }

    func reordered(_ order: [Int]) -> Table {
        var table = self
        table.features = features.map { column in order.map { column[$0] } }
        table.daysSinceLastEvent = order.map { daysSinceLastEvent[$0] }
        table.daysSinceLastPurchase = order.map { daysSinceLastPurchase[$0] }
        table.revenue = order.map { revenue[$0] }
        table.daysSinceFirstEvent = order.map { daysSinceFirstEvent[$0] }
        table.heldOut = order.map { heldOut[$0] }
        return table
    }

    func row(_ user: Int) -> [Double] { features.map { $0[user] } }
}

/// Purchase histories that own their storage.
struct Histories {
    /// Ascending days per buyer.
    var days: [[Int32]]
    /// Money of each of the days; one purchase each.
    var revenue: [[Double]]
    var heldOut: [UInt8]
    var asOfDay: Int32

    init(_ days: [[Int32]], revenue: [[Double]]? = nil, asOfDay: Int32) {
        self.days = days
        self.revenue = revenue ?? days.map { days in days.map { 10 + Double($0 % 7) } }
        self.asOfDay = asOfDay
        heldOut = days.indices.map { $0 % 5 == 0 ? 1 : 0 }
    }

    private var offsets: [UInt32] {
        var offsets: [UInt32] = [0]
        for days in days { offsets.append(offsets[offsets.count - 1] + UInt32(days.count)) }
        return offsets
    }

    func withColumns<Result>(_ body: (RepurchaseColumns) throws -> Result) rethrows -> Result {
        let offsets = offsets
        let flat = days.flatMap { $0 }
        let money = revenue.flatMap { $0 }
        return try flat.withUnsafeBufferPointer { flat in
            try money.withUnsafeBufferPointer { money in
                try offsets.withUnsafeBufferPointer { offsets in
                    try heldOut.withUnsafeBufferPointer { held in
                        try ones(flat.count).withUnsafeBufferPointer { ones in
                            try body(
                                RepurchaseColumns(
                                    days: flat, purchases: ones, revenue: money, offsets: offsets,
                                    heldOut: held, asOfDay: asOfDay))
                        }
                    }
                }
            }
        }
    }

    private func ones(_ count: Int) -> [UInt32] { [UInt32](repeating: 1, count: count) }

    func fit(_ config: RepurchaseConfig = RepurchaseConfig(), previous: RepurchaseModel? = nil) throws
        -> RepurchaseFit
    {
        try withColumns { try RepurchaseModel.fit($0, config: config, previous: previous) }
    }

    func request(_ config: RepurchaseConfig = RepurchaseConfig()) -> [UInt8] {
        FitRequest.repurchase(
            days: days.flatMap { $0 }, purchases: ones(days.reduce(0) { $0 + $1.count }),
            revenue: revenue.flatMap { $0 }, offsets: offsets, heldOut: heldOut, asOfDay: asOfDay,
            config: config, previous: nil
        ).bytes
    }

    func reordered(_ order: [Int]) -> Histories {
        var histories = self
        histories.days = order.map { days[$0] }
        histories.revenue = order.map { revenue[$0] }
        histories.heldOut = order.map { heldOut[$0] }
        return histories
    }
}

extension SeededGenerator {
    mutating func exponential(mean: Double) -> Double {
        -mean * logarithm(1 - uniform())
    }

    mutating func normal() -> Double {
        (0..<12).reduce(-6.0) { sum, _ in sum + uniform() }
    }
}

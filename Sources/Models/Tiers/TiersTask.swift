/// A fit of the tiers as the child is asked for it.
struct TiersTask: FitTask {
    static let kind = "tiers"

    private let columns: TiersColumns
    private let config: TiersConfig
    private let seed: UInt64
    private let previous: TiersModel?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        var config = TiersConfig()
        config.minimumBuyers = try reader.size()
        config.weights = try reader.doubles()
        config.cuts = try reader.doubles()
        config.learnsWeights = try reader.flag()
        config.gradeCondition = try reader.string()
        self.config = config
        seed = try reader.uint64()
        previous = try reader.model()
        let buyers = try reader.size()
        let hasLifetimeValue = try reader.flag()
        let hasGroups = try reader.flag()
        try reader.align()
        columns = TiersColumns(
            daysSinceLast: try reader.column(Double.self, count: buyers),
            frequency: try reader.column(Double.self, count: buyers),
            monetaryValue: try reader.column(Double.self, count: buyers),
            age: try reader.column(Double.self, count: buyers),
            lifetimeValue: hasLifetimeValue ? try reader.column(Double.self, count: buyers) : nil,
            yearSpend: try reader.column(Double.self, count: buyers),
            boughtInYear: try reader.column(UInt8.self, count: buyers),
            group: hasGroups ? try reader.column(UInt8.self, count: buyers) : nil,
            heldOut: try reader.column(UInt8.self, count: buyers))
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try TiersModel.fit(columns, config: config, seed: seed, previous: previous).candidate
    }
}

extension FitRequest {
    /// Asks for tiers; the columns are those of `TiersColumns`.
    package static func tiers(
        daysSinceLast: [Double], frequency: [Double], monetaryValue: [Double], age: [Double],
        lifetimeValue: [Double]? = nil, yearSpend: [Double], boughtInYear: [UInt8],
        group: [UInt8]? = nil, heldOut: [UInt8], config: TiersConfig, seed: UInt64 = 0,
        previous: TiersModel?
    ) -> FitRequest {
        var request = FitRequest(TiersTask.kind)
        request.write { writer in
            writer.put(UInt64(max(0, config.minimumBuyers)))
            writer.put(config.weights)
            writer.put(config.cuts)
            writer.put(config.learnsWeights)
            writer.put(config.gradeCondition)
            writer.put(seed)
            writer.put(previous?.bytes ?? [])
            writer.put(UInt64(heldOut.count))
            writer.put(lifetimeValue != nil)
            writer.put(group != nil)
        }
        let columns = [daysSinceLast, frequency, monetaryValue, age]
        for (column, name) in zip(columns, TierRule.variables) { request.add(.doubles(column), named: name) }
        if let lifetimeValue { request.add(.doubles(lifetimeValue), named: TierRule.variables[4]) }
        request.add(.doubles(yearSpend), named: "year_spend")
        request.add(.bytes(boughtInYear))
        if let group { request.add(.bytes(group)) }
        request.add(.bytes(heldOut))
        return request
    }
}

/// A fit of the repurchase model as the child is asked for it.
struct RepurchaseTask: FitTask {
    static let kind = "repurchase"

    private let columns: RepurchaseColumns
    private let config: RepurchaseConfig
    private let previous: RepurchaseModel?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        var config = RepurchaseConfig()
        config.minimumIntervals = try reader.size()
        config.minimumForTrees = try reader.size()
        config.seed = try reader.uint64()
        self.config = config
        previous = try reader.model()
        let asOfDay = try reader.integer(Int32.self)
        let buyers = try reader.size()
        let days = try reader.size()
        try reader.align()
        columns = RepurchaseColumns(
            days: try reader.column(Int32.self, count: days),
            purchases: try reader.column(UInt32.self, count: days),
            revenue: try reader.column(Double.self, count: days),
            offsets: try reader.column(UInt32.self, count: buyers + 1),
            heldOut: try reader.column(UInt8.self, count: buyers), asOfDay: asOfDay)
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try RepurchaseModel.fit(columns, config: config, previous: previous).candidate
    }
}

extension FitRequest {
    /// Asks for a repurchase model; the columns are those of `RepurchaseColumns`.
    package static func repurchase(
        days: [Int32], purchases: [UInt32], revenue: [Double], offsets: [UInt32], heldOut: [UInt8],
        asOfDay: Int32, config: RepurchaseConfig, previous: RepurchaseModel?
    ) -> FitRequest {
        var request = FitRequest(RepurchaseTask.kind)
        request.write { writer in
            writer.put(UInt64(max(0, config.minimumIntervals)))
            writer.put(UInt64(max(0, config.minimumForTrees)))
            writer.put(config.seed)
            writer.put(previous?.bytes ?? [])
            writer.put(asOfDay)
            writer.put(UInt64(heldOut.count))
            writer.put(UInt64(days.count))
        }
        request.add(.int32s(days))
        request.add(.uint32s(purchases), named: "purchases_a_day")
        request.add(.doubles(revenue), named: "revenue_a_day")
        request.add(.uint32s(offsets))
        request.add(.bytes(heldOut))
        return request
    }
}

/// A fit of the tiers as the child is asked for it.
struct TiersTask: FitTask {
    static let kind = "tiers"

    private let columns: TiersColumns
    private let config: TiersConfig
    private let previous: TiersModel?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        var config = TiersConfig()
        config.minimumBuyers = try reader.size()
        self.config = config
        previous = try reader.model()
        let buyers = try reader.size()
        try reader.align()
        columns = TiersColumns(
            daysSinceLast: try reader.column(Double.self, count: buyers),
            frequency: try reader.column(Double.self, count: buyers),
            monetaryValue: try reader.column(Double.self, count: buyers),
            heldOut: try reader.column(UInt8.self, count: buyers))
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try TiersModel.fit(columns, config: config, previous: previous).candidate
    }
}

extension FitRequest {
    /// Asks for tiers; the columns are those of `TiersColumns`.
    package static func tiers(
        daysSinceLast: [Double], frequency: [Double], monetaryValue: [Double], heldOut: [UInt8],
        config: TiersConfig, previous: TiersModel?
    ) -> FitRequest {
        var request = FitRequest(TiersTask.kind)
        request.write { writer in
            writer.put(UInt64(max(0, config.minimumBuyers)))
            writer.put(previous?.bytes ?? [])
            writer.put(UInt64(heldOut.count))
        }
        for (column, name) in zip([daysSinceLast, frequency, monetaryValue], TiersModel.variables) {
            request.add(.doubles(column), named: name)
        }
        request.add(.bytes(heldOut))
        return request
    }
}

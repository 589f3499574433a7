/// A fit of the drivers as the child is asked for it.
struct DriversTask: FitTask {
    static let kind = "drivers"

    private let columns: DriversColumns
    private let config: DriversConfig
    private let previous: DriversModel?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        var config = DriversConfig()
        config.minimumUsers = try reader.size()
        config.minimumOutcomes = try reader.size()
        self.config = config
        previous = try reader.model()
        let users = try reader.size()
        try reader.align()
        var predictors: [UnsafeBufferPointer<Double>] = []
        for _ in DriversModel.predictors {
            predictors.append(try reader.column(Double.self, count: users))
        }
        columns = DriversColumns(
            predictors: predictors, converted: try reader.column(UInt8.self, count: users),
            heldOut: try reader.column(UInt8.self, count: users))
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try DriversModel.fit(columns, config: config, previous: previous).candidate
    }
}

extension FitRequest {
    /// Asks for the drivers; the columns are those of `DriversColumns`.
    package static func drivers(
        predictors: [[Double]], converted: [UInt8], heldOut: [UInt8], config: DriversConfig,
        previous: DriversModel?
    ) -> FitRequest {
        var request = FitRequest(DriversTask.kind)
        request.write { writer in
            writer.put(UInt64(max(0, config.minimumUsers)))
            writer.put(UInt64(max(0, config.minimumOutcomes)))
            writer.put(previous?.bytes ?? [])
            writer.put(UInt64(converted.count))
        }
        for (column, name) in zip(predictors, DriversModel.predictors) {
            request.add(.doubles(column), named: name)
        }
        request.add(.bytes(converted))
        request.add(.bytes(heldOut))
        return request
    }
}

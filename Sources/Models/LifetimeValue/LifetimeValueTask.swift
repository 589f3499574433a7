/// A fit of the lifetime value as the child is asked for it.
struct LifetimeValueTask: FitTask {
    static let kind = "clv"

    private let columns: LifetimeValueColumns
    private let config: LifetimeValueConfig
    private let previous: LifetimeValueModel?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        config = try LifetimeValueConfig(from: &reader)
        previous = try reader.model()
        let asOfDay = try reader.integer(Int32.self)
        let buyers = try reader.size()
        let days = try reader.size()
        try reader.align()
        columns = LifetimeValueColumns(
            days: try reader.column(Int32.self, count: days),
            revenue: try reader.column(Int64.self, count: days),
            offsets: try reader.column(UInt32.self, count: buyers + 1), asOfDay: asOfDay)
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try LifetimeValueModel.fit(columns, config: config, previous: previous).candidate
    }
}

extension FitRequest {
    /// Asks for a lifetime value; the columns are those of `LifetimeValueColumns`.
    package static func lifetimeValue(
        days: [Int32], revenue: [Int64], offsets: [UInt32], asOfDay: Int32, config: LifetimeValueConfig,
        previous: LifetimeValueModel?
    ) -> FitRequest {
        var request = FitRequest(LifetimeValueTask.kind)
        request.write { writer in
            config.write(to: &writer)
            writer.put(previous?.bytes ?? [])
            writer.put(asOfDay)
            writer.put(UInt64(max(0, offsets.count - 1)))
            writer.put(UInt64(days.count))
        }
        request.add(.int32s(days))
        request.add(.int64s(revenue))
        request.add(.uint32s(offsets))
        return request
    }
}

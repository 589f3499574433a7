/// A fit of a model of an outcome as the child is asked for it.
struct OutcomeTask<Model: OutcomeModel>: FitTask {
    static var kind: String { Model.name }

    private let columns: OutcomeColumns
    private let config: OutcomeConfig
    private let seed: UInt64
    private let previous: Model?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        seed = try reader.uint64()
        config = try OutcomeConfig(from: &reader)
        previous = try reader.model()
        let names = try reader.strings()
        var lead: [Int64] = []
        for _ in names { lead.append(try reader.int64()) }
        let rows = try reader.size()
        try reader.align()
        var features: [UnsafeBufferPointer<Float>] = []
        for _ in names { features.append(try reader.column(Float.self, count: rows)) }
        columns = OutcomeColumns(
            names: names, features: features, lead: lead,
            anchor: try reader.column(Int64.self, count: rows),
            label: try reader.column(UInt8.self, count: rows),
            heldOut: try reader.column(UInt8.self, count: rows))
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate { try candidate { 0 } }

    func candidate(elapsed: () -> Int64) throws(FitRefusal) -> FitResult.Candidate {
        try Model.fit(columns, config: config, previous: previous, seed: seed, elapsed: elapsed).candidate
    }
}

extension FitRequest {
    /// Asks for a model of an outcome; the columns are those of `OutcomeColumns`.
    package static func outcome<Model: OutcomeModel>(
        _ model: Model.Type, names: [String], features: [[Float]], lead: [Int64], anchor: [Int64],
        label: [UInt8], heldOut: [UInt8], config: OutcomeConfig, seed: UInt64, previous: Model?
    ) -> FitRequest {
        var request = FitRequest(Model.name)
        request.write { writer in
            writer.put(seed)
            config.write(to: &writer)
            writer.put(previous?.bytes ?? [])
            writer.put(names)
            for ahead in lead { writer.put(ahead) }
            writer.put(UInt64(label.count))
        }
        for (column, name) in zip(features, names) { request.add(.floats(column), named: name) }
        request.add(.int64s(anchor))
        request.add(.bytes(label))
        request.add(.bytes(heldOut))
        return request
    }
}

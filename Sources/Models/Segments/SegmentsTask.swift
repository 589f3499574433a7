/// A fit of a segmentation as the child is asked for it.
struct SegmentsTask: FitTask {
    static let kind = "segments"

    private let columns: SegmentsColumns
    private let config: SegmentsConfig
    private let seed: UInt64
    private let previous: SegmentsModel?

    init(from reader: inout ByteReader) throws(CodingFailure) {
        seed = try reader.uint64()
        config = try SegmentsConfig(from: &reader)
        previous = try reader.model()
        let users = try reader.size()
        try reader.align()
        var features: [UnsafeBufferPointer<Double>] = []
        for _ in config.features { features.append(try reader.column(Double.self, count: users)) }
        columns = SegmentsColumns(
            features: features, daysSinceLastEvent: try reader.column(Double.self, count: users),
            daysSinceLastPurchase: try reader.column(Double.self, count: users),
            revenue: try reader.column(Double.self, count: users),
            daysSinceFirstEvent: try reader.column(Double.self, count: users),
            heldOut: try reader.column(UInt8.self, count: users))
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try SegmentsModel.fit(columns, config: config, seed: seed, previous: previous).candidate
    }
}

extension FitRequest {
    /// Asks for a segmentation.
    ///
    /// - Parameters:
    ///   - features: one column per feature of the configuration, a row per user.
    ///   - daysSinceLastPurchase: NaN for who never bought.
    ///   - heldOut: not 0 for users kept for judging.
    package static func segments(
        features: [[Double]], daysSinceLastEvent: [Double], daysSinceLastPurchase: [Double],
        revenue: [Double], daysSinceFirstEvent: [Double], heldOut: [UInt8], config: SegmentsConfig,
        seed: UInt64, previous: SegmentsModel?
    ) -> FitRequest {
        var request = FitRequest(SegmentsTask.kind)
        request.write { writer in
            writer.put(seed)
            config.write(to: &writer)
            writer.put(previous?.bytes ?? [])
            writer.put(UInt64(heldOut.count))
        }
        for (column, name) in zip(features, config.names) { request.add(.doubles(column), named: name) }
        for column in [daysSinceLastEvent, daysSinceLastPurchase, revenue, daysSinceFirstEvent] {
            request.add(.doubles(column))
        }
        request.add(.bytes(heldOut))
        return request
    }
}

extension SegmentsConfig {
    func write(to writer: inout ByteWriter) {
        writer.put(UInt32(features.count))
        for feature in features {
            writer.put(feature.name)
            writer.put(feature.counted)
        }
        for number in [k, restarts, iterations, minimumUsers, curve, sampleSize, silhouetteSample] {
            writer.put(UInt64(max(0, number)))
        }
        writer.put(outlierDistance)
        writer.put(transform.rawValue)
        writer.put(naming.rawValue)
    }

    /// Numbers beyond what a fit can do in reasonable time and memory are refused.
    init(from reader: inout ByteReader) throws(CodingFailure) {
        var features: [Feature] = []
        for _ in 0..<(try reader.count(ofAtLeast: 5)) {
            features.append(Feature(try reader.string(), counted: try reader.flag()))
        }
        self.init(features: features)
        func number(_ range: ClosedRange<Int>) throws(CodingFailure) -> Int {
            let at = reader.position
            let value = try reader.size()
            guard range.contains(value) else { throw .badValue(at: at) }
            return value
        }
        k = try number(0...200)
        restarts = try number(1...10_000)
        iterations = try number(1...1_000_000)
        minimumUsers = try number(0...Int(Int32.max))
        curve = try number(0...100)
        sampleSize = try number(16...(1 << 24))
        silhouetteSample = try number(2...20_000)
        let at = reader.position
        outlierDistance = try reader.double()
        guard outlierDistance.isFinite, outlierDistance >= 0,
            let transform = SegmentTransform(rawValue: try reader.integer(UInt8.self)),
            let naming = Naming(rawValue: try reader.integer(UInt8.self))
        else { throw .badValue(at: at) }
        self.transform = transform
        self.naming = naming
    }
}

/// What the fitting child is asked: model, configuration, seed, columns, the model in use.
///
/// Little endian. A head of fields, then columns of plain numbers, each at a multiple of 8 from the beginning,
/// so that the child reads them in place from the mapped file. The columns point into the bytes it was
/// read from, which must outlive it.
package enum FitRequest {
    case segments(SegmentsColumns, SegmentsConfig, seed: UInt64, previous: SegmentsModel?)
    case repurchase(RepurchaseColumns, RepurchaseConfig, previous: RepurchaseModel?)
    case tiers(TiersColumns, TiersConfig, previous: TiersModel?)

    static let magic: UInt32 = 0x5152_4652  // RFRQ
    static let version: UInt32 = 1

    package static let segmentsName = "segments"
    package static let repurchaseName = "repurchase"
    package static let tiersName = "tiers"

    /// Reads a request in place.
    /// - Parameter bytes: beginning at a multiple of 8.
    package init(_ bytes: UnsafeRawBufferPointer) throws(FitRefusal) {
        var reader = ByteReader(bytes)
        do throws(CodingFailure) {
            guard try reader.uint32() == FitRequest.magic else { throw .badMagic }
            let version = try reader.uint32()
            guard version == FitRequest.version else { throw .badVersion(version) }
        } catch {
            throw .malformed(error)
        }
        try self.init(body: &reader)
    }

    private init(body reader: inout ByteReader) throws(FitRefusal) {
        var unknown: String?
        var request: FitRequest?
        do throws(CodingFailure) {
            let name = try reader.string()
            switch name {
            case FitRequest.segmentsName: request = try FitRequest(segments: &reader)
            case FitRequest.repurchaseName: request = try FitRequest(repurchase: &reader)
            case FitRequest.tiersName: request = try FitRequest(tiers: &reader)
            default: unknown = name
            }
            if request != nil { try reader.finish() }
        } catch {
            throw .malformed(error)
        }
        guard let request else { throw .unknownModel(unknown ?? "") }
        self = request
    }

    private init(segments reader: inout ByteReader) throws(CodingFailure) {
        let seed = try reader.uint64()
        let config = try SegmentsConfig(from: &reader)
        let previous = Array(try reader.blob())
        let model = previous.isEmpty ? nil : try SegmentsModel(bytes: previous)
        let users = try reader.size()
        try reader.align()
        var features: [UnsafeBufferPointer<Double>] = []
        for _ in config.features { features.append(try reader.column(Double.self, count: users)) }
        let columns = SegmentsColumns(
            features: features, daysSinceLastEvent: try reader.column(Double.self, count: users),
            daysSinceLastPurchase: try reader.column(Double.self, count: users),
            revenue: try reader.column(Double.self, count: users),
            daysSinceFirstEvent: try reader.column(Double.self, count: users),
            heldOut: try reader.column(UInt8.self, count: users))
        self = .segments(columns, config, seed: seed, previous: model)
    }

    private init(repurchase reader: inout ByteReader) throws(CodingFailure) {
        var config = RepurchaseConfig()
        config.minimumIntervals = try reader.size()
        let previous = Array(try reader.blob())
        let model = previous.isEmpty ? nil : try RepurchaseModel(bytes: previous)
        let asOfDay = try reader.integer(Int32.self)
        let buyers = try reader.size()
        let days = try reader.size()
        try reader.align()
        let columns = RepurchaseColumns(
            days: try reader.column(Int32.self, count: days),
            offsets: try reader.column(UInt32.self, count: buyers + 1),
            heldOut: try reader.column(UInt8.self, count: buyers), asOfDay: asOfDay)
        self = .repurchase(columns, config, previous: model)
    }

    private init(tiers reader: inout ByteReader) throws(CodingFailure) {
        var config = TiersConfig()
        config.minimumBuyers = try reader.size()
        let previous = Array(try reader.blob())
        let model = previous.isEmpty ? nil : try TiersModel(bytes: previous)
        let buyers = try reader.size()
        try reader.align()
        let columns = TiersColumns(
            daysSinceLast: try reader.column(Double.self, count: buyers),
            frequency: try reader.column(Double.self, count: buyers),
            monetaryValue: try reader.column(Double.self, count: buyers),
            heldOut: try reader.column(UInt8.self, count: buyers))
        self = .tiers(columns, config, previous: model)
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

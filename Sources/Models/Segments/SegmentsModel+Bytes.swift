extension SegmentsModel {
    private static let magic: UInt32 = 0x4745_5352  // RSEG
    private static let version: UInt32 = 2
    /// Models of that version are standardised and have no targets.
    private static let versionWithoutTransform: UInt32 = 1
    /// In place of the id of a target that there is not.
    private static let noTarget: UInt16 = .max

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(SegmentsModel.magic)
        writer.put(SegmentsModel.version)
        writer.put(features)
        for flag in counted { writer.put(flag) }
        writer.put(transform.rawValue)
        writer.put(mean)
        writer.put(scale)
        writer.put(outlierUpper)
        writer.put(outliers)
        writer.put(inertia)
        writer.put(nextID)
        writer.put(UInt32(segments.count))
        for segment in segments {
            writer.put(segment.id)
            writer.put(segment.name)
            writer.put(segment.users)
            writer.put(segment.centroid)
            writer.put(segment.target ?? SegmentsModel.noTarget)
        }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try SegmentsModel(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == SegmentsModel.magic else { throw .badMagic }
        let version = try reader.uint32()
        let isOld = version == SegmentsModel.versionWithoutTransform
        guard isOld || version == SegmentsModel.version else { throw .badVersion(version) }
        let features = try reader.strings()
        var counted: [Bool] = []
        for _ in features { counted.append(try reader.flag()) }
        let at = reader.position
        let transform = isOld ? .standard : SegmentTransform(rawValue: try reader.integer(UInt8.self))
        guard let transform else { throw .badValue(at: at) }
        let standardisation = Standardisation(mean: try reader.doubles(), scale: try reader.doubles())
        let upper = try reader.doubles()
        let outliers = try reader.uint64()
        let inertia = try reader.double()
        let nextID = try reader.integer(UInt16.self)
        var segments: [Segment] = []
        for _ in 0..<(try reader.count(ofAtLeast: 18)) {
            segments.append(
                Segment(
                    id: try reader.integer(UInt16.self), name: try reader.string(),
                    users: try reader.uint64(), centroid: try reader.doubles(),
                    target: isOld ? nil : try SegmentsModel.target(from: &reader)))
        }
        try reader.finish()
        self.init(
            features: features, counted: counted, transform: transform, standardisation: standardisation,
            outlierUpper: upper, segments: segments, outliers: outliers, inertia: inertia, nextID: nextID)
        guard isSound else { throw .badValue(at: at) }
    }

    private static func target(from reader: inout ByteReader) throws(CodingFailure) -> UInt16? {
        let id = try reader.integer(UInt16.self)
        return id == noTarget ? nil : id
    }

    /// Whether shapes agree and every number is usable.
    private var isSound: Bool {
        let width = features.count
        let finite = mean + scale + segments.flatMap(\.centroid) + [inertia]
        let ids = segments.map(\.id)
        return width > 0 && mean.count == width && scale.count == width && outlierUpper.count == width
            && !segments.isEmpty && segments.allSatisfy { $0.centroid.count == width }
            && finite.allSatisfy { $0.isFinite } && scale.allSatisfy { $0 > 0 }
            && !outlierUpper.contains { $0.isNaN } && ids == ids.sorted() && Set(ids).count == ids.count
            && !ids.contains(SegmentsModel.outlierID)
            && segments.allSatisfy { $0.target.map(ids.contains) ?? true }
    }
}

/// Reads a whole array.
func readBytes<Value>(
    _ bytes: [UInt8], _ read: (inout ByteReader) throws(CodingFailure) -> Value
) throws(CodingFailure) -> Value {
    let result = bytes.withUnsafeBytes { raw -> Result<Value, CodingFailure> in
        var reader = ByteReader(raw)
        do throws(CodingFailure) {
            return .success(try read(&reader))
        } catch {
            return .failure(error)
        }
    }
    return try result.get()
}

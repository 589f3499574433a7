import Core
import Models

/// The segmentation in use in a partition, and what its members add up to.
struct SegmentState {
    /// A user's record holds the id + 1, 0 being none.
    static let idLimit = 256

    private(set) var model: SegmentsModel?
    private(set) var version = 0
    private(set) var bytes: [UInt8] = []
    private(set) var features: [SegmentFeature] = []
    /// By segment id.
    private var names: [String] = []
    private(set) var users = [Int64](repeating: 0, count: idLimit)
    private(set) var converted = [Int64](repeating: 0, count: idLimit)
    /// Measures of the members, shape [idLimit][measureCount].
    private(set) var sums = [Int64](repeating: 0, count: idLimit * SegmentFeature.measureCount)
    /// Bound of each event name beyond which a user is suspected a bot.
    private(set) var bounds = [Double](repeating: .infinity, count: EventNames.known.count)
    static let outlierID = Int(SegmentsModel.outlierID)

    init() {}

    /// Asked at every event: looking at the model itself would copy it.
    var isFitted: Bool { version != 0 }

    /// Takes a model into use; memberships are to be assigned anew.
    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        let decoded: SegmentsModel
        do { decoded = try SegmentsModel(bytes: bytes) } catch {
            throw StateError("segments@\(version) does not read back: \(error)")
        }
        var features: [SegmentFeature] = []
        for name in decoded.features {
            guard let feature = SegmentFeature(name) else {
                throw StateError("segments@\(version) uses an unknown feature \(name)")
            }
            features.append(feature)
        }
        model = decoded
        self.version = version
        self.bytes = bytes
        self.features = features
        names = [String](repeating: "", count: Self.idLimit)
        for segment in decoded.segments {
            guard Int(segment.id) < Self.idLimit else {
                throw StateError("segments@\(version) has segment id \(segment.id)")
            }
            names[Int(segment.id)] = segment.name
        }
        names[Int(SegmentsModel.outlierID)] = SegmentsModel.outlierName
        bounds = [Double](repeating: .infinity, count: EventNames.known.count)
        for (feature, bound) in zip(features, decoded.outlierUpper) {
            if case .count(let code) = feature { bounds[Int(code)] = bound }
        }
        for index in users.indices {
            users[index] = 0
            converted[index] = 0
        }
        for index in sums.indices { sums[index] = 0 }
    }

    func name(_ id: Int) -> String { names[id] }

    /// Id of a name, or nil.
    func id(named name: String) -> Int? { name.isEmpty ? nil : names.firstIndex(of: name) }

    /// An event of a member has been counted.
    @inline(__always)
    mutating func counted(
        _ user: UnsafeMutablePointer<UserRecord>, code: UInt16, longDelta: Int64, shortDelta: Int64,
        shortCountDelta: Int64, longCountDelta: Int64
    ) {
        let base = (Int(user.pointee.segment) - 1) * SegmentFeature.measureCount
        if Int(code) < EventNames.known.count { sums[base + Int(code)] += 1 }
        let sessions = base + EventNames.known.count
        sums[sessions] += longDelta
        sums[sessions + 1] += shortDelta
        sums[sessions + 2] += longCountDelta
        sums[sessions + 3] += shortCountDelta
    }

    mutating func convertedOne(_ user: UnsafeMutablePointer<UserRecord>) {
        converted[Int(user.pointee.segment) - 1] += 1
    }

    /// Moves a user with these measures; id −1 is none.
    mutating func move(from old: Int, to new: Int, measures: [Int64], converted isConverted: Bool) {
        if old >= 0 { add(old, measures, isConverted, sign: -1) }
        if new >= 0 { add(new, measures, isConverted, sign: 1) }
    }

    private mutating func add(_ id: Int, _ measures: [Int64], _ isConverted: Bool, sign: Int64) {
        users[id] += sign
        if isConverted { converted[id] += sign }
        let base = id * SegmentFeature.measureCount
        for index in 0..<SegmentFeature.measureCount { sums[base + index] += sign * measures[index] }
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(version))
        out.put(bytes)
        for value in users { out.put(value) }
        for value in converted { out.put(value) }
        for value in sums { out.put(value) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        let version = try input.getSize()
        let bytes = try input.getBlob()
        if !bytes.isEmpty { try adopt(bytes, version: version) }
        for index in users.indices { users[index] = try input.get() }
        for index in converted.indices { converted[index] = try input.get() }
        for index in sums.indices { sums[index] = try input.get() }
    }
}

/// The repurchase model in use in a partition.
struct RepurchaseState {
    private(set) var model: RepurchaseModel?
    private(set) var version = 0
    private(set) var bytes: [UInt8] = []

    init() {}

    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        do { model = try RepurchaseModel(bytes: bytes) } catch {
            throw StateError("repurchase@\(version) does not read back: \(error)")
        }
        self.version = version
        self.bytes = bytes
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(version))
        out.put(bytes)
    }

    init(from input: inout ByteReader) throws(StateError) {
        let version = try input.getSize()
        let bytes = try input.getBlob()
        if !bytes.isEmpty { try adopt(bytes, version: version) }
    }
}

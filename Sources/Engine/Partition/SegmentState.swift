import Core
import Models

/// The segmentation in use in a partition, and what its members add up to.
struct SegmentState {
    /// A user's record holds the id + 1, 0 being none.
    static let idLimit = 256

    private var slot = ModelSlot<SegmentsModel>()
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

    var model: SegmentsModel? { slot.model }
    var version: Int { slot.version }
    var occurrence: Int { slot.occurrence }
    @inline(__always)
    var isFitted: Bool { slot.isFitted }

    /// Takes a model into use; memberships are to be assigned anew.
    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        try slot.adopt(bytes, version: version)
        try takeIn()
        for index in users.indices {
            users[index] = 0
            converted[index] = 0
        }
        for index in sums.indices { sums[index] = 0 }
    }

    /// What is asked of the model at every event, made ready.
    private mutating func takeIn() throws(StateError) {
        guard let decoded = slot.model else { return }
        var features: [SegmentFeature] = []
        for name in decoded.features {
            guard let feature = SegmentFeature(name) else {
                throw StateError("segments@\(version) uses an unknown feature \(name)")
            }
            features.append(feature)
        }
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
        slot.write(to: &out)
        for value in users { out.put(value) }
        for value in converted { out.put(value) }
        for value in sums { out.put(value) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        slot = try ModelSlot(from: &input)
        try takeIn()
        for index in users.indices { users[index] = try input.get() }
        for index in converted.indices { converted[index] = try input.get() }
        for index in sums.indices { sums[index] = try input.get() }
    }
}

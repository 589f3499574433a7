import Core
import Models

/// A segmentation beside the first, as it is in use in a partition: the model and whose group is which.
///
/// A user costs it one byte, and nothing per event.
struct Segmentation {
    /// What the configuration, the registry and the triggers call it.
    let name: String
    private var slot = ModelSlot<SegmentsModel>()
    private(set) var features: [UserFeature] = []
    /// By segment id.
    private var names = [String](repeating: "", count: SegmentState.idLimit)
    /// By user: 0 none, 255 the outliers', else the id + 1.
    private var members: [UInt8] = []
    private(set) var users = [Int64](repeating: 0, count: SegmentState.idLimit)
    private(set) var converted = [Int64](repeating: 0, count: SegmentState.idLimit)
    /// Of the members at adoption: how many, and sums of the features in millionths, shape [idLimit][features].
    private(set) var summed = [Int64](repeating: 0, count: SegmentState.idLimit)
    private(set) var sums: [Int64] = []

    init(name: String) { self.name = name }

    /// Whether a model of this name is a segmentation beside the first: a built-in one, or one under a name that
    /// no other model has.
    static func isNamed(_ name: String) -> Bool {
        SettingsKeys.segmentations.contains(name) || !SettingsKeys.knownModels.contains(name)
    }

    /// A number of the name, the same on every machine (FNV-1a).
    static func hash(_ name: String) -> UInt32 {
        name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }

    var model: SegmentsModel? { slot.model }
    var version: Int { slot.version }
    @inline(__always)
    var isFitted: Bool { slot.isFitted }
    var label: String { "\(name)@\(slot.version)" }
    /// Whether only buyers are scored.
    var needsPurchase: Bool { features.contains(where: \.needsPurchase) }
    var byteCount: Int { members.capacity + (users.count + converted.count + summed.count + sums.count) * 8 }

    /// Tells the moves of this segmentation from those of any other, and those of one adoption from others.
    func occurrence(ofAdoption: Bool) -> UInt32 {
        let salt = Self.hash(name) | 1 << 31
        return ofAdoption ? salt &+ UInt32(truncatingIfNeeded: slot.occurrence) : salt
    }

    /// Takes a model into use; memberships are to be assigned anew.
    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        try slot.adopt(bytes, version: version)
        try takeIn()
        for index in users.indices { (users[index], converted[index], summed[index]) = (0, 0, 0) }
        sums = [Int64](repeating: 0, count: SegmentState.idLimit * features.count)
    }

    private mutating func takeIn() throws(StateError) {
        guard let model = slot.model else { return }
        var features: [UserFeature] = []
        for name in model.features {
            guard let feature = UserFeature(name) else {
                throw StateError("\(label) uses an unknown feature \(name)")
            }
            features.append(feature)
        }
        self.features = features
        names = [String](repeating: "", count: SegmentState.idLimit)
        for segment in model.segments {
            guard segment.id < SegmentsModel.idLimit else {
                throw StateError("\(label) has segment id \(segment.id)")
            }
            names[Int(segment.id)] = segment.name
        }
        names[SegmentState.outlierID] = SegmentsModel.outlierName
    }

    func name(of id: Int) -> String { names[id] }

    /// A user's segment; −1: none.
    func segment(of slot: Int) -> Int {
        guard slot < members.count else { return -1 }
        let code = Int(members[slot])
        return code == SegmentState.outlierID ? code : code - 1
    }

    /// Puts a user into a segment, or into none; counts follow.
    mutating func put(_ slot: Int, into id: Int, converted isConverted: Bool) {
        let old = segment(of: slot)
        if old == id { return }
        count(old, isConverted, -1)
        count(id, isConverted, 1)
        write(id, slot)
    }

    /// Puts a user into a segment at adoption, when nobody is counted yet.
    mutating func begin(_ slot: Int, in id: Int, features values: [Double], converted isConverted: Bool) {
        count(id, isConverted, 1)
        write(id, slot)
        guard id >= 0 else { return }
        summed[id] += 1
        for (index, value) in values.enumerated() {
            let millionths = Int64(min(max(value * 1e6, -0x1p62), 0x1p62).rounded())
            sums[id * features.count + index] = saturatingSum(sums[id * features.count + index], millionths)
        }
    }

    private mutating func count(_ id: Int, _ isConverted: Bool, _ sign: Int64) {
        guard id >= 0 else { return }
        users[id] += sign
        if isConverted { converted[id] += sign }
    }

    private mutating func write(_ id: Int, _ slot: Int) {
        if slot >= members.count {
            if id < 0 { return }
            if slot >= members.capacity { members.reserveCapacity(slot + slot / 4 + 64) }
            members.append(contentsOf: repeatElement(0, count: slot + 1 - members.count))
        }
        members[slot] = id == SegmentState.outlierID ? UInt8(id) : UInt8(id + 1)
    }

    /// A member has bought for the first time.
    mutating func convertedOne(_ slot: Int) {
        let id = segment(of: slot)
        if id >= 0 { converted[id] += 1 }
    }

    func write(to out: inout ByteWriter) {
        out.put(name)
        slot.write(to: &out)
        out.put(members)
        for counts in [users, converted, summed, sums] {
            for value in counts { out.put(value) }
        }
    }

    /// - Parameter users: how many the partition has.
    init(from input: inout ByteReader, users total: Int) throws(StateError) {
        name = try input.getText()
        slot = try ModelSlot(from: &input)
        try takeIn()
        members = try input.getBlob()
        guard members.count <= total else { throw StateError("\(label) has more members than users") }
        for index in users.indices { users[index] = try input.get() }
        for index in converted.indices { converted[index] = try input.get() }
        for index in summed.indices { summed[index] = try input.get() }
        sums = [Int64](repeating: 0, count: SegmentState.idLimit * features.count)
        for index in sums.indices { sums[index] = try input.get() }
    }
}

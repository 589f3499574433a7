import Core
import Models

/// The model of an outcome that is in use in a partition, if any, and where its features stand among those that
/// are computed here.
struct OutcomeSlot<Model: OutcomeModel> {
    private var slot = ModelSlot<Model>()
    private let names: [String]
    /// Of the model's features in a row of all.
    private var places: [Int] = []

    /// - Parameter names: of the features of a row.
    init(_ names: [String]) { self.names = names }

    /// Asked at every event.
    @inline(__always)
    var isFitted: Bool { slot.isFitted }
    var label: String { slot.label }
    var occurrence: Int { slot.occurrence }

    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        try slot.adopt(bytes, version: version)
        try takeIn()
    }

    private mutating func takeIn() throws(StateError) {
        guard let model = slot.model else { return }
        guard let found = model.scorer.places(in: names) else {
            throw StateError("\(slot.label) uses a feature that is not known here")
        }
        places = found
    }

    /// What the model looks at, out of a row of all features.
    func row(_ all: UnsafePointer<Float>) -> [Float] { places.map { all[$0] } }

    /// The probability of the outcome; nil without a model.
    func score(_ row: [Float]) -> Double? { slot.model?.scorer.score(row) }

    /// The probabilities of many rows of all features, each `names.count` wide.
    func scores(_ all: [Float]) -> [Double] {
        guard let scorer = slot.model?.scorer else { return [] }
        let count = all.count / names.count
        var picked: [Float] = []
        picked.reserveCapacity(count * places.count)
        all.withUnsafeBufferPointer { all in
            for row in 0..<count {
                for place in places { picked.append(all[row * names.count + place]) }
            }
        }
        return [Double](unsafeUninitializedCapacity: count) { out, filled in
            picked.withUnsafeBufferPointer { rows in
                if let rows = rows.baseAddress, let out = out.baseAddress {
                    scorer.scores(rows: count, rows, into: out)
                }
            }
            filled = count
        }
    }

    /// The features that moved the score most, the strongest first.
    func reasons(_ row: [Float]) -> [Trigger.Reason] {
        (slot.model?.scorer.contributions(row) ?? []).map {
            Trigger.Reason(feature: $0.feature, value: $0.value, contribution: $0.contribution)
        }
    }

    func write(to out: inout ByteWriter) { slot.write(to: &out) }

    init(from input: inout ByteReader, _ names: [String]) throws(StateError) {
        self.init(names)
        slot = try ModelSlot(from: &input)
        try takeIn()
    }
}
